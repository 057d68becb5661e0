//! The format of an input file, by its name.

use std::path::Path;

use super::compression::Compression;
use crate::error::TableError;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InputFormat {
    /// One text per line.
    Text(Compression),
    /// Separated values with a header.
    Delimited(u8, Compression),
    /// One object per line.
    JsonLines(Compression),
    Parquet,
}

impl InputFormat {
    /// The format that the extensions of `path` stand for, in any case.
    pub(super) fn of(path: &Path) -> Result<Self, TableError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (compression, name) = Compression::of(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("txt") => Ok(Self::Text(compression)),
            Some("csv") => Ok(Self::Delimited(b',', compression)),
            Some("tsv") => Ok(Self::Delimited(b'\t', compression)),
            Some("jsonl" | "ndjson") => Ok(Self::JsonLines(compression)),
            Some("parquet") if compression == Compression::Plain => Ok(Self::Parquet),
            Some("parquet") => Err(TableError::CompressedParquet { path: path.to_owned() }),
            _ if path.is_dir() => Err(TableError::Folder { path: path.to_owned() }),
            _ => Err(TableError::UnknownFormat { path: path.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str) -> Result<InputFormat, TableError> {
        InputFormat::of(Path::new(name))
    }

    #[test]
    fn the_extensions_name_the_format_and_the_compression() {
        assert_eq!(format("a/n.CSV").unwrap(), InputFormat::Delimited(b',', Compression::Plain));
        assert_eq!(format("n.tsv.gz").unwrap(), InputFormat::Delimited(b'\t', Compression::Gzip));
        assert_eq!(format("n.ndjson.zst").unwrap(), InputFormat::JsonLines(Compression::Zstd));
        assert_eq!(format("n.parquet").unwrap(), InputFormat::Parquet);
        assert!(matches!(format("n.parquet.gz"), Err(TableError::CompressedParquet { .. })));
        assert!(matches!(format("/"), Err(TableError::Folder { .. })));
        for name in ["n", "n.gz", "n.docx", "txt"] {
            assert!(matches!(format(name), Err(TableError::UnknownFormat { .. })), "{name}");
        }
    }
}
