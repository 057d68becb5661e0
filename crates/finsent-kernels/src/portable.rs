//! Vectors in plain Rust, for CPUs without vector instructions that this crate knows.
#![expect(unsafe_code, reason = "memory behind pointers")]

use super::product::PAIR_ORDER;
use super::simd::{Kernel, MAX_LANES, Simd, TileKernel, match_rows};

/// Four lanes. Every CPU can run them, so anyone may create this token.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

/// Evaluates an expression for each lane.
macro_rules! lanes {
    ($lane:ident => $value:expr) => {
        [lanes!(@ $lane 0 $value), lanes!(@ $lane 1 $value), lanes!(@ $lane 2 $value), lanes!(@ $lane 3 $value)]
    };
    (@ $lane:ident $index:literal $value:expr) => {{
        let $lane = $index;
        $value
    }};
}

impl Simd for Portable {
    const LANES: usize = 4;
    const MR: usize = 4;
    type F32 = [f32; 4];
    type I32 = [i32; 4];

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; 4] {
        [x; 4]
    }

    #[inline(always)]
    fn splat_i32(self, x: i32) -> [i32; 4] {
        [x; 4]
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> [f32; 4] {
        // SAFETY: the caller vouches for 4 lanes.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_i32_from(self, from: *const i32) -> [i32; 4] {
        // SAFETY: the caller vouches for 4 lanes.
        unsafe { from.cast::<[i32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store_to(self, x: [f32; 4], to: *mut f32) {
        // SAFETY: the caller vouches for 4 lanes.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(x) }
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => a[i] / b[i])
    }

    #[inline(always)]
    fn max(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn min(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        lanes!(i => if a[i] < b[i] { a[i] } else { b[i] })
    }

    /// Rounds twice, because on a CPU without the instruction a fused operation is a call into the C library.
    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        lanes!(i => a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn round(self, x: [f32; 4]) -> [i32; 4] {
        lanes!(i => x[i].round_ties_even() as i32)
    }

    #[inline(always)]
    fn to_f32(self, x: [i32; 4]) -> [f32; 4] {
        lanes!(i => x[i] as f32)
    }

    #[inline(always)]
    fn f32_to_bits(self, x: [f32; 4]) -> [i32; 4] {
        lanes!(i => x[i].to_bits().cast_signed())
    }

    #[inline(always)]
    fn bits_to_f32(self, x: [i32; 4]) -> [f32; 4] {
        lanes!(i => f32::from_bits(x[i].cast_unsigned()))
    }

    #[inline(always)]
    fn add_i32(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        lanes!(i => a[i].wrapping_add(b[i]))
    }

    #[inline(always)]
    fn sub_i32(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        lanes!(i => a[i].wrapping_sub(b[i]))
    }

    #[inline(always)]
    fn mul_i32(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        lanes!(i => a[i].wrapping_mul(b[i]))
    }

    #[inline(always)]
    fn and_i32(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        lanes!(i => a[i] & b[i])
    }

    #[inline(always)]
    fn shift_left<const BITS: i32>(self, x: [i32; 4]) -> [i32; 4] {
        lanes!(i => x[i] << BITS)
    }

    #[inline(always)]
    fn shift_right<const BITS: i32>(self, x: [i32; 4]) -> [i32; 4] {
        lanes!(i => x[i] >> BITS)
    }

    #[inline(always)]
    fn dot_i16(self, sums: [i32; 4], a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        let low = |x: i32| i32::from(x as i16);
        lanes!(i => sums[i] + low(a[i]) * low(b[i]) + (a[i] >> 16) * (b[i] >> 16))
    }

    #[inline(always)]
    unsafe fn store_u8_to(self, x: [i32; 4], to: *mut u8) {
        // SAFETY: the caller vouches for 4 lanes.
        unsafe { to.cast::<[u8; 4]>().write_unaligned(lanes!(i => x[i] as u8)) }
    }

    #[inline(always)]
    unsafe fn store_i16_pairs_to(self, x: [i32; 4], to: *mut u8) {
        // SAFETY: the caller vouches for 4 lanes.
        unsafe { to.cast::<[i16; 4]>().write_unaligned(lanes!(i => x[PAIR_ORDER[i]] as i16)) }
    }

    #[inline(always)]
    fn even_bytes(self, x: [i32; 4]) -> [i32; 4] {
        lanes!(i => (x[i] << 8 >> 24) << 16 | (x[i] << 24 >> 24) & 0xffff)
    }

    #[inline(always)]
    fn odd_bytes(self, x: [i32; 4]) -> [i32; 4] {
        lanes!(i => (x[i] >> 24) << 16 | (x[i] << 16 >> 24) & 0xffff)
    }

    #[inline(always)]
    fn permute(self, x: [f32; 4], lanes: [i32; 4]) -> [f32; 4] {
        lanes!(i => x[lanes[i] as usize])
    }

    #[inline(always)]
    fn transpose(self, square: &mut [[f32; 4]; MAX_LANES]) {
        let [a, b, c, d, ..] = *square;
        for (i, vector) in square[..4].iter_mut().enumerate() {
            *vector = [a[i], b[i], c[i], d[i]];
        }
    }

    #[inline(never)]
    fn run_apart<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn run_tile<T: TileKernel>(self, rows: usize, tile: T) {
        match_rows!(rows, tile, 1 2 3 4)
    }
}
