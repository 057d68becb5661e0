//! Vectors: the few operations that the routines are written in, over whatever the CPU has.
//!
//! A routine is generic over [`Simd`] and written once. The value of a `Simd` type is a token: it exists only on a CPU
//! that has the instructions, so holding it is the proof that they may run.
//!
//! A routine must be inlined into a function that is compiled for those instructions, or each of its operations becomes
//! a call. So routines and everything they use are `#[inline(always)]`, take no closures, and run through
//! [`Isa::run`](super::Isa::run).

/// Vectors in a row of a tile: enough to use each broadcast twice, and registers for no more.
pub(super) const NV: usize = 2;
/// Most lanes of any implementation.
pub(super) const MAX_LANES: usize = 16;

/// Lanes of 32 bits, as floats or as integers.
///
/// `max` and `min` give their second operand where one of the two is NaN, as x86 does; so `max(bound, x)` keeps the NaN
/// of `x`.
pub(super) trait Simd: Copy + Send + Sync {
    /// Lanes of a vector.
    const LANES: usize;
    /// Columns of a tile, and of a panel of packed weights.
    const NR: usize = NV * Self::LANES;
    /// Most rows of a tile.
    const MR: usize;
    /// The same where a step unpacks its weights, which takes registers too.
    const MR_UNPACKING: usize = Self::MR;

    type F32: Copy;
    type I32: Copy;

    fn splat(self, x: f32) -> Self::F32;
    fn splat_i32(self, x: i32) -> Self::I32;

    /// # Safety
    /// `from` points to `LANES` readable numbers, at any alignment.
    unsafe fn load_from(self, from: *const f32) -> Self::F32;
    /// # Safety
    /// `from` points to `LANES` readable numbers, at any alignment.
    unsafe fn load_i32_from(self, from: *const i32) -> Self::I32;
    /// Asks for a cache line to be brought to the second-level cache. Any address will do.
    fn prefetch(self, _from: *const i32) {}
    /// # Safety
    /// `to` points to `LANES` writable numbers, at any alignment.
    unsafe fn store_to(self, x: Self::F32, to: *mut f32);

    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once where the CPU can.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;

    /// To the nearest integer, ties to even.
    fn round(self, x: Self::F32) -> Self::I32;
    fn to_f32(self, x: Self::I32) -> Self::F32;
    fn bits(self, x: Self::F32) -> Self::I32;
    fn floats(self, x: Self::I32) -> Self::F32;

    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn mul_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn shift_left<const BITS: i32>(self, x: Self::I32) -> Self::I32;
    /// Keeps the sign.
    fn shift_right<const BITS: i32>(self, x: Self::I32) -> Self::I32;
    /// `sums + a.low * b.low + a.high * b.high` in each lane, where low and high are its signed 16-bit halves.
    fn dot_i16(self, sums: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;

    /// Stores each lane, a number in 0..=255, as a byte.
    ///
    /// # Safety
    /// `to` points to `LANES` writable bytes.
    unsafe fn store_bytes_to(self, x: Self::I32, to: *mut u8);
    /// Stores each lane, a number in 0..=255, in 16 bits, each four in the order of
    /// [`PAIRS`](super::product::PAIRS).
    ///
    /// # Safety
    /// `to` points to `2 * LANES` writable bytes.
    unsafe fn store_pairs_to(self, x: Self::I32, to: *mut u8);

    /// Bytes 0 and 2 of each lane as signed 16-bit halves.
    fn even_bytes(self, x: Self::I32) -> Self::I32;
    /// Bytes 1 and 3 of each lane as signed 16-bit halves.
    fn odd_bytes(self, x: Self::I32) -> Self::I32;

    /// Runs `tile` for a number of rows in `1..=MR` that is known to the compiler.
    fn with_rows<T: RowCount>(self, rows: usize, tile: T);

    /// The first `LANES` numbers of `xs`.
    #[inline(always)]
    fn load(self, xs: &[f32]) -> Self::F32 {
        assert!(xs.len() >= Self::LANES);
        // SAFETY: the line above.
        unsafe { self.load_from(xs.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the line above.
        unsafe { self.store_to(x, to.as_mut_ptr()) }
    }

    /// The first `LANES` numbers of `xs`, with `fill` behind its end.
    #[inline(always)]
    fn load_or(self, xs: &[f32], fill: f32) -> Self::F32 {
        if xs.len() >= Self::LANES {
            return self.load(xs);
        }
        let mut lanes = [fill; MAX_LANES];
        lanes[..xs.len()].copy_from_slice(xs);
        self.load(&lanes)
    }

    /// Stores the lanes that `to` has room for.
    #[inline(always)]
    fn store_up_to(self, x: Self::F32, to: &mut [f32]) {
        if to.len() >= Self::LANES {
            return self.store(x, to);
        }
        to.copy_from_slice(&self.lanes(x)[..to.len()]);
    }

    /// The lanes as an array, zeros behind them.
    #[inline(always)]
    fn lanes(self, x: Self::F32) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        self.store(x, &mut lanes);
        lanes
    }

    /// Integer sums as numbers, without `zero` times the sums of the weights. See [`super::product::Product::worth`].
    #[inline(always)]
    fn without_zero(self, sums: Self::I32, zero: i32, column_sums: Self::I32) -> Self::F32 {
        self.to_f32(self.sub_i32(sums, self.mul_i32(self.splat_i32(zero), column_sums)))
    }

    /// The sum of the lanes, first to last.
    #[inline(always)]
    fn sum(self, x: Self::F32) -> f32 {
        let lanes = self.lanes(x);
        let mut sum = lanes[0];
        for &lane in &lanes[1..Self::LANES] {
            sum += lane;
        }
        sum
    }

    /// The largest lane; NaNs are passed over.
    #[inline(always)]
    fn largest(self, x: Self::F32) -> f32 {
        let lanes = self.lanes(x);
        let mut largest = lanes[0];
        for &lane in &lanes[1..Self::LANES] {
            largest = largest.max(lane);
        }
        largest
    }

    /// The smallest lane; NaNs are passed over.
    #[inline(always)]
    fn smallest(self, x: Self::F32) -> f32 {
        -self.largest(self.sub(self.splat(0.0), x))
    }
}

/// Something to do for a number of rows.
pub(super) trait RowCount {
    fn run<const MR: usize>(self);
}

/// Something to do with vectors: the body of a kernel.
pub(super) trait Kernel {
    type Output;
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// The arms of [`Simd::with_rows`].
macro_rules! match_rows {
    ($rows:expr, $tile:expr, $($mr:literal)+) => {
        match $rows {
            $($mr => $tile.run::<$mr>(),)+
            rows => unreachable!("a tile of {rows} rows"),
        }
    };
}
pub(super) use match_rows;
