//! What is told about the rows of a summary.

use finsent_jobs::summary::SeenLabels;
use finsent_table::Destination;

use super::files::Counted;
use crate::cli::args::SummaryArgs;
use crate::cli::quantity::{grouped, quantity};

/// Which labels are counted together.
pub(super) fn of_labels(labels: &SeenLabels) -> Vec<String> {
    let note = |(label, other): &(String, String)| format!("the labels `{label}` and `{other}` are counted together");
    labels.cases().iter().map(note).collect()
}

/// What files hold that is not in the sums.
pub(super) fn of_rows(args: &SummaryArgs, counted: &Counted) -> Vec<String> {
    let left_out = counted.left_out.note(counted.rows - counted.failed, counted.grouping.time_column());
    let copies = args.unique.as_ref().map(|_| copies(counted.grouping.copies()));
    left_out.into_iter().chain(failed(counted)).chain(copies).collect()
}

fn failed(counted: &Counted) -> Option<String> {
    let (have, count) = match counted.failed {
        0 => return None,
        1 => ("has", "counts"),
        _ => ("have", "count"),
    };
    let (failed, rows) = (grouped(counted.failed), quantity(counted.rows, "row"));
    Some(format!("{failed} of {rows} {have} an error instead of a prediction and {count} as failed"))
}

fn copies(copies: u64) -> String {
    match copies {
        0 => "no row repeats an earlier one of its group".to_owned(),
        1 => "1 row repeats an earlier one of its group and was left out".to_owned(),
        copies => format!("{} rows repeat an earlier one of their group and were left out", grouped(copies)),
    }
}

/// `12,000 rows in 3 groups -> report.html`
pub(super) fn of_output(args: &SummaryArgs, counted: &Counted) -> Option<String> {
    let output = args.output.as_deref().filter(|path| Destination::file(path).is_some())?;
    let groups = quantity(counted.grouping.summary().groups().count() as u64, "group");
    Some(format!("{} in {groups} -> {}", quantity(counted.rows, "row"), output.display()))
}
