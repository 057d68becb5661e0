//! Computes the logits of texts, those of copies once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use finsent_model::Encoding;

use crate::journal::Scored;
use crate::recent_logits::{Key, RecentLogits};

/// How many encodings were copies of another that was computed.
#[derive(Debug, Clone, Default)]
pub struct Copies(Arc<AtomicU64>);

impl Copies {
    /// Their number so far.
    pub fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Remembers logits while it computes those of others.
#[derive(Debug)]
pub(crate) struct Once {
    recent: RecentLogits,
    copies: Copies,
}

/// Where the logits of an encoding come from.
enum From {
    Recent(Vec<f32>),
    /// The computed ones with this index.
    Computed(usize),
}

impl Once {
    pub(crate) fn new(copies: Copies) -> Self {
        Self { recent: RecentLogits::new(), copies }
    }

    /// Remembers logits that an earlier run has computed. Copies are counted, so that a resumed run has as many.
    pub(crate) fn remember(&mut self, encoding: &Encoding, logits: &[f32]) {
        let key = Key::of(encoding);
        match self.recent.get(&key) {
            Some(_) => _ = self.copies.0.fetch_add(1, Relaxed),
            None => self.recent.insert(key, logits),
        }
    }

    /// The logits of each encoding, in order. `compute` is called with those that are not copies.
    pub(crate) fn logits<'a>(
        &mut self,
        encodings: &[&'a Encoding],
        mut compute: impl FnMut(&[&'a Encoding]) -> Vec<Scored>,
    ) -> Vec<Scored> {
        let mut unknown: Vec<&Encoding> = Vec::new();
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut source = |encoding: &&'a Encoding| {
            let key = Key::of(encoding);
            if let Some(logits) = self.recent.get(&key) {
                return From::Recent(logits);
            }
            From::Computed(*places.entry(key).or_insert_with(|| {
                unknown.push(encoding);
                unknown.len() - 1
            }))
        };
        let sources: Vec<From> = encodings.iter().map(&mut source).collect();
        let computed = compute(&unknown);
        for (key, place) in places {
            if let Ok(logits) = &computed[place] {
                self.recent.insert(key, logits);
            }
        }
        self.copies.0.fetch_add((encodings.len() - unknown.len()) as u64, Relaxed);
        distribute(sources, computed, |index| compute(&[encodings[index]]).remove(0))
    }
}

/// The logits by their sources. A copy of what failed is computed again, because errors cannot be copied.
fn distribute(sources: Vec<From>, computed: Vec<Scored>, mut again: impl FnMut(usize) -> Scored) -> Vec<Scored> {
    let mut computed: Vec<Option<Scored>> = computed.into_iter().map(Some).collect();
    let mut scored = |(index, source): (usize, From)| match source {
        From::Recent(logits) => Ok(logits),
        From::Computed(place) => match &mut computed[place] {
            Some(Ok(logits)) => Ok(logits.clone()),
            failed => failed.take().unwrap_or_else(|| again(index)),
        },
    };
    sources.into_iter().enumerate().map(&mut scored).collect()
}

#[cfg(test)]
mod tests {
    use finsent_model::ClassifyError;

    use super::*;

    fn encodings(ids: impl IntoIterator<Item = u32>) -> Vec<Encoding> {
        let encoding = |id| Encoding { input_ids: vec![101, id, 102], token_type_ids: vec![0; 3], truncated: false };
        ids.into_iter().map(encoding).collect()
    }

    /// The logits of windows of encodings; the number of those that were computed and of copies.
    fn run(windows: &[Vec<Encoding>], is_bad: fn(u32) -> bool) -> (Vec<Option<f32>>, usize, u64) {
        let copies = Copies::default();
        let (mut once, mut computed) = (Once::new(copies.clone()), 0);
        let mut all = Vec::new();
        for window in windows {
            let window: Vec<&Encoding> = window.iter().collect();
            let scored = once.logits(&window, |encodings| {
                computed += encodings.len();
                let id = |encoding: &&Encoding| encoding.input_ids[1];
                let logits = |id: u32| if is_bad(id) { Err(ClassifyError::NotFinite) } else { Ok(vec![id as f32]) };
                encodings.iter().map(id).map(logits).collect()
            });
            all.extend(scored.into_iter().map(|logits| logits.ok().map(|logits| logits[0])));
        }
        (all, computed, copies.count())
    }

    #[test]
    fn of_20_000_texts_with_copies_far_apart_each_is_computed_once() {
        let ids = || (0..20_000_u32).map(|row| row % 10_000);
        let windows: Vec<Vec<Encoding>> = encodings(ids()).chunks(512).map(<[Encoding]>::to_vec).collect();
        let (logits, computed, copies) = run(&windows, |_| false);
        assert!(logits.into_iter().eq(ids().map(|id| Some(id as f32))));
        assert_eq!((computed, copies), (10_000, 10_000));
    }

    #[test]
    fn copies_within_a_window_are_computed_once() {
        let (logits, computed, copies) = run(&[encodings([7, 8, 7, 7]), encodings([8])], |_| false);
        assert_eq!(logits, [7.0, 8.0, 7.0, 7.0, 8.0].map(Some));
        assert_eq!((computed, copies), (2, 3));
    }

    #[test]
    fn what_fails_is_not_remembered() {
        let (logits, computed, _) = run(&[encodings([7, 8, 7]), encodings([7])], |id| id == 7);
        assert_eq!((logits, computed), (vec![None, Some(8.0), None, None], 4));
    }
}
