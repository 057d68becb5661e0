//! Progress of a download.

/// Receives the progress of a download.
pub trait DownloadProgress {
    /// A file begins or continues: `done` of `size` bytes are on disk.
    fn begin(&self, file: &str, done: u64, size: Option<u64>);
    /// `done` bytes of the file are on disk.
    fn advance(&self, done: u64);
    /// All files are complete.
    fn end(&self);
    /// A message for the user.
    fn note(&self, message: &str);
}
