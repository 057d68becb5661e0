//! `--resume`: what a run has scored, in a file beside its output, so that the next run goes on where it ended.
//!
//! The file holds logits and no output: whoever goes on reads the input again, takes the logits of its first texts from
//! here, and writes the output anew. It is [`MAGIC`], a line of JSON that says what the logits depend on, and then an entry
//! for each encoding that the encoder has read, in order, in little endian:
//!
//! | bytes | |
//! |---|---|
//! | 8 | XXH64 of its tokens |
//! | 4 a label | its logits in f32; NaN where it failed |
//! | 4 | checksum: the lower half of XXH64 of the bytes before, whose seed is XXH64 of the line of JSON |
//!
//! All entries have the same size, so that none has a length that could be wrong. What was torn off in the middle fails its
//! checksum: it is cut off, with all that is behind it, and scored again.

mod entries;
mod fingerprint;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use twox_hash::XxHash64;

use entries::Layout;
pub use entries::{Changed, Entries, Scored};
pub use fingerprint::Fingerprint;
use finsent_table::UsageError;
use finsent_table::with_suffix;

/// What a journal begins with.
const MAGIC: &[u8] = b"finsent journal 1\n";
/// More than the line of JSON ever has.
const MAX_HEADER_BYTES: u64 = 64 << 10;

/// The journal of a run: no other run can have it at the same time.
///
/// One in which nothing was scored goes away when it is dropped.
#[derive(Debug)]
pub struct Journal {
    /// Locked; what is written goes to its end.
    file: File,
    path: PathBuf,
    /// As it was found.
    header: Vec<u8>,
    /// Known when it is open.
    layout: Option<Layout>,
    /// Whether the output is complete.
    is_finished: bool,
}

impl Journal {
    /// Takes the journal of the file `output`, that of an interrupted run or a new one.
    ///
    /// # Errors
    /// When another run has it, or what is there is no journal.
    pub fn lock(output: &Path) -> Result<Self> {
        let path = with_suffix(output, ".journal");
        let file = lock(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        let Some(file) = file else {
            bail!("another run is writing `{}`; wait until it is done", output.display());
        };
        let header = read_header(&file).with_context(|| format!("cannot read `{}`", path.display()))?;
        if !header.is_empty() && !header.starts_with(MAGIC) {
            return Err(UsageError(format!(
                "`{}` is no journal of an interrupted run; --resume needs that name: move the file away",
                path.display()
            ))
            .into());
        }
        Ok(Self { file, path, header, layout: None, is_finished: false })
    }

    /// Opens it for a run whose logits depend on this.
    ///
    /// # Errors
    /// When the interrupted run's depended on something else.
    pub fn open(&mut self, run: &Fingerprint) -> Result<Entries> {
        let header = run.header()?;
        let opened = || format!("cannot write `{}`", self.path.display());
        if self.header != header {
            if !self.is_empty(&header).with_context(opened)? {
                return Err(UsageError(format!(
                    "`{0}` is of a run that cannot be resumed like this: {1}; run as before, or remove `{0}` to begin anew",
                    self.path.display(),
                    run.differences(&self.header)
                ))
                .into());
            }
            self.begin(&header).with_context(opened)?;
        }
        let seed = XxHash64::oneshot(0, &header[MAGIC.len()..]);
        let layout = Layout { header_bytes: header.len() as u64, num_labels: run.num_labels, seed, unit: run.unit };
        self.layout = Some(layout);
        Entries::open(&self.file, self.path.clone(), layout)
            .with_context(|| format!("cannot read `{}`", self.path.display()))
    }

    /// Whether it is a header at most: a whole one, or the beginning of this run's.
    fn is_empty(&self, header: &[u8]) -> io::Result<bool> {
        let is_header = self.header.ends_with(b"\n") || header.starts_with(&self.header);
        Ok(is_header && self.file.metadata()?.len() == self.header.len() as u64)
    }

    /// Writes the header. It reaches the disk before any entry, so that what a power cut leaves is known to be a journal.
    fn begin(&self, header: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(header)?;
        self.file.sync_all()
    }

    /// What is scored in it, for people; `None` where nothing is. Asked of the file's size, at any time.
    pub fn scored(&self) -> impl Fn() -> Option<String> + Send + 'static {
        let (path, layout) = (self.path.clone(), self.layout);
        move || {
            let layout = layout?;
            let count = layout.entries_in(fs::metadata(&path).ok()?.len());
            (count > 0).then(|| format!("{count} {}", layout.unit))
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, for the output is complete.
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
            tracing::warn!(%error, "`{}` could not be removed", self.path.display());
        }
    }
}

/// Opens and locks the file at `path`; `None` where another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = File::options().read(true).append(true).create(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // A run that has just ended may have removed it since it was opened.
        let (locked, there) = (file.metadata()?, fs::metadata(path));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (locked.dev(), locked.ino())) {
            return Ok(Some(file));
        }
    }
}

/// The first two lines, as far as they are there.
fn read_header(file: &File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut header = Vec::new();
    let mut reader = BufReader::new(file).take(MAX_HEADER_BYTES);
    reader.read_until(b'\n', &mut header)?;
    reader.read_until(b'\n', &mut header)?;
    Ok(header)
}
