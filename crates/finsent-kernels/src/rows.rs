//! Work that goes row by row, shared out.

use std::ops::Range;

use crate::thread_pool::ThreadPool;

/// Chunks for each member of the pool: enough for one that is held up to leave its share to the others.
const CHUNKS_A_MEMBER: usize = 4;

/// Runs `body` on all members for ranges that together hold every row once.
pub(super) fn for_each_chunk(pool: &ThreadPool, rows: usize, body: impl Fn(Range<usize>) + Sync) {
    let chunk = chunk_len(pool, rows);
    pool.run(rows.div_ceil(chunk), |_, index| body(index * chunk..rows.min((index + 1) * chunk)));
}

/// Length of a chunk when `items` are shared out.
pub(super) fn chunk_len(pool: &ThreadPool, items: usize) -> usize {
    items.div_ceil(pool.threads() * CHUNKS_A_MEMBER).max(1)
}

/// Cuts `range` into as few parts of at most `most` as it takes, of lengths that differ by one at most.
pub(super) fn spread(range: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = range.len().div_ceil(most).max(1);
    let (each, longer) = (range.len() / parts, range.len() % parts);
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
    fn parts_are_equal_and_no_longer_than_asked() {
        let parts = |len: usize, most| spread(7..7 + len, most).map(|part| part.len()).collect::<Vec<_>>();
        assert_eq!(parts(20, 12), [10, 10]);
        assert_eq!(parts(25, 12), [9, 8, 8]);
        assert_eq!(parts(12, 12), [12]);
        assert_eq!(parts(1, 12), [1]);
        for len in 1..200 {
            let joined: Vec<usize> = spread(7..7 + len, 12).flatten().collect();
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
