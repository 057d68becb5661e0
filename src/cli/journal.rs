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

use std::fs::{self, File, TryLockError};
use std::hash::Hasher;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use thiserror::Error;
use twox_hash::XxHash64;

use super::args::VERSION;
use super::exit::Usage;
use super::output::with_suffix;
use crate::answer::Granularity;
use crate::locate::FoundModel;
use crate::pipeline::{ClassifyError, Pipeline};
use crate::precision::Precision;
use crate::text::Text;
use crate::tokens::Encoding;

/// What a journal begins with.
const MAGIC: &[u8] = b"finsent journal 1\n";
/// More than the line of JSON ever has.
const MAX_HEADER_BYTES: u64 = 64 << 10;
/// Scored to tell one model from another without reading its files.
const TEST_TEXT: &str =
    "Quarterly revenue grew by a fifth, but the lender warned of heavy losses at two of its borrowers.";

/// The logits of an encoding, or why it has none.
pub(super) type Scored = Result<Vec<f32>, ClassifyError>;

/// The input is not the one that the interrupted run read.
#[derive(Debug, Error)]
#[error("{0}")]
pub(super) struct Changed(String);

/// What logits depend on beside the tokens.
#[derive(Debug)]
pub(super) struct Fingerprint {
    /// Names and values, for people.
    facts: Vec<(String, String)>,
    num_labels: usize,
    /// What an encoding is of, for people.
    unit: &'static str,
}

impl Fingerprint {
    /// That of a model as it is loaded here. The model's weights are in it by what they make of a text.
    pub(super) fn of(model: &FoundModel, pipeline: &Pipeline, granularity: Granularity) -> Result<Self> {
        let encoder = pipeline.encoder();
        let (about, unit) = match granularity {
            Granularity::Text => ("text", "texts"),
            Granularity::Sentence | Granularity::Document(_) => ("sentence", "windows of sentences"),
        };
        let test = pipeline.encode(&Text::parse(TEST_TEXT)?)?;
        let logits = match pipeline.logits(&[&test]).remove(0) {
            Ok(logits) => logits.iter().map(|logit| format!("{:08x}", logit.to_bits())).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        let mut facts = vec![
            ("finsent", VERSION.into()),
            ("model", model.served_name()),
            ("precision", pipeline.precision().to_string()),
            ("window", pipeline.max_length().to_string()),
            ("granularity", about.into()),
            ("kernels", encoder.isa_name().into()),
            ("logits of a test text", logits),
        ];
        if pipeline.precision() == Precision::Int8 {
            facts.push(("int8 margin", model.options.int8_margin.to_string()));
        }
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Ok(Self { facts, num_labels: encoder.num_labels(), unit })
    }

    /// What the journal of such a run begins with.
    fn header(&self) -> Result<Vec<u8>> {
        Ok([MAGIC, &serde_json::to_vec(&self.facts)?, b"\n"].concat())
    }

    /// In what this differs from what the header of a journal says.
    fn differences(&self, header: &[u8]) -> String {
        let theirs = header.strip_prefix(MAGIC).and_then(|json| serde_json::from_slice(json).ok());
        let Some(theirs): Option<Vec<(String, String)>> = theirs else { return "its beginning is damaged".into() };
        let value = |facts: &[(String, String)], name: &str| {
            let found = facts.iter().find(|(known, _)| known == name);
            found.map_or_else(|| "none".to_owned(), |(_, value)| format!("`{value}`"))
        };
        let names = self.facts.iter().chain(&theirs).map(|(name, _)| name.as_str());
        let mut differences: Vec<String> = Vec::new();
        for name in names {
            let (ours, theirs) = (value(&self.facts, name), value(&theirs, name));
            let difference = format!("its {name} was {theirs}, now it is {ours}");
            if ours != theirs && !differences.contains(&difference) {
                differences.push(difference);
            }
        }
        differences.join("; ")
    }
}

/// How the entries of a journal are laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    header_bytes: u64,
    num_labels: usize,
    seed: u64,
    /// What an encoding is of, for people.
    unit: &'static str,
}

impl Layout {
    fn entry_bytes(&self) -> usize {
        8 + 4 * self.num_labels + 4
    }

    /// Where the entries behind the first `count` begin.
    fn end_of(&self, count: u64) -> u64 {
        self.header_bytes + count * self.entry_bytes() as u64
    }

    /// How many entries a journal of so many bytes holds.
    fn entries_in(&self, bytes: u64) -> u64 {
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

/// The journal of a run: no other run can have it at the same time.
///
/// One in which nothing was scored goes away when it is dropped.
#[derive(Debug)]
pub(super) struct Journal {
    /// Locked; what is written goes to its end.
    file: File,
    path: PathBuf,
    /// As it was found.
    header: Vec<u8>,
    /// Known when it is open.
    layout: Option<Layout>,
}

impl Journal {
    /// Takes the journal of the file `output`, that of an interrupted run or a new one.
    ///
    /// # Errors
    /// When another run has it, or what is there is no journal.
    pub(super) fn lock(output: &Path) -> Result<Self> {
        let path = with_suffix(output, ".journal");
        let file = lock(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
        let Some(file) = file else {
            bail!("another run is writing `{}`; wait until it is done", output.display());
        };
        let header = read_header(&file).with_context(|| format!("cannot read `{}`", path.display()))?;
        if !header.is_empty() && !header.starts_with(MAGIC) {
            return Err(Usage(format!(
                "`{}` is no journal of an interrupted run; --resume needs that name: move the file away",
                path.display()
            ))
            .into());
        }
        Ok(Self { file, path, header, layout: None })
    }

    /// Opens it for a run whose logits depend on this.
    ///
    /// # Errors
    /// When the interrupted run's depended on something else.
    pub(super) fn open(&mut self, run: &Fingerprint) -> Result<Entries> {
        let header = run.header()?;
        let opened = || format!("cannot write `{}`", self.path.display());
        if self.header != header {
            if self.file.metadata().with_context(opened)?.len() > self.header.len() as u64 {
                return Err(Usage(format!(
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
        self.header = header;
        self.layout = Some(layout);
        Entries::open(&self.file, self.path.clone(), layout)
            .with_context(|| format!("cannot read `{}`", self.path.display()))
    }

    /// Writes the header. It reaches the disk before any entry, so that what a power cut leaves is known to be a journal.
    fn begin(&self, header: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        (&self.file).write_all(header)?;
        self.file.sync_all()
    }

    /// What is scored in it, for people; `None` where nothing is. Asked of the file's size, at any time.
    pub(super) fn scored(&self) -> impl Fn() -> Option<String> + Send + 'static {
        let (path, layout) = (self.path.clone(), self.layout);
        move || {
            let layout = layout?;
            let count = layout.entries_in(fs::metadata(&path).ok()?.len());
            (count > 0).then(|| format!("{count} {}", layout.unit))
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, for the output is complete.
    pub(super) fn finish(self) -> Result<()> {
        self.file.set_len(0).with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let is_empty = self.file.metadata().is_ok_and(|metadata| metadata.len() <= self.header.len() as u64);
        if is_empty && let Err(error) = fs::remove_file(&self.path) {
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

/// The entries: those of the interrupted run are read, and then new ones are written.
#[derive(Debug)]
pub(super) struct Entries {
    /// None when all are read.
    reader: Option<BufReader<File>>,
    file: File,
    path: PathBuf,
    layout: Layout,
    /// Entries that were read.
    count: u64,
}

impl Entries {
    fn open(file: &File, path: PathBuf, layout: Layout) -> io::Result<Self> {
        let file = file.try_clone()?;
        let mut reader = BufReader::new(file.try_clone()?);
        reader.seek(io::SeekFrom::Start(layout.header_bytes))?;
        Ok(Self { reader: Some(reader), file, path, layout, count: 0 })
    }

    /// The next entry, which is that of this encoding; `None` behind the last. The entry of an encoding that failed is
    /// `None` too.
    ///
    /// # Errors
    /// [`Changed`], which names `place`, where the entry is another's.
    pub(super) fn next(&mut self, place: &str, encoding: &Encoding) -> Result<Option<Option<Vec<f32>>>> {
        let Some((hash_there, logits)) = self.read()? else { return Ok(None) };
        if hash_there != hash(encoding) {
            return Err(self.changed(&format!("{place} is not what the interrupted run read there")).into());
        }
        Ok(Some(Some(logits).filter(|logits| logits.iter().all(|logit| logit.is_finite()))))
    }

    /// Refuses an input that has ended before the entries have.
    pub(super) fn check_end(&mut self) -> Result<()> {
        match self.read()? {
            None => Ok(()),
            Some(_) => Err(self.changed("the input has fewer texts than the interrupted run has scored").into()),
        }
    }

    /// Writes entries behind the last.
    pub(super) fn append<'a>(&mut self, scored: impl Iterator<Item = (&'a Encoding, &'a Scored)>) -> Result<()> {
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
            let cut = self.file.set_len(self.layout.end_of(self.count));
            cut.with_context(|| format!("cannot write `{}`", self.path.display()))?;
        }
        Ok(parsed)
    }

    fn changed(&self, what: &str) -> Changed {
        let path = self.path.display();
        Changed(format!("{what}: the input has changed since; to begin anew remove `{path}`"))
    }
}
