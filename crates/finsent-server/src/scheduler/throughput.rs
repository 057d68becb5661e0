//! How fast a model computes, learned from its batches.

/// Tokens and seconds of recent batches, weighted by age.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Throughput {
    tokens: f64,
    seconds: f64,
}

/// How much of a batch's weight remains after the next batch.
const DECAY: f64 = 0.9;

impl Throughput {
    /// Takes a batch into account.
    pub(super) fn record(&mut self, tokens: usize, seconds: f64) {
        self.tokens = DECAY * self.tokens + tokens as f64;
        self.seconds = DECAY * self.seconds + seconds;
    }

    /// The expected time for this many tokens in seconds; 0 before the first batch.
    pub(super) fn seconds(&self, tokens: usize) -> f64 {
        if self.tokens > 0.0 { tokens as f64 * self.seconds / self.tokens } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_batches_count_most() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.seconds(100), 0.0);
        throughput.record(100, 1.0);
        assert_eq!(throughput.seconds(50), 0.5);
        (0..100).for_each(|_| throughput.record(100, 0.1));
        assert!((throughput.seconds(100) - 0.1).abs() < 1e-3);
    }
}
