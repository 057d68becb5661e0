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
    pub(super) model: usize,
    /// Tokens of its new encodings.
    pub(super) tokens: usize,
    /// The places of the last one.
    pub(super) places: Places,
    pub(super) time_left: Duration,
}

/// The share of the time until its deadline that a request may be expected to take. The estimate is not exact.
const EXPECTED_SHARE_OF_DEADLINE: f64 = 0.75;

/// Accepts the candidate, or refuses it at once. `running` is the model and the tokens of the batch that is being
/// computed.
pub(super) fn admit(
    candidate: Candidate,
    queue: &Queue,
    max_queue_tokens: usize,
    running: Option<(usize, usize)>,
    throughputs: &[Throughput],
) -> Result<(), Refusal> {
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
    let ahead = queue.before(lane, places).chain(running);
    let seconds_ahead: f64 = ahead.map(|(model, tokens)| throughputs[model].seconds(tokens)).sum();
    let expected = seconds_ahead + throughputs[model].seconds(tokens);
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
        admit(candidate, &Queue::new(Vec::new()), 1000, Some((0, 10)), &[throughput])
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
        assert_eq!(admit(candidate, &Queue::new(Vec::new()), 1000, None, &[throughput]), Ok(()));
    }
}
