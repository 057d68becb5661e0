//! The peak of the CPU: the step of a product, repeated on registers and, if they do not hold the weights of a step, the first-level cache.
#![expect(unsafe_code, reason = "a step reads its operand through a pointer")]

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::isa::Isa;
use super::linear::operand_format;
use super::operand_format::OperandFormat;
use super::product::{Bf16Weights, F32Weights, Product, ProductKernel};
use super::simd::{MAX_LANES, NV, Simd, TileKernel};
use crate::precision::Precision;
use crate::thread_pool::ThreadPool;

/// Measures how many billion operations per second all workers of the pool do together, in the arithmetic that
/// `precision` uses on this CPU. A multiplication and an addition are two operations. The result is the best of a few
/// runs of some ten milliseconds each.
pub fn peak_gops(isa: Isa, pool: &ThreadPool, precision: Precision) -> f64 {
    const RUNS: usize = 7;
    const STEPS: usize = 200_000;
    (0..RUNS).map(|_| gops(isa, pool, precision, STEPS)).fold(0.0, f64::max)
}

/// One run of `steps` steps on each worker.
pub(super) fn gops(isa: Isa, pool: &ThreadPool, precision: Precision, steps: usize) -> f64 {
    let workers = pool.threads();
    let operations = AtomicUsize::new(0);
    let start = Instant::now();
    pool.run(workers, |_, _| {
        let kernel = Peak { steps, operations: &operations };
        match (precision, operand_format(isa, precision)) {
            (Precision::F32, _) => isa.run_widening(F32Weights, kernel),
            (Precision::Bf16, OperandFormat::F32) => isa.run_widening(Bf16Weights, kernel),
            (Precision::Bf16, _) => isa.run_bf16(kernel),
            (Precision::Int8, _) => isa.run_bytes(kernel),
        }
    });
    operations.into_inner() as f64 / start.elapsed().as_secs_f64() / 1e9
}

#[derive(Clone, Copy)]
struct Peak<'a> {
    steps: usize,
    operations: &'a AtomicUsize,
}

impl ProductKernel for Peak<'_> {
    #[inline(always)]
    fn run<S: Simd, P: Product<S>>(self, s: S, product: P) {
        s.run_tile(P::MR, PeakTile { s, product, steps: self.steps });
        let a_step = 2 * P::MR * S::NR * P::GROUP;
        self.operations.fetch_add(self.steps * a_step, Ordering::Relaxed);
    }
}

struct PeakTile<S, P> {
    s: S,
    product: P,
    steps: usize,
}

impl<S: Simd, P: Product<S>> TileKernel for PeakTile<S, P> {
    #[inline(always)]
    fn run<const MR: usize>(self) {
        let Self { s, product, steps } = self;
        // A different operand at each step; otherwise the compiler would multiply once and only add.
        let operand = black_box([[0_u64; 2]; 16]);
        const { assert!(P::GROUP * size_of::<P::Operand>() <= size_of::<[u64; 2]>()) };
        const { assert!(align_of::<P::Operand>() <= align_of::<u64>()) };
        let lanes = black_box([0_i32; 2 * NV * MAX_LANES]);
        const { assert!(P::COLUMN_LANES <= 2) };
        // SAFETY: there are as many lanes as any step has.
        let weights = unsafe { product.weights(s, lanes.as_ptr()) };
        let mut sums = [[product.sums_from_bits(s, s.splat_i32(0)); NV]; MR];
        for step in 0..steps {
            // SAFETY: with a stride of 0, all rows read the same `GROUP` numbers. They fit into 16 bytes and are aligned,
            // as asserted.
            unsafe { product.step(s, &mut sums, operand[step % 16].as_ptr().cast(), 0, MR, weights) };
        }
        black_box(sums.map(|sums| sums.map(|sums| s.lanes(s.bits_to_f32(product.sums_to_bits(s, sums))))));
    }
}
