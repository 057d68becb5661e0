//! What a pass costs on a number of threads: a model of work, barriers and memory traffic.
//!
//! A pass is a sequence of jobs, and a job ends when its slowest thread does. The work of a product is divided by panels of
//! columns, that of attention by texts and heads, and the rest so finely that it counts as even. A job on several threads
//! costs a start and an end besides, and for each task a claim, which is an exchange of one word that all threads share. On
//! one thread there are no claims and no waiting.
//!
//! Not in the model: threads of one core share its arithmetic, NUMA nodes are far from each other's memory, and CPUs slow down
//! when all cores compute.

use serde::Serialize;

use crate::workers::batch_tokens;

/// Columns of a panel.
const PANEL: usize = 32;
/// Tasks per thread, into which a product is divided if it has as many panels.
const TASKS_PER_THREAD: usize = 4;
/// Jobs of a layer besides its five products and attention: rounding and norms.
const ROW_JOBS: usize = 4;

/// What a model computes, as far as its cost depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) layers: usize,
    pub(super) hidden: usize,
    pub(super) intermediate: usize,
    pub(super) heads: usize,
    /// Operations per token of a text of the measured length.
    pub(super) operations: f64,
    /// The part of them that is attention.
    pub(super) attention: f64,
    /// Bytes of the weights that a pass reads.
    pub(super) weight_bytes: usize,
}

/// What a machine needs for it, as measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Costs {
    /// Operations per second of a thread, beside others.
    pub thread_operations_per_s: f64,
    /// Microseconds for the start and the end of a job, for each thread of it.
    pub job_us: f64,
    /// Microseconds for a claim.
    pub claim_us: f64,
}

/// How many workers there are, and what they share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Division {
    /// Batches at a time.
    pub workers: usize,
    /// Threads for each.
    pub threads_each: usize,
}

/// A prediction for a number of threads.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Predicted {
    /// Batches at a time, and threads for each.
    #[serde(flatten)]
    pub division: Division,
    /// Tokens per second of all workers.
    pub tokens_per_s: f64,
    /// Milliseconds of a batch.
    pub batch_ms: f64,
    /// Gigabytes of weights per second that all workers read from caches or memory.
    pub weights_gb_per_s: f64,
}

impl Costs {
    /// Predicts texts of `length` tokens, in the batches that so many workers compute.
    pub(super) fn predict(&self, shape: &Shape, length: usize, division: Division) -> Predicted {
        let texts = (batch_tokens(division.workers) / length).max(1);
        let seconds = self.pass_seconds(shape, texts, length, division.threads_each);
        let workers = division.workers as f64;
        Predicted {
            division,
            tokens_per_s: workers * (texts * length) as f64 / seconds,
            batch_ms: seconds * 1e3,
            weights_gb_per_s: workers * shape.weight_bytes as f64 / seconds / 1e9,
        }
    }

    /// The seconds of a batch of texts of `length` tokens.
    pub(super) fn pass_seconds(&self, shape: &Shape, texts: usize, length: usize, threads: usize) -> f64 {
        let &Shape { layers, hidden, intermediate, heads, operations, attention, .. } = shape;
        let of_pass = (texts * length) as f64 * operations / self.thread_operations_per_s;
        // Outputs times inputs of each product: keys and values, queries, the output, and the feed-forward block.
        let products =
            [(2 * hidden, hidden), (hidden, hidden), (hidden, hidden), (intermediate, hidden), (hidden, intermediate)];
        let all: usize = products.iter().map(|(outputs, inputs)| outputs * inputs).sum();
        let of_products = of_pass * (1.0 - attention) / layers as f64;
        let products = products.iter().map(|&(outputs, inputs)| {
            let work = of_products * (outputs * inputs) as f64 / all as f64;
            self.job_seconds(work, outputs.div_ceil(PANEL), threads)
        });
        let attention = self.job_seconds(of_pass * attention / layers as f64, texts * heads, threads);
        let rows = ROW_JOBS as f64 * self.job_seconds(0.0, TASKS_PER_THREAD * threads, threads);
        layers as f64 * (products.sum::<f64>() + attention + rows)
    }

    /// The seconds of a job whose work is in so many equal parts.
    fn job_seconds(&self, work: f64, parts: usize, threads: usize) -> f64 {
        if threads == 1 {
            return work;
        }
        let parts_of_task = parts.div_ceil(TASKS_PER_THREAD * threads);
        let tasks = parts.div_ceil(parts_of_task);
        let parts_of_slowest = (tasks.div_ceil(threads) * parts_of_task).min(parts);
        let waiting = self.job_us * threads as f64 + self.claim_us * tasks as f64;
        work * parts_of_slowest as f64 / parts as f64 + waiting / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Shape = Shape {
        layers: 12,
        hidden: 768,
        intermediate: 3072,
        heads: 12,
        operations: 1.7e8,
        attention: 0.02,
        weight_bytes: 85_000_000,
    };
    const FREE: Costs = Costs { thread_operations_per_s: 1e11, job_us: 0.0, claim_us: 0.0 };

    #[test]
    fn one_thread_takes_the_time_of_the_work() {
        let costs = Costs { job_us: 5.0, claim_us: 1.0, ..FREE };
        let seconds = costs.pass_seconds(&BASE, 32, 32, 1);
        assert!((seconds - 1024.0 * 1.7e8 / 1e11).abs() < 1e-9, "{seconds}");
    }

    #[test]
    fn panels_bound_the_gain_of_threads() {
        let speedup = |threads| FREE.pass_seconds(&BASE, 32, 32, 1) / FREE.pass_seconds(&BASE, 32, 32, threads);
        assert!((speedup(2) - 2.0).abs() < 0.01 && speedup(8) > 7.9, "{} {}", speedup(2), speedup(8));
        // 768 columns are 24 panels.
        assert!(speedup(64) < 45.0, "{}", speedup(64));
    }

    #[test]
    fn workers_take_no_barriers() {
        let costs = Costs { job_us: 1.0, claim_us: 0.1, ..FREE };
        let [one, many] = [(1, 64), (64, 1)]
            .map(|(workers, threads_each)| costs.predict(&BASE, 32, Division { workers, threads_each }).tokens_per_s);
        assert!(many > 1.3 * one, "{one} {many}");
    }
}
