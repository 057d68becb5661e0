//! The output of the encoder: a row of logits per text.

/// The logits of a batch, `[texts, num_labels]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    values: Vec<f32>,
    num_labels: usize,
}

impl Logits {
    pub(super) fn new(values: Vec<f32>, num_labels: usize) -> Self {
        Self { values, num_labels }
    }

    /// The logits of each text, in the order of the batch.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.num_labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_a_row() {
        let logits = Logits::new(vec![1.0, 2.0, 3.0, 4.0], 2);
        assert_eq!(logits.rows().collect::<Vec<_>>(), [[1.0, 2.0], [3.0, 4.0]]);
    }
}
