//! `finsent bench`: measures the speed of a model on this machine.

mod scaling;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Error, Result, anyhow};
use finsent_kernels::Precision;
use finsent_model::bench::{LENGTHS, Measurement, Workload};
use finsent_model::machine::Topology;
use finsent_model::{Encoding, Pipeline, Text};

use super::args::{BenchArgs, BenchFormat};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::quantity::quantity;
use super::settings::Settings;

pub(super) fn run(args: &BenchArgs, settings: &Settings, console: Console) -> Result<Exit> {
    let precisions = settings.precision.map_or(Precision::ALL.to_vec(), |precision| vec![precision]);
    if let Some(topology) = Topology::read() {
        tracing::info!("a machine of {topology}");
    }
    if args.scaling {
        return scaling::run(args, &precisions, settings, console);
    }
    let mut measurements = Vec::new();
    for precision in precisions {
        let (found, pipeline) = settings.load_in(&args.model, precision)?;
        let encoder = pipeline.encoder();
        let place = &found.place;
        console.note(&format!(
            "model {} ({place}), {precision}, {} on {}",
            found.name,
            encoder.isa_name(),
            quantity(encoder.threads() as u64, "thread")
        ));
        let workloads = workloads(args, &pipeline)?;
        if args.format == BenchFormat::Text {
            super::print(header().as_bytes())?;
        }
        let mut peak = 0.0_f64;
        for workload in workloads {
            // Other processes can slow down any single measurement.
            peak = peak.max(encoder.peak_gops());
            let measurement = workload.measure(encoder, peak)?;
            if args.format == BenchFormat::Text {
                super::print(line(&measurement).as_bytes())?;
            }
            measurements.push(measurement);
        }
        console.note(&format!("peak {peak:.0} GOP/s"));
    }
    if args.format == BenchFormat::Json {
        super::print((serde_json::to_string_pretty(&measurements)? + "\n").as_bytes())?;
    }
    console.note("results were identical, alone and in a batch");
    Ok(Exit::Done)
}

/// The built-in workloads, and the texts of the user's file.
fn workloads(args: &BenchArgs, pipeline: &Pipeline) -> Result<Vec<Workload>> {
    let (vocab_size, max_length) = (pipeline.encoder().vocab_size(), pipeline.max_length());
    let mut workloads = match args.lengths.as_slice() {
        [] => {
            let mut workloads = Workload::of_lengths(&LENGTHS, vocab_size, max_length);
            workloads.extend(Workload::of_mixed_lengths(vocab_size, max_length));
            workloads
        }
        lengths => {
            let lengths: Vec<usize> = lengths.iter().map(|&length| length.into()).collect();
            if let Some(length) = lengths.iter().find(|&&length| length > max_length) {
                return Err(
                    UsageError(format!("--lengths must be at most {max_length} for this model, not {length}")).into()
                );
            }
            Workload::of_lengths(&lengths, vocab_size, max_length)
        }
    };
    if let Some(path) = &args.input {
        let lines = read(path)?;
        let texts = lines.lines().filter(|line| !line.trim().is_empty()).take(args.limit.into());
        let encodings: Vec<Encoding> =
            texts.map(|line| Ok(pipeline.encode(&Text::parse(line)?)?)).collect::<Result<_>>()?;
        if encodings.is_empty() {
            return Err(UsageError(format!("{} has no texts", path.display())).into());
        }
        workloads.extend(Workload::both("file", encodings));
    }
    Ok(workloads)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => anyhow!("{} is not UTF-8 text", path.display()),
        _ => Error::new(error).context(format!("cannot read {}", path.display())),
    })
}

/// The table fits a terminal of 80 columns.
fn header() -> String {
    format!(
        "{:<21} {:>5} {:>6} {:>9} {:>9} {:>9} {:>7} {:>7}\n",
        "workload", "texts", "tokens", "ms/call", "texts/s", "tokens/s", "GOP/s", "of peak"
    )
}

fn line(measurement: &Measurement) -> String {
    let Measurement { workload, texts, tokens, ms, sentences_per_s, tokens_per_s, gop_per_s, share_of_peak, .. } =
        measurement;
    let workload = workload.replace("one at a time", "alone");
    format!(
        "{workload:<21} {texts:>5} {tokens:>6} {ms:>9.2} {sentences_per_s:>9.1} {tokens_per_s:>9.0} {gop_per_s:>7.1} {:>6.0}%\n",
        share_of_peak * 100.0
    )
}
