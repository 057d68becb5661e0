//! NEON: vectors of 4 lanes that are used in pairs, 32 registers, and its products of bytes.
//!
//! These files only map operations to instructions; the kernels are elsewhere.
#![expect(unsafe_code, reason = "intrinsics, inline assembly, and memory behind pointers")]

mod matrix;

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

pub(super) use self::matrix::{NeonBf16, NeonI8mm};
use super::product::{Product, ProductKernel, load_vectors};
use super::simd::{Kernel, MAX_LANES, NV, Simd, TileKernel, match_rows};

/// Proves that the CPU has NEON.
#[derive(Debug, Clone, Copy)]
pub struct Neon(());

/// Proves that the CPU has [`Neon`] and its products of bytes.
#[derive(Debug, Clone, Copy)]
pub struct NeonDot(Neon);

/// Calls an intrinsic without memory operands on both halves of a pair, in a method of the token that proves it.
macro_rules! op {
    ($intrinsic:ident $(::<$bits:tt>)? ($($operand:expr),*)) => {{
        // SAFETY: a token exists only if its constructor found the instructions on this CPU, and the intrinsic touches
        // only registers.
        let first = unsafe { $intrinsic $(::<$bits>)? ($($operand.0),*) };
        // SAFETY: as above.
        let second = unsafe { $intrinsic $(::<$bits>)? ($($operand.1),*) };
        Pair(first, second)
    }};
}

/// The same, for operands that are not pairs.
macro_rules! op_one {
    ($intrinsic:ident ($($operand:expr),*)) => {{
        // SAFETY: as in `op`.
        unsafe { $intrinsic($($operand),*) }
    }};
}

use {op, op_one};

/// Two vectors that are used as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<T>(T, T);

type Floats = Pair<float32x4_t>;
type Ints = Pair<int32x4_t>;

impl Neon {
    pub(super) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    /// Runs a kernel, compiled for these instructions.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "neon")]
        fn inner<K: Kernel>(s: Neon, kernel: K) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl NeonDot {
    pub(super) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then(Neon::new)?.map(Self)
    }

    pub(super) fn neon(self) -> Neon {
        self.0
    }

    /// Runs a kernel with products of bytes.
    pub(super) fn run_product<K: ProductKernel>(self, kernel: K) {
        #[target_feature(enable = "neon,dotprod")]
        fn inner<K: ProductKernel>(product: NeonDot, kernel: K) {
            kernel.run(product.0, product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

/// Multiplies signed operand bytes by signed weights, four along k per lane, with `sdot`. The sums are exact.
impl Product<Neon> for NeonDot {
    type Operand = i8;
    type Sums = Ints;
    type Weights = [Ints; NV];
    const GROUP: usize = 4;

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
    unsafe fn weights(self, s: Neon, from: *const i32) -> [Ints; NV] {
        // SAFETY: the caller vouches for a step, which has `NR` lanes.
        unsafe { load_vectors(s, from) }
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: Neon,
        sums: &mut [[Ints; NV]; MR],
        operand: *const i8,
        stride: usize,
        _rows: usize,
        weights: [Ints; NV],
    ) {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller vouches for `GROUP` numbers of this row.
            let operand = unsafe { operand.add(row * stride) }.cast::<i32>();
            // SAFETY: as above.
            let four = s.splat_i32(unsafe { operand.read_unaligned() });
            let dot = |sum: Ints, weights: Ints| op!(dot_bytes(sum, four, weights));
            sums[0] = dot(sums[0], weights[0]);
            sums[1] = dot(sums[1], weights[1]);
        }
    }
}

/// `sdot`, in assembly, because the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_bytes(mut sums: int32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t {
    // SAFETY: the function is compiled for this instruction, and it touches only these registers.
    unsafe {
        asm!(
            "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}

impl Simd for Neon {
    const LANES: usize = 8;
    /// 6 rows by 2 pairs are 24 sums. That leaves 8 registers for weights and broadcasts.
    const MR: usize = 6;
    type F32 = Floats;
    type I32 = Ints;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        // SAFETY: the token proves the instructions.
        let x = unsafe { vdupq_n_f32(x) };
        Pair(x, x)
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Ints {
        // SAFETY: the token proves the instructions.
        let x = unsafe { vdupq_n_s32(x) };
        Pair(x, x)
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> Floats {
        // SAFETY: the caller vouches for 8 numbers.
        let second = unsafe { from.add(4) };
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        let low = unsafe { vld1q_f32(from) };
        // SAFETY: as above.
        let high = unsafe { vld1q_f32(second) };
        Pair(low, high)
    }

    #[inline(always)]
    unsafe fn load_i32_from(self, from: *const i32) -> Ints {
        // SAFETY: the caller vouches for 8 numbers.
        let second = unsafe { from.add(4) };
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        let low = unsafe { vld1q_s32(from) };
        // SAFETY: as above.
        let high = unsafe { vld1q_s32(second) };
        Pair(low, high)
    }

    #[inline(always)]
    fn prefetch(self, from: *const i32) {
        // SAFETY: a prefetch of any address has no effect that the program can observe.
        unsafe { asm!("prfm pldl2keep, [{from}]", from = in(reg) from, options(nostack, preserves_flags)) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: Floats, to: *mut f32) {
        // SAFETY: the caller vouches for 8 numbers.
        let second = unsafe { to.add(4) };
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { vst1q_f32(to, x.0) };
        // SAFETY: as above.
        unsafe { vst1q_f32(second, x.1) };
    }

    #[inline(always)]
    fn add(self, a: Floats, b: Floats) -> Floats {
        op!(vaddq_f32(a, b))
    }

    #[inline(always)]
    fn sub(self, a: Floats, b: Floats) -> Floats {
        op!(vsubq_f32(a, b))
    }

    #[inline(always)]
    fn mul(self, a: Floats, b: Floats) -> Floats {
        op!(vmulq_f32(a, b))
    }

    #[inline(always)]
    fn div(self, a: Floats, b: Floats) -> Floats {
        op!(vdivq_f32(a, b))
    }

    #[inline(always)]
    fn max(self, a: Floats, b: Floats) -> Floats {
        let above = op!(vcgtq_f32(a, b));
        op!(vbslq_f32(above, a, b))
    }

    #[inline(always)]
    fn min(self, a: Floats, b: Floats) -> Floats {
        let below = op!(vcltq_f32(a, b));
        op!(vbslq_f32(below, a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: Floats, b: Floats, c: Floats) -> Floats {
        op!(vfmaq_f32(c, a, b))
    }

    #[inline(always)]
    fn round(self, x: Floats) -> Ints {
        op!(vcvtnq_s32_f32(x))
    }

    #[inline(always)]
    fn to_f32(self, x: Ints) -> Floats {
        op!(vcvtq_f32_s32(x))
    }

    #[inline(always)]
    fn f32_to_bits(self, x: Floats) -> Ints {
        op!(vreinterpretq_s32_f32(x))
    }

    #[inline(always)]
    fn bits_to_f32(self, x: Ints) -> Floats {
        op!(vreinterpretq_f32_s32(x))
    }

    #[inline(always)]
    fn add_i32(self, a: Ints, b: Ints) -> Ints {
        op!(vaddq_s32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: Ints, b: Ints) -> Ints {
        op!(vsubq_s32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: Ints, b: Ints) -> Ints {
        op!(vmulq_s32(a, b))
    }

    #[inline(always)]
    fn and_i32(self, a: Ints, b: Ints) -> Ints {
        op!(vandq_s32(a, b))
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self, x: Ints) -> Ints {
        let bits = self.splat_i32(BITS);
        op!(vshlq_s32(x, bits))
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, x: Ints) -> Ints {
        let bits = self.splat_i32(-BITS);
        op!(vshlq_s32(x, bits))
    }

    #[inline(always)]
    fn dot_i16(self, sums: Ints, a: Ints, b: Ints) -> Ints {
        let low = |x| self.shift_right::<16>(self.shift_left::<16>(x));
        let (low_a, low_b) = (low(a), low(b));
        let (high_a, high_b) = (self.shift_right::<16>(a), self.shift_right::<16>(b));
        let sums = op!(vmlaq_s32(sums, low_a, low_b));
        op!(vmlaq_s32(sums, high_a, high_b))
    }

    #[inline(always)]
    unsafe fn store_u8_to(self, x: Ints, to: *mut u8) {
        let halves = op!(vmovn_s32(x));
        // SAFETY: the token proves the instruction.
        let halves = unsafe { vcombine_s16(halves.0, halves.1) };
        // SAFETY: as above.
        let bytes = unsafe { vmovn_s16(halves) };
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { vst1_s8(to.cast(), bytes) }
    }

    #[inline(always)]
    unsafe fn store_i16_pairs_to(self, x: Ints, to: *mut u8) {
        const ORDER: [u8; 8] = [0, 1, 4, 5, 2, 3, 6, 7];
        // SAFETY: the token proves the instruction, and `ORDER` has 8 bytes.
        let order = unsafe { vld1_u8(ORDER.as_ptr()) };
        let halves = op!(vmovn_s32(x));
        let halves = op!(vreinterpret_u8_s16(halves));
        // SAFETY: the token proves the instruction.
        let shuffled = |half| unsafe { vtbl1_u8(half, order) };
        // SAFETY: as above.
        let pairs = unsafe { vcombine_u8(shuffled(halves.0), shuffled(halves.1)) };
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { vst1q_u8(to, pairs) }
    }

    #[inline(always)]
    fn even_bytes(self, x: Ints) -> Ints {
        let x = op!(vreinterpretq_s16_s32(x));
        let high = op!(vshlq_n_s16::<8>(x));
        let signed = op!(vshrq_n_s16::<8>(high));
        op!(vreinterpretq_s32_s16(signed))
    }

    #[inline(always)]
    fn odd_bytes(self, x: Ints) -> Ints {
        let x = op!(vreinterpretq_s16_s32(x));
        let signed = op!(vshrq_n_s16::<8>(x));
        op!(vreinterpretq_s32_s16(signed))
    }

    #[inline(always)]
    fn permute(self, x: Floats, lanes: Ints) -> Floats {
        // The instruction takes bytes: number `n` has the bytes from `4 n` on.
        let (every, bytes) = (self.splat_i32(0x0404_0404), self.splat_i32(0x0302_0100));
        let bytes = self.add_i32(self.mul_i32(lanes, every), bytes);
        let (bytes, table) = (op!(vreinterpretq_u8_s32(bytes)), op!(vreinterpretq_u8_f32(x)));
        let table = uint8x16x2_t(table.0, table.1);
        let found = Pair(op_one!(vqtbl2q_u8(table, bytes.0)), op_one!(vqtbl2q_u8(table, bytes.1)));
        op!(vreinterpretq_f32_u8(found))
    }

    #[inline(always)]
    fn transpose(self, square: &mut [Floats; MAX_LANES]) {
        let [upper, lower, ..] = square.as_chunks_mut().0 else { unreachable!("a square has more rows") };
        let [above, below] = [*upper, *lower];
        let [a, b] = [transpose_block(above.map(|row| row.0)), transpose_block(above.map(|row| row.1))];
        let [c, d] = [transpose_block(below.map(|row| row.0)), transpose_block(below.map(|row| row.1))];
        for column in 0..4 {
            upper[column] = Pair(a[column], c[column]);
            lower[column] = Pair(b[column], d[column]);
        }
    }

    #[inline(always)]
    fn run_apart<K: Kernel>(self, kernel: K) -> K::Output {
        self.run(kernel)
    }

    #[inline(always)]
    fn run_tile<T: TileKernel>(self, rows: usize, tile: T) {
        match_rows!(rows, tile, 1 2 3 4 5 6)
    }
}

/// Transposes a block of 4 x 4 numbers.
#[inline(always)]
fn transpose_block([a, b, c, d]: [float32x4_t; 4]) -> [float32x4_t; 4] {
    let [first, third] = interleave_pairs(op_one!(vtrn1q_f32(a, b)), op_one!(vtrn1q_f32(c, d)));
    let [second, fourth] = interleave_pairs(op_one!(vtrn2q_f32(a, b)), op_one!(vtrn2q_f32(c, d)));
    [first, second, third, fourth]
}

/// The first pairs of numbers of `a` and `b`, and the second ones.
#[inline(always)]
fn interleave_pairs(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
    let (a, b) = (op_one!(vreinterpretq_f64_f32(a)), op_one!(vreinterpretq_f64_f32(b)));
    let (low, high) = (op_one!(vtrn1q_f64(a, b)), op_one!(vtrn2q_f64(a, b)));
    [op_one!(vreinterpretq_f32_f64(low)), op_one!(vreinterpretq_f32_f64(high))]
}
