//! Calibration: whether predictions with a probability of 0.8 are right in 80 % of cases.

/// Bins of equal width over the confidence, as in Guo et al.
pub(super) const BINS: usize = 15;

/// Sums over rows of how far the probabilities are from the labels.
#[derive(Debug, Clone, Default)]
pub struct Calibration {
    bins: [Bin; BINS],
    squares: f64,
    log_losses: f64,
}

/// The rows whose best label has a probability in ((m - 1) / 15, m / 15].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// Its rows.
    pub count: u64,
    correct: u64,
    confidences: f64,
}

impl Bin {
    /// The share of rows whose prediction is right; 0 if the bin is empty.
    pub fn accuracy(&self) -> f64 {
        self.mean(self.correct as f64)
    }

    /// The mean probability of the predicted labels; 0 if the bin is empty.
    pub fn confidence(&self) -> f64 {
        self.mean(self.confidences)
    }

    fn mean(&self, sum: f64) -> f64 {
        if self.count == 0 { 0.0 } else { sum / self.count as f64 }
    }
}

impl Calibration {
    /// Adds a row with the label `truth`. `probabilities` are in the order of the labels and sum to 1.
    pub fn add(&mut self, truth: usize, predicted: usize, probabilities: &[f32]) {
        let confidence = f64::from(probabilities[predicted]);
        let bin = &mut self.bins[bin_of(confidence)];
        bin.count += 1;
        bin.correct += u64::from(predicted == truth);
        bin.confidences += confidence;

        let square = |(id, &probability): (usize, &f32)| {
            let target = f64::from(u8::from(id == truth));
            (f64::from(probability) - target).powi(2)
        };
        self.squares += probabilities.iter().enumerate().map(square).sum::<f64>();
        self.log_losses -= f64::from(probabilities[truth]).max(f64::EPSILON).ln();
    }

    /// The bins, from the lowest confidence.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The expected calibration error (Guo et al., 2017, On Calibration of Modern Neural Networks, eq. 3): the mean over
    /// the rows of |accuracy - confidence| of their bin. From 0 to 1; 0 is best.
    pub fn ece(&self) -> f64 {
        let gap = |bin: &Bin| bin.count as f64 * (bin.accuracy() - bin.confidence()).abs();
        self.mean(self.bins.iter().map(gap).sum())
    }

    /// The Brier score in its first form (Brier, 1950): the mean over the rows of the sum over all labels of
    /// (probability - (1 if the label is true, else 0))². From 0 to 2; 0 is best. For two labels it is twice the score of one
    /// of them.
    pub fn brier(&self) -> f64 {
        self.mean(self.squares)
    }

    /// The mean over the rows of -ln(probability of the true label). Probabilities below 2^-52 count as 2^-52.
    pub fn log_loss(&self) -> f64 {
        self.mean(self.log_losses)
    }

    fn mean(&self, sum: f64) -> f64 {
        let count: u64 = self.bins.iter().map(|bin| bin.count).sum();
        if count == 0 { 0.0 } else { sum / count as f64 }
    }
}

/// The bin of a confidence. Bins are closed on the right; the first one includes 0.
fn bin_of(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    #[test]
    fn bins_are_closed_on_the_right() {
        assert_eq!([0.0, 0.01, 1.0 / 15.0, 0.0667, 0.2, 0.21, 0.999, 1.0].map(bin_of), [0, 0, 0, 1, 2, 3, 14, 14]);
    }

    #[test]
    fn scores_match_those_computed_by_hand() {
        let mut calibration = Calibration::default();
        // Powers of two are exact in f32. Two rows have the confidence 0.75 (bin 12), one of them is right; one row has 0.5.
        calibration.add(0, 0, &[0.75, 0.25, 0.0]);
        calibration.add(1, 0, &[0.75, 0.25, 0.0]);
        calibration.add(2, 2, &[0.25, 0.25, 0.5]);
        let filled: Vec<&Bin> = calibration.bins().iter().filter(|bin| bin.count > 0).collect();
        assert_eq!((filled[1].count, filled[1].accuracy(), filled[1].confidence()), (2, 0.5, 0.75));
        assert_near(calibration.ece(), (2.0 * 0.25 + 1.0 * 0.5) / 3.0);
        let squares = [0.0625 + 0.0625, 0.5625 + 0.5625, 0.0625 + 0.0625 + 0.25];
        assert_near(calibration.brier(), squares.iter().sum::<f64>() / 3.0);
        assert_near(calibration.log_loss(), -(0.75_f64.ln() + 0.25_f64.ln() + 0.5_f64.ln()) / 3.0);
    }

    #[test]
    fn a_true_label_with_probability_0_has_a_finite_loss() {
        let mut calibration = Calibration::default();
        calibration.add(1, 0, &[1.0, 0.0]);
        assert_near(calibration.log_loss(), 52.0 * 2.0_f64.ln());
        assert_eq!((calibration.brier(), calibration.ece()), (2.0, 1.0));
    }

    #[test]
    fn without_rows_all_scores_are_0() {
        let calibration = Calibration::default();
        assert_eq!((calibration.ece(), calibration.brier(), calibration.log_loss()), (0.0, 0.0, 0.0));
    }
}
