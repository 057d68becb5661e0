//! AVX-512: vectors of 16 lanes, 32 registers, and its products of bytes (VNNI) and of bfloat16.
#![expect(unsafe_code, reason = "intrinsics, inline assembly, and memory behind pointers")]

use std::arch::asm;
use std::arch::x86_64::*;

use super::op;
use crate::product::{Product, ProductKernel, load_vectors};
use crate::simd::{Kernel, MAX_LANES, NV, Simd, TileKernel, match_rows};

/// Proves that the CPU has AVX-512 F, BW, DQ and VL.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

/// Proves that the CPU has [`Avx512`] and its products of bytes.
#[derive(Debug, Clone, Copy)]
pub struct Avx512Vnni(Avx512);

/// Proves that the CPU has [`Avx512Vnni`] and products of bfloat16.
#[derive(Debug, Clone, Copy)]
pub struct Avx512Bf16(Avx512Vnni);

impl Avx512 {
    pub(crate) fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl"))
        .then_some(Self(()))
    }

    /// Runs a kernel, compiled for these instructions.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        fn inner<K: Kernel>(s: Avx512, kernel: K) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl Avx512Vnni {
    pub(crate) fn new() -> Option<Self> {
        is_x86_feature_detected!("avx512vnni").then(Avx512::new)?.map(Self)
    }

    pub(crate) fn avx512(self) -> Avx512 {
        self.0
    }

    /// Runs a kernel with products of bytes.
    pub(crate) fn run_product<K: ProductKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn inner<K: ProductKernel>(product: Avx512Vnni, kernel: K) {
            kernel.run(product.avx512(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl Avx512Bf16 {
    pub(crate) fn new() -> Option<Self> {
        is_x86_feature_detected!("avx512bf16").then(Avx512Vnni::new)?.map(Self)
    }

    pub(crate) fn vnni(self) -> Avx512Vnni {
        self.0
    }

    /// Runs a kernel with products of bfloat16.
    pub(crate) fn run_product<K: ProductKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        fn inner<K: ProductKernel>(product: Avx512Bf16, kernel: K) {
            kernel.run(product.0.avx512(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

/// Multiplies unsigned operand bytes by signed weights, four along k per lane, with `vpdpbusd`. The sums are exact.
impl Product<Avx512> for Avx512Vnni {
    type Operand = u8;
    type Sums = __m512i;
    type Weights = [__m512i; NV];
    const GROUP: usize = 4;

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, _: Avx512, kernel: K) {
        self.run_product(kernel);
    }

    #[inline(always)]
    fn sums_from_bits(self, _: Avx512, sums: __m512i) -> __m512i {
        sums
    }

    #[inline(always)]
    fn sums_to_bits(self, _: Avx512, sums: __m512i) -> __m512i {
        sums
    }

    #[inline(always)]
    fn dequantize(self, s: Avx512, sums: __m512i, zero: i32, column_sums: __m512i) -> __m512 {
        s.subtract_zero_point(sums, zero, column_sums)
    }

    #[inline(always)]
    unsafe fn weights(self, s: Avx512, from: *const i32) -> [__m512i; NV] {
        // SAFETY: the caller vouches for a step, which has `NR` lanes.
        unsafe { load_vectors(s, from) }
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        _: Avx512,
        sums: &mut [[__m512i; NV]; MR],
        operand: *const u8,
        stride: usize,
        _rows: usize,
        weights: [__m512i; NV],
    ) {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller vouches for `GROUP` numbers of this row.
            let operand = unsafe { operand.add(row * stride) }.cast::<i32>();
            // SAFETY: as above.
            let four = unsafe { operand.read_unaligned() };
            let four = op!(_mm512_set1_epi32(four));
            sums[0] = op!(_mm512_dpbusd_epi32(sums[0], four, weights[0]));
            sums[1] = op!(_mm512_dpbusd_epi32(sums[1], four, weights[1]));
        }
    }
}

/// Multiplies bfloat16 operands by bfloat16 weights, two along k per lane, with `vdpbf16ps`.
impl Product<Avx512> for Avx512Bf16 {
    type Operand = u16;
    type Sums = __m512;
    type Weights = [__m512i; NV];
    const GROUP: usize = 2;

    #[inline(always)]
    fn run_apart<K: ProductKernel>(self, _: Avx512, kernel: K) {
        self.run_product(kernel);
    }

    #[inline(always)]
    fn sums_from_bits(self, s: Avx512, sums: __m512i) -> __m512 {
        s.bits_to_f32(sums)
    }

    #[inline(always)]
    fn sums_to_bits(self, s: Avx512, sums: __m512) -> __m512i {
        s.f32_to_bits(sums)
    }

    #[inline(always)]
    fn dequantize(self, _: Avx512, sums: __m512, _: i32, _: __m512i) -> __m512 {
        sums
    }

    #[inline(always)]
    unsafe fn weights(self, s: Avx512, from: *const i32) -> [__m512i; NV] {
        // SAFETY: the caller vouches for a step, which has `NR` lanes.
        unsafe { load_vectors(s, from) }
    }

    #[inline(always)]
    unsafe fn step<const MR: usize>(
        self,
        _: Avx512,
        sums: &mut [[__m512; NV]; MR],
        operand: *const u16,
        stride: usize,
        _rows: usize,
        weights: [__m512i; NV],
    ) {
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: the caller vouches for `GROUP` numbers of this row.
            let operand = unsafe { operand.add(row * stride) }.cast::<i32>();
            // SAFETY: as above.
            let two = unsafe { operand.read_unaligned() };
            let two = as_bf16(op!(_mm512_set1_epi32(two)));
            sums[0] = op!(_mm512_dpbf16_ps(sums[0], two, as_bf16(weights[0])));
            sums[1] = op!(_mm512_dpbf16_ps(sums[1], two, as_bf16(weights[1])));
        }
    }
}

#[inline(always)]
pub(super) fn as_bf16(bits: __m512i) -> __m512bh {
    // SAFETY: both types are 512 bits, and every bit pattern is valid in both.
    unsafe { std::mem::transmute(bits) }
}

/// The count of a shift by a constant, for the instructions that take their count from a register.
#[inline(always)]
fn count<const BITS: i32>() -> __m128i {
    op!(_mm_cvtsi32_si128(BITS))
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    /// 12 rows by 2 vectors are 24 sums. That leaves 8 registers for weights and broadcasts.
    const MR: usize = 12;
    type F32 = __m512;
    type I32 = __m512i;

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        op!(_mm512_set1_ps(x))
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m512i {
        op!(_mm512_set1_epi32(x))
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> __m512 {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_i32_from(self, from: *const i32) -> __m512i {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    fn prefetch(self, from: *const i32) {
        // SAFETY: a prefetch of any address has no effect that the program can observe.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: __m512, to: *mut f32) {
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm512_storeu_ps(to, x) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_add_ps(a, b))
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_sub_ps(a, b))
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_mul_ps(a, b))
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_div_ps(a, b))
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_max_ps(a, b))
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        op!(_mm512_min_ps(a, b))
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        op!(_mm512_fmadd_ps(a, b, c))
    }

    #[inline(always)]
    fn round(self, x: __m512) -> __m512i {
        op!(_mm512_cvtps_epi32(x))
    }

    #[inline(always)]
    fn to_f32(self, x: __m512i) -> __m512 {
        op!(_mm512_cvtepi32_ps(x))
    }

    #[inline(always)]
    fn f32_to_bits(self, x: __m512) -> __m512i {
        op!(_mm512_castps_si512(x))
    }

    #[inline(always)]
    fn bits_to_f32(self, x: __m512i) -> __m512 {
        op!(_mm512_castsi512_ps(x))
    }

    #[inline(always)]
    fn add_i32(self, a: __m512i, b: __m512i) -> __m512i {
        op!(_mm512_add_epi32(a, b))
    }

    #[inline(always)]
    fn sub_i32(self, a: __m512i, b: __m512i) -> __m512i {
        op!(_mm512_sub_epi32(a, b))
    }

    #[inline(always)]
    fn mul_i32(self, a: __m512i, b: __m512i) -> __m512i {
        op!(_mm512_mullo_epi32(a, b))
    }

    #[inline(always)]
    fn and_i32(self, a: __m512i, b: __m512i) -> __m512i {
        op!(_mm512_and_si512(a, b))
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self, x: __m512i) -> __m512i {
        op!(_mm512_sll_epi32(x, count::<BITS>()))
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, x: __m512i) -> __m512i {
        op!(_mm512_sra_epi32(x, count::<BITS>()))
    }

    #[inline(always)]
    fn dot_i16(self, sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves the instructions.
        unsafe { add_products(sums, a, b) }
    }

    #[inline(always)]
    unsafe fn store_u8_to(self, x: __m512i, to: *mut u8) {
        let bytes = op!(_mm512_cvtepi32_epi8(x));
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm_storeu_si128(to.cast(), bytes) }
    }

    #[inline(always)]
    unsafe fn store_i16_pairs_to(self, x: __m512i, to: *mut u8) {
        let order = op!(_mm_set_epi8(15, 14, 11, 10, 13, 12, 9, 8, 7, 6, 3, 2, 5, 4, 1, 0));
        let order = op!(_mm256_broadcastsi128_si256(order));
        let halves = op!(_mm512_cvtepi32_epi16(x));
        let pairs = op!(_mm256_shuffle_epi8(halves, order));
        // SAFETY: the token proves the instruction, and the caller vouches for the memory.
        unsafe { _mm256_storeu_si256(to.cast(), pairs) }
    }

    #[inline(always)]
    fn even_bytes(self, x: __m512i) -> __m512i {
        let high = op!(_mm512_slli_epi16::<8>(x));
        op!(_mm512_srai_epi16::<8>(high))
    }

    #[inline(always)]
    fn odd_bytes(self, x: __m512i) -> __m512i {
        op!(_mm512_srai_epi16::<8>(x))
    }

    #[inline(always)]
    fn permute(self, x: __m512, lanes: __m512i) -> __m512 {
        op!(_mm512_permutexvar_ps(lanes, x))
    }

    #[inline(always)]
    fn transpose(self, square: &mut [__m512; MAX_LANES]) {
        let mut blocks = [self.splat(0.0); MAX_LANES];
        for (four, blocks) in square.as_chunks().0.iter().zip(blocks.as_chunks_mut().0) {
            *blocks = transpose_blocks(*four);
        }
        // Each vector has a column of each of its four blocks. Two rounds of pairs bring the blocks together.
        for column in 0..4 {
            let [a, b, c, d] = [blocks[column], blocks[4 + column], blocks[8 + column], blocks[12 + column]];
            let (ab, cd) = (op!(_mm512_shuffle_f32x4::<0x44>(a, b)), op!(_mm512_shuffle_f32x4::<0x44>(c, d)));
            square[column] = op!(_mm512_shuffle_f32x4::<0x88>(ab, cd));
            square[4 + column] = op!(_mm512_shuffle_f32x4::<0xdd>(ab, cd));
            let (ab, cd) = (op!(_mm512_shuffle_f32x4::<0xee>(a, b)), op!(_mm512_shuffle_f32x4::<0xee>(c, d)));
            square[8 + column] = op!(_mm512_shuffle_f32x4::<0x88>(ab, cd));
            square[12 + column] = op!(_mm512_shuffle_f32x4::<0xdd>(ab, cd));
        }
    }

    #[inline(always)]
    fn largest(self, x: __m512) -> f32 {
        op!(_mm512_reduce_max_ps(x))
    }

    #[inline(always)]
    fn run_apart<K: Kernel>(self, kernel: K) -> K::Output {
        self.run(kernel)
    }

    #[inline(always)]
    fn run_tile<T: TileKernel>(self, rows: usize, tile: T) {
        match_rows!(rows, tile, 1 2 3 4 5 6 7 8 9 10 11 12)
    }
}

/// Transposes the four blocks of 4 x 4 numbers that four vectors have side by side.
#[inline(always)]
fn transpose_blocks([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let (ab, cd) = (op!(_mm512_unpacklo_ps(a, b)), op!(_mm512_unpacklo_ps(c, d)));
    let [first, second] = interleave_pairs(ab, cd);
    let (ab, cd) = (op!(_mm512_unpackhi_ps(a, b)), op!(_mm512_unpackhi_ps(c, d)));
    let [third, fourth] = interleave_pairs(ab, cd);
    [first, second, third, fourth]
}

/// The first pairs of numbers of the blocks of `a` and `b` in turn, and the second ones.
#[inline(always)]
fn interleave_pairs(a: __m512, b: __m512) -> [__m512; 2] {
    let (a, b) = (op!(_mm512_castps_pd(a)), op!(_mm512_castps_pd(b)));
    let (low, high) = (op!(_mm512_unpacklo_pd(a, b)), op!(_mm512_unpackhi_pd(a, b)));
    [op!(_mm512_castpd_ps(low)), op!(_mm512_castpd_ps(high))]
}

/// `vpmaddwd` and `vpaddd`, in assembly. LLVM would reorder the additions of a whole step so that all its products are
/// live at the same time, and would spill the sums to make room for them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_products(mut sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
    let _products: __m512i;
    // SAFETY: the function is compiled for these instructions, and they touch only these registers.
    unsafe {
        asm!(
            "vpmaddwd {products}, {a}, {b}",
            "vpaddd {sums}, {sums}, {products}",
            products = out(zmm_reg) _products,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            sums = inout(zmm_reg) sums,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
