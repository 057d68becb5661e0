//! AVX2 with FMA: vectors of 8 lanes, 16 registers.
#![expect(unsafe_code, reason = "intrinsics, inline assembly, and memory behind pointers")]

use std::arch::asm;
use std::arch::x86_64::*;

use super::op;
use crate::simd::{Kernel, MAX_LANES, Simd, TileKernel, match_rows};

/// Proves that the CPU has AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    pub(crate) fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// Runs a kernel, compiled for these instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn inner<K: Kernel>(s: Avx2, kernel: K) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    /// 6 rows by 2 vectors are 12 sums. With 2 vectors of weights, 1 broadcast and 1 product, that is all 16 registers.
    const MR: usize = 6;
    /// The packed weights take 2 more registers.
    const MR_UNPACKING: usize = 5;
    type F32 = __m256;
    type I32 = __m256i;

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        op!(_mm256_set1_ps(x))
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m256i {
        op!(_mm256_set1_epi32(x))
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> __m256 {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_i32_from(self, from: *const i32) -> __m256i {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    #[inline(always)]
    fn prefetch(self, from: *const i32) {
        // SAFETY: a prefetch of any address has no effect that the program can observe.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: __m256, to: *mut f32) {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm256_storeu_ps(to, x) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_div_ps(a, b))
    }

    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        op!(_mm256_min_ps(a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        op!(_mm256_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn round(self, x: __m256) -> __m256i {
        op!(_mm256_cvtps_epi32(x))
    }

    #[inline(always)]
    fn to_f32(self, x: __m256i) -> __m256 {
        op!(_mm256_cvtepi32_ps(x))
    }

    #[inline(always)]
    fn f32_to_bits(self, x: __m256) -> __m256i {
        op!(_mm256_castps_si256(x))
    }

    #[inline(always)]
    fn bits_to_f32(self, x: __m256i) -> __m256 {
        op!(_mm256_castsi256_ps(x))
    }

    #[inline(always)]
    fn add_i32(self, a: __m256i, b: __m256i) -> __m256i {
        op!(_mm256_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: __m256i, b: __m256i) -> __m256i {
        op!(_mm256_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: __m256i, b: __m256i) -> __m256i {
        op!(_mm256_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn and_i32(self, a: __m256i, b: __m256i) -> __m256i {
        op!(_mm256_and_si256(a, b))
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self, x: __m256i) -> __m256i {
        op!(_mm256_slli_epi32::<BITS>(x))
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, x: __m256i) -> __m256i {
        op!(_mm256_srai_epi32::<BITS>(x))
    }

    #[inline(always)]
    fn dot_i16(self, sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves the instructions.
        unsafe { add_products(sums, a, b) }
    }

    #[inline(always)]
    unsafe fn store_u8_to(self, x: __m256i, to: *mut u8) {
        let halves = halves(x);
        let bytes = op!(_mm_packus_epi16(halves, halves));
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm_storel_epi64(to.cast(), bytes) }
    }

    #[inline(always)]
    unsafe fn store_i16_pairs_to(self, x: __m256i, to: *mut u8) {
        let order = op!(_mm_set_epi8(15, 14, 11, 10, 13, 12, 9, 8, 7, 6, 3, 2, 5, 4, 1, 0));
        let halves = halves(x);
        let pairs = op!(_mm_shuffle_epi8(halves, order));
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm_storeu_si128(to.cast(), pairs) }
    }

    #[inline(always)]
    fn even_bytes(self, x: __m256i) -> __m256i {
        let high = op!(_mm256_slli_epi16::<8>(x));
        op!(_mm256_srai_epi16::<8>(high))
    }

    #[inline(always)]
    fn odd_bytes(self, x: __m256i) -> __m256i {
        op!(_mm256_srai_epi16::<8>(x))
    }

    #[inline(always)]
    fn permute(self, x: __m256, lanes: __m256i) -> __m256 {
        op!(_mm256_permutevar8x32_ps(x, lanes))
    }

    #[inline(always)]
    fn transpose(self, square: &mut [__m256; MAX_LANES]) {
        let [upper, lower, ..] = square.as_chunks_mut().0 else { unreachable!("a square has more rows") };
        let (above, below) = (transpose_blocks(*upper), transpose_blocks(*lower));
        for column in 0..4 {
            upper[column] = op!(_mm256_permute2f128_ps::<0x20>(above[column], below[column]));
            lower[column] = op!(_mm256_permute2f128_ps::<0x31>(above[column], below[column]));
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

/// The lanes, integers in 0..=65535, in 16 bits each.
#[inline(always)]
fn halves(x: __m256i) -> __m128i {
    let (low, high) = (op!(_mm256_castsi256_si128(x)), op!(_mm256_extracti128_si256::<1>(x)));
    op!(_mm_packus_epi32(low, high))
}

/// Transposes the two blocks of 4 x 4 numbers that four vectors have side by side.
#[inline(always)]
fn transpose_blocks([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    let (ab, cd) = (op!(_mm256_unpacklo_ps(a, b)), op!(_mm256_unpacklo_ps(c, d)));
    let [first, second] = interleave_pairs(ab, cd);
    let (ab, cd) = (op!(_mm256_unpackhi_ps(a, b)), op!(_mm256_unpackhi_ps(c, d)));
    let [third, fourth] = interleave_pairs(ab, cd);
    [first, second, third, fourth]
}

/// The first pairs of numbers of the blocks of `a` and `b` in turn, and the second ones.
#[inline(always)]
fn interleave_pairs(a: __m256, b: __m256) -> [__m256; 2] {
    let (a, b) = (op!(_mm256_castps_pd(a)), op!(_mm256_castps_pd(b)));
    let (low, high) = (op!(_mm256_unpacklo_pd(a, b)), op!(_mm256_unpackhi_pd(a, b)));
    [op!(_mm256_castpd_ps(low)), op!(_mm256_castpd_ps(high))]
}

/// `vpmaddwd` and `vpaddd`, in assembly. LLVM would reorder the additions of a whole step so that all its products are
/// live at the same time, and would spill the sums to make room for them.
#[inline]
#[target_feature(enable = "avx2")]
fn add_products(mut sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
    // SAFETY: the function is compiled for these instructions, and they touch only these registers.
    unsafe {
        asm!(
            "vpmaddwd {products}, {a}, {b}",
            "vpaddd {sums}, {sums}, {products}",
            products = out(ymm_reg) _,
            a = in(ymm_reg) a,
            b = in(ymm_reg) b,
            sums = inout(ymm_reg) sums,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
