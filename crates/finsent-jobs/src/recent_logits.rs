//! The logits of texts that were computed lately, so that copies of a text are computed once.

use finsent_model::Encoding;
use lru::LruCache;

/// The most memory of the entries, about 80,000 headlines.
const MAX_BYTES: usize = 16 << 20;
/// What an entry takes besides its key and its logits: its place in the map and in the list, and two allocations.
const BYTES_PER_ENTRY: usize = 112;

/// Logits by everything that the encoder reads of a text, which is compared whole: equal keys have equal logits, bit for bit.
#[derive(Debug)]
pub(crate) struct RecentLogits {
    entries: LruCache<Key, Box<[f32]>>,
    bytes: usize,
    max_bytes: usize,
}

/// The ids of an encoding, seven bits to a byte; few ids need more than two.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key(Box<[u8]>);

impl Key {
    pub(crate) fn of(encoding: &Encoding) -> Self {
        let mut bytes = Vec::with_capacity(2 * encoding.len() + 1);
        encoding.input_ids.iter().for_each(|&id| push(&mut bytes, id));
        // The segments are all 0 but for a pair of texts.
        if encoding.token_type_ids.iter().any(|&id| id != 0) {
            // No id ends with this byte, so what follows is something else than ids.
            bytes.push(0x80);
            encoding.token_type_ids.iter().for_each(|&id| push(&mut bytes, id));
        }
        Self(bytes.into())
    }
}

fn push(bytes: &mut Vec<u8>, mut id: u32) {
    while id > 0x7f {
        bytes.push((id & 0x7f) as u8);
        id >>= 7;
    }
    bytes.push(id as u8 | 0x80);
}

impl RecentLogits {
    pub(crate) fn new() -> Self {
        Self::with_memory(MAX_BYTES)
    }

    fn with_memory(max_bytes: usize) -> Self {
        Self { entries: LruCache::unbounded(), bytes: 0, max_bytes }
    }

    pub(crate) fn get(&mut self, key: &Key) -> Option<Vec<f32>> {
        self.entries.get(key).map(|logits| logits.to_vec())
    }

    /// Adds an entry, and removes those that were used least recently if all take too much memory.
    pub(crate) fn insert(&mut self, key: Key, logits: &[f32]) {
        self.bytes += bytes_of(&key, logits);
        if let Some(old) = self.entries.put(key.clone(), logits.into()) {
            self.bytes -= bytes_of(&key, &old);
        }
        while self.bytes > self.max_bytes
            && let Some((key, logits)) = self.entries.pop_lru()
        {
            self.bytes -= bytes_of(&key, &logits);
        }
    }
}

fn bytes_of(Key(key): &Key, logits: &[f32]) -> usize {
    BYTES_PER_ENTRY + key.len() + size_of_val(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(ids: &[u32]) -> Key {
        Key::of(&Encoding { input_ids: ids.to_vec(), token_type_ids: vec![0; ids.len()], truncated: false })
    }

    #[test]
    fn only_the_same_ids_have_the_same_key() {
        let encodings =
            [&[1, 2][..], &[2, 1], &[1], &[], &[128], &[127], &[0, 1], &[1, 0], &[16_384], &[0, 0, 1], &[30_521]];
        for (place, one) in encodings.iter().enumerate() {
            for (other_place, other) in encodings.iter().enumerate() {
                assert_eq!(key(one) == key(other), place == other_place, "{one:?} {other:?}");
            }
        }
        let pair = Encoding { input_ids: vec![1, 2], token_type_ids: vec![0, 1], truncated: false };
        assert_ne!(Key::of(&pair), key(&[1, 2]));
    }

    #[test]
    fn entries_that_were_not_used_for_long_make_room() {
        let mut recent = RecentLogits::with_memory(3 * (BYTES_PER_ENTRY + 16));
        for id in 1..=3 {
            recent.insert(key(&[id]), &[id as f32]);
        }
        assert_eq!(recent.get(&key(&[1])), Some(vec![1.0]));
        recent.insert(key(&[4]), &[4.0]);
        recent.insert(key(&[4]), &[4.0]);
        recent.insert(key(&[5; 20]), &[5.0]);
        assert_eq!(recent.get(&key(&[2])), None);
        assert_eq!(recent.get(&key(&[4])), Some(vec![4.0]));
        for id in 0..1000 {
            recent.insert(key(&[id; 50]), &[0.5; 3]);
            assert!(recent.bytes <= recent.max_bytes);
        }
        recent.insert(key(&[7; 5000]), &[0.5]);
        assert_eq!((recent.bytes, recent.entries.len()), (0, 0), "an entry that is too large for itself");
    }
}
