//! Logits of recent encodings, by least recent use.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::backend::Logits;
use super::key::EncodingKey;

/// The logits that were requested last.
#[derive(Debug)]
pub(super) struct LogitsCache(Option<LruCache<EncodingKey, Logits>>);

impl LogitsCache {
    /// A cache of at most this many entries; 0 turns it off.
    pub(super) fn new(entries: usize) -> Self {
        // `LruCache::new` would allocate for the full capacity; an unbounded one that is resized grows as it fills.
        let cache = NonZeroUsize::new(entries).map(|entries| {
            let mut cache = LruCache::unbounded();
            cache.resize(entries);
            cache
        });
        Self(cache)
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn get(&mut self, key: &EncodingKey) -> Option<Logits> {
        self.0.as_mut()?.get(key).cloned()
    }

    pub(super) fn insert(&mut self, key: EncodingKey, logits: &Logits) {
        if let Some(cache) = &mut self.0 {
            cache.put(key, Arc::clone(logits));
        }
    }
}

#[cfg(test)]
mod tests {
    use finsent_model::Encoding;

    use super::*;

    fn key(model: usize, input_ids: &[u32]) -> EncodingKey {
        let encoding =
            Encoding { input_ids: input_ids.to_vec(), token_type_ids: vec![0; input_ids.len()], truncated: false };
        EncodingKey::new(model, Arc::new(encoding))
    }

    #[test]
    fn entries_are_found_by_model_and_tokens() {
        let mut cache = LogitsCache::new(10);
        cache.insert(key(0, &[1, 2]), &Logits::from([0.5]));
        assert_eq!(cache.get(&key(0, &[1, 2])).as_deref(), Some([0.5].as_slice()));
        assert_eq!(cache.get(&key(1, &[1, 2])), None);
        assert_eq!(cache.get(&key(0, &[2, 1])), None);
    }

    #[test]
    fn the_least_recently_used_entry_is_evicted() {
        let mut cache = LogitsCache::new(2);
        for id in [1, 2] {
            cache.insert(key(0, &[id]), &Logits::from([id as f32]));
        }
        assert!(cache.get(&key(0, &[1])).is_some());
        cache.insert(key(0, &[3]), &Logits::from([3.0]));
        assert!(cache.get(&key(0, &[2])).is_none());
        assert!(cache.get(&key(0, &[1])).is_some() && cache.get(&key(0, &[3])).is_some());
    }

    #[test]
    fn a_cache_without_entries_is_off() {
        let mut cache = LogitsCache::new(0);
        cache.insert(key(0, &[1]), &Logits::from([0.5]));
        assert!(!cache.is_enabled() && cache.get(&key(0, &[1])).is_none());
    }
}
