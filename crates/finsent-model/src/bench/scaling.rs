//! How batches on shares of the threads compare with batches on all of them: measured here, predicted for other machines.

use std::thread;
use std::time::{Duration, Instant};

use finsent_kernels::Precision;
use serde::Serialize;

use super::cost::{Costs, Division, Predicted, Shape};
use super::tokens;
use crate::batch::PackedBatch;
use crate::encoder::{Encoder, EncoderError};
use crate::workers::{Size, batch_tokens};

/// Tokens of each text: those of a headline.
const LENGTH: usize = 32;
/// How long each rate is measured.
const DURATION: Duration = Duration::from_secs(1);
/// Jobs of a measurement of barriers, of which the median counts.
const JOBS: usize = 2001;
/// A task that lasts long enough for all threads to take part in its job.
const TASK: Duration = Duration::from_micros(20);
/// Tasks of the jobs that claims are measured with: few, and many.
const CLAIMS: [usize; 2] = [2, 66];
/// Cores that costs are predicted for.
const PREDICTED: [usize; 4] = [8, 16, 32, 64];

/// What was measured on this machine, and what it predicts for others.
#[derive(Debug, Serialize)]
pub struct Scaling {
    /// Threads that were measured.
    pub threads: usize,
    /// What the prediction is made from.
    pub costs: Costs,
    /// Measured and predicted rates with these threads.
    pub measured: Vec<Measured>,
    /// For other numbers of threads: one batch at a time on all threads, and as many as the default has.
    pub predicted: Vec<(usize, [Predicted; 2])>,
}

/// A rate, as measured and as predicted.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Measured {
    /// Measured tokens per second.
    pub measured_tokens_per_s: f64,
    /// The prediction.
    #[serde(flatten)]
    pub predicted: Predicted,
}

/// Measures an encoder that has a worker for each thread.
///
/// # Errors
/// [`EncoderError`] if a batch fails.
pub fn measure(encoder: &Encoder) -> Result<Scaling, EncoderError> {
    let threads = encoder.threads();
    let shape = shape(encoder);
    let each_alone = Division { workers: threads, threads_each: 1 };
    let rate = rate(encoder, each_alone.workers)?;
    let [job_us, claim_us] = barrier(encoder);
    let costs = Costs { thread_operations_per_s: rate * shape.operations / threads as f64, job_us, claim_us };
    let mut divisions = vec![(each_alone, rate)];
    let suitable = division(encoder, threads);
    for division in [suitable, Division { workers: 1, threads_each: threads }] {
        if divisions.iter().all(|(other, _)| *other != division) {
            divisions.push((division, self::rate(encoder, division.workers)?));
        }
    }
    let measured = divisions.into_iter().map(|(division, measured_tokens_per_s)| Measured {
        measured_tokens_per_s,
        predicted: costs.predict(&shape, LENGTH, division),
    });
    let predicted = PREDICTED.map(|threads| {
        let divisions = [Division { workers: 1, threads_each: threads }, division(encoder, threads)];
        (threads, divisions.map(|division| costs.predict(&shape, LENGTH, division)))
    });
    Ok(Scaling { threads, costs, measured: measured.collect(), predicted: predicted.into() })
}

fn shape(encoder: &Encoder) -> Shape {
    let config = encoder.config();
    let operations = encoder.operations(&[LENGTH]) / LENGTH as f64;
    let of_attention = (4 * config.num_hidden_layers * config.hidden_size * LENGTH) as f64;
    let weights =
        config.num_hidden_layers * config.hidden_size * (4 * config.hidden_size + 2 * config.intermediate_size);
    Shape {
        layers: config.num_hidden_layers,
        hidden: config.hidden_size,
        intermediate: config.intermediate_size,
        heads: config.num_attention_heads,
        operations,
        attention: of_attention / operations,
        weight_bytes: match encoder.precision() {
            Precision::Int8 => weights,
            Precision::Bf16 => 2 * weights,
            Precision::F32 => 4 * weights,
        },
    }
}

/// The default for so many threads, with as much memory as it takes.
fn division(encoder: &Encoder, threads: usize) -> Division {
    let size = Size { threads, memory: None, ..Size::of(encoder, 0, LENGTH) };
    let workers = size.workers();
    Division { workers, threads_each: threads / workers }
}

/// Tokens per second of so many callers with a batch each, which are as many as workers compute.
fn rate(encoder: &Encoder, callers: usize) -> Result<f64, EncoderError> {
    let texts = (batch_tokens(callers) / LENGTH).max(1);
    let encodings: Vec<_> = (0..texts).map(|seed| tokens(LENGTH, encoder.vocab_size(), seed)).collect();
    let batch = PackedBatch::pack(&encodings);
    let passes = || -> Result<usize, EncoderError> {
        encoder.forward(&batch)?;
        let start = Instant::now();
        let mut passes = 0;
        while passes == 0 || start.elapsed() < DURATION {
            encoder.forward(&batch)?;
            passes += 1;
        }
        Ok(passes)
    };
    let start = Instant::now();
    let passes: Result<Vec<usize>, EncoderError> = thread::scope(|scope| {
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(passes)).collect();
        callers.into_iter().map(|caller| caller.join().expect("an encoder does not panic")).collect()
    });
    // The first pass of each caller counts as well, as its time does.
    let passes: usize = passes?.into_iter().map(|passes| passes + 1).sum();
    Ok((passes * texts * LENGTH) as f64 / start.elapsed().as_secs_f64())
}

/// Microseconds of the start and the end of a job per thread, and of a claim; 0 with one thread.
fn barrier(encoder: &Encoder) -> [f64; 2] {
    let worker = encoder.worker();
    let threads = worker.threads();
    if threads < 2 {
        return [0.0; 2];
    }
    // Empty tasks are claimed faster than another thread notices them. With a task for each thread that takes a while, all
    // threads take part.
    let wait = || {
        let start = Instant::now();
        while start.elapsed() < TASK {}
    };
    let job = median_us(|| worker.run_job(threads, &wait)) - TASK.as_secs_f64() * 1e6;
    let [few, many] = CLAIMS.map(|tasks| median_us(|| worker.run_job(tasks, &|| ())));
    let claim = (many - few) / (CLAIMS[1] - CLAIMS[0]) as f64;
    [(job / threads as f64).max(0.0), claim.max(0.0)]
}

fn median_us(job: impl Fn()) -> f64 {
    let mut times: Vec<f64> = (0..JOBS)
        .map(|_| {
            let start = Instant::now();
            job();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[JOBS / 2]
}
