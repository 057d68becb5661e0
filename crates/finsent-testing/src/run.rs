//! The outcome of a run, and assertions on it.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

/// What a run printed, and its exit code.
#[derive(Debug)]
pub struct Run {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The exit code; `None` when a signal ended the process.
    pub code: Option<i32>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

impl Run {
    /// Asserts that the exit code is 0.
    #[track_caller]
    pub fn assert_succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts the exit code, and that standard error contains each of `parts`.
    #[track_caller]
    pub fn assert_fails(&self, code: i32, parts: &[&str]) {
        assert_fails(self, code, parts);
    }

    /// As [`Run::assert_fails`], and that nothing was printed on standard output.
    #[track_caller]
    pub fn assert_fails_without_output(&self, code: i32, parts: &[&str]) {
        assert_fails(self, code, parts);
        assert_eq!(self.stdout, "", "{}", self.stderr);
    }

    /// The one line on standard output, as a path: what `finsent pull` and `finsent convert` print.
    #[track_caller]
    pub fn printed_path(self) -> PathBuf {
        let run = self.assert_succeeds();
        let path = run.stdout.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {run:?}"));
        assert!(!path.contains('\n'), "more than one line: {run:?}");
        path.into()
    }
}

/// Asserts the exit code of a run, and that its standard error contains each of `parts`.
#[track_caller]
pub fn assert_fails(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    for part in parts {
        assert!(run.stderr.contains(part), "expected `{part}` in: {}", run.stderr);
    }
}

/// The values of JSON lines.
#[track_caller]
pub fn parse_json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

/// The header and the records of a CSV.
#[track_caller]
pub fn parse_csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let strings = |record: &csv::StringRecord| record.iter().map(String::from).collect();
    let header = strings(reader.headers().unwrap());
    (header, reader.records().map(|record| strings(&record.unwrap())).collect())
}
