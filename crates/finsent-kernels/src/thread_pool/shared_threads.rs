//! Threads that are divided among the pools that compute at the moment.
//!
//! The policy is as simple as can be. A caller that computes is a thread itself, so with `n` threads and `p` callers,
//! `n - p` helpers are divided evenly among the callers, and the others sleep: never do more threads compute than there
//! are. A lone caller has all threads. Helpers move when a caller begins or ends, and between jobs, so that one that begins
//! late gets its share within a job's time, and the last one to work gets the threads of those that have ended.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex};

use super::sync::ignore_poison;
use super::{NonZeroUsize, Ordering, ThreadPool, ThreadPoolError, Threads};

/// Compute threads for several [`ThreadPool`]s at a time.
#[derive(Debug)]
pub struct ComputeThreads {
    threads: Arc<Threads>,
    /// One per thread, as each has a caller that is a thread.
    pools: Vec<ThreadPool>,
    lent: Mutex<Lent>,
    /// Wakes those that wait for a pool.
    given_back: Condvar,
}

/// Which pools are in use, and who waits for one.
#[derive(Debug)]
struct Lent {
    /// By pool.
    in_use: Vec<bool>,
    /// Numbers of those that wait, in the order of their arrival.
    waiting: VecDeque<u64>,
    arrivals: u64,
}

impl ComputeThreads {
    /// Starts `threads` threads less one, because whoever computes is one as well. Without a number: as [`ThreadPool::new`].
    ///
    /// # Errors
    /// [`ThreadPoolError`] if the operating system refuses to start a thread.
    pub fn new(threads: Option<NonZeroUsize>) -> Result<Self, ThreadPoolError> {
        let threads = Arc::new(Threads::start(threads, |threads| threads)?);
        let pools: Vec<_> = (0..threads.count()).map(|lane| ThreadPool::of(Arc::clone(&threads), lane)).collect();
        let lent = Lent { in_use: vec![false; pools.len()], waiting: VecDeque::new(), arrivals: 0 };
        Ok(Self { threads, pools, lent: Mutex::new(lent), given_back: Condvar::new() })
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pools.len()
    }

    /// A pool with its share of the threads. If as many pools are in use as there are threads, it waits for one, in the order
    /// of the calls.
    pub fn pool(&self) -> SharedPool<'_> {
        let mut lent = ignore_poison(self.lent.lock());
        let number = lent.arrivals;
        lent.arrivals += 1;
        lent.waiting.push_back(number);
        loop {
            if lent.waiting.front() == Some(&number)
                && let Some(pool) = self.lend(&mut lent)
            {
                lent.waiting.pop_front();
                if !lent.waiting.is_empty() {
                    self.given_back.notify_all();
                }
                return pool;
            }
            lent = ignore_poison(self.given_back.wait(lent));
        }
    }

    /// A pool, if one is free that nobody waits for.
    pub fn try_pool(&self) -> Option<SharedPool<'_>> {
        let mut lent = ignore_poison(self.lent.lock());
        if lent.waiting.is_empty() { self.lend(&mut lent) } else { None }
    }

    /// Whether someone waits for a pool.
    pub fn are_awaited(&self) -> bool {
        !ignore_poison(self.lent.lock()).waiting.is_empty()
    }

    /// Takes the lowest pool that is free, so that a lone caller finds the helpers where it has left them.
    fn lend(&self, lent: &mut Lent) -> Option<SharedPool<'_>> {
        let index = lent.in_use.iter().position(|in_use| !in_use)?;
        lent.in_use[index] = true;
        self.divide(&lent.in_use);
        Some(SharedPool { of: self, index })
    }

    fn give_back(&self, index: usize) {
        let mut lent = ignore_poison(self.lent.lock());
        lent.in_use[index] = false;
        self.divide(&lent.in_use);
        if !lent.waiting.is_empty() {
            self.given_back.notify_all();
        }
    }

    /// Divides the helpers among the pools in use. If there are none, they stay where they are: most callers come again.
    fn divide(&self, in_use: &[bool]) {
        let callers = in_use.iter().filter(|&&in_use| in_use).count();
        if callers == 0 {
            return;
        }
        let (each, more) = ((self.threads() - callers) / callers, (self.threads() - callers) % callers);
        let active = (0..in_use.len()).filter(|&pool| in_use[pool]);
        let shares = active.enumerate().map(|(place, pool)| (pool, each + usize::from(place < more)));
        let mut missing = vec![0; in_use.len()];
        shares.for_each(|(pool, helpers)| missing[pool] = helpers);
        for (pool, &helpers) in self.pools.iter().zip(&missing) {
            pool.present.store(helpers + 1, Ordering::Relaxed);
        }
        self.move_helpers(missing);
    }

    /// Assigns helpers to the pools that miss so many, as few as possible to another pool than now. Those that are left
    /// sleep.
    fn move_helpers(&self, mut missing: Vec<usize>) {
        let lanes = &self.threads.lanes;
        let sleeping = missing.len();
        let stays = |&helper: &usize| {
            let stays = missing.get(lanes.assignment(helper)).is_some_and(|&missing| missing > 0);
            if stays {
                missing[lanes.assignment(helper)] -= 1;
            }
            !stays
        };
        let moving: Vec<usize> = (0..lanes.helpers()).filter(stays).collect();
        let mut places = missing.iter().enumerate().flat_map(|(pool, &missing)| std::iter::repeat_n(pool, missing));
        for helper in moving {
            lanes.assign(helper, places.next().unwrap_or(sleeping));
        }
    }
}

/// A pool whose threads are shared with others. Dropping it gives its threads to them.
#[derive(Debug)]
pub struct SharedPool<'a> {
    of: &'a ComputeThreads,
    index: usize,
}

impl Deref for SharedPool<'_> {
    type Target = ThreadPool;

    fn deref(&self) -> &ThreadPool {
        &self.of.pools[self.index]
    }
}

impl Drop for SharedPool<'_> {
    fn drop(&mut self) {
        self.of.give_back(self.index);
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    fn threads(count: usize) -> ComputeThreads {
        ComputeThreads::new(NonZeroUsize::new(count)).unwrap()
    }

    /// How many threads each pool has that is in use, and how many helpers sleep.
    fn division(threads: &ComputeThreads, pools: &[&SharedPool<'_>]) -> (Vec<usize>, usize) {
        let lanes = &threads.threads.lanes;
        let at = |lane: usize| (0..lanes.helpers()).filter(|&helper| lanes.assignment(helper) == lane).count();
        for pool in pools {
            assert_eq!(pool.present(), 1 + at(pool.index));
        }
        (pools.iter().map(|pool| pool.present()).collect(), at(threads.threads()))
    }

    #[test]
    fn callers_have_equal_shares_and_no_more_threads_than_there_are_compute() {
        let threads = threads(8);
        let first = threads.pool();
        assert_eq!(division(&threads, &[&first]), (vec![8], 0));
        let second = threads.pool();
        assert_eq!(division(&threads, &[&first, &second]), (vec![4, 4], 1));
        let third = threads.pool();
        assert_eq!(division(&threads, &[&first, &second, &third]), (vec![3, 3, 2], 2));
        drop(first);
        assert_eq!(division(&threads, &[&second, &third]), (vec![4, 4], 1));
        drop(second);
        assert_eq!(division(&threads, &[&third]), (vec![8], 0));
    }

    #[test]
    fn a_lone_caller_finds_the_threads_where_it_has_left_them() {
        let threads = threads(4);
        let first = threads.pool();
        let index = first.index;
        drop(first);
        let lanes = &threads.threads.lanes;
        assert!((0..lanes.helpers()).all(|helper| lanes.assignment(helper) == index));
        assert_eq!(threads.pool().index, index);
    }

    #[test]
    fn the_last_pool_is_waited_for() {
        let threads = threads(2);
        let (first, second) = (threads.pool(), threads.pool());
        let index = second.index;
        assert!(threads.try_pool().is_none() && !threads.are_awaited());
        thread::scope(|scope| {
            let third = scope.spawn(|| threads.pool().index);
            drop(second);
            assert_eq!(third.join().unwrap(), index);
        });
        drop(first);
    }

    #[test]
    fn callers_that_come_and_go_lose_no_task() {
        let threads = threads(4);
        thread::scope(|scope| {
            for caller in 0..6 {
                let threads = &threads;
                scope.spawn(move || {
                    for round in 0..if cfg!(miri) { 3 } else { 300 } {
                        let pool = threads.pool();
                        for tasks in [1, 7, 64] {
                            let runs: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                            pool.run(tasks, |worker, task| {
                                assert!(worker < 4);
                                runs[task].fetch_add(1, Ordering::Relaxed);
                            });
                            let lost = runs.iter().position(|runs| runs.load(Ordering::Relaxed) != 1);
                            assert_eq!(lost, None, "caller {caller}, round {round}, {tasks} tasks");
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_task_panics_in_its_own_pool() {
        let threads = threads(3);
        let (first, second) = (threads.pool(), threads.pool());
        let panics = || first.run(4, |_, task| assert_ne!(task, 2, "task two"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
        let workers = Mutex::new(HashSet::new());
        second.run(2, |worker, _| _ = workers.lock().unwrap().insert(worker));
        assert!(!workers.into_inner().unwrap().is_empty());
    }
}
