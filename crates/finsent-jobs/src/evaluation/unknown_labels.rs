//! The labels of a file that a model does not have.

use std::fmt;

/// Most unknown labels that are listed.
const MAX_LISTED: usize = 10;
/// Most characters of an unknown label that are kept.
const MAX_CHARS: usize = 40;

/// Labels of a file that the model does not have. Displayed as a list.
#[derive(Debug, Clone, Default)]
pub struct UnknownLabels {
    rows: u64,
    /// The first few: a wrong column may have very many.
    first: Vec<UnknownLabel>,
    /// Rows with other ones.
    others: u64,
}

#[derive(Debug, Clone)]
struct UnknownLabel {
    label: String,
    place: String,
    rows: u64,
}

impl UnknownLabels {
    /// Rows with unknown labels.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn count(&mut self, label: &str, place: &str) {
        self.rows += 1;
        let label = shortened(label);
        if let Some(unknown) = self.first.iter_mut().find(|unknown| unknown.label == label) {
            unknown.rows += 1;
        } else if self.first.len() < MAX_LISTED {
            self.first.push(UnknownLabel { label, place: place.into(), rows: 1 });
        } else {
            self.others += 1;
        }
    }
}

impl fmt::Display for UnknownLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, UnknownLabel { label, place, rows }) in self.first.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match rows {
                1 => write!(f, "`{label}` ({place})")?,
                _ => write!(f, "`{label}` ({rows} rows, first {place})")?,
            }
        }
        match self.others {
            0 => Ok(()),
            1 => f.write_str(", and 1 row with another"),
            others => write!(f, ", and {others} rows with others"),
        }
    }
}

/// A label that may be of any length, for people.
fn shortened(label: &str) -> String {
    let mut letters =
        label.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter });
    let short: String = letters.by_ref().take(MAX_CHARS).collect();
    if letters.next().is_some() { short + "…" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_unknown_labels_are_listed_and_the_others_counted() {
        let mut unknown = UnknownLabels::default();
        for line in 0..30 {
            unknown.count(&format!("u{}", line % 12), &format!("line {line}"));
        }
        let list = unknown.to_string();
        assert!(list.starts_with("`u0` (3 rows, first line 0), `u1` (3 rows, first line 1)"), "{list}");
        assert!(list.ends_with("`u9` (2 rows, first line 9), and 4 rows with others"), "{list}");
        assert_eq!(unknown.rows, 30);
    }

    #[test]
    fn an_unknown_label_cannot_control_the_terminal_or_fill_it() {
        let mut unknown = UnknownLabels::default();
        unknown.count(&"\x1b[2J".repeat(1000), "line 2");
        let list = unknown.to_string();
        assert!(list.len() < 200 && !list.contains('\x1b'), "{list}");
    }
}
