//! The mean of probabilities.

/// The weighted mean of rows of probabilities, computed in f64 in their order. The mean of one row is that row, bit for
/// bit.
pub(super) fn mean<'a>(rows: impl Iterator<Item = (&'a [f32], usize)>) -> Vec<f32> {
    let mut sums: Vec<f64> = Vec::new();
    let mut weights = 0.0;
    for (row, weight) in rows {
        sums.resize(row.len(), 0.0);
        weights += weight as f64;
        for (sum, &probability) in sums.iter_mut().zip(row) {
            *sum += f64::from(probability) * weight as f64;
        }
    }
    assert!(weights > 0.0, "at least one row has tokens");
    sums.into_iter().map(|sum| (sum / weights) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_one_row_is_that_row_bit_for_bit() {
        let row = [0.1, 0.7, 0.2, f32::MIN_POSITIVE, -3.7e-5, 12.3];
        for weight in [1, 3, 7, 512, 999_983] {
            assert_eq!(mean([(&row[..], weight)].into_iter()), row);
        }
    }
}
