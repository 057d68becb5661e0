//! The inner step of a matrix product, for each pair of number formats.
//!
//! Packed weights are lanes of 32 bits, one or two for each column and step. A lane holds one f32, two bfloat16 or four bytes
//! along k. A step takes as many numbers of each row of the operand (the activations) and adds the products to the sums of
//! the row.
#![expect(unsafe_code, reason = "a step reads the operand and the weights through pointers")]

use super::simd::{Kernel, NV, Simd};

/// The arithmetic of one step along k.
pub(super) trait Product<S: Simd>: Copy {
    /// A number of the operand.
    type Operand: Copy;
    /// A vector of 32-bit sums.
    type Sums: Copy;
    /// The weights of a step: vectors, or their address if they take more registers than there are.
    type Weights: Copy;
    /// Numbers along k in a step.
    const GROUP: usize;
    /// Lanes of each column in a step of packed weights.
    const COLUMN_LANES: usize = 1;
    /// Most rows of a tile.
    const MR: usize = S::MR;
    /// Rows that one instruction multiplies. `MR` is a multiple of it.
    const ROWS: usize = 1;

    /// Runs a kernel with this product, as [`Simd::run_apart`] does.
    fn run_apart<K: ProductKernel>(self, s: S, kernel: K);

    /// Restores sums that [`Product::sums_to_bits`] gave. All zeros are empty sums.
    fn sums_from_bits(self, s: S, sums: S::I32) -> Self::Sums;
    fn sums_to_bits(self, s: S, sums: Self::Sums) -> S::I32;
    /// Converts sums to numbers, not yet scaled. Sums of bytes contain the zero point of the operand's row times the sum
    /// of the column's weights; this subtracts it.
    fn dequantize(self, s: S, sums: Self::Sums, zero: i32, column_sums: S::I32) -> S::F32;

    /// Brings sums of rows by vectors of columns into the order in which steps add to them, and back.
    fn exchange<const MR: usize>(self, _s: S, _sums: &mut [[Self::Sums; NV]; MR]) {}

    /// The weights of a step.
    ///
    /// # Safety
    /// As long as the result is used, `from` points to the readable lanes of a step: `COLUMN_LANES` for each of `NR` columns.
    unsafe fn weights(self, s: S, from: *const i32) -> Self::Weights;

    /// Multiplies `GROUP` numbers of each of `rows` rows by the weights of a step, and adds the products to `sums`.
    ///
    /// # Safety
    /// - For each row in `0..rows`, `operand + row * stride` points to `GROUP` readable numbers, aligned for their type.
    /// - `rows` is `MR`, or less by fewer than `ROWS`.
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[Self::Sums; NV]; MR],
        operand: *const Self::Operand,
        stride: usize,
        rows: usize,
        weights: Self::Weights,
    );
}

/// Code that needs a product.
pub(super) trait ProductKernel {
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P);
}

/// A kernel with a product that every vector type has.
pub(super) struct WithProduct<P, K> {
    pub(super) product: P,
    pub(super) kernel: K,
}

impl<W: Widen, K: ProductKernel> Kernel for WithProduct<Widening<W>, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.kernel.run(s, self.product);
    }
}

impl<K: ProductKernel> Kernel for WithProduct<I16Pairs, K> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.kernel.run(s, self.product);
    }
}

/// Loads the `NV` vectors of a step.
///
/// # Safety
/// `from` points to `NR` readable lanes.
#[inline(always)]
pub(super) unsafe fn load_vectors<S: Simd>(s: S, from: *const i32) -> [S::I32; NV] {
    // SAFETY: there are `NR` lanes, which are `NV` = 2 vectors.
    let second = unsafe { from.add(S::LANES) };
    // SAFETY: as above.
    let first = unsafe { s.load_i32_from(from) };
    // SAFETY: as above.
    [first, unsafe { s.load_i32_from(second) }]
}

/// Multiplies f32 by weights that widen to f32. Products are exact; sums are rounded to f32.
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
        s.bits_to_f32(lanes)
    }
}

impl Widen for Bf16Weights {
    const GROUP: usize = 2;

    #[inline(always)]
    fn widen<S: Simd>(self, s: S, lanes: S::I32, k: usize) -> S::F32 {
        s.bits_to_f32(match k {
            0 => s.shift_left::<16>(lanes),
            _ => s.and_i32(lanes, s.splat_i32(0xffff_0000_u32.cast_signed())),
        })
    }
}

impl<S: Simd, W: Widen> Product<S> for Widening<W> {
    type Operand = f32;
    type Sums = S::F32;
    type Weights = [S::I32; NV];
    const GROUP: usize = W::GROUP;
    const MR: usize = if W::GROUP == 1 { S::MR } else { S::MR_UNPACKING };

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, s: S, kernel: K) {
        s.run_apart(WithProduct { product: self, kernel });
    }

    #[inline(always)]
    fn sums_from_bits(self, s: S, sums: S::I32) -> S::F32 {
        s.bits_to_f32(sums)
    }

    #[inline(always)]
    fn sums_to_bits(self, s: S, sums: S::F32) -> S::I32 {
        s.f32_to_bits(sums)
    }

    #[inline(always)]
    fn dequantize(self, _: S, sums: S::F32, _: i32, _: S::I32) -> S::F32 {
        sums
    }

    #[inline(always)]
    unsafe fn weights(self, s: S, from: *const i32) -> [S::I32; NV] {
        // SAFETY: the caller vouches for a step, which has `NR` lanes.
        unsafe { load_vectors(s, from) }
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[S::F32; NV]; MR],
        operand: *const f32,
        stride: usize,
        _rows: usize,
        weights: [S::I32; NV],
    ) {
        for k in 0..W::GROUP {
            let weights = [self.0.widen(s, weights[0], k), self.0.widen(s, weights[1], k)];
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller vouches for `GROUP` numbers of this row.
                let x = unsafe { operand.add(row * stride + k) };
                // SAFETY: as above.
                let x = s.splat(unsafe { *x });
                sums[0] = s.mul_add(x, weights[0], sums[0]);
                sums[1] = s.mul_add(x, weights[1], sums[1]);
            }
        }
    }
}

/// Multiplies operand bytes by signed weights on CPUs without an instruction for it. Both are widened to 16 bits, where
/// the sum of two products cannot saturate, unlike that of `vpmaddubsw`. The sums are exact.
///
/// A shift each turns the weights `b0 b1 b2 b3` of a lane into the pairs `b0 b2` and `b1 b3`. The operand therefore stores
/// the four numbers of a step in [`PAIR_ORDER`].
#[derive(Clone, Copy)]
pub(super) struct I16Pairs;

/// The order of the four numbers of a step in an operand of [`I16Pairs`].
pub(super) const PAIR_ORDER: [usize; 4] = [0, 2, 1, 3];

impl<S: Simd> Product<S> for I16Pairs {
    type Operand = i16;
    type Sums = S::I32;
    type Weights = [S::I32; NV];
    const GROUP: usize = 4;
    const MR: usize = S::MR_UNPACKING;

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, s: S, kernel: K) {
        s.run_apart(WithProduct { product: self, kernel });
    }

    #[inline(always)]
    fn sums_from_bits(self, _: S, sums: S::I32) -> S::I32 {
        sums
    }

    #[inline(always)]
    fn sums_to_bits(self, _: S, sums: S::I32) -> S::I32 {
        sums
    }

    #[inline(always)]
    fn dequantize(self, s: S, sums: S::I32, zero: i32, column_sums: S::I32) -> S::F32 {
        s.subtract_zero_point(sums, zero, column_sums)
    }

    #[inline(always)]
    unsafe fn weights(self, s: S, from: *const i32) -> [S::I32; NV] {
        // SAFETY: the caller vouches for a step, which has `NR` lanes.
        unsafe { load_vectors(s, from) }
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: S,
        sums: &mut [[S::I32; NV]; MR],
        operand: *const i16,
        stride: usize,
        _rows: usize,
        weights: [S::I32; NV],
    ) {
        for pair in 0..2 {
            let weights = match pair {
                0 => [s.even_bytes(weights[0]), s.even_bytes(weights[1])],
                _ => [s.odd_bytes(weights[0]), s.odd_bytes(weights[1])],
            };
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the caller vouches for `GROUP` numbers of this row, which are two pairs.
                let two = unsafe { operand.add(row * stride + 2 * pair) }.cast::<i32>();
                // SAFETY: as above.
                let two = unsafe { two.read_unaligned() };
                let two = s.splat_i32(two);
                sums[0] = s.dot_i16(sums[0], two, weights[0]);
                sums[1] = s.dot_i16(sums[1], two, weights[1]);
            }
        }
    }
}
