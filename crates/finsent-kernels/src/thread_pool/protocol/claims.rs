//! The word that publishes a job and hands out its tasks.

/// Most tasks of one job: what fits in 16 bits.
pub(in crate::thread_pool) const MAX_TASKS: usize = u16::MAX as usize;

/// The job's number (32 bits), the count of its tasks (16 bits), and the next task that nobody has claimed (16 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claims(u64);

impl Claims {
    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn to_bits(self) -> u64 {
        self.0
    }

    /// The job after this one, with all its tasks unclaimed.
    pub(super) fn next_job(self, tasks: usize) -> Self {
        debug_assert!(tasks <= MAX_TASKS, "{tasks} tasks");
        let job = ((self.0 >> 32) as u32).wrapping_add(1);
        Self(u64::from(job) << 32 | (tasks as u64) << 16)
    }

    /// The next task, if one is left.
    pub(super) fn task(self) -> Option<usize> {
        let (tasks, next) = (self.0 >> 16 & 0xffff, self.0 & 0xffff);
        (next < tasks).then_some(next as usize)
    }

    /// The word after the next task was claimed. Only valid if one is left.
    pub(super) fn after_claim(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_claimed_once_and_none_of_the_next_job() {
        for tasks in [0, 1, 2, if cfg!(miri) { 300 } else { MAX_TASKS }] {
            let mut claims = Claims::from_bits(u64::MAX).next_job(tasks);
            for task in 0..tasks {
                assert_eq!(claims.task(), Some(task));
                claims = claims.after_claim();
            }
            assert_eq!(claims.task(), None, "{tasks} tasks");
            assert_ne!(claims.next_job(tasks), Claims::from_bits(u64::MAX).next_job(tasks));
        }
    }
}
