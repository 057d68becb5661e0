//! What the head gives: a row of numbers a text.

/// Finite logits, shape `[texts, num_labels]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    values: Vec<f32>,
    num_labels: usize,
}

impl Logits {
    /// `None` when a value is NaN or infinite.
    pub(super) fn new(values: Vec<f32>, num_labels: usize) -> Option<Self> {
        values.iter().all(|value| value.is_finite()).then_some(Self { values, num_labels })
    }

    /// The row of each text, in the order of the batch.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.num_labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_texts() {
        let logits = Logits::new(vec![1.0, 2.0, 3.0, 4.0], 2).unwrap();
        assert_eq!(logits.rows().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
    }

    #[test]
    fn logits_that_are_not_finite_are_no_logits() {
        assert_eq!(Logits::new(vec![0.0, f32::NAN], 2), None);
        assert_eq!(Logits::new(vec![f32::INFINITY, 0.0], 2), None);
    }
}
