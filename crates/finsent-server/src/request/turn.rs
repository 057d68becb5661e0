//! What a task does before it lets the other connections of its thread run.

use super::body::INLINE_BYTES;

/// The work of a task since it let others run.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    work: usize,
}

impl Turn {
    /// Counts work, in bytes of text that are processed in the same time, and lets others run after [`INLINE_BYTES`] of it.
    pub(crate) async fn spend(&mut self, work: usize) {
        self.work += work;
        if self.work > INLINE_BYTES {
            self.work = 0;
            tokio::task::yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    /// How often a task that spends this much at a time is polled until it has spent `total`.
    fn polls(total: usize, at_a_time: usize) -> usize {
        let task = async {
            let mut turn = Turn::default();
            for _ in (0..total).step_by(at_a_time) {
                turn.spend(at_a_time).await;
            }
        };
        let mut task = pin!(task);
        let mut context = Context::from_waker(Waker::noop());
        (1..).find(|_| task.as_mut().poll(&mut context).is_ready()).unwrap()
    }

    #[test]
    fn others_run_after_a_fixed_amount_of_work() {
        for at_a_time in [1, 100, INLINE_BYTES, 3 * INLINE_BYTES] {
            let polls = polls(100 * INLINE_BYTES, at_a_time);
            assert!((33..=101).contains(&polls), "{polls} polls for {at_a_time} bytes at a time");
        }
        assert_eq!(polls(INLINE_BYTES, 1), 1);
    }
}
