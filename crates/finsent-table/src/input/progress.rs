//! How many rows an input has.

use std::sync::Arc;

use super::read_stats::ReadStats;

/// The number of rows of an input while it is read: known, or estimated from the size of the files and of the rows so far.
#[derive(Debug, Clone)]
pub struct InputProgress {
    size: Size,
    /// No more rows than this are read.
    limit: u64,
}

#[derive(Debug, Clone)]
enum Size {
    Bytes { stats: Arc<ReadStats>, total: u64 },
    Rows(u64),
}

impl InputProgress {
    /// Of files with so many bytes together, compressed as they are.
    pub(super) fn of_files(stats: Arc<ReadStats>, total: u64) -> Self {
        Self { size: Size::Bytes { stats, total }, limit: u64::MAX }
    }

    /// Of so many rows.
    pub(super) fn of_rows(rows: u64) -> Self {
        Self { size: Size::Rows(rows), limit: u64::MAX }
    }

    /// Of the first rows only.
    pub(super) fn limit(self, rows: u64) -> Self {
        Self { limit: self.limit.min(rows), ..self }
    }

    /// The bytes of the files, compressed as they are.
    pub fn bytes(&self) -> Option<u64> {
        match self.size {
            Size::Bytes { total, .. } => Some(total),
            Size::Rows(_) => None,
        }
    }

    /// The number of rows, and whether it is only an estimate. 0 before any row is read.
    pub fn rows(&self) -> (u64, bool) {
        let (rows, is_estimate) = match &self.size {
            Size::Rows(rows) => (*rows, false),
            Size::Bytes { stats, total } => (stats.estimated_rows(*total), !stats.is_read(*total)),
        };
        (rows.min(self.limit), is_estimate && rows < self.limit)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::{fs, iter};

    use crate::input::{Input, Reading};
    use crate::row::RowReader;

    fn read(rows: &mut dyn RowReader, most: usize) -> usize {
        iter::from_fn(|| rows.next_row().unwrap()).take(most).count()
    }

    fn content(extension: &str) -> Vec<u8> {
        match extension {
            "csv" => [b"id,text\n".to_vec(), b"1,Profit rose by a fifth\n".repeat(3000)].concat(),
            "jsonl" => b"{\"text\":\"Profit rose by a fifth\"}\n".repeat(3000),
            "json" => [b"[".to_vec(), b"{\"text\":\"Up\"},\n".repeat(2999), b"{\"text\":\"Up\"}]".to_vec()].concat(),
            _ => b"Profit rose by a fifth\n".repeat(3000),
        }
    }

    #[test]
    fn the_rows_of_a_file_are_estimated_from_the_first_ones() {
        for extension in ["csv", "txt", "jsonl", "json", "txt.gz"] {
            let mut file = tempfile::Builder::new().suffix(&format!(".{extension}")).tempfile().unwrap();
            let content = content(extension);
            if extension == "txt.gz" {
                let mut encoder = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
                encoder.write_all(&content).unwrap();
                encoder.finish().unwrap();
            } else {
                fs::write(file.path(), content).unwrap();
            }
            let mut input = Input::files(&[file.path().to_owned()], &Reading::default()).unwrap();
            let progress = input.progress.take().unwrap();
            assert_eq!(progress.rows().0, 0, "{extension}");
            assert_eq!(read(&mut *input.rows, 100), 100);
            let (rows, is_estimate) = progress.rows();
            assert!((2800..3200).contains(&rows) && is_estimate, "{extension}: {rows}");
            assert_eq!(progress.clone().limit(200).rows(), (200, false));
            assert_eq!(read(&mut *input.rows, 5000), 2900);
            assert_eq!(progress.rows(), (3000, false), "{extension}");
        }
    }
}
