//! Rotary position embedding: queries and keys are rotated by angles that grow with the position in the text.
#![expect(unsafe_code, reason = "threads write the rows of one matrix at the same time")]

use super::isa::Isa;
use super::matrix::Matrix;
use super::partition::for_each_chunk;
use super::simd::{Kernel, Simd};
use crate::thread_pool::ThreadPool;

/// The angles of rotary position embedding (Su et al. 2021), with their cosines and sines as far as they were needed.
///
/// Number `i` of the first half of a head and number `i` of the second half are a point in a plane. At position `p` it is
/// rotated by the angle `p base^(-2i/head_size)`. The angles are rounded to f32, as in transformers.
#[derive(Debug)]
pub struct Rotary {
    /// The angle of each plane at position 1: `[head_size / 2]`.
    steps: Vec<f32>,
    /// `[positions, 2, head_size / 2]`: the cosines of each position, then its sines.
    table: Vec<f32>,
}

impl Rotary {
    /// # Panics
    /// If `head_size` is odd.
    pub fn new(base: f64, head_size: usize) -> Self {
        assert!(head_size.is_multiple_of(2), "a head of {head_size} numbers");
        let step = |plane: usize| {
            let exponent = (2 * plane) as f32 / head_size as f32;
            1.0 / base.powf(exponent.into()) as f32
        };
        Self { steps: (0..head_size / 2).map(step).collect(), table: Vec::new() }
    }

    /// Rotates the heads in the first `heads * head_size` columns of `matrix`. Text `i` has the rows
    /// `cu_lens[i]..cu_lens[i + 1]`, of which the first is at position 0.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn forward(&mut self, isa: Isa, pool: &ThreadPool, heads: usize, cu_lens: &[usize], matrix: &mut Matrix) {
        let width = 2 * self.steps.len();
        assert!(heads * width <= matrix.columns(), "columns");
        assert!(cu_lens.is_sorted() && cu_lens.last() == Some(&matrix.rows()), "rows");
        self.extend(cu_lens.windows(2).map(|text| text[1] - text[0]).max().unwrap_or(0));
        let (rows, table) = (matrix.rows(), &self.table);
        let matrix = matrix.share();
        for_each_chunk(pool, rows, |rows| {
            let mut text = cu_lens.partition_point(|&start| start <= rows.start) - 1;
            for index in rows {
                while cu_lens[text + 1] <= index {
                    text += 1;
                }
                // SAFETY: each row is in exactly one chunk.
                let row = unsafe { matrix.row(index) };
                let angles = &table[(index - cu_lens[text]) * width..][..width];
                isa.run(Rotate { angles, row: &mut row[..heads * width] });
            }
        });
    }

    /// Makes the table long enough for texts of so many tokens.
    fn extend(&mut self, positions: usize) {
        let known = self.table.len() / (2 * self.steps.len()).max(1);
        for position in known..positions {
            let angle = |step: &f32| f64::from(position as f32 * step);
            self.table.extend(self.steps.iter().map(|step| angle(step).cos() as f32));
            self.table.extend(self.steps.iter().map(|step| angle(step).sin() as f32));
        }
    }
}

struct Rotate<'a> {
    /// The cosines, then the sines.
    angles: &'a [f32],
    /// Whole heads.
    row: &'a mut [f32],
}

impl Kernel for Rotate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let planes = self.angles.len() / 2;
        let (cosines, sines) = self.angles.split_at(planes);
        for head in self.row.chunks_exact_mut(2 * planes) {
            let (first, second) = head.split_at_mut(planes);
            let points = first.chunks_mut(S::LANES).zip(second.chunks_mut(S::LANES));
            let angles = cosines.chunks(S::LANES).zip(sines.chunks(S::LANES));
            for ((first, second), (cosines, sines)) in points.zip(angles) {
                let (x, y) = (s.load_or(first, 0.0), s.load_or(second, 0.0));
                let (cosine, sine) = (s.load_or(cosines, 0.0), s.load_or(sines, 0.0));
                s.store_up_to(s.sub(s.mul(x, cosine), s.mul(y, sine)), first);
                s.store_up_to(s.mul_add(x, sine, s.mul(y, cosine)), second);
            }
        }
    }
}
