//! Finds entities and tags.

use std::ops::Range;

use super::replacement::Replacement;
use super::{entity, tag};

/// The entities and tags of a text, in order.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Ends of comments, scripts and styles that do not occur in the rest of the text.
    missing: Vec<&'static str>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, missing: Vec::new() }
    }

    /// The length and the replacement of what starts with this.
    fn found(&mut self, rest: &str) -> Option<(usize, Replacement)> {
        match rest.as_bytes()[0] {
            b'&' => entity::at_start(rest).map(|(length, letters)| (length, Replacement::Letters(letters))),
            b'<' => match tag::end_of_hidden(rest) {
                Some(end) => self.hidden(rest, end).map(|length| (length, Replacement::Nothing)),
                None => tag::at_start(rest),
            },
            _ => rest.starts_with("]]>").then_some((3, Replacement::Nothing)),
        }
    }

    /// The length of what a browser does not show, up to its end.
    fn hidden(&mut self, rest: &str, end: &'static str) -> Option<usize> {
        if self.missing.contains(&end) {
            return None;
        }
        let found = find_ignoring_case(rest, end);
        if found.is_none() {
            self.missing.push(end);
        }
        found.map(|start| start + end.len())
    }
}

/// Where `end`, which is in lower case, is in `text`, in any case.
fn find_ignoring_case(text: &str, end: &str) -> Option<usize> {
    text.as_bytes().windows(end.len()).position(|window| window.eq_ignore_ascii_case(end.as_bytes()))
}

impl Iterator for Scanner<'_> {
    type Item = (Range<usize>, Replacement);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at + self.text[self.at..].find(['&', '<', ']'])?;
            let text = self.text;
            match self.found(&text[start..]) {
                Some((length, by)) => {
                    self.at = start + length;
                    return Some((start..self.at, by));
                }
                None => self.at = start + 1,
            }
        }
    }
}
