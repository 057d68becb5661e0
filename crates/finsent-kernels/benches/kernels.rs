//! Speed of the kernels at the sizes of BERT-base, on all CPUs that the process may use.
//!
//! ```console
//! $ cargo bench --package finsent-kernels
//! $ FINSENT_ISA=avx2 cargo bench --package finsent-kernels -- int8
//! ```

use std::hint::black_box;
use std::ops::Range;
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::ItemsCount;
use finsent_kernels::{
    Activation, Attention, Isa, LayerNorm, Linear, Matrix, Operand, OperandFormat, Precision, QuantizedMatrix, Reach,
    Scratch, ThreadPool, WeightRows, quantize_weights,
};

const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 3072;
const HEADS: usize = 12;
/// Tokens of a batch.
const ROWS: [usize; 4] = [1, 16, 128, 1024];
/// Tokens of a text.
const TOKENS: [usize; 3] = [32, 128, 512];

static POOL: LazyLock<ThreadPool> = LazyLock::new(|| ThreadPool::new(None).expect("the threads start"));

#[expect(clippy::print_stdout, reason = "the figures need the instruction set and the threads beside them")]
fn main() {
    println!("instruction set {}, {} threads", isa(), POOL.threads());
    divan::main();
}

fn isa() -> Isa {
    Isa::chosen().expect("FINSENT_ISA names an instruction set of this CPU")
}

/// Numbers in -1..1 that are the same in every run.
fn numbers(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn matrix(rows: usize, columns: usize) -> Matrix {
    let mut matrix = Matrix::new(columns);
    matrix.set_rows(rows);
    let values = numbers(rows * columns);
    for (row, values) in values.chunks_exact(columns).enumerate() {
        matrix.row_mut(row).copy_from_slice(values);
    }
    matrix
}

/// Weights in f32 with `columns` numbers per row.
struct Weights {
    values: Vec<f32>,
    columns: usize,
}

impl Weights {
    fn rows(&self, rows: Range<usize>) -> &[f32] {
        &self.values[rows.start * self.columns..rows.end * self.columns]
    }
}

impl WeightRows for Weights {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        to.copy_from_slice(self.rows(rows));
    }

    fn are_int8(&self) -> bool {
        false
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        quantize_weights(self.rows(rows), to, scales);
    }
}

/// A linear layer of `rows` tokens in the fastest format of its operand. Counts multiplications and additions.
fn linear(bencher: Bencher<'_, '_>, precision: Precision, rows: usize, inputs: usize, outputs: usize) {
    let weights = Weights { values: numbers(inputs * outputs), columns: inputs };
    let linear = Linear::pack(isa(), &POOL, precision, &weights, inputs, vec![0.0; outputs]);
    let x = matrix(rows, inputs);
    let mut quantized = QuantizedMatrix::new(linear.operand_format(), inputs);
    let operand = match linear.operand_format() {
        OperandFormat::F32 => Operand::F32(&x),
        _ => {
            quantized.quantize(isa(), &POOL, &x);
            Operand::Quantized(&quantized)
        }
    };
    let mut out = Matrix::new(outputs);
    bencher
        .counter(ItemsCount::new(2 * rows * inputs * outputs))
        .bench_local(|| linear.forward(&POOL, black_box(operand), Activation::Identity, &mut out));
}

/// The product of a matrix `[rows, 768]` with weights `[3072, 768]`, the first half of a feed-forward block.
#[divan::bench_group(min_time = 0.2)]
mod feed_forward_in {
    use super::*;

    #[divan::bench(args = ROWS)]
    fn f32(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::F32, rows, HIDDEN, INTERMEDIATE);
    }

    #[divan::bench(args = ROWS)]
    fn bf16(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::Bf16, rows, HIDDEN, INTERMEDIATE);
    }

    #[divan::bench(args = ROWS)]
    fn int8(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::Int8, rows, HIDDEN, INTERMEDIATE);
    }
}

/// The product of a matrix `[rows, 3072]` with weights `[768, 3072]`, the second half of a feed-forward block.
#[divan::bench_group(min_time = 0.2)]
mod feed_forward_out {
    use super::*;

    #[divan::bench(args = ROWS)]
    fn f32(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::F32, rows, INTERMEDIATE, HIDDEN);
    }

    #[divan::bench(args = ROWS)]
    fn bf16(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::Bf16, rows, INTERMEDIATE, HIDDEN);
    }

    #[divan::bench(args = ROWS)]
    fn int8(bencher: Bencher<'_, '_>, rows: usize) {
        linear(bencher, Precision::Int8, rows, INTERMEDIATE, HIDDEN);
    }
}

/// All heads of one text. Counts tokens.
#[divan::bench_group(min_time = 0.2)]
mod attention {
    use super::*;

    fn run(bencher: Bencher<'_, '_>, precision: Precision, tokens: usize) {
        let attention = Attention { isa: isa(), heads: HEADS, reach: Reach::All, precision };
        let (query, key_value) = (matrix(tokens, HIDDEN), matrix(tokens, 2 * HIDDEN));
        let texts = [0, tokens];
        let (mut scratch, mut context) = (Scratch::default(), Matrix::new(HIDDEN));
        bencher.counter(ItemsCount::new(tokens)).bench_local(|| {
            attention.forward(&POOL, [black_box(&query), &key_value], [&texts, &texts], &mut scratch, &mut context);
        });
    }

    #[divan::bench(args = TOKENS)]
    fn f32(bencher: Bencher<'_, '_>, tokens: usize) {
        run(bencher, Precision::F32, tokens);
    }

    #[divan::bench(args = TOKENS)]
    fn bf16(bencher: Bencher<'_, '_>, tokens: usize) {
        run(bencher, Precision::Bf16, tokens);
    }

    #[divan::bench(args = TOKENS)]
    fn int8(bencher: Bencher<'_, '_>, tokens: usize) {
        run(bencher, Precision::Int8, tokens);
    }
}

/// Layer normalization with a residual and a quantized copy of the result. Counts tokens.
#[divan::bench(args = ROWS, min_time = 0.2)]
fn layer_norm(bencher: Bencher<'_, '_>, rows: usize) {
    let norm = LayerNorm { weight: numbers(HIDDEN), bias: numbers(HIDDEN), eps: 1e-12 };
    let (residual, mut hidden) = (matrix(rows, HIDDEN), matrix(rows, HIDDEN));
    let mut quantized = QuantizedMatrix::new(OperandFormat::U8, HIDDEN);
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        norm.forward(isa(), &POOL, Some(black_box(&residual)), &mut hidden, Some(&mut quantized));
    });
}

/// A job whose tasks do nothing: what the pool itself costs.
#[divan::bench(args = [1, 2, 8, 64], min_time = 0.2)]
fn empty_job(bencher: Bencher<'_, '_>, tasks: usize) {
    bencher.bench_local(|| {
        POOL.run(tasks, |_, task| {
            black_box(task);
        })
    });
}
