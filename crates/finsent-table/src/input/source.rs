//! The bytes of the input as UTF-8 (or what claims to be), counted, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result};
use encoding_rs_io::DecodeReaderBytesBuilder;

use super::ItemError;
use super::compression::Compression;
use crate::UsageError;

/// Longest line or CSV record in bytes; what is longer is no table any more, or a quote that never ends.
const MAX_RECORD_BYTES: u64 = 64 << 20;
const BUFFER_BYTES: usize = 64 << 10;

/// Counts bytes as they are read, of one file after the other.
#[derive(Debug, Default)]
pub struct ReadStats {
    /// Bytes of the files.
    total: AtomicU64,
    /// Bytes that these are unpacked.
    unpacked: AtomicU64,
    /// What `unpacked` was when the record began.
    record_start: AtomicU64,
    /// The last byte of the decoded input that is no line end.
    last: AtomicU8,
}

impl ReadStats {
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Counts bytes that were read elsewhere.
    pub fn add(&self, bytes: u64) {
        self.total.fetch_add(bytes, Relaxed);
    }

    /// The last byte so far that is no line end.
    pub fn last(&self) -> u8 {
        self.last.load(Relaxed)
    }

    /// A record has been read whole: the limit counts anew.
    pub fn end_record(&self) {
        self.record_start.store(self.unpacked.load(Relaxed), Relaxed);
    }
}

struct Decoded<R> {
    inner: R,
    stats: Arc<ReadStats>,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(&last) = buffer[..read].iter().rev().find(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.stats.last.store(last, Relaxed);
        }
        Ok(read)
    }
}

struct Metered<R> {
    inner: R,
    stats: Arc<ReadStats>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.stats.total.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// Ends a record that has no end, however well it was compressed.
struct Bounded<R> {
    inner: R,
    stats: Arc<ReadStats>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stats.unpacked.load(Relaxed) - self.stats.record_start.load(Relaxed) > MAX_RECORD_BYTES {
            let message = format!("a record is longer than {MAX_RECORD_BYTES} bytes; does a quoted field never end?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let read = self.inner.read(buffer)?;
        self.stats.unpacked.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// An open input, unpacked, a byte order mark taken off, other encodings made UTF-8.
pub(super) struct Source {
    pub name: String,
    pub stats: Arc<ReadStats>,
    pub reader: BufReader<Box<dyn Read + Send>>,
}

/// How the characters of a file are bytes.
pub type Encoding = &'static encoding_rs::Encoding;

/// The encoding of this name.
pub fn encoding(name: &str) -> Result<Encoding, UsageError> {
    let label = name.to_ascii_lowercase().replace("latin-", "latin");
    encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).ok_or_else(|| {
        UsageError(format!("unknown encoding `{name}`; known are utf-8, latin1, windows-1252, utf-16le, shift_jis, gbk and all others of the web"))
    })
}

impl Source {
    pub(super) fn standard_input(encoding: Option<Encoding>) -> Self {
        Self::new("standard input".into(), io::stdin(), Compression::Plain, encoding, &Arc::default())
    }

    /// Opens a file. A regular one is read as far as it goes now: what is appended while it is read, by this process too,
    /// is not for this run.
    pub(super) fn file(
        path: &Path,
        compression: Compression,
        encoding: Option<Encoding>,
        stats: &Arc<ReadStats>,
    ) -> Result<Self> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.with_context(|| format!("cannot read `{name}`"))?;
        if metadata.is_dir() {
            return Err(UsageError(format!("`{name}` is a directory; --input takes a file")).into());
        }
        // Files of the kernel's say that they are regular and empty, whatever they hold.
        let has_size = metadata.is_file() && metadata.len() > 0;
        let file = file.take(if has_size { metadata.len() } else { u64::MAX });
        Ok(Self::new(name, file, compression, encoding, stats))
    }

    fn new(
        name: String,
        reader: impl Read + Send + 'static,
        compression: Compression,
        encoding: Option<Encoding>,
        stats: &Arc<ReadStats>,
    ) -> Self {
        stats.end_record();
        let metered = Metered { inner: reader, stats: Arc::clone(stats) };
        let bounded = Bounded { inner: compression.unpack(metered), stats: Arc::clone(stats) };
        let decoded = DecodeReaderBytesBuilder::new()
            .encoding(encoding.filter(|&encoding| encoding != encoding_rs::UTF_8))
            .utf8_passthru(true)
            .strip_bom(true)
            .build(bounded);
        let reader = BufReader::with_capacity(
            BUFFER_BYTES,
            Box::new(Decoded { inner: decoded, stats: Arc::clone(stats) }) as Box<dyn Read + Send>,
        );
        Self { name, stats: Arc::clone(stats), reader }
    }
}

/// The lines of a [`Source`], `\n` or `\r\n` taken off.
pub(super) struct Lines {
    source: Source,
    line: Vec<u8>,
    /// Number of the current line, from 1.
    pub number: u64,
}

impl Lines {
    pub(super) fn new(source: Source) -> Self {
        Self { source, line: Vec::new(), number: 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// The next line, or why it cannot be one; `None` at the end.
    pub(super) fn next_line(&mut self) -> Result<Option<Result<&[u8], ItemError>>> {
        self.line.clear();
        let mut bounded = (&mut self.source.reader).take(MAX_RECORD_BYTES);
        bounded.read_until(b'\n', &mut self.line).with_context(|| format!("cannot read `{}`", self.source.name))?;
        if self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        self.source.stats.end_record();
        if self.line.len() as u64 == MAX_RECORD_BYTES && !self.line.ends_with(b"\n") {
            self.skip_line()?;
            return Ok(Some(Err(ItemError::LineTooLong { limit: MAX_RECORD_BYTES })));
        }
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        Ok(Some(Ok(line.strip_suffix(b"\r").unwrap_or(line))))
    }

    /// Whether the next line would have to be waited for.
    pub(super) fn would_wait(&self) -> bool {
        !self.source.reader.buffer().contains(&b'\n')
    }

    fn skip_line(&mut self) -> Result<()> {
        loop {
            let buffer =
                self.source.reader.fill_buf().with_context(|| format!("cannot read `{}`", self.source.name))?;
            let (length, ended) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(end) => (end + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.source.reader.consume(length);
            self.source.stats.end_record();
            if ended {
                return Ok(());
            }
        }
    }
}

/// What to tell the user of a file that is not UTF-8.
pub(super) fn wrong_encoding(file: &str, place: &str, error: super::NotUtf8) -> anyhow::Error {
    let advice = "if the file has another encoding, name it, for example --encoding latin1";
    anyhow::anyhow!("`{file}` {place} is {error}; {advice}")
}
