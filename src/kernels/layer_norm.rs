//! Layer normalisation, with the addition before it and the rounding after it in the same sweep over a row.

use super::isa::Isa;
use super::matrix::Matrix;
use super::operand::Rounded;
use super::rows::for_each_chunk;
use super::simd::{Routine, Simd};
use crate::threads::Team;

/// Normalisation of a row to mean 0 and variance 1, then scaled and shifted (Ba, Kiros and Hinton 2016).
#[derive(Debug)]
pub(crate) struct LayerNorm {
    /// `[hidden_size]`
    pub(crate) weight: Vec<f32>,
    /// `[hidden_size]`
    pub(crate) bias: Vec<f32>,
    /// Added to the variance.
    pub(crate) eps: f32,
}

impl LayerNorm {
    /// `hidden = norm(hidden + residual)`, row by row. `rounded`, if there is one, becomes the rows of `hidden` rounded.
    ///
    /// # Panics
    /// When the shapes differ.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        team: &Team,
        residual: Option<&Matrix>,
        hidden: &mut Matrix,
        mut rounded: Option<&mut Rounded>,
    ) {
        let shape = (hidden.rows(), hidden.columns());
        assert!(residual.is_none_or(|residual| (residual.rows(), residual.columns()) == shape), "rows and columns");
        let rows = hidden.rows();
        if let Some(rounded) = &mut rounded {
            rounded.set_rows(rows);
        }
        let (hidden, rounded) = (hidden.share(), rounded.map(Rounded::share));
        for_each_chunk(team, rows, |rows| {
            for index in rows {
                // SAFETY: each row is in one chunk.
                let row = unsafe { hidden.row(index) };
                isa.run(Normalise { norm: self, residual: residual.map(|residual| residual.row(index)), row });
                if let Some(rounded) = rounded {
                    // SAFETY: as above.
                    unsafe { rounded.round_row(isa, index, row) };
                }
            }
        });
    }
}

struct Normalise<'a> {
    norm: &'a LayerNorm,
    residual: Option<&'a [f32]>,
    row: &'a mut [f32],
}

impl Routine for Normalise<'_> {
    type Output = ();

    /// A few sweeps over a row that stays in the first-level cache: the sum, the squared deviations from the mean (the
    /// form with the mean of the squares cancels where a row's mean is large), the result.
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.row.len();
        assert!(self.norm.weight.len() == len && self.norm.bias.len() == len);
        if let Some(residual) = self.residual {
            for (x, residual) in self.row.chunks_mut(S::LANES).zip(residual.chunks(S::LANES)) {
                s.store_up_to(s.add(s.load_or(x, 0.0), s.load_or(residual, 0.0)), x);
            }
        }
        let mut sums = s.splat(0.0);
        for x in self.row.chunks(S::LANES) {
            sums = s.add(sums, s.load_or(x, 0.0));
        }
        let mean = s.sum(sums) / len as f32;

        let mut squares = s.splat(0.0);
        for x in self.row.chunks(S::LANES) {
            let deviation = s.sub(s.load_or(x, mean), s.splat(mean));
            squares = s.mul_add(deviation, deviation, squares);
        }
        let variance = s.sum(squares) / len as f32;
        let scale = s.splat(1.0 / (variance + self.norm.eps).sqrt());

        let parameters = self.norm.weight.chunks(S::LANES).zip(self.norm.bias.chunks(S::LANES));
        for (x, (weight, bias)) in self.row.chunks_mut(S::LANES).zip(parameters) {
            let normal = s.mul(s.sub(s.load_or(x, 0.0), s.splat(mean)), scale);
            s.store_up_to(s.mul_add(normal, s.load_or(weight, 0.0), s.load_or(bias, 0.0)), x);
        }
    }
}
