//! What the CPU can do at most: the step of a product on registers alone, over and over.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::isa::Isa;
use super::isa::OperandFormat;
use super::linear::operand_format;
use super::product::{Bf16Weights, F32Weights, Product, ProductKernel};
use super::simd::{NV, RowCount, Simd};
use crate::precision::Precision;
use crate::thread_pool::ThreadPool;

/// Billions of operations a second, a multiplication and an addition being two, of all members of the pool together, in
/// the arithmetic that `precision` has on this CPU. The best of a few runs of some ten milliseconds.
pub fn peak_gops(isa: Isa, pool: &ThreadPool, precision: Precision) -> f64 {
    const RUNS: usize = 7;
    const STEPS: usize = 200_000;
    (0..RUNS).map(|_| gops(isa, pool, precision, STEPS)).fold(0.0, f64::max)
}

/// One run of some steps of each member.
pub(super) fn gops(isa: Isa, pool: &ThreadPool, precision: Precision, steps: usize) -> f64 {
    let members = pool.threads();
    let operations = AtomicUsize::new(0);
    let start = Instant::now();
    pool.run(members, |_, _| {
        let routine = Peak { steps, operations: &operations };
        match (precision, operand_format(isa, precision)) {
            (Precision::F32, _) => isa.run_widening(F32Weights, routine),
            (Precision::Bf16, OperandFormat::F32) => isa.run_widening(Bf16Weights, routine),
            (Precision::Bf16, _) => isa.run_bf16(routine),
            (Precision::Int8, _) => isa.run_bytes(routine),
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
        s.with_rows(P::MR, PeakTile { s, product, steps: self.steps });
        let a_step = 2 * P::MR * S::NR * P::GROUP;
        self.operations.fetch_add(self.steps * a_step, Ordering::Relaxed);
    }
}

struct PeakTile<S, P> {
    s: S,
    product: P,
    steps: usize,
}

impl<S: Simd, P: Product<S>> RowCount for PeakTile<S, P> {
    #[inline(always)]
    fn run<const MR: usize>(self) {
        let Self { s, product, steps } = self;
        // A different operand at each step, or the compiler would multiply once and only add.
        let operand = black_box([[0_u64; 2]; 16]);
        let weights = black_box([s.splat_i32(0); NV]);
        let mut sums = [[product.resume(s, s.splat_i32(0)); NV]; MR];
        for step in 0..steps {
            // SAFETY: a step reads at most 16 bytes, of the same place for all rows with a stride of 0.
            unsafe { product.step(s, &mut sums, operand[step % 16].as_ptr().cast(), 0, weights) };
        }
        black_box(sums.map(|sums| sums.map(|sums| s.lanes(s.floats(product.suspend(s, sums))))));
    }
}
