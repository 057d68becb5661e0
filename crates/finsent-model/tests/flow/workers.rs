//! Several batches at the same time give what one at a time gives.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{Encoding, ModelFiles, ModelOptions, Pipeline};

use crate::reference;

fn load(threads: &Arc<ComputeThreads>, precision: Precision, workers: usize) -> Pipeline {
    let options = ModelOptions { precision, workers: NonZero::new(workers), ..ModelOptions::default() };
    Pipeline::load(&ModelFiles::in_dir(&reference::mini(), &[]).unwrap(), &options, threads).unwrap()
}

fn threads(count: usize) -> Arc<ComputeThreads> {
    Arc::new(ComputeThreads::new(NonZero::new(count)).unwrap())
}

/// Token sequences of many lengths that fill several batches.
fn encodings() -> Vec<Encoding> {
    let encoding = |text: usize| {
        let input_ids = (0..3 + text * 7 % 60).map(|token| 1000 + ((text * 31 + token * 17) % 20_000) as u32);
        let input_ids: Vec<u32> = input_ids.collect();
        Encoding { token_type_ids: vec![0; input_ids.len()], input_ids, truncated: false }
    };
    (0..40).map(encoding).collect()
}

fn logits(pipeline: &Pipeline, encodings: &[Encoding]) -> Vec<Vec<f32>> {
    let all: Vec<&Encoding> = encodings.iter().collect();
    pipeline.logits(&all).into_iter().map(Result::unwrap).collect()
}

#[test]
fn the_number_of_workers_does_not_change_a_bit() {
    let encodings = encodings();
    let threads = threads(3);
    for precision in Precision::ALL {
        let expected = logits(&load(&threads, precision, 1), &encodings);
        for workers in [2, 3] {
            let pipeline = load(&threads, precision, workers);
            assert_eq!(pipeline.workers(), workers);
            assert_eq!(logits(&pipeline, &encodings), expected, "{precision}, {workers} workers");
        }
    }
}

#[test]
fn more_workers_than_threads_are_as_many_as_threads() {
    assert_eq!(load(&threads(2), Precision::Int8, 9).workers(), 2);
}

#[test]
fn calls_at_the_same_time_get_what_they_would_get_alone() {
    let encodings = encodings();
    for workers in [1, 2] {
        // Fewer threads than callers, so that some wait for a worker while a call with many batches computes.
        let pipeline = load(&threads(2), Precision::Int8, workers);
        let expected = logits(&pipeline, &encodings);
        thread::scope(|scope| {
            for caller in 0..5 {
                let (pipeline, part) = (&pipeline, if caller == 0 { 0..40 } else { caller..caller + 1 });
                let (texts, expected) = (&encodings[part.clone()], &expected[part]);
                scope.spawn(move || (0..3).for_each(|_| assert_eq!(logits(pipeline, texts), expected)));
            }
        });
    }
}

#[test]
fn models_share_threads() {
    let encodings = encodings();
    let threads = threads(2);
    let models = [Precision::F32, Precision::Int8].map(|precision| load(&threads, precision, 2));
    let expected = models.each_ref().map(|model| logits(model, &encodings[..30]));
    thread::scope(|scope| {
        for (model, expected) in models.iter().zip(&expected) {
            let texts = &encodings[..30];
            scope.spawn(move || assert_eq!(&logits(model, texts), expected));
        }
    });
}
