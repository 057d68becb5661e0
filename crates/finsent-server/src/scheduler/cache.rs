//! Answers that were given before, and the key that tells one text from another: its tokens.

use std::num::NonZeroUsize;
use std::sync::Arc;

use finsent_model::Encoding;
use lru::LruCache;

use super::Logits;

/// What an answer depends on: the model, by its number, and all the encoder reads of a text. Whole, not hashed: two texts
/// with one key have one answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) model: usize,
    encoding: Arc<Encoding>,
}

impl Key {
    pub(super) fn new(model: usize, encoding: Arc<Encoding>) -> Self {
        Self { model, encoding }
    }

    pub(super) fn encoding(&self) -> &Encoding {
        &self.encoding
    }
}

/// The answers that were asked for last.
#[derive(Debug)]
pub(super) struct Cache(Option<LruCache<Key, Logits>>);

impl Cache {
    /// A cache of at most so many answers; of none, it is off.
    pub(super) fn new(entries: usize) -> Self {
        // Without a capacity of its own: it grows as it fills.
        let cache = NonZeroUsize::new(entries).map(|entries| {
            let mut cache = LruCache::unbounded();
            cache.resize(entries);
            cache
        });
        Self(cache)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn answer(&mut self, key: &Key) -> Option<Logits> {
        self.0.as_mut()?.get(key).cloned()
    }

    pub(super) fn remember(&mut self, key: Key, logits: &Logits) {
        if let Some(cache) = &mut self.0 {
            cache.put(key, Arc::clone(logits));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(model: usize, input_ids: &[u32]) -> Key {
        let encoding =
            Encoding { input_ids: input_ids.to_vec(), token_type_ids: vec![0; input_ids.len()], truncated: false };
        Key::new(model, Arc::new(encoding))
    }

    #[test]
    fn it_knows_what_it_was_told_by_model_and_tokens() {
        let mut cache = Cache::new(10);
        cache.remember(key(0, &[1, 2]), &Logits::from([0.5]));
        assert_eq!(cache.answer(&key(0, &[1, 2])).as_deref(), Some([0.5].as_slice()));
        assert_eq!(cache.answer(&key(1, &[1, 2])), None);
        assert_eq!(cache.answer(&key(0, &[2, 1])), None);
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_first() {
        let mut cache = Cache::new(2);
        for id in [1, 2] {
            cache.remember(key(0, &[id]), &Logits::from([id as f32]));
        }
        assert!(cache.answer(&key(0, &[1])).is_some());
        cache.remember(key(0, &[3]), &Logits::from([3.0]));
        assert!(cache.answer(&key(0, &[2])).is_none());
        assert!(cache.answer(&key(0, &[1])).is_some() && cache.answer(&key(0, &[3])).is_some());
    }

    #[test]
    fn a_cache_of_no_entries_is_off() {
        let mut cache = Cache::new(0);
        cache.remember(key(0, &[1]), &Logits::from([0.5]));
        assert!(!cache.is_on() && cache.answer(&key(0, &[1])).is_none());
    }
}
