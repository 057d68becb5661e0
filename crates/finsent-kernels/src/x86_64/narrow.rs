//! What attention in bfloat16 and in bytes needs, in AVX-512.
#![expect(unsafe_code, reason = "intrinsics")]

use std::arch::x86_64::*;

use super::avx512::{Avx512, Avx512Bf16, Avx512Vnni, as_bf16};
use super::op;
use crate::narrow::{Bf16Pairs, NarrowKernel, NarrowVectors};
use crate::simd::Simd;

/// Rounds down to whole numbers.
const DOWN: i32 = _MM_FROUND_TO_NEG_INF;

impl NarrowVectors for Avx512 {
    #[inline(always)]
    fn fraction(self, x: __m512) -> __m512 {
        op!(_mm512_reduce_ps::<DOWN>(x))
    }

    #[inline(always)]
    fn scale_by_power(self, x: __m512, n: __m512) -> __m512 {
        op!(_mm512_scalef_ps(x, n))
    }

    #[inline(always)]
    fn sum_of_lanes(self, x: __m512) -> f32 {
        op!(_mm512_reduce_add_ps(x))
    }

    #[inline(always)]
    fn widen_extent(self, extent: __m512i, x: __m512) -> __m512i {
        let magnitude = op!(_mm512_abs_ps(x));
        op!(_mm512_max_epi32(extent, self.f32_to_bits(magnitude)))
    }

    #[inline(always)]
    fn join_bytes(self, [a, b, c, d]: [__m512i; 4]) -> __m512i {
        // Each block of 128 bits has four bytes of each vector.
        let (ab, cd) = (op!(_mm512_packus_epi32(a, b)), op!(_mm512_packus_epi32(c, d)));
        let bytes = op!(_mm512_packus_epi16(ab, cd));
        let order = op!(_mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0));
        op!(_mm512_permutexvar_epi32(order, bytes))
    }
}

impl Bf16Pairs<Avx512> for Avx512Bf16 {
    #[inline(always)]
    fn round(self, _: Avx512, [first, second]: [__m512; 2]) -> __m512i {
        as_bits(op!(_mm512_cvtne2ps_pbh(second, first)))
    }

    #[inline(always)]
    fn zip(self, s: Avx512, numbers: [__m512; 2]) -> __m512i {
        // Lane i has the numbers 2i and 2i + 1, and gets the numbers i and 16 + i.
        let order = op!(_mm512_set_epi16(
            31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17,
            1, 16, 0
        ));
        let pairs = self.round(s, numbers);
        op!(_mm512_permutexvar_epi16(order, pairs))
    }

    #[inline(always)]
    fn add(self, s: Avx512, sums: __m512, pairs: __m512i) -> __m512 {
        /// 1 in bfloat16, twice.
        const ONES: i32 = 0x3f80_3f80;
        let ones = s.splat_i32(ONES);
        op!(_mm512_dpbf16_ps(sums, as_bf16(pairs), as_bf16(ones)))
    }
}

#[inline(always)]
fn as_bits(pairs: __m512bh) -> __m512i {
    // SAFETY: both types are 512 bits, and every bit pattern is valid in both.
    unsafe { std::mem::transmute(pairs) }
}

impl Avx512Vnni {
    /// Runs a kernel with products of bytes.
    pub(crate) fn run_narrow<K: NarrowKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn inner<K: NarrowKernel>(product: Avx512Vnni, kernel: K) {
            kernel.run_bytes(product.avx512(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}

impl Avx512Bf16 {
    /// Runs a kernel with products of bfloat16.
    pub(crate) fn run_narrow<K: NarrowKernel>(self, kernel: K) {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        fn inner<K: NarrowKernel>(product: Avx512Bf16, kernel: K) {
            kernel.run_bf16(product.vnni().avx512(), product);
        }
        // SAFETY: the token proves the instructions.
        unsafe { inner(self, kernel) }
    }
}
