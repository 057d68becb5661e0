//! ConcatReader files, one after the other.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use glob::{MatchOptions, glob_with};

use super::source::ReadStats;
use super::{Input, InputKind, InputProgress, Opened, Reading, Row, RowReader, Typed};
use crate::UsageError;

/// The files that `inputs` name, in order: each name of a pattern, like `news/*.csv`, is replaced by those that match it,
/// sorted. What exists under its name is no pattern.
///
/// # Errors
/// When a pattern matches no file, or standard input is one of several.
pub fn expand(inputs: Vec<PathBuf>) -> Result<Vec<PathBuf>> {
    if inputs.len() > 1 && inputs.iter().any(|input| input.as_os_str() == "-") {
        return Err(UsageError("`-`, standard input, goes with no other --input".into()).into());
    }
    let mut files = Vec::new();
    for input in inputs {
        match pattern(&input) {
            Some(pattern) => files.extend(matches(pattern)?),
            None => files.push(input),
        }
    }
    Ok(files)
}

fn pattern(input: &Path) -> Option<&str> {
    let pattern = input.to_str()?;
    (pattern.contains(['*', '?', '[']) && fs::symlink_metadata(input).is_err()).then_some(pattern)
}

/// The files that match; as in a shell, none that is hidden unless the pattern says so.
fn matches(pattern: &str) -> Result<Vec<PathBuf>> {
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths =
        glob_with(pattern, options).map_err(|error| UsageError(format!("`{pattern}` is no pattern: {error}")))?;
    let paths: Vec<PathBuf> =
        paths.collect::<Result<_, _>>().with_context(|| format!("cannot look for `{pattern}`"))?;
    let mut files: Vec<PathBuf> = paths.into_iter().filter(|path| !path.is_dir()).collect();
    files.sort();
    if files.is_empty() {
        return Err(UsageError(format!("no file matches `{pattern}`")).into());
    }
    Ok(files)
}

/// The rows of several files. Each is opened when those before it have been read.
struct ConcatReader {
    name: String,
    rows: Box<dyn RowReader>,
    rest: VecDeque<PathBuf>,
    reading: Reading,
    stats: Arc<ReadStats>,
}

impl ConcatReader {
    /// Opens the next file; false when there is none.
    fn open_next(&mut self) -> Result<bool> {
        let Some(path) = self.rest.pop_front() else { return Ok(false) };
        self.rows = Input::open(&path, &self.reading, &self.stats)?.rows;
        self.name = path.display().to_string();
        Ok(true)
    }
}

impl RowReader for ConcatReader {
    fn next_row(&mut self) -> Result<Option<Row>> {
        loop {
            if let Some(row) = self.rows.next_row()? {
                return Ok(Some(Row { place: format!("{} {}", self.name, row.place), ..row }));
            }
            if !self.open_next()? {
                return Ok(None);
            }
        }
    }

    fn skip_row(&mut self) -> Result<bool> {
        loop {
            if self.rows.skip_row()? {
                return Ok(true);
            }
            if !self.open_next()? {
                return Ok(false);
            }
        }
    }
}

impl Input {
    /// Opens files that are read one after the other, each as its name says. The columns are those of the first.
    ///
    /// # Errors
    /// When one of them cannot be read, or lacks a column: as far as that shows at its beginning, it is told now.
    pub fn files(paths: &[PathBuf], reading: &Reading) -> Result<Self> {
        let (first, rest) = paths.split_first().context("no file was named")?;
        let stats = Arc::<ReadStats>::default();
        let Opened { rows, columns, table } = Self::open(first, reading, &stats)?;
        let mut files = vec![(first.display().to_string(), columns.clone())];
        let mut typed = table.map_or(Typed::No, Typed::Yes);
        let mut total = 0;
        for path in paths {
            let metadata = fs::metadata(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            total += metadata.len();
            if metadata.is_file() && path != first {
                let Opened { columns, table: other, .. } = Self::open(path, reading, &Arc::default())?;
                files.push((path.display().to_string(), columns));
                let is_same = match &typed {
                    Typed::No => other.is_none(),
                    Typed::Yes(table) => other.is_some_and(|other| other.columns() == table.columns()),
                    Typed::Mixed(_) => true,
                };
                if !is_same {
                    typed = Typed::Mixed(path.display().to_string());
                }
            }
        }
        let progress = Some(InputProgress::Bytes { stats: Arc::clone(&stats), total });
        let name = first.display().to_string();
        let rows = match rest {
            [] => rows,
            rest => Box::new(ConcatReader { name, rows, rest: rest.to_vec().into(), reading: reading.clone(), stats }),
        };
        Ok(Self { rows, columns, files, typed, progress, kind: InputKind::File })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(inputs: &[PathBuf]) -> Result<Vec<String>, String> {
        let files = expand(inputs.to_vec()).map_err(|error| error.to_string())?;
        Ok(files.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn a_pattern_becomes_its_files_sorted_and_a_name_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("sub.csv")).unwrap();
        for name in ["b.csv", "a.csv", ".hidden.csv", "c.txt", "[x]*.csv", "sub.csv/d.csv"] {
            fs::write(path(name), "text\n").unwrap();
        }
        assert_eq!(names(&[path("c.txt"), path("?.csv")]).unwrap(), ["c.txt", "a.csv", "b.csv"]);
        assert_eq!(names(&[path("[x]*.csv")]).unwrap(), ["[x]*.csv"]);
        assert_eq!(names(&[path("**/[a-d].csv")]).unwrap(), ["a.csv", "b.csv", "d.csv"]);
        assert_eq!(names(&[path("missing.csv")]).unwrap(), ["missing.csv"]);
        assert!(names(&[path("*.jsonl")]).unwrap_err().contains("no file matches"));
        assert!(names(&[path("***.csv")]).unwrap_err().contains("is no pattern"));
    }

    #[test]
    fn standard_input_stands_alone() {
        assert_eq!(expand(vec!["-".into()]).unwrap(), [PathBuf::from("-")]);
        assert!(expand(vec!["-".into(), "a.csv".into()]).is_err());
    }
}
