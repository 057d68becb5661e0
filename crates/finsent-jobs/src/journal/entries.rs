//! The entries of a journal: their layout, reading and writing.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use finsent_model::{ClassifyError, Encoding};
use twox_hash::XxHash64;

use super::JournalError;

/// The logits of an encoding, one per label, or why it has none.
pub type Scored = Result<Vec<f32>, ClassifyError>;

/// The layout of a journal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) header_bytes: u64,
    pub(super) num_labels: usize,
    /// Seed of the checksums.
    pub(super) seed: u64,
}

impl Layout {
    fn entry_bytes(&self) -> usize {
        8 + 4 * self.num_labels + 4
    }

    /// The end of the first `count` entries.
    fn end_of(&self, count: u64) -> u64 {
        self.header_bytes + count * self.entry_bytes() as u64
    }

    /// The number of whole entries in a journal of this size.
    pub(super) fn entries_in(&self, bytes: u64) -> u64 {
        bytes.saturating_sub(self.header_bytes) / self.entry_bytes() as u64
    }

    fn checksum(&self, bytes: &[u8]) -> [u8; 4] {
        (XxHash64::oneshot(self.seed, bytes) as u32).to_le_bytes()
    }

    fn push_entry(&self, bytes: &mut Vec<u8>, encoding: &Encoding, logits: &Scored) {
        let start = bytes.len();
        bytes.extend(hash(encoding).to_le_bytes());
        match logits {
            Ok(logits) => bytes.extend(logits.iter().flat_map(|logit| logit.to_le_bytes())),
            Err(_) => bytes.extend(f32::NAN.to_le_bytes().repeat(self.num_labels)),
        }
        bytes.extend(self.checksum(&bytes[start..]));
    }

    /// The hash and the logits of an entry; `None` if it is damaged.
    fn parse_entry(&self, entry: &[u8]) -> Option<(u64, Vec<f32>)> {
        let (contents, checksum) = entry.split_last_chunk()?;
        let (hash, logits) = contents.split_first_chunk()?;
        let logits = logits.as_chunks().0.iter().map(|&logit| f32::from_le_bytes(logit)).collect();
        (*checksum == self.checksum(contents)).then(|| (u64::from_le_bytes(*hash), logits))
    }
}

/// The hash of the tokens that the encoder reads.
fn hash(encoding: &Encoding) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    encoding.input_ids.iter().chain(&encoding.token_type_ids).for_each(|id| hasher.write(&id.to_le_bytes()));
    hasher.finish()
}

/// The entries of an open journal: those of the interrupted run are read first, then new ones are appended.
#[derive(Debug)]
pub struct JournalEntries {
    /// `None` once all are read.
    reader: Option<BufReader<File>>,
    file: File,
    path: PathBuf,
    layout: Layout,
    /// Entries that were read.
    count: u64,
}

impl JournalEntries {
    pub(super) fn open(file: &File, path: PathBuf, layout: Layout) -> io::Result<Self> {
        let file = file.try_clone()?;
        let mut reader = BufReader::new(file.try_clone()?);
        reader.seek(SeekFrom::Start(layout.header_bytes))?;
        Ok(Self { reader: Some(reader), file, path, layout, count: 0 })
    }

    /// The logits of the next entry, which must be this encoding's: `None` after the last entry, `Some(None)` if scoring it
    /// failed.
    ///
    /// # Errors
    /// [`JournalError::InputChanged`], which names `place`, if the entry is another encoding's; [`JournalError::Read`].
    pub fn next(&mut self, place: &str, encoding: &Encoding) -> Result<Option<Option<Vec<f32>>>, JournalError> {
        let Some((hash_there, logits)) = self.read()? else { return Ok(None) };
        if hash_there != hash(encoding) {
            return Err(self.changed(format!("{place} is not what the interrupted run read there")));
        }
        Ok(Some(Some(logits).filter(|logits| logits.iter().all(|logit| logit.is_finite()))))
    }

    /// Checks that no entry is left at the end of the input.
    ///
    /// # Errors
    /// [`JournalError::InputChanged`] if the input has ended before the entries; [`JournalError::Read`].
    pub fn check_end(&mut self) -> Result<(), JournalError> {
        match self.read()? {
            None => Ok(()),
            Some(_) => Err(self.changed("the input has fewer texts than the interrupted run has scored".into())),
        }
    }

    /// Appends entries.
    ///
    /// # Errors
    /// [`JournalError::Write`].
    pub fn append<'a>(&mut self, scored: impl Iterator<Item = (&'a Encoding, &'a Scored)>) -> Result<(), JournalError> {
        let mut bytes = Vec::new();
        scored.for_each(|(encoding, logits)| self.layout.push_entry(&mut bytes, encoding, logits));
        // The reader shares the position and may have read ahead. A file that is opened for appending would need no position,
        // but Windows does not truncate it.
        let mut file = &self.file;
        file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(&bytes)).map_err(|error| self.write_error(error))
    }

    /// Reads an entry. After the last whole one it removes the rest of the file.
    fn read(&mut self) -> Result<Option<(u64, Vec<f32>)>, JournalError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut entry = vec![0; self.layout.entry_bytes()];
        let parsed = match reader.read_exact(&mut entry) {
            Ok(()) => self.layout.parse_entry(&entry),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(JournalError::Read { path: self.path.clone(), source: error.into() }),
        };
        if parsed.is_some() {
            self.count += 1;
        } else {
            self.reader = None;
            self.truncate().map_err(|error| self.write_error(error))?;
        }
        Ok(parsed)
    }

    /// Removes what follows the entries that were read: a part of one, unless the file is damaged.
    fn truncate(&self) -> io::Result<()> {
        let end = self.layout.end_of(self.count);
        let lost = self.layout.entries_in(self.file.metadata()?.len()).saturating_sub(self.count);
        if lost > 0 {
            tracing::warn!(entries = lost, "`{}` is damaged; scoring its last entries again", self.path.display());
        }
        self.file.set_len(end)
    }

    fn changed(&self, change: String) -> JournalError {
        JournalError::InputChanged { path: self.path.clone(), change }
    }

    fn write_error(&self, error: io::Error) -> JournalError {
        JournalError::Write { path: self.path.clone(), source: error.into() }
    }
}
