//! A hash of a text that stands for it: two texts have the same one by chance once in 2^64 pairs, and more.

use std::hash::Hasher;

use twox_hash::XxHash64;

/// 128 bits of a text.
pub(crate) fn hash(text: &str) -> u128 {
    with_seeds(|hasher| hasher.write(text.as_bytes()))
}

/// 128 bits of what `write` writes, which it does twice.
pub(crate) fn with_seeds(write: impl Fn(&mut XxHash64)) -> u128 {
    let half = |seed: u64| {
        let mut hasher = XxHash64::with_seed(seed);
        write(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}
