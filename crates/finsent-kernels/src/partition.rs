//! How work is divided among workers, and ranges into parts.

use std::ops::Range;

use crate::thread_pool::ThreadPool;

/// Chunks per worker. With several, the other workers take over the chunks of one that the system suspends.
const CHUNKS_PER_WORKER: usize = 4;

/// Runs `body` on all workers, for ranges that together hold every row exactly once.
pub(super) fn for_each_chunk(pool: &ThreadPool, rows: usize, body: impl Fn(Range<usize>) + Sync) {
    let chunk = chunk_len(pool, rows);
    pool.run(rows.div_ceil(chunk), |_, index| body(index * chunk..rows.min((index + 1) * chunk)));
}

/// Length of a chunk when `items` are divided among the workers that are present.
pub(super) fn chunk_len(pool: &ThreadPool, items: usize) -> usize {
    items.div_ceil(pool.present() * CHUNKS_PER_WORKER).max(1)
}

/// Splits `range` into as few parts as possible of at most `longest` items. Their lengths differ by at most one.
pub(super) fn split_evenly(range: Range<usize>, longest: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = range.len().div_ceil(longest);
    let (each, longer) = (range.len() / parts.max(1), range.len() % parts.max(1));
    (0..parts).map(move |part| {
        let start = range.start + part * each + part.min(longer);
        start..start + each + usize::from(part < longer)
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn parts_are_even_and_not_longer_than_the_limit() {
        let parts = |len: usize, most| split_evenly(7..7 + len, most).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(parts(20, 12), [10, 10]);
        assert_eq!(parts(25, 12), [9, 8, 8]);
        assert_eq!(parts(12, 12), [12]);
        assert_eq!(parts(1, 12), [1]);
        assert_eq!(parts(0, 12), [0; 0]);
        for len in 1..if cfg!(miri) { 40 } else { 200 } {
            let joined: Vec<usize> = split_evenly(7..7 + len, 12).flatten().collect();
            assert_eq!(joined, (7..7 + len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn chunks_hold_every_row_once() {
        let pool = ThreadPool::new(NonZeroUsize::new(3)).unwrap();
        for rows in [0, 1, 2, 12, 13, 100] {
            let seen = Mutex::new(Vec::new());
            for_each_chunk(&pool, rows, |chunk| seen.lock().unwrap().extend(chunk));
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
