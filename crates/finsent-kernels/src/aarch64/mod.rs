//! Vectors of NEON: pairs of 4 lanes, 32 registers; its products of bytes.

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::product::{Product, ProductKernel};
use super::simd::{Kernel, NV, RowCount, Simd, match_rows};

/// The CPU has NEON.
#[derive(Debug, Clone, Copy)]
pub struct Neon(());

/// The CPU has [`Neon`] and its products of bytes.
#[derive(Debug, Clone, Copy)]
pub struct NeonDot(Neon);

/// An intrinsic without memory operands on both halves of a pair.
macro_rules! op {
    ($intrinsic:ident $(::<$bits:tt>)? ($($operand:expr),*)) => {{
        // SAFETY: a value of the token type exists only where its constructor found the instructions on this CPU, and
        // the intrinsic touches registers only.
        unsafe { Pair($intrinsic $(::<$bits>)? ($($operand.0),*), $intrinsic $(::<$bits>)? ($($operand.1),*)) }
    }};
}

/// Two vectors that are used as one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair<T>(T, T);

type Floats = Pair<float32x4_t>;
type Ints = Pair<int32x4_t>;

impl Neon {
    pub(super) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    /// Runs a routine compiled for these instructions.
    pub(super) fn run<R: Kernel>(self, routine: R) -> R::Output {
        #[target_feature(enable = "neon")]
        fn inner<R: Kernel>(s: Neon, routine: R) -> R::Output {
            routine.run(s)
        }
        // SAFETY: `self` proves the feature.
        unsafe { inner(self, routine) }
    }
}

impl NeonDot {
    pub(super) fn new() -> Option<Self> {
        is_aarch64_feature_detected!("dotprod").then(Neon::new)?.map(Self)
    }

    pub(super) fn neon(self) -> Neon {
        self.0
    }

    /// Runs a routine over products of bytes.
    pub(super) fn run_product<R: ProductKernel>(self, routine: R) {
        #[target_feature(enable = "neon,dotprod")]
        fn inner<R: ProductKernel>(product: NeonDot, routine: R) {
            routine.run(product.0, product);
        }
        // SAFETY: `self` proves the features.
        unsafe { inner(self, routine) }
    }
}

/// Signed operand bytes by signed weights, four along k to a lane: `sdot`. The sums are exact.
impl Product<Neon> for NeonDot {
    type Operand = i8;
    type Sums = Ints;
    const GROUP: usize = 4;

    #[inline(always)]
    fn resume(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn suspend(self, _: Neon, sums: Ints) -> Ints {
        sums
    }

    #[inline(always)]
    fn worth(self, s: Neon, sums: Ints, zero: i32, column_sums: Ints) -> Floats {
        s.without_zero(sums, zero, column_sums)
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        s: Neon,
        sums: &mut [[Ints; NV]; MR],
        operand: *const i8,
        stride: usize,
        weights: [Ints; NV],
    ) {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller's word for the memory.
            let four = s.splat_i32(unsafe { operand.add(row * stride).cast::<i32>().read_unaligned() });
            // SAFETY: `self` proves the feature.
            let dot = |sum: Ints, weights: Ints| unsafe {
                Pair(dot_bytes(sum.0, four.0, weights.0), dot_bytes(sum.1, four.1, weights.1))
            };
            sums[0] = dot(sums[0], weights[0]);
            sums[1] = dot(sums[1], weights[1]);
        }
    }
}

/// `sdot`, in assembly: the intrinsic is not stable.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot_bytes(mut sums: int32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t {
    // SAFETY: the instruction is of the features above, and touches these registers only.
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
    /// 6 rows by 2 pairs are 24 sums, and 8 registers are left for weights and broadcasts.
    const MR: usize = 6;
    type F32 = Floats;
    type I32 = Ints;

    #[inline(always)]
    fn splat(self, x: f32) -> Floats {
        // SAFETY: `self` proves the feature.
        let x = unsafe { vdupq_n_f32(x) };
        Pair(x, x)
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> Ints {
        // SAFETY: `self` proves the feature.
        let x = unsafe { vdupq_n_s32(x) };
        Pair(x, x)
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> Floats {
        // SAFETY: `self` proves the feature; the caller, the memory.
        unsafe { Pair(vld1q_f32(from), vld1q_f32(from.add(4))) }
    }

    #[inline(always)]
    unsafe fn load_i32_from(self, from: *const i32) -> Ints {
        // SAFETY: `self` proves the feature; the caller, the memory.
        unsafe { Pair(vld1q_s32(from), vld1q_s32(from.add(4))) }
    }

    #[inline(always)]
    fn prefetch(self, from: *const i32) {
        // SAFETY: a prefetch touches no memory that the program can tell.
        unsafe { asm!("prfm pldl2keep, [{from}]", from = in(reg) from, options(nostack, preserves_flags)) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: Floats, to: *mut f32) {
        // SAFETY: `self` proves the feature; the caller, the memory.
        unsafe {
            vst1q_f32(to, x.0);
            vst1q_f32(to.add(4), x.1);
        }
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
    fn bits(self, x: Floats) -> Ints {
        op!(vreinterpretq_s32_f32(x))
    }

    #[inline(always)]
    fn floats(self, x: Ints) -> Floats {
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
    unsafe fn store_bytes_to(self, x: Ints, to: *mut u8) {
        let bytes = |half| {
            // SAFETY: `self` proves the feature.
            unsafe { vmovn_s16(vcombine_s16(vmovn_s32(half), vdup_n_s16(0))) }
        };
        // SAFETY: `self` proves the feature; the caller, the memory.
        unsafe {
            let [low, high] = [x.0, x.1].map(|half| vget_lane_u32::<0>(vreinterpret_u32_s8(bytes(half))));
            to.cast::<[u32; 2]>().write_unaligned([low, high]);
        }
    }

    #[inline(always)]
    unsafe fn store_pairs_to(self, x: Ints, to: *mut u8) {
        // SAFETY: `self` proves the feature; the caller, the memory.
        unsafe {
            let order = vld1_u8([0, 1, 4, 5, 2, 3, 6, 7].as_ptr());
            let [low, high] = [x.0, x.1].map(|half| vtbl1_u8(vreinterpret_u8_s16(vmovn_s32(half)), order));
            vst1q_u8(to, vcombine_u8(low, high));
        }
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
    fn with_rows<T: RowCount>(self, rows: usize, tile: T) {
        match_rows!(rows, tile, 1 2 3 4 5 6)
    }
}
