//! `finsent verify`: compares predictions with candle-transformers and with published ones.

use anyhow::Result;
use finsent_kernels::Precision;
use finsent_model::verify::{Comparison, Expected, HAS_CANDLE_TRANSFORMERS, compare_published};

use super::args::VerifyArgs;
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::settings::Settings;

pub(super) fn run(args: &VerifyArgs, settings: &Settings, console: Console) -> Result<Exit> {
    if !HAS_CANDLE_TRANSFORMERS {
        let message = "this finsent was compiled without candle-transformers, with which it would compare its predictions. \
                       The published binaries and images have it; to compile it, add `--features verify`";
        return Err(UsageError(message.into()).into());
    }
    let (found, exact) = settings.load_in(&args.model, Precision::F32)?;
    console.note(&format!("model {} ({}), kernels {}", found.name, found.place, exact.encoder().isa_name()));
    let expected = Expected::compute(&found.files, &exact)?;
    drop(exact);

    let golden = settings.catalog.published_predictions(&found.name);
    let mut all_hold = true;
    super::print(header().as_bytes())?;
    for precision in settings.precision.map_or(Precision::ALL.to_vec(), |precision| vec![precision]) {
        let (_, pipeline) = settings.load_in(&args.model, precision)?;
        let mut comparisons = vec![("candle-transformers", expected.compare(&pipeline)?)];
        if !golden.is_empty() {
            comparisons.push(("published", compare_published(&pipeline, golden)?));
        }
        for (against, comparison) in comparisons {
            all_hold &= comparison.holds();
            super::print(line(precision, against, &comparison).as_bytes())?;
        }
    }
    Ok(if all_hold { Exit::Done } else { Exit::Failed })
}

/// The table fits a terminal of 80 columns.
fn header() -> String {
    format!(
        "{:<6}  {:<19}  {:>5}  {:>10}  {:>10}  {:>6}\n",
        "format", "against", "texts", "same label", "difference", "bound"
    )
}

fn line(precision: Precision, against: &str, comparison: &Comparison) -> String {
    let &Comparison { texts, same_label, largest_difference, bound, .. } = comparison;
    let result = if comparison.holds() { "ok" } else { "EXCEEDED" };
    format!(
        "{:<6}  {against:<19}  {texts:>5}  {same_label:>10}  {largest_difference:>10.2e}  {bound:>6}  {result}\n",
        precision.to_string()
    )
}
