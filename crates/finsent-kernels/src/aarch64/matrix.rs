//! Products of two rows with two columns at a time: `smmla` for bytes and `bfmmla` for bfloat16.
//!
//! An instruction takes 8 bytes along k of each of two rows and two columns, and adds the four products to a block of 2 x 2
//! sums. Each sum reads its own row and its own column only, so it has the same bits beside any other row. The last row of
//! an odd number is its own neighbor: its sums are computed twice and stored once.
//!
//! A step of packed weights has the 8 bytes of one column after those of the other, so that 16 bytes are two columns.
//!
//! `bfmmla` adds to each sum two pairs of products, one after the other: `sum + (a b + c d)`. The products are exact, both
//! additions are rounded to odd, and numbers below the smallest normal one count as zero (Arm Architecture Reference Manual,
//! `BFMMLA`, without FEAT_EBF16). An error is therefore less than 1 unit in the last place, not half a unit.
#![expect(unsafe_code, reason = "intrinsics, inline assembly, and memory behind pointers")]

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::{Floats, Ints, Neon, NeonDot, Pair, op, op_one};
use crate::product::{Product, ProductKernel};
use crate::simd::{NV, Simd};

/// Proves that the CPU has [`NeonDot`] and matrix products of bytes.
#[derive(Debug, Clone, Copy)]
pub struct NeonI8mm(NeonDot);

/// Proves that the CPU has [`NeonI8mm`] and matrix products of bfloat16.
#[derive(Debug, Clone, Copy)]
pub struct NeonBf16(NeonI8mm);

impl NeonI8mm {
    pub(crate) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("i8mm").then(NeonDot::new)?.map(Self)
    }

    pub(crate) fn neon(self) -> Neon {
        self.0.neon()
    }

    /// Runs a kernel with products of bytes.
    pub(crate) fn run_product<K: ProductKernel>(self, kernel: K) {
        #[target_feature(enable = "neon,i8mm")]
        fn inner<K: ProductKernel>(product: NeonI8mm, kernel: K) {
            kernel.run(product.neon(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl NeonBf16 {
    pub(crate) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("bf16").then(NeonI8mm::new)?.map(Self)
    }

    pub(crate) fn i8mm(self) -> NeonI8mm {
        self.0
    }

    /// Runs a kernel with products of bfloat16.
    pub(crate) fn run_product<K: ProductKernel>(self, kernel: K) {
        #[target_feature(enable = "neon,bf16")]
        fn inner<K: ProductKernel>(product: NeonBf16, kernel: K) {
            kernel.run(product.0.neon(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

/// Most rows of a tile: 16 registers of sums. With 6 rows, 24 are sums, and LLVM spills some of the weights: 101 instructions
/// for 48 products, and 61 for 32 with 4 rows.
const MR: usize = 4;

/// Multiplies signed operand bytes by signed weights, eight along k. The sums are exact.
impl Product<Neon> for NeonI8mm {
    type Operand = i8;
    type Sums = Ints;
    type Weights = *const i32;
    const GROUP: usize = 8;
    const COLUMN_LANES: usize = 2;
    const MR: usize = MR;
    const ROWS: usize = 2;

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, _: Neon, kernel: K) {
        self.run_product(kernel);
    }

    #[inline(always)]
    fn sums_from_bits(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn sums_to_bits(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn dequantize(self, s: Neon, sums: Ints, zero: i32, column_sums: Ints) -> Floats {
        s.subtract_zero_point(sums, zero, column_sums)
    }

    #[inline(always)]
    fn exchange<const MR: usize>(self, _: Neon, sums: &mut [[Ints; NV]; MR]) {
        exchange_blocks(sums);
    }

    #[inline(always)]
    unsafe fn weights(self, _: Neon, from: *const i32) -> *const i32 {
        from
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: Neon,
        sums: &mut [[Ints; NV]; MR],
        operand: *const i8,
        stride: usize,
        rows: usize,
        weights: *const i32,
    ) {
        // SAFETY: the caller vouches for 8 bytes of each row, and for the lanes of a step.
        let step = unsafe { BlockStep::new(operand.cast(), stride, rows, weights) };
        step.add_to(s, sums, |sums, rows, columns| op_one!(multiply_bytes(sums, rows, columns)));
    }
}

/// Multiplies bfloat16 operands by bfloat16 weights, four along k.
impl Product<Neon> for NeonBf16 {
    type Operand = u16;
    /// The bits of floats.
    type Sums = Ints;
    type Weights = *const i32;
    const GROUP: usize = 4;
    const COLUMN_LANES: usize = 2;
    const MR: usize = MR;
    const ROWS: usize = 2;

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, _: Neon, kernel: K) {
        self.run_product(kernel);
    }

    #[inline(always)]
    fn sums_from_bits(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn sums_to_bits(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn dequantize(self, s: Neon, sums: Ints, _: i32, _: Ints) -> Floats {
        s.bits_to_f32(sums)
    }

    #[inline(always)]
    fn exchange<const MR: usize>(self, _: Neon, sums: &mut [[Ints; NV]; MR]) {
        exchange_blocks(sums);
    }

    #[inline(always)]
    unsafe fn weights(self, _: Neon, from: *const i32) -> *const i32 {
        from
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: Neon,
        sums: &mut [[Ints; NV]; MR],
        operand: *const u16,
        stride: usize,
        rows: usize,
        weights: *const i32,
    ) {
        // SAFETY: the caller vouches for 8 bytes of each row, and for the lanes of a step.
        let step = unsafe { BlockStep::new(operand.cast(), 2 * stride, rows, weights) };
        step.add_to(s, sums, |sums, rows, columns| op_one!(multiply_bf16(sums, rows, columns)));
    }
}

/// Turns the sums of two rows by four columns into two blocks of 2 x 2, and back: the first row is exchanged for the first
/// block, and the second row for the second block.
#[inline(always)]
fn exchange_blocks<const MR: usize>(sums: &mut [[Ints; NV]; MR]) {
    for [first, second] in sums.as_chunks_mut().0 {
        for (first, second) in first.iter_mut().zip(second) {
            let (a, b) = (op!(vreinterpretq_s64_s32((*first))), op!(vreinterpretq_s64_s32((*second))));
            let (low, high) = (op!(vtrn1q_s64(a, b)), op!(vtrn2q_s64(a, b)));
            (*first, *second) = (op!(vreinterpretq_s32_s64(low)), op!(vreinterpretq_s32_s64(high)));
        }
    }
}

/// What the instructions of a step read: 8 bytes of each row, and 8 bytes of each of 16 columns.
#[derive(Clone, Copy)]
struct BlockStep {
    operand: *const i32,
    /// Bytes from a row to the next.
    stride: usize,
    rows: usize,
    weights: *const i32,
}

impl BlockStep {
    /// # Safety
    /// As long as the step lives, `operand + row * stride` points to 8 readable bytes for each row in `0..rows`, and
    /// `weights` points to 32 readable lanes.
    #[inline(always)]
    unsafe fn new(operand: *const i32, stride: usize, rows: usize, weights: *const i32) -> Self {
        Self { operand, stride, rows, weights }
    }

    /// Adds the products of all rows and columns to the blocks of `sums`.
    #[inline(always)]
    fn add_to<const MR: usize>(
        self,
        s: Neon,
        sums: &mut [[Ints; NV]; MR],
        multiply: impl Fn(int32x4_t, int32x4_t, int32x4_t) -> int32x4_t,
    ) {
        // Only the first half of it is used: as many as there are blocks below each other.
        let mut rows = [s.splat_i32(0).0; MR];
        for (pair, rows) in rows[..MR / 2].iter_mut().enumerate() {
            *rows = self.two_rows(pair);
        }
        for v in 0..NV {
            let [first, second] = self.columns(s, v);
            for (blocks, rows) in sums.as_chunks_mut::<2>().0.iter_mut().zip(rows) {
                let [upper, lower] = blocks;
                upper[v] = Pair(multiply(upper[v].0, rows, first.0), multiply(upper[v].1, rows, second.0));
                lower[v] = Pair(multiply(lower[v].0, rows, first.1), multiply(lower[v].1, rows, second.1));
            }
        }
    }

    /// 8 bytes of each row of a pair.
    #[inline(always)]
    fn two_rows(self, pair: usize) -> int32x4_t {
        let row = |row: usize| {
            let at = self.operand.wrapping_byte_add(row.min(self.rows - 1) * self.stride);
            // SAFETY: the row is one of the step's, which has 8 bytes.
            unsafe { vld1_s32(at) }
        };
        let (first, second) = (row(2 * pair), row(2 * pair + 1));
        op_one!(vcombine_s32(first, second))
    }

    /// The weights of the 8 columns of a vector of sums.
    #[inline(always)]
    fn columns(self, s: Neon, v: usize) -> [Ints; 2] {
        let load = |half: usize| {
            let from = self.weights.wrapping_add((2 * v + half) * Neon::LANES);
            // SAFETY: the step has 4 times 8 lanes.
            unsafe { s.load_i32_from(from) }
        };
        [load(0), load(1)]
    }
}

/// `smmla`, in assembly, because the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn multiply_bytes(mut sums: int32x4_t, rows: int32x4_t, columns: int32x4_t) -> int32x4_t {
    // SAFETY: the function is compiled for this instruction, and it touches only these registers.
    unsafe {
        asm!(
            "smmla {sums:v}.4s, {rows:v}.16b, {columns:v}.16b",
            sums = inout(vreg) sums,
            rows = in(vreg) rows,
            columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

/// `bfmmla`, in assembly, because the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,bf16")]
fn multiply_bf16(mut sums: int32x4_t, rows: int32x4_t, columns: int32x4_t) -> int32x4_t {
    // SAFETY: the function is compiled for this instruction, and it touches only these registers.
    unsafe {
        asm!(
            "bfmmla {sums:v}.4s, {rows:v}.8h, {columns:v}.8h",
            sums = inout(vreg) sums,
            rows = in(vreg) rows,
            columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use crate::tests::{Rows, pool, random};
    use crate::{Activation, Isa, Linear, Matrix, Operand, Precision, QuantizedMatrix};

    /// `a + b`, rounded to the neighboring f32 whose last bit is 1 unless it is exact.
    fn add_to_odd(a: f32, b: f32) -> f32 {
        let (a, b) = (f64::from(a), f64::from(b));
        let sum = a + b;
        // What `sum` lacks (Knuth's TwoSum).
        let virtual_b = sum - a;
        let rest = (a - (sum - virtual_b)) + (b - virtual_b);
        let near = sum as f32;
        // The direction from `near` to the exact sum.
        let beyond = if f64::from(near) == sum { rest } else { sum - f64::from(near) };
        if beyond == 0.0 || near.to_bits() & 1 == 1 {
            return near;
        }
        if (beyond > 0.0) == (near > 0.0) {
            f32::from_bits(near.to_bits() + 1)
        } else {
            f32::from_bits(near.to_bits() - 1)
        }
    }

    #[test]
    fn sums_are_rounded_to_odd() {
        let ulp = f32::EPSILON;
        assert_eq!(add_to_odd(1.0, ulp), 1.0 + ulp);
        assert_eq!(add_to_odd(1.0, ulp / 1e30), 1.0 + ulp);
        assert_eq!(add_to_odd(1.0, 1.5 * ulp), 1.0 + ulp);
        assert_eq!(add_to_odd(-1.0, -2.5 * ulp), -1.0 - 3.0 * ulp);
        assert_eq!(add_to_odd(1.0, -1e-30), 1.0 - ulp / 2.0);
        assert_eq!(add_to_odd(1.0, 2.0), 3.0);
    }

    #[test]
    fn products_of_bfloat16_equal_the_rounding_of_the_manual_bit_for_bit() {
        let Some(isa) = Isa::available().into_iter().find(|isa| isa.name() == "neon-bf16") else { return };
        for [rows, inputs, outputs] in [[1, 4, 2], [2, 7, 16], [3, 33, 17], [6, 300, 40], [13, 1100, 33]] {
            let (x, weights, pool) = (random(rows * inputs, 1), random(outputs * inputs, 2), pool(1));
            let linear = Linear::pack(isa, &pool, Precision::Bf16, &Rows(&weights, inputs), inputs, vec![0.0; outputs]);
            let mut operand = QuantizedMatrix::new(linear.operand_format(), inputs);
            operand.quantize(isa, &pool, &Matrix::from_rows(inputs, &x));
            let mut out = Matrix::new(outputs);
            linear.forward(&pool, Operand::Quantized(&operand), Activation::Identity, &mut out);
            let product = |(x, w): (&f32, &f32)| bf16::from_f32(*x).to_f32() * bf16::from_f32(*w).to_f32();
            for (row, x) in x.chunks_exact(inputs).enumerate() {
                for (column, weights) in weights.chunks_exact(inputs).enumerate() {
                    let products: Vec<f32> = x.iter().zip(weights).map(product).collect();
                    let pairs = products.chunks(2).map(|two| add_to_odd(two[0], *two.get(1).unwrap_or(&0.0)));
                    let expected = pairs.fold(0.0, add_to_odd);
                    assert_eq!(out.row(row)[column], expected, "{rows}x{inputs}x{outputs} [{row}, {column}]");
                }
            }
        }
    }
}
