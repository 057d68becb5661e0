//! The bytes of an input: decompressed, decoded to UTF-8, counted, in bounded memory.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use encoding_rs_io::DecodeReaderBytesBuilder;

use super::compression::Compression;
use super::encoding::Encoding;
use super::read_stats::{Bounded, Counted, LastByte, ReadStats};
use crate::error::TableError;

pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// An open input as UTF-8, without a byte order mark. Input that is said to be UTF-8 is passed on unchecked.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) stats: Arc<ReadStats>,
    pub(super) reader: BufReader<Box<dyn Read + Send>>,
}

impl Source {
    pub(super) fn standard_input(encoding: Option<Encoding>, stats: &Arc<ReadStats>) -> Self {
        Self::new("standard input".into(), io::stdin(), Compression::Plain, encoding, stats)
    }

    /// Bytes that were read before and are decoded.
    pub(super) fn decoded(name: String, reader: impl Read + Send + 'static) -> Self {
        Self::new(name, reader, Compression::Plain, None, &Arc::default())
    }

    /// Opens a file. A regular file is read up to its length at this moment: what is appended while it is read, perhaps by
    /// this process, is not read.
    pub(super) fn file(
        path: &Path,
        compression: Compression,
        encoding: Option<Encoding>,
        stats: &Arc<ReadStats>,
    ) -> Result<Self, TableError> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| TableError::read(&name, error))?;
        if metadata.is_dir() {
            return Err(TableError::Folder { path: path.to_owned() });
        }
        // The kernel's own files, as in /proc, say that they are regular and empty, whatever they hold.
        let has_length = metadata.is_file() && metadata.len() > 0;
        let file = file.take(if has_length { metadata.len() } else { u64::MAX });
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
        let counted = Counted { inner: reader, stats: Arc::clone(stats) };
        let bounded = Bounded { inner: compression.decompress(counted), stats: Arc::clone(stats) };
        let decoded = DecodeReaderBytesBuilder::new()
            .encoding(encoding.filter(|&encoding| encoding != encoding_rs::UTF_8))
            .utf8_passthru(true)
            .strip_bom(true)
            .build(bounded);
        let decoded: Box<dyn Read + Send> = Box::new(LastByte { inner: decoded, stats: Arc::clone(stats) });
        let reader = BufReader::with_capacity(BUFFER_BYTES, decoded);
        Self { name, stats: Arc::clone(stats), reader }
    }
}
