//! The entries of a journal: how they are laid out, read, and written.

use std::fs::File;
use std::hash::Hasher;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use finsent_model::{ClassifyError, Encoding};
use thiserror::Error;
use twox_hash::XxHash64;

/// The logits of an encoding, or why it has none.
pub type Scored = Result<Vec<f32>, ClassifyError>;

/// The input is not the one that the interrupted run read.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Changed(String);

/// How the entries of a journal are laid out.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    pub header_bytes: u64,
    pub num_labels: usize,
    pub seed: u64,
    /// What an encoding is of, for people.
    pub unit: &'static str,
}

impl Layout {
    pub fn entry_bytes(&self) -> usize {
        8 + 4 * self.num_labels + 4
    }

    /// Where the entries behind the first `count` begin.
    fn end_of(&self, count: u64) -> u64 {
        self.header_bytes + count * self.entry_bytes() as u64
    }

    /// How many entries a journal of so many bytes holds.
    pub fn entries_in(&self, bytes: u64) -> u64 {
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

    /// The hash and the logits of an entry; `None` where it is damaged.
    fn parse_entry(&self, entry: &[u8]) -> Option<(u64, Vec<f32>)> {
        let (contents, checksum) = entry.split_last_chunk()?;
        let (hash, logits) = contents.split_first_chunk()?;
        let logits = logits.as_chunks().0.iter().map(|&logit| f32::from_le_bytes(logit)).collect();
        (*checksum == self.checksum(contents)).then(|| (u64::from_le_bytes(*hash), logits))
    }
}

/// Of the tokens that the encoder reads.
fn hash(encoding: &Encoding) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    encoding.input_ids.iter().chain(&encoding.token_type_ids).for_each(|id| hasher.write(&id.to_le_bytes()));
    hasher.finish()
}

/// The entries: those of the interrupted run are read, and then new ones are written.
#[derive(Debug)]
pub struct Entries {
    /// None when all are read.
    reader: Option<BufReader<File>>,
    file: File,
    path: PathBuf,
    layout: Layout,
    /// Entries that were read.
    count: u64,
}

impl Entries {
    pub fn open(file: &File, path: PathBuf, layout: Layout) -> io::Result<Self> {
        let file = file.try_clone()?;
        let mut reader = BufReader::new(file.try_clone()?);
        reader.seek(SeekFrom::Start(layout.header_bytes))?;
        Ok(Self { reader: Some(reader), file, path, layout, count: 0 })
    }

    /// The next entry, which is that of this encoding; `None` behind the last. The entry of an encoding that failed is
    /// `None` too.
    ///
    /// # Errors
    /// [`Changed`], which names `place`, where the entry is another's.
    pub fn next(&mut self, place: &str, encoding: &Encoding) -> Result<Option<Option<Vec<f32>>>> {
        let Some((hash_there, logits)) = self.read()? else { return Ok(None) };
        if hash_there != hash(encoding) {
            return Err(self.changed(&format!("{place} is not what the interrupted run read there")).into());
        }
        Ok(Some(Some(logits).filter(|logits| logits.iter().all(|logit| logit.is_finite()))))
    }

    /// Refuses an input that has ended before the entries have.
    pub fn check_end(&mut self) -> Result<()> {
        match self.read()? {
            None => Ok(()),
            Some(_) => Err(self.changed("the input has fewer texts than the interrupted run has scored").into()),
        }
    }

    /// Writes entries behind the last.
    pub fn append<'a>(&mut self, scored: impl Iterator<Item = (&'a Encoding, &'a Scored)>) -> Result<()> {
        let mut bytes = Vec::new();
        scored.for_each(|(encoding, logits)| self.layout.push_entry(&mut bytes, encoding, logits));
        (&self.file).write_all(&bytes).with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// Reads an entry; cuts off what follows the last that is whole.
    fn read(&mut self) -> Result<Option<(u64, Vec<f32>)>> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        let mut entry = vec![0; self.layout.entry_bytes()];
        let parsed = match reader.read_exact(&mut entry) {
            Ok(()) => self.layout.parse_entry(&entry),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", self.path.display())),
        };
        if parsed.is_some() {
            self.count += 1;
        } else {
            self.reader = None;
            self.cut().with_context(|| format!("cannot write `{}`", self.path.display()))?;
        }
        Ok(parsed)
    }

    /// Cuts off what is behind the entries that were read: the rest of one, unless the file was damaged.
    fn cut(&self) -> io::Result<()> {
        let end = self.layout.end_of(self.count);
        let lost = self.layout.entries_in(self.file.metadata()?.len()).saturating_sub(self.count);
        if lost > 0 {
            tracing::warn!(
                "`{}` is damaged: the last {lost} of its {} are scored again",
                self.path.display(),
                self.layout.unit
            );
        }
        self.file.set_len(end)
    }

    fn changed(&self, what: &str) -> Changed {
        let path = self.path.display();
        Changed(format!("{what}: the input has changed since; to begin anew remove `{path}`"))
    }
}
