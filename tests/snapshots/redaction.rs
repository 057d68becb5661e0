//! Replacement of what varies from run to run.

use std::path::Path;

use finsent_testing::models::repository;

/// Units of what varies: times and speeds.
const UNITS: [&str; 11] = [
    "s",
    "ms",
    "GOP/s",
    "texts/s",
    "rows/s",
    "sentences/s",
    "a second",
    "per second",
    "seconds",
    // How far a run gets before it is interrupted.
    "texts. Progress is in",
    "texts were scored before",
];

pub(crate) struct Redaction {
    /// Texts, and what they are replaced with.
    fixed: Vec<(String, &'static str)>,
}

impl Redaction {
    pub(crate) fn new(dir: &Path, port: u16, version: &str) -> Self {
        let repository = repository().canonicalize().unwrap();
        let fixed = vec![
            (dir.display().to_string(), "[DIR]"),
            (repository.display().to_string(), "[REPOSITORY]"),
            (version.to_owned(), "[VERSION]"),
            (version.replace('-', "\\-"), "[VERSION]"),
            (env!("CARGO_PKG_VERSION").to_owned(), "[VERSION]"),
            (format!(":{port}"), ":[PORT]"),
            (format!(":{}", port.wrapping_add(1)), ":[PORT+1]"),
            (format!("port {port}"), "port [PORT]"),
        ];
        Self { fixed }
    }

    pub(crate) fn apply(&self, text: &str) -> String {
        let fixed = self.fixed.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
        fixed.lines().map(|line| without_names(&without_times(&without_figures(line))) + "\n").collect()
    }
}

/// `line` with `[TIME]` for the time of a line of the log.
fn without_times(line: &str) -> String {
    const SHAPE: &str = "0000-00-00T00:00:00.000000Z";
    replace_shape(line, SHAPE, "[TIME]")
}

/// `line` with `[NAME]` for the random part of a temporary file's name.
fn without_names(line: &str) -> String {
    replace_shape(line, ".finsent-aaaaaa.", ".finsent-[NAME].")
}

/// Replaces what has this shape: `0` stands for any digit, `a` in a name for any letter or digit.
fn replace_shape(line: &str, shape: &str, with: &str) -> String {
    let matches = |found: &str| {
        found.len() == shape.len()
            && found.chars().zip(shape.chars()).all(|(letter, shape)| match shape {
                '0' => letter.is_ascii_digit(),
                'a' => letter.is_ascii_alphanumeric(),
                shape => letter == shape,
            })
    };
    let starts = line.char_indices().map(|(start, _)| start);
    let found = starts.filter_map(|start| line.get(start..start + shape.len())).find(|found| matches(found));
    found.map_or_else(|| line.to_owned(), |found| line.replace(found, with))
}

/// `line` with `[N]` for each number that one of [`UNITS`] follows.
fn without_figures(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    for index in 0..words.len() {
        let after = words[index + 1..].join(" ");
        let is_figure = UNITS.iter().any(|unit| starts_with_word(&after, unit));
        let number = words[index].trim_start_matches('(').to_owned();
        if is_figure && number.replace(',', "").parse::<f64>().is_ok() {
            words[index] = words[index].replace(&number, "[N]");
        }
    }
    words.join(" ")
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '/'))
}

#[test]
fn times_of_the_log_and_temporary_names_are_replaced() {
    assert_eq!(without_times("2026-11-28T22:09:07.371846Z  WARN é"), "[TIME]  WARN é");
    assert_eq!(without_times("2026-03-02T14:30:05Z"), "2026-03-02T14:30:05Z");
    assert_eq!(without_names("/a/.finsent-Jau85D.unfinished"), "/a/.finsent-[NAME].unfinished");
}

#[test]
fn only_times_and_speeds_are_replaced() {
    for (line, expected) in [
        ("3 texts in 0.1 s (1,234 a second), 1 failed", "3 texts in [N] s ([N] a second), 1 failed"),
        ("must be a number of seconds from 0 to 3600", "must be a number of seconds from 0 to 3600"),
        ("at 41.5 texts/s, of 12 sentences", "at [N] texts/s, of 12 sentences"),
    ] {
        assert_eq!(without_figures(line), expected);
    }
}
