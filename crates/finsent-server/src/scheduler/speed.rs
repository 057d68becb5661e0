//! How fast a model computes, learned from its passes.

/// Tokens and seconds of the last passes; older ones count less.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Speed {
    tokens: f64,
    seconds: f64,
}

/// What is left of a pass's weight after the next one.
const DECAY: f64 = 0.9;

impl Speed {
    pub(super) fn learn(&mut self, tokens: usize, seconds: f64) {
        self.tokens = DECAY * self.tokens + tokens as f64;
        self.seconds = DECAY * self.seconds + seconds;
    }

    /// How long so many tokens take; 0 while there has been no pass.
    pub(super) fn seconds(&self, tokens: usize) -> f64 {
        if self.tokens > 0.0 { tokens as f64 * self.seconds / self.tokens } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_last_passes() {
        let mut speed = Speed::default();
        assert_eq!(speed.seconds(100), 0.0);
        speed.learn(100, 1.0);
        assert_eq!(speed.seconds(50), 0.5);
        (0..100).for_each(|_| speed.learn(100, 0.1));
        assert!((speed.seconds(100) - 0.1).abs() < 1e-3);
    }
}
