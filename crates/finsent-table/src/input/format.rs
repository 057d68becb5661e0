//! The format of an input file, by its name.

use std::path::Path;

use super::compression::Compression;
use crate::error::TableError;

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// One text per line.
    Text,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// Objects: one per line, one after the other, or in an array.
    Json,
    /// Columns with types.
    Parquet,
    /// A workbook of Excel.
    Xlsx,
}

impl FileFormat {
    /// The format that the extensions of `path` stand for, in any case, and how the file is compressed; the format is `chosen`
    /// if that is set.
    pub(super) fn of(path: &Path, chosen: Option<Self>) -> Result<(Self, Compression), TableError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let (compression, name) = Compression::of(&name);
        let named = match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("txt") => Some(Self::Text),
            Some("csv") => Some(Self::Csv),
            Some("tsv") => Some(Self::Tsv),
            Some("json" | "jsonl" | "ndjson") => Some(Self::Json),
            Some("parquet") => Some(Self::Parquet),
            Some("xlsx" | "xlsm") => Some(Self::Xlsx),
            _ => None,
        };
        match chosen.or(named) {
            Some(Self::Parquet | Self::Xlsx) if compression != Compression::Plain => {
                Err(TableError::Compressed { path: path.to_owned() })
            }
            Some(format) => Ok((format, compression)),
            None if path.is_dir() => Err(TableError::Folder { path: path.to_owned() }),
            None => Err(TableError::UnknownFormat { path: path.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str) -> Result<(FileFormat, Compression), TableError> {
        FileFormat::of(Path::new(name), None)
    }

    #[test]
    fn the_extensions_name_the_format_and_the_compression() {
        assert_eq!(format("a/n.CSV").unwrap(), (FileFormat::Csv, Compression::Plain));
        assert_eq!(format("n.tsv.gz").unwrap(), (FileFormat::Tsv, Compression::Gzip));
        assert_eq!(format("n.ndjson.zst").unwrap(), (FileFormat::Json, Compression::Zstd));
        assert_eq!(format("n.json").unwrap(), (FileFormat::Json, Compression::Plain));
        assert_eq!(format("n.parquet").unwrap(), (FileFormat::Parquet, Compression::Plain));
        assert_eq!(format("n.xlsx").unwrap(), (FileFormat::Xlsx, Compression::Plain));
        assert!(matches!(format("n.parquet.gz"), Err(TableError::Compressed { .. })));
        assert!(matches!(format("/"), Err(TableError::Folder { .. })));
        for name in ["n", "n.gz", "n.docx", "txt"] {
            assert!(matches!(format(name), Err(TableError::UnknownFormat { .. })), "{name}");
        }
        let chosen = FileFormat::of(Path::new("n.log.gz"), Some(FileFormat::Csv));
        assert_eq!(chosen.unwrap(), (FileFormat::Csv, Compression::Gzip));
    }
}
