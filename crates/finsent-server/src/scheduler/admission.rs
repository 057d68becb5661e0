//! Whether a request is accepted: the queue has room, and its deadline leaves enough time.

use std::time::Duration;

use super::fair_queue::{Lane, Places};
use super::queue::Queue;
use super::throughput::Throughput;
use super::work::Refusal;

/// A request with encodings that are neither cached nor queued.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) lane: Lane,
    /// Index of the model.
    pub(super) model: usize,
    /// Tokens of its new encodings.
    pub(super) tokens: usize,
    /// The places of the last one.
    pub(super) places: Places,
    pub(super) time_left: Duration,
}

/// What the workers do.
#[derive(Debug)]
pub(super) struct EngineState<'a> {
    /// Index of the model and tokens of the batches that are being computed.
    pub(super) running: Vec<(usize, usize)>,
    /// Batches that can be computed at the same time.
    pub(super) workers: usize,
    /// The most tokens of a batch.
    pub(super) batch_tokens: usize,
    /// By the index of the model: how fast all threads together compute.
    pub(super) throughputs: &'a [Throughput],
}

impl EngineState<'_> {
    /// The time that these tokens of a request take after what is ahead of them. If all workers are busy, its batch has only a
    /// share of the threads.
    fn seconds(&self, model: usize, tokens: usize) -> f64 {
        let together = self.workers.min(self.running.len() + 1);
        let of_batch = self.throughputs[model].seconds(tokens.min(self.batch_tokens)) * together as f64;
        self.throughputs[model].seconds(tokens).max(of_batch)
    }
}

/// The share of the time until its deadline that a request may be expected to take. The estimate is not exact.
const EXPECTED_SHARE_OF_DEADLINE: f64 = 0.75;

/// Accepts the candidate, or refuses it at once.
pub(super) fn admit(
    candidate: Candidate,
    queue: &Queue,
    max_queue_tokens: usize,
    engine: &EngineState<'_>,
) -> Result<(), Refusal> {
    let throughputs = engine.throughputs;
    let Candidate { lane, model, tokens, places, time_left } = candidate;
    if tokens > max_queue_tokens {
        return Err(Refusal::TooLarge { tokens, limit: max_queue_tokens });
    }
    // Bulk requests leave half of the queue to interactive ones. A single larger one is accepted into an empty queue.
    let room = if lane == Lane::Bulk { (max_queue_tokens / 2).max(tokens) } else { max_queue_tokens };
    let queued = queue.tokens();
    if queued + tokens > room {
        let seconds = throughputs[model].seconds(queued + tokens - room);
        return Err(Refusal::Full { retry_after: Duration::from_secs_f64(seconds) });
    }
    let ahead = queue.before(lane, places).chain(engine.running.iter().copied());
    let seconds_ahead: f64 = ahead.map(|(model, tokens)| throughputs[model].seconds(tokens)).sum();
    let expected = seconds_ahead + engine.seconds(model, tokens);
    let allowed = EXPECTED_SHARE_OF_DEADLINE * time_left.as_secs_f64();
    // With nothing ahead of it, coming back later would not help.
    if seconds_ahead > 0.0 && expected > allowed {
        return Err(Refusal::Full { retry_after: Duration::from_secs_f64(expected - allowed) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue that is empty while a batch of 10 tokens runs, on a model that takes 20 ms for a token.
    fn admit_behind_a_batch(tokens: usize, time_left: Duration) -> Result<(), Refusal> {
        let mut throughput = Throughput::default();
        throughput.record(10, 0.2);
        let candidate = Candidate { lane: Lane::Interactive, model: 0, tokens, places: Places::default(), time_left };
        admit_with(candidate, &[(0, 10)], throughput, 1)
    }

    fn admit_with(
        candidate: Candidate,
        running: &[(usize, usize)],
        throughput: Throughput,
        workers: usize,
    ) -> Result<(), Refusal> {
        let engine = EngineState { running: running.to_vec(), workers, batch_tokens: 100, throughputs: &[throughput] };
        admit(candidate, &Queue::new(), 1000, &engine)
    }

    #[test]
    fn a_batch_beside_others_has_a_share_of_the_threads() {
        let mut throughput = Throughput::default();
        throughput.record(10, 0.2);
        let candidate = |milliseconds| Candidate {
            lane: Lane::Interactive,
            model: 0,
            tokens: 20,
            places: Places::default(),
            time_left: Duration::from_millis(milliseconds),
        };
        // 200 ms for the running batch, and 400 ms on all threads or 800 ms on half of them.
        assert_eq!(admit_with(candidate(900), &[(0, 10)], throughput, 1), Ok(()));
        assert!(admit_with(candidate(900), &[(0, 10)], throughput, 2).is_err());
        assert_eq!(admit_with(candidate(1400), &[(0, 10)], throughput, 2), Ok(()));
    }

    #[test]
    fn a_request_that_would_miss_its_deadline_is_refused() {
        let Err(Refusal::Full { retry_after }) = admit_behind_a_batch(20, Duration::from_millis(500)) else {
            panic!("600 ms of work were accepted for 375 ms")
        };
        assert!((retry_after.as_secs_f64() - 0.225).abs() < 1e-6, "{retry_after:?}");
        assert_eq!(admit_behind_a_batch(20, Duration::from_secs(60)), Ok(()));
    }

    #[test]
    fn a_request_with_nothing_ahead_is_accepted_whatever_its_deadline() {
        let mut throughput = Throughput::default();
        throughput.record(10, 0.2);
        let time_left = Duration::from_millis(1);
        let candidate =
            Candidate { lane: Lane::Interactive, model: 0, tokens: 20, places: Places::default(), time_left };
        assert_eq!(admit_with(candidate, &[], throughput, 1), Ok(()));
    }
}
