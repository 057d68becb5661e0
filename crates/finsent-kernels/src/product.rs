//! Products of an operand (activations) with packed weights, one for each pair of number formats.
//!
//! Packed weights are 32-bit lanes, a lane a column: it holds one f32, two bfloat16, or four bytes along k. A step of a
//! product broadcasts as many numbers of each row of the operand, and adds to the row's sums.

use super::simd::{NV, Simd};

/// The arithmetic of one step along k.
pub(super) trait Product<S: Simd>: Copy {
    /// A number of the operand.
    type Operand: Copy;
    /// 32-bit sums.
    type Sums: Copy;
    /// Numbers along k in a lane of weights.
    const GROUP: usize;
    /// Most rows of a tile.
    const MR: usize = S::MR;

    /// Sums from the bits that [`Product::suspend`] gave; all zeros are no sum yet.
    fn resume(self, s: S, sums: S::I32) -> Self::Sums;
    fn suspend(self, s: S, sums: Self::Sums) -> S::I32;
    /// What the sums are worth as numbers, before scales. For bytes that is without what the operand's zero point, a
    /// row's, added: `zero` times the sums of the columns' weights.
    fn worth(self, s: S, sums: Self::Sums, zero: i32, column_sums: S::I32) -> S::F32;

    /// Adds the products of `GROUP` numbers of each of `MR` rows with a lane each of `NV` vectors of weights.
    ///
    /// # Safety
    /// `GROUP` numbers are readable at `operand + row * stride` for every row.
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[Self::Sums; NV]; MR],
        operand: *const Self::Operand,
        stride: usize,
        weights: [S::I32; NV],
    );
}

/// Something to do with a product.
pub(super) trait ProductKernel {
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P);
}

/// f32 by weights that widen to f32: exact products, sums rounded to f32.
#[derive(Clone, Copy)]
pub(super) struct Widening<W>(pub(super) W);

/// Weights that are widened to f32 as they are read.
pub(super) trait Widen: Copy {
    /// Numbers in a lane.
    const GROUP: usize;
    /// Number `k` of each lane.
    fn widen<S: Simd>(self, s: S, lanes: S::I32, k: usize) -> S::F32;
}

#[derive(Clone, Copy)]
pub(super) struct F32Weights;
#[derive(Clone, Copy)]
pub(super) struct Bf16Weights;

impl Widen for F32Weights {
    const GROUP: usize = 1;

    #[inline(always)]
    fn widen<S: Simd>(self, s: S, lanes: S::I32, _: usize) -> S::F32 {
        s.floats(lanes)
    }
}

impl Widen for Bf16Weights {
    const GROUP: usize = 2;

    #[inline(always)]
    fn widen<S: Simd>(self, s: S, lanes: S::I32, k: usize) -> S::F32 {
        s.floats(match k {
            0 => s.shift_left::<16>(lanes),
            _ => s.and_i32(lanes, s.splat_i32(0xffff_0000_u32.cast_signed())),
        })
    }
}

impl<S: Simd, W: Widen> Product<S> for Widening<W> {
    type Operand = f32;
    type Sums = S::F32;
    const GROUP: usize = W::GROUP;
    const MR: usize = if W::GROUP == 1 { S::MR } else { S::MR_UNPACKING };

    #[inline(always)]
    fn resume(self, s: S, sums: S::I32) -> S::F32 {
        s.floats(sums)
    }

    #[inline(always)]
    fn suspend(self, s: S, sums: S::F32) -> S::I32 {
        s.bits(sums)
    }

    #[inline(always)]
    fn worth(self, _: S, sums: S::F32, _: i32, _: S::I32) -> S::F32 {
        sums
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[S::F32; NV]; MR],
        operand: *const f32,
        stride: usize,
        weights: [S::I32; NV],
    ) {
        for k in 0..W::GROUP {
            let weights = [self.0.widen(s, weights[0], k), self.0.widen(s, weights[1], k)];
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's word for the memory.
                let x = s.splat(unsafe { *operand.add(row * stride + k) });
                sums[0] = s.mul_add(x, weights[0], sums[0]);
                sums[1] = s.mul_add(x, weights[1], sums[1]);
            }
        }
    }
}

/// Operand bytes by signed weights, without an instruction for it: both widened to 16 bits, where no sum of two products
/// can saturate, unlike `vpmaddubsw`'s. The sums are exact.
///
/// A lane `b0 b1 b2 b3` of weights gives the pairs `b0 b2` and `b1 b3` by a shift each, so the operand keeps the four
/// numbers of a step in the order 0 2 1 3 ([`PAIRS`]).
#[derive(Clone, Copy)]
pub(super) struct Pairs;

/// Where the four numbers of a step stand in an operand of [`Pairs`].
pub(super) const PAIRS: [usize; 4] = [0, 2, 1, 3];

impl<S: Simd> Product<S> for Pairs {
    type Operand = i16;
    type Sums = S::I32;
    const GROUP: usize = 4;
    const MR: usize = S::MR_UNPACKING;

    #[inline(always)]
    fn resume(self, _: S, sums: S::I32) -> S::I32 {
        sums
    }

    #[inline(always)]
    fn suspend(self, _: S, sums: S::I32) -> S::I32 {
        sums
    }

    #[inline(always)]
    fn worth(self, s: S, sums: S::I32, zero: i32, column_sums: S::I32) -> S::F32 {
        s.without_zero(sums, zero, column_sums)
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[S::I32; NV]; MR],
        operand: *const i16,
        stride: usize,
        weights: [S::I32; NV],
    ) {
        for pair in 0..2 {
            let weights = match pair {
                0 => [s.even_bytes(weights[0]), s.even_bytes(weights[1])],
                _ => [s.odd_bytes(weights[0]), s.odd_bytes(weights[1])],
            };
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller's word for the memory.
                let two = unsafe { operand.add(row * stride + 2 * pair).cast::<i32>().read_unaligned() };
                let two = s.splat_i32(two);
                sums[0] = s.dot_i16(sums[0], two, weights[0]);
                sums[1] = s.dot_i16(sums[1], two, weights[1]);
            }
        }
    }
}
