//! `finsent bench --scaling`: one batch at a time on all threads, or several on a share of them.

use anyhow::Result;
use finsent_kernels::Precision;
use finsent_model::bench::{Predicted, Scaling, measure_scaling};

use crate::cli::args::{BenchArgs, BenchFormat};
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::quantity::{grouped, quantity};
use crate::cli::settings::Settings;

pub(super) fn run(args: &BenchArgs, precisions: &[Precision], settings: &Settings, console: Console) -> Result<Exit> {
    let mut all = Vec::new();
    for &precision in precisions {
        let (found, pipeline) = settings.load_with_all_workers(&args.model, precision)?;
        console.note(&format!(
            "model {} ({}), {precision}, {}",
            found.name,
            found.place,
            pipeline.encoder().isa_name()
        ));
        let scaling = measure_scaling(pipeline.encoder())?;
        if args.format == BenchFormat::Text {
            crate::cli::stdout::print(table(&scaling).as_bytes())?;
        }
        all.push(scaling);
    }
    if args.format == BenchFormat::Json {
        crate::cli::stdout::print((serde_json::to_string_pretty(&all)? + "\n").as_bytes())?;
    }
    Ok(Exit::Done)
}

/// The table fits a terminal of 80 columns.
fn table(scaling: &Scaling) -> String {
    let Scaling { threads, costs, measured, predicted } = scaling;
    let mut table = format!(
        "a thread: {:.1} GOP/s; a job: {:.2} us for each thread, and {:.3} us for each task\n{:<26} {:>9} {:>9} {:>9} {:>9}\n",
        costs.thread_operations_per_s / 1e9,
        costs.job_us,
        costs.claim_us,
        format!("measured, {}", quantity(*threads as u64, "thread")),
        "tokens/s",
        "predicted",
        "ms/batch",
        "GB/s"
    );
    for row in measured {
        table += &line(&row.predicted, Some(row.measured_tokens_per_s));
    }
    for (cores, divisions) in predicted {
        table += &format!("predicted, {}\n", quantity(*cores as u64, "core"));
        divisions.iter().for_each(|predicted| table += &line(predicted, None));
    }
    table
}

fn line(predicted: &Predicted, measured: Option<f64>) -> String {
    let Predicted { division, tokens_per_s, batch_ms, weights_gb_per_s } = predicted;
    let rate = |rate: f64| grouped(rate.round() as u64);
    format!(
        "{:<26} {:>9} {:>9} {batch_ms:>9.1} {weights_gb_per_s:>9.1}\n",
        format!(
            "  {} x {}",
            quantity(division.workers as u64, "worker"),
            quantity(division.threads_each as u64, "thread")
        ),
        measured.map(rate).unwrap_or_default(),
        rate(*tokens_per_s),
    )
}
