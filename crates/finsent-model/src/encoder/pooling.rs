//! What the head reads of a text.

use finsent_kernels::Matrix;

/// The mean of the rows of each text: `[total_tokens, hidden_size]` -> `[texts, hidden_size]`. The sums are f64, so that
/// a text of thousands of tokens loses no digits.
pub(super) fn mean(hidden: &Matrix, cu_seqlens: &[usize], pooled: &mut Matrix) {
    pooled.set_rows(cu_seqlens.len() - 1);
    let mut sums = vec![0.0; hidden.columns()];
    for (text, rows) in cu_seqlens.windows(2).enumerate() {
        sums.fill(0.0);
        for row in rows[0]..rows[1] {
            sums.iter_mut().zip(hidden.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        let tokens = (rows[1] - rows[0]) as f64;
        pooled.row_mut(text).iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum / tokens) as f32);
    }
}

/// The first row of each text: `[total_tokens, hidden_size]` -> `[texts, hidden_size]`.
pub(super) fn first(hidden: &Matrix, cu_seqlens: &[usize], pooled: &mut Matrix) {
    let starts = &cu_seqlens[..cu_seqlens.len() - 1];
    pooled.set_rows(starts.len());
    for (text, &start) in starts.iter().enumerate() {
        pooled.row_mut(text).copy_from_slice(hidden.row(start));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_the_mean_of_its_tokens_and_the_first_of_them() {
        let mut hidden = Matrix::new(2);
        hidden.set_rows(4);
        for (row, values) in [[1.0, 5.0], [2.0, -1.0], [6.0, 2.0], [0.5, 0.25]].iter().enumerate() {
            hidden.row_mut(row).copy_from_slice(values);
        }
        let mut pooled = Matrix::new(2);
        mean(&hidden, &[0, 3, 4], &mut pooled);
        assert_eq!([pooled.row(0), pooled.row(1)], [[3.0, 2.0], [0.5, 0.25]]);
        first(&hidden, &[0, 3, 4], &mut pooled);
        assert_eq!([pooled.row(0), pooled.row(1)], [[1.0, 5.0], [0.5, 0.25]]);
    }
}
