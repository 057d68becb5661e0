//! Logits of recent encodings, by least recent use.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::backend::Logits;
use super::key::EncodingKey;

/// The logits that were requested last.
#[derive(Debug)]
pub(super) struct LogitsCache {
    /// `None` if the cache is off.
    entries: Option<LruCache<EncodingKey, Logits>>,
    /// Tokens of all entries.
    tokens: usize,
    max_tokens: usize,
}

/// How many tokens the entries may have on average. A token takes eight bytes, and few headlines have more than this many.
const TOKENS_PER_ENTRY: usize = 64;

impl LogitsCache {
    /// A cache of at most this many entries; 0 turns it off.
    pub(super) fn new(entries: usize) -> Self {
        let max_tokens = entries.saturating_mul(TOKENS_PER_ENTRY);
        // `LruCache::new` would allocate for the full capacity; an unbounded one that is resized grows as it fills.
        let cache = NonZeroUsize::new(entries).map(|entries| {
            let mut cache = LruCache::unbounded();
            cache.resize(entries);
            cache
        });
        Self { entries: cache, tokens: 0, max_tokens }
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.entries.is_some()
    }

    pub(super) fn get(&mut self, key: &EncodingKey) -> Option<Logits> {
        self.entries.as_mut()?.get(key).cloned()
    }

    /// Inserts an entry, and evicts those that were used least recently if there are too many or they have too many tokens.
    pub(super) fn insert(&mut self, key: EncodingKey, logits: &Logits) {
        let Some(entries) = &mut self.entries else { return };
        self.tokens += key.tokens();
        // The old entry with the same key, or the one that made room.
        if let Some((evicted, _)) = entries.push(key, Arc::clone(logits)) {
            self.tokens -= evicted.tokens();
        }
        while self.tokens > self.max_tokens
            && let Some((evicted, _)) = entries.pop_lru()
        {
            self.tokens -= evicted.tokens();
        }
    }
}

#[cfg(test)]
mod tests {
    use finsent_model::Encoding;

    use super::*;
    use crate::scheduler::backend::ModelId;

    fn key(load: u64, input_ids: &[u32]) -> EncodingKey {
        let model = ModelId { index: 0, load };
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
    fn long_entries_are_evicted_before_they_take_too_much_memory() {
        let mut cache = LogitsCache::new(4);
        for id in 1..=100 {
            cache.insert(key(0, &[id; 3 * TOKENS_PER_ENTRY]), &Logits::from([0.5]));
            cache.insert(key(0, &[id; 3 * TOKENS_PER_ENTRY]), &Logits::from([0.5]));
            assert!(cache.tokens <= 4 * TOKENS_PER_ENTRY);
        }
        assert!(cache.get(&key(0, &[100; 3 * TOKENS_PER_ENTRY])).is_some());
        assert!(cache.get(&key(0, &[99; 3 * TOKENS_PER_ENTRY])).is_none());
    }

    #[test]
    fn a_cache_without_entries_is_off() {
        let mut cache = LogitsCache::new(0);
        cache.insert(key(0, &[1]), &Logits::from([0.5]));
        assert!(!cache.is_enabled() && cache.get(&key(0, &[1])).is_none());
    }
}
