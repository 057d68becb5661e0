//! Which texts are new since earlier files, which are gone, and which have another label.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::extremes::Candidate;
use super::{Extremes, SummaryError};
use crate::hash::hash;

/// Most texts that are told apart; each takes up to 72 bytes.
const MAX_TEXTS: usize = 10_000_000;
/// Texts with another label that are listed.
const MAX_LISTED: usize = 20;

/// The texts of two sets of files, each text once, by 128 bits of a hash.
#[derive(Debug, Default)]
pub struct TextChanges {
    texts: HashMap<u128, Known>,
    new: u64,
    /// The strongest of the new texts.
    strongest: Extremes,
    relabelled: u64,
    listed: Vec<Relabelled>,
}

#[derive(Debug)]
struct Known {
    label: u32,
    /// Whether the later files have it.
    is_now: bool,
}

/// A text that has another label than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relabelled {
    /// The text.
    pub text: String,
    /// The ids of the labels that it had and has.
    pub labels: [usize; 2],
}

impl TextChanges {
    /// Adds a text of the earlier files. Of copies, the first counts.
    ///
    /// # Errors
    /// [`SummaryError::TooManyRows`].
    pub fn add_before(&mut self, text: &str, label: usize) -> Result<(), SummaryError> {
        self.texts.entry(hash(text)).or_insert_with(|| known(label, false));
        self.check()
    }

    /// Adds a text of the later files; the `quotes` strongest new ones are kept.
    ///
    /// # Errors
    /// [`SummaryError::TooManyRows`].
    pub fn add_now(
        &mut self,
        text: (&str, &str),
        label: usize,
        score: Option<f64>,
        quotes: usize,
    ) -> Result<(), SummaryError> {
        let (text, place) = text;
        match self.texts.entry(hash(text)) {
            Entry::Vacant(entry) => {
                entry.insert(known(label, true));
                self.new += 1;
                if let Some(score) = score {
                    self.strongest.add(quotes, &Candidate::new(text, place, score, label));
                }
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                let is_first = !std::mem::replace(&mut known.is_now, true);
                let before = known.label as usize;
                if is_first && before != label {
                    self.relabelled += 1;
                    if self.listed.len() < MAX_LISTED {
                        let text = text.chars().take(400).collect();
                        self.listed.push(Relabelled { text, labels: [before, label] });
                    }
                }
            }
        }
        self.check()
    }

    fn check(&self) -> Result<(), SummaryError> {
        if self.texts.len() > MAX_TEXTS {
            return Err(SummaryError::TooManyRows { limit: MAX_TEXTS });
        }
        Ok(())
    }

    /// Texts that only the later files have.
    pub fn new_texts(&self) -> u64 {
        self.new
    }

    /// The strongest of the new texts.
    pub fn strongest(&self) -> &Extremes {
        &self.strongest
    }

    /// Texts that only the earlier files have.
    pub fn gone(&self) -> u64 {
        self.texts.values().filter(|known| !known.is_now).count() as u64
    }

    /// The number of texts that have another label than before, and the first of them.
    pub fn relabelled(&self) -> (u64, &[Relabelled]) {
        (self.relabelled, &self.listed)
    }
}

fn known(label: usize, is_now: bool) -> Known {
    Known { label: u32::try_from(label).unwrap_or(u32::MAX), is_now }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_new_gone_or_have_another_label() {
        let mut changes = TextChanges::default();
        for (text, label) in [("a", 0), ("b", 0), ("c", 1)] {
            changes.add_before(text, label).unwrap();
        }
        for (text, label) in [("b", 0), ("c", 2), ("c", 1), ("d", 0), ("d", 0)] {
            changes.add_now((text, "line 2"), label, Some(0.5), 3).unwrap();
        }
        assert_eq!((changes.new_texts(), changes.gone()), (1, 1));
        let relabelled = Relabelled { text: "c".into(), labels: [1, 2] };
        assert_eq!(changes.relabelled(), (1, &[relabelled][..]));
        assert_eq!(changes.strongest().highest.len(), 1);
    }
}
