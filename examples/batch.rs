//! Classifies the lines of standard input in batches and reports progress on standard error.
//!
//! ```sh
//! cargo run --release --example batch < headlines.txt
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Read};
use std::time::Instant;

use finsent::{Model, Precision};

/// Enough texts to fill several passes of the encoder, few enough to report often.
const BATCH: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let mut input = String::new();
    io::stdin().read_to_string(&mut input)?;
    let texts: Vec<&str> = input.lines().collect();

    let model = Model::builder().embedded().precision(Precision::Int8).build()?;
    let start = Instant::now();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (batch, texts_so_far) in texts.chunks(BATCH).zip((BATCH..).step_by(BATCH)) {
        for result in model.classify_batch(batch) {
            let label = result.map_or_else(|error| error.to_string(), |prediction| prediction.label().to_owned());
            *counts.entry(label).or_default() += 1;
        }
        let done = texts_so_far.min(texts.len());
        eprintln!("{done} of {} texts, {:.0} a second", texts.len(), done as f64 / start.elapsed().as_secs_f64());
    }
    for (label, count) in counts {
        println!("{label}: {count}");
    }
    Ok(())
}
