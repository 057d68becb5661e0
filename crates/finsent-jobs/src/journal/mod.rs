//! The progress of a run, in a file beside its output, so that an interrupted run can be resumed.
//!
//! The file holds logits, not output: a resumed run reads the input again, takes the logits of its first texts from the
//! journal, and writes the output from the start. It consists of [`MAGIC`], a line of JSON with the [`Fingerprint`] of the run,
//! and an entry for each encoding that the encoder has read, in order, in little endian:
//!
//! | bytes | |
//! |---|---|
//! | 8 | XXH64 of its tokens |
//! | 4 per label | its logits in f32; NaN if scoring failed |
//! | 4 | checksum: the lower half of XXH64 of the bytes before, seeded with XXH64 of the line of JSON |
//!
//! All entries have the same size, so that there is no length that could be wrong. An entry that was torn by a crash fails its
//! checksum; it and everything after it is removed and scored again.

mod entries;
mod error;
mod fingerprint;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use finsent_model::platform::FileId;
use finsent_table::with_suffix;
use twox_hash::XxHash64;

use entries::Layout;
pub use entries::{JournalEntries, Scored};
pub use error::JournalError;
pub use fingerprint::Fingerprint;
use fingerprint::MAGIC;

/// More than the line of JSON ever has.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// The journal of a run, locked against other runs. Dropping it removes the file if nothing was scored.
#[derive(Debug)]
pub struct Journal {
    /// Locked.
    file: File,
    path: PathBuf,
    /// The header that was found.
    header: Vec<u8>,
    /// Known once it is open.
    layout: Option<Layout>,
    /// Whether the output is complete.
    is_finished: bool,
}

impl Journal {
    /// Locks the journal of the file `output`: that of an interrupted run, or a new one.
    ///
    /// # Errors
    /// If another run has it, or the file of that name is not a journal.
    pub fn lock(output: &Path) -> Result<Self, JournalError> {
        if let Some(folder) = missing_folder(output) {
            return Err(JournalError::NoFolder { output: output.to_owned(), folder });
        }
        let path = with_suffix(output, ".journal");
        let write_error = |error: io::Error| JournalError::Write { path: path.clone(), source: error.into() };
        let Some(file) = lock(&path).map_err(write_error)? else {
            return Err(JournalError::Busy { output: output.to_owned() });
        };
        let header =
            read_header(&file).map_err(|error| JournalError::Read { path: path.clone(), source: error.into() })?;
        if !header.is_empty() && !header.starts_with(MAGIC) {
            return Err(JournalError::NotAJournal { path });
        }
        Ok(Self { file, path, header, layout: None, is_finished: false })
    }

    /// Opens it for a run with this fingerprint.
    ///
    /// # Errors
    /// [`JournalError::OtherRun`] if the interrupted run had another fingerprint.
    pub fn open(&mut self, run: &Fingerprint) -> Result<JournalEntries, JournalError> {
        let header = run.header();
        if self.header != header {
            if !self.is_empty(&header).map_err(|error| self.write_error(error))? {
                return Err(JournalError::OtherRun {
                    path: self.path.clone(),
                    differences: run.differences(&self.header),
                });
            }
            self.begin(&header).map_err(|error| self.write_error(error))?;
        }
        let seed = XxHash64::oneshot(0, &header[MAGIC.len()..]);
        let layout = Layout { header_bytes: header.len() as u64, num_labels: run.num_labels, seed };
        self.layout = Some(layout);
        JournalEntries::open(&self.file, self.path.clone(), layout)
            .map_err(|error| JournalError::Read { path: self.path.clone(), source: error.into() })
    }

    fn write_error(&self, error: io::Error) -> JournalError {
        JournalError::Write { path: self.path.clone(), source: error.into() }
    }

    /// Whether the file has no entries: it is a whole header, or a part of this run's.
    fn is_empty(&self, header: &[u8]) -> io::Result<bool> {
        let is_header = self.header.ends_with(b"\n") || header.starts_with(&self.header);
        Ok(is_header && self.file.metadata()?.len() == self.header.len() as u64)
    }

    /// Writes the header. It reaches the disk before any entry, so that a journal is recognized after a power cut.
    fn begin(&self, header: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).rewind()?;
        (&self.file).write_all(header)?;
        self.file.sync_all()
    }

    /// A function that counts the encodings in the journal, by the size of the file. It can be called at any time.
    pub fn scored(&self) -> impl Fn() -> u64 + Send + 'static {
        let (path, layout) = (self.path.clone(), self.layout);
        move || match (layout, fs::metadata(&path)) {
            (Some(layout), Ok(metadata)) => layout.entries_in(metadata.len()),
            _ => 0,
        }
    }

    /// The path of the journal.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the journal: the output is complete.
    pub fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let header_bytes = self.layout.map_or(0, |layout| layout.header_bytes);
        let is_empty = self.file.metadata().is_ok_and(|metadata| metadata.len() <= header_bytes);
        if (is_empty || self.is_finished)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(%error, "cannot remove `{}`", self.path.display());
        }
    }
}

/// The folder that should hold `output`, if it does not exist.
fn missing_folder(output: &Path) -> Option<PathBuf> {
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let is_missing = matches!(fs::metadata(folder), Err(error) if error.kind() == ErrorKind::NotFound);
    is_missing.then(|| folder.to_owned())
}

/// Opens and locks the file at `path`; `None` if another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // A run that has just ended may have removed it since it was opened.
        let locked = FileId::of(&file)?;
        if FileId::at(path).is_ok_and(|there| there == locked) {
            return Ok(Some(file));
        }
    }
}

/// The first two lines, as far as they exist.
fn read_header(file: &File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut header = Vec::new();
    let mut reader = BufReader::new(file).take(MAX_HEADER_BYTES);
    reader.read_until(b'\n', &mut header)?;
    reader.read_until(b'\n', &mut header)?;
    Ok(header)
}
