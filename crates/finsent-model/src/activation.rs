//! Logits become probabilities.

/// The function from logits to probabilities, chosen by config.json's `problem_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Exactly one label is true (`single_label_classification`): the probabilities sum to 1.
    Softmax,
    /// Each label is true or false by itself (`multi_label_classification`).
    Sigmoid,
    /// The logits as they are (`regression`): values, not probabilities.
    Identity,
}

impl Activation {
    /// The activation that transformers' text-classification pipeline chooses: a regression has its values as they are,
    /// and a single label is scored by itself, because its softmax would be 1 for every text.
    pub(crate) fn choose(problem_type: Option<&str>, num_labels: usize) -> Self {
        match problem_type {
            Some("regression") => Self::Identity,
            Some("multi_label_classification") => Self::Sigmoid,
            _ if num_labels == 1 => Self::Sigmoid,
            _ => Self::Softmax,
        }
    }

    /// The probabilities of one row of logits, computed in f64.
    pub fn probabilities(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Self::Softmax => {
                let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exps: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - max).exp()).collect();
                let sum: f64 = exps.iter().sum();
                exps.iter().map(|exp| (exp / sum) as f32).collect()
            }
            Self::Sigmoid => logits.iter().map(|&logit| (1.0 / (1.0 + (-f64::from(logit)).exp())) as f32).collect(),
            Self::Identity => logits.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_does_not_overflow_and_sigmoid_treats_each_label_by_itself() {
        assert_eq!(Activation::Softmax.probabilities(&[1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(Activation::Softmax.probabilities(&[-1e30, 0.0]), [0.0, 1.0]);
        assert_eq!(Activation::Sigmoid.probabilities(&[0.0, 1000.0, -1000.0]), [0.5, 1.0, 0.0]);
    }

    #[test]
    fn the_problem_type_chooses_the_activation() {
        assert_eq!(Activation::choose(None, 3), Activation::Softmax);
        assert_eq!(Activation::choose(None, 1), Activation::Sigmoid);
        assert_eq!(Activation::choose(Some("single_label_classification"), 1), Activation::Sigmoid);
        assert_eq!(Activation::choose(Some("single_label_classification"), 2), Activation::Softmax);
        assert_eq!(Activation::choose(Some("regression"), 1), Activation::Identity);
        assert_eq!(Activation::choose(Some("regression"), 3), Activation::Identity);
        assert_eq!(Activation::choose(Some("multi_label_classification"), 3), Activation::Sigmoid);
    }
}
