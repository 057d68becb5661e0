//! Where the time of a pass goes: the twelve layers of BERT-base, step by step, on all CPUs that the process may use.
//!
//! ```console
//! $ cargo bench --package finsent-kernels --bench layers -- int8 128 8 f32
//! ```
//!
//! The arguments are the precision, the tokens of a text, the texts of a pass, and the precision of attention if it is
//! another. `FINSENT_BENCH_THREADS` sets the number of threads. The figure of a step is the least of all passes: other programs
//! on the machine have disturbed that pass least. Each step ends when all threads have done their part, so its time includes their waiting. The share of the
//! peak is that of the products alone, at the speed of a loop that works on registers only.
#![expect(clippy::unwrap_used, reason = "a measurement should end where it cannot continue")]
#![expect(clippy::print_stdout, reason = "the result")]

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Instant;

use finsent_kernels::{
    Activation, Attention, Isa, LayerNorm, Linear, Matrix, Operand, OperandFormat, Precision, QuantizedMatrix, Reach,
    Scratch, ThreadPool, WeightRows, operand_format, peak_gops, quantize_weights,
};

const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 3072;
const HEADS: usize = 12;
const LAYERS: usize = 12;
/// How long passes are repeated, in seconds.
const DURATION: f64 = 2.0;

/// Numbers of a normal distribution that are the same in every run.
struct Numbers(u32);

impl Numbers {
    fn next(&mut self) -> f32 {
        let sum: f32 = (0..4)
            .map(|_| {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (self.0 >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .sum();
        sum * 3_f32.sqrt()
    }

    fn vec(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| scale * self.next()).collect()
    }
}

struct Weights(Vec<f32>, usize);

impl WeightRows for Weights {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        to.copy_from_slice(&self.0[rows.start * self.1..rows.end * self.1]);
    }

    fn are_int8(&self) -> bool {
        false
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        quantize_weights(&self.0[rows.start * self.1..rows.end * self.1], to, scales);
    }
}

/// Activations in f32 and, if the precision has another format, in that.
struct Activations {
    values: Matrix,
    rounded: Option<QuantizedMatrix>,
}

impl Activations {
    fn new(format: OperandFormat, columns: usize) -> Self {
        let rounded = (format != OperandFormat::F32).then(|| QuantizedMatrix::new(format, columns));
        Self { values: Matrix::new(columns), rounded }
    }

    fn operand(&self) -> Operand<'_> {
        self.rounded.as_ref().map_or(Operand::F32(&self.values), Operand::Quantized)
    }

    fn round(&mut self, isa: Isa, pool: &ThreadPool) {
        if let Some(rounded) = &mut self.rounded {
            rounded.quantize(isa, pool, &self.values);
        }
    }
}

struct Layer {
    query: Linear,
    key_value: Linear,
    output: Linear,
    intermediate: Linear,
    feed_forward: Linear,
    norms: [LayerNorm; 2],
}

/// The seconds of each step.
struct Clock {
    started: Instant,
    steps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn step(&mut self, name: &'static str) {
        let seconds = self.started.elapsed().as_secs_f64();
        match self.steps.iter_mut().find(|step| step.0 == name) {
            Some(step) => step.1 += seconds,
            None => self.steps.push((name, seconds)),
        }
        self.started = Instant::now();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let argument = |index: usize, default: &str| arguments.get(index).map_or(default, String::as_str).to_owned();
    let [precision, of_attention] = [argument(0, "int8"), argument(3, &argument(0, "int8"))].map(|name| parse(&name));
    let (tokens, texts): (usize, usize) = (argument(1, "128").parse().unwrap(), argument(2, "8").parse().unwrap());
    let threads = std::env::var("FINSENT_BENCH_THREADS").ok().map(|threads| threads.parse::<NonZeroUsize>().unwrap());
    let (isa, pool) = (Isa::chosen().unwrap(), ThreadPool::new(threads).unwrap());
    let layers = layers(isa, &pool, precision);
    let peak = peak_gops(isa, &pool, precision);
    let (passes, steps) = measure(isa, &pool, [precision, of_attention], &layers, tokens, texts);
    let total: f64 = steps.iter().map(|step| step.1).sum();
    let linear = 2.0 * (tokens * texts * LAYERS * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * INTERMEDIATE)) as f64;
    let attention = 4.0 * (tokens * tokens * texts * LAYERS * HIDDEN) as f64;
    println!(
        "{isa}, {} threads, {precision}, attention {of_attention}, {texts} x {tokens} tokens, least of {passes} passes",
        pool.threads()
    );
    for (name, seconds) in &steps {
        println!("{name:<34} {:>9.3} ms {:>6.1} %", 1e3 * seconds, 100.0 * seconds / total);
    }
    let rate = (linear + attention) / total / 1e9;
    println!("total {:.3} ms, {rate:.0} GOP/s, {:.1} % of {peak:.0}", 1e3 * total, 100.0 * rate / peak);
    println!("the linear layers alone at the peak: {:.3} ms", linear / peak / 1e6);
}

fn parse(name: &str) -> Precision {
    Precision::ALL.into_iter().find(|precision| precision.to_string() == name).unwrap()
}

fn layers(isa: Isa, pool: &ThreadPool, precision: Precision) -> Vec<Layer> {
    let mut numbers = Numbers(1);
    let mut layer = || {
        let mut linear = |inputs: usize, outputs: usize| {
            let weights = Weights(numbers.vec(inputs * outputs, (1.0 / inputs as f32).sqrt()), inputs);
            Linear::pack(isa, pool, precision, &weights, inputs, vec![0.0; outputs])
        };
        Layer {
            query: linear(HIDDEN, HIDDEN),
            key_value: linear(HIDDEN, 2 * HIDDEN),
            output: linear(HIDDEN, HIDDEN),
            intermediate: linear(HIDDEN, INTERMEDIATE),
            feed_forward: linear(INTERMEDIATE, HIDDEN),
            norms: [0, 1].map(|_| LayerNorm { weight: vec![1.0; HIDDEN], bias: vec![0.0; HIDDEN], eps: 1e-12 }),
        }
    };
    (0..LAYERS).map(|_| layer()).collect()
}

fn measure(
    isa: Isa,
    pool: &ThreadPool,
    [precision, of_attention]: [Precision; 2],
    layers: &[Layer],
    tokens: usize,
    texts: usize,
) -> (usize, Vec<(&'static str, f64)>) {
    let format = operand_format(isa, precision);
    let mut numbers = Numbers(2);
    let mut hidden = Activations::new(format, HIDDEN);
    let (mut query, mut key_value) = (Matrix::new(HIDDEN), Matrix::new(2 * HIDDEN));
    let (mut context, mut intermediate) = (Activations::new(format, HIDDEN), Activations::new(format, INTERMEDIATE));
    let (mut projected, mut scratch) = (Matrix::new(HIDDEN), Scratch::default());
    let cu_lens: Vec<usize> = (0..=texts).map(|text| text * tokens).collect();
    let attention = Attention { isa, heads: HEADS, reach: Reach::All, precision: of_attention };
    let (mut passes, mut fastest) = (0, Vec::new());
    let started = Instant::now();
    while passes < 4 || started.elapsed().as_secs_f64() < DURATION {
        let mut clock = Clock { started: Instant::now(), steps: Vec::new() };
        hidden.values.set_rows(tokens * texts);
        (0..tokens * texts).for_each(|row| hidden.values.row_mut(row).copy_from_slice(&numbers.vec(HIDDEN, 1.0)));
        hidden.round(isa, pool);
        clock.started = Instant::now();
        for layer in layers {
            layer.query.forward(pool, hidden.operand(), Activation::Identity, &mut query);
            layer.key_value.forward(pool, hidden.operand(), Activation::Identity, &mut key_value);
            clock.step("query, key, value");
            attention.forward(pool, [&query, &key_value], [&cu_lens, &cu_lens], &mut scratch, &mut context.values);
            clock.step("attention");
            context.round(isa, pool);
            clock.step("rounding of the context");
            layer.output.forward(pool, context.operand(), Activation::Identity, &mut projected);
            clock.step("output");
            layer.norms[0].forward(isa, pool, Some(&projected), &mut hidden.values, hidden.rounded.as_mut());
            clock.step("norms with rounding");
            layer.intermediate.forward(pool, hidden.operand(), Activation::Gelu, &mut intermediate.values);
            clock.step("feed-forward in, with GELU");
            intermediate.round(isa, pool);
            clock.step("rounding of the intermediate");
            layer.feed_forward.forward(pool, intermediate.operand(), Activation::Identity, &mut projected);
            clock.step("feed-forward out");
            layer.norms[1].forward(isa, pool, Some(&projected), &mut hidden.values, hidden.rounded.as_mut());
            clock.step("norms with rounding");
        }
        passes += 1;
        fastest.resize(clock.steps.len(), ("", f64::INFINITY));
        for (fastest, step) in fastest.iter_mut().zip(clock.steps) {
            *fastest = (step.0, step.1.min(fastest.1));
        }
    }
    (passes, fastest)
}
