//! Vectors: the few operations that the kernels are written in, for every CPU.
//!
//! A kernel is written once and is generic over [`Simd`]. A value of a `Simd` type is a *token*: it can only be created
//! on a CPU that has the instructions, so code that holds one may run them.
//!
//! A kernel must be inlined into a function that is compiled for those instructions; otherwise each of its operations
//! becomes a function call. Kernels and everything they use are therefore `#[inline(always)]`, avoid closures where the
//! compiler might not inline them, and run through [`Isa::run`](super::Isa::run).
#![expect(unsafe_code, reason = "loads and stores of vectors through pointers")]

/// Vectors in a row of a tile: enough to use each broadcast twice. For more there are not enough registers.
pub(super) const NV: usize = 2;
/// Largest number of lanes of any implementation.
pub(super) const MAX_LANES: usize = 16;

/// Lanes of 32 bits, as floats or as integers.
///
/// If an operand of `max` or `min` is NaN, the result is the second operand, as on x86. `max(bound, x)` therefore keeps
/// a NaN of `x`.
pub(super) trait Simd: Copy + Send + Sync {
    /// Lanes of a vector.
    const LANES: usize;
    /// Columns of a tile, and of a panel of packed weights.
    const NR: usize = NV * Self::LANES;
    /// Most rows of a tile.
    const MR: usize;
    /// Most rows of a tile if each step unpacks its weights, which takes registers too.
    const MR_UNPACKING: usize = Self::MR;

    type F32: Copy;
    type I32: Copy;

    fn splat(self, x: f32) -> Self::F32;
    fn splat_i32(self, x: i32) -> Self::I32;

    /// Loads `LANES` numbers.
    ///
    /// # Safety
    /// `from` points to `LANES` readable numbers, at any alignment.
    unsafe fn load_from(self, from: *const f32) -> Self::F32;
    /// Loads `LANES` integers.
    ///
    /// # Safety
    /// `from` points to `LANES` readable integers, at any alignment.
    unsafe fn load_i32_from(self, from: *const i32) -> Self::I32;
    /// Asks the CPU to bring a cache line into the second-level cache. Any address is allowed.
    fn prefetch(self, _from: *const i32) {}
    /// Stores `LANES` numbers.
    ///
    /// # Safety
    /// `to` points to `LANES` writable numbers, at any alignment, and nothing else uses them during the call.
    unsafe fn store_to(self, x: Self::F32, to: *mut f32);

    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once if the CPU has an instruction for it.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;

    /// Rounds to the nearest integer, ties to even.
    fn round(self, x: Self::F32) -> Self::I32;
    fn to_f32(self, x: Self::I32) -> Self::F32;
    fn f32_to_bits(self, x: Self::F32) -> Self::I32;
    fn bits_to_f32(self, x: Self::I32) -> Self::F32;

    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn mul_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn shift_left<const BITS: i32>(self, x: Self::I32) -> Self::I32;
    /// Shifts right and keeps the sign.
    fn shift_right<const BITS: i32>(self, x: Self::I32) -> Self::I32;
    /// `sums + a.low * b.low + a.high * b.high` in each lane, where low and high are its signed 16-bit halves.
    fn dot_i16(self, sums: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;

    /// Stores each lane, an integer in 0..=255, as a byte.
    ///
    /// # Safety
    /// `to` points to `LANES` writable bytes, and nothing else uses them during the call.
    unsafe fn store_u8_to(self, x: Self::I32, to: *mut u8);
    /// Stores each lane, an integer in 0..=255, in 16 bits, every four of them in
    /// [`PAIR_ORDER`](super::product::PAIR_ORDER).
    ///
    /// # Safety
    /// `to` points to `2 * LANES` writable bytes, and nothing else uses them during the call.
    unsafe fn store_i16_pairs_to(self, x: Self::I32, to: *mut u8);

    /// Bytes 0 and 2 of each lane as signed 16-bit halves.
    fn even_bytes(self, x: Self::I32) -> Self::I32;
    /// Bytes 1 and 3 of each lane as signed 16-bit halves.
    fn odd_bytes(self, x: Self::I32) -> Self::I32;

    /// Lane `i` of the result is the lane of `x` whose number is lane `i` of `lanes`, in `0..LANES`.
    fn permute(self, x: Self::F32, lanes: Self::I32) -> Self::F32;
    /// Transposes the square of the first `LANES` vectors.
    fn transpose(self, square: &mut [Self::F32; MAX_LANES]);

    /// Runs a kernel in a function of its own, compiled for these instructions. A kernel that is used in several places is then
    /// compiled once.
    fn run_apart<K: Kernel>(self, kernel: K) -> K::Output;
    /// Runs `tile` with `rows`, which is in `1..=MR`, as a constant.
    fn run_tile<T: TileKernel>(self, rows: usize, tile: T);

    /// Loads the first `LANES` numbers of `xs`.
    #[inline(always)]
    fn load(self, xs: &[f32]) -> Self::F32 {
        assert!(xs.len() >= Self::LANES);
        // SAFETY: the slice has `LANES` numbers, as asserted.
        unsafe { self.load_from(xs.as_ptr()) }
    }

    /// Stores to the first `LANES` numbers of `to`.
    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32]) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice has `LANES` numbers, as asserted, and is borrowed exclusively.
        unsafe { self.store_to(x, to.as_mut_ptr()) }
    }

    /// Loads the first `LANES` numbers of `xs`. If there are fewer, the rest are `fill`.
    #[inline(always)]
    fn load_or(self, xs: &[f32], fill: f32) -> Self::F32 {
        if xs.len() >= Self::LANES {
            return self.load(xs);
        }
        let mut lanes = [fill; MAX_LANES];
        lanes[..xs.len()].copy_from_slice(xs);
        self.load(&lanes)
    }

    /// Stores as many lanes as fit into `to`.
    #[inline(always)]
    fn store_up_to(self, x: Self::F32, to: &mut [f32]) {
        if to.len() >= Self::LANES {
            return self.store(x, to);
        }
        to.copy_from_slice(&self.lanes(x)[..to.len()]);
    }

    /// The lanes as an array, followed by zeros.
    #[inline(always)]
    fn lanes(self, x: Self::F32) -> [f32; MAX_LANES] {
        let mut lanes = [0.0; MAX_LANES];
        self.store(x, &mut lanes);
        lanes
    }

    /// Integer sums less `zero` times the sums of the weights. See [`super::product::Product::dequantize`].
    #[inline(always)]
    fn subtract_zero_point(self, sums: Self::I32, zero: i32, column_sums: Self::I32) -> Self::F32 {
        self.to_f32(self.sub_i32(sums, self.mul_i32(self.splat_i32(zero), column_sums)))
    }

    /// The sum of the lanes, from first to last.
    #[inline(always)]
    fn sum(self, x: Self::F32) -> f32 {
        let lanes = self.lanes(x);
        let mut sum = lanes[0];
        for &lane in &lanes[1..Self::LANES] {
            sum += lane;
        }
        sum
    }

    /// The largest lane. It is unspecified if a lane is NaN.
    #[inline(always)]
    fn largest(self, x: Self::F32) -> f32 {
        let lanes = self.lanes(x);
        let mut largest = lanes[0];
        for &lane in &lanes[1..Self::LANES] {
            largest = largest.max(lane);
        }
        largest
    }

    /// The smallest lane. It is unspecified if a lane is NaN.
    #[inline(always)]
    fn smallest(self, x: Self::F32) -> f32 {
        -self.largest(self.sub(self.splat(0.0), x))
    }
}

/// Code that needs the number of rows of a tile as a constant.
pub(super) trait TileKernel {
    fn run<const MR: usize>(self);
}

/// Code that needs vectors.
pub(super) trait Kernel {
    type Output;
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// The body of [`Simd::run_tile`]: an arm for each number of rows.
macro_rules! match_rows {
    ($rows:expr, $tile:expr, $($mr:literal)+) => {
        match $rows {
            $($mr => $tile.run::<$mr>(),)+
            rows => unreachable!("a tile of {rows} rows"),
        }
    };
}
pub(super) use match_rows;
