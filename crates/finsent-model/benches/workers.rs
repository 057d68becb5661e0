//! How fast files are with 1 worker on all threads, and with a worker per thread, in turn; and how long a lone text takes.
//!
//! ```console
//! $ cargo bench --package finsent-model --bench workers -- MODEL FILE.jsonl [TEXTS] [PRECISION] [ROUNDS]
//! ```
#![expect(clippy::unwrap_used, reason = "a measurement should fail where it cannot continue")]
#![expect(clippy::print_stdout, reason = "the measurements are the output")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{Encoding, ModelFiles, ModelOptions, Pipeline, Text};

/// Rows that `finsent classify` computes together.
const WINDOW: usize = 512;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [model, file, rest @ ..] = args.as_slice() else {
        println!("usage: MODEL FILE.jsonl [TEXTS] [PRECISION] [ROUNDS]");
        return;
    };
    let texts: usize = rest.first().map_or(20_000, |texts| texts.parse().unwrap());
    let precision: Precision = rest.get(1).map_or(Precision::Int8, |name| {
        Precision::ALL.into_iter().find(|precision| precision.to_string() == *name).unwrap()
    });
    let threads = Arc::new(ComputeThreads::new(None).unwrap());
    let load = |workers| {
        let options = ModelOptions { precision, workers: NonZeroUsize::new(workers), ..ModelOptions::default() };
        Pipeline::load(&ModelFiles::in_dir(Path::new(model), &[]).unwrap(), &options, &threads).unwrap()
    };
    let all = threads.threads();
    let pipelines = [load(1), load(all)];
    let lines = std::fs::read_to_string(file).unwrap();
    let texts_of_file = lines.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let text = ["text", "headline", "sentence"].iter().find_map(|name| line[name].as_str().map(str::to_owned));
        text.filter(|text| !text.trim().is_empty())
    });
    let known: Vec<Encoding> =
        texts_of_file.map(|text| pipelines[0].encode(&Text::parse(&text).unwrap()).unwrap()).collect();
    let encodings: Vec<&Encoding> = known.iter().cycle().take(texts).collect();
    println!("{precision}, {all} threads, {texts} texts, {} tokens", encodings.iter().map(|e| e.len()).sum::<usize>());
    for _ in 0..rest.get(2).map_or(ROUNDS, |rounds| rounds.parse().unwrap()) {
        let rates = pipelines.each_ref().map(|pipeline| {
            let start = Instant::now();
            encodings.chunks(WINDOW).for_each(|window| drop(pipeline.logits(window)));
            texts as f64 / start.elapsed().as_secs_f64()
        });
        let alone = pipelines.each_ref().map(|pipeline| {
            let mut times: Vec<f64> = encodings[..100.min(texts)]
                .iter()
                .map(|encoding| {
                    let start = Instant::now();
                    drop(pipeline.logits(&[encoding]));
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!(
            "1 worker {:.0} texts/s, {all} workers {:.0} texts/s: {:.3}; a text alone {:.3} ms, {:.3} ms",
            rates[0],
            rates[1],
            rates[1] / rates[0],
            alone[0],
            alone[1]
        );
    }
}
