//! The tables of `eval`. They fit a terminal of 80 columns.

use unicode_width::UnicodeWidthStr;

use super::differences::Difference;
use super::report::{AgreementReport, CandidateReport, ClassReport, Metrics, Report};
use crate::cli::console::{Style, paint, printable};
use crate::cli::quantity::quantity;
use crate::cli::width::{cut, pad_end, pad_start};

/// Width of the tables in columns, which every terminal has.
const WIDTH: usize = 80;
/// Width of the column of names, and of a column of values.
const NAME_WIDTH: usize = 26;
const VALUE_WIDTH: usize = 16;
/// Narrowest column of a confusion matrix.
const COUNT_WIDTH: usize = 6;

/// All tables of a report.
pub(super) fn of(report: &Report<'_>, colors: bool) -> String {
    let heading = |text: &str| paint(text, Style::Bold, colors) + "\n";
    let mut text = heading(&line("format", &report.candidates.iter().map(|of| of.format).collect::<Vec<_>>()));
    if report.has_several_models {
        let models = report.candidates.iter().map(|of| ending(of.model, VALUE_WIDTH - 2)).collect::<Vec<_>>();
        text = heading(&line("model", &models)) + &text;
    }
    let metrics: Vec<&Metrics<'_>> = report.candidates.iter().filter_map(|of| of.metrics.as_ref()).collect();
    match metrics.as_slice() {
        [] => text += &format!("\n{}{}", heading("predicted rows"), predicted(report)),
        metrics => {
            text += &all_labels(metrics);
            for (id, label) in report.labels.iter().enumerate() {
                let of_label: Vec<&ClassReport<'_>> = metrics.iter().map(|of| &of.classes[id]).collect();
                let title = format!("{} ({})", printable(label), quantity(of_label[0].scores.support, "row"));
                text += &format!("\n{}{}", heading(&title), one_label(&of_label));
            }
            for (title, counts) in confusion_matrices(report) {
                text +=
                    &format!("\n{}{}", heading(&title), matrix(report.labels, counts, "  true label, predicted as"));
            }
        }
    }
    if !report.agreement.is_empty() {
        let title = line("agreement", &["same label", "different", "kappa"]);
        text += &format!("\n{}{}", heading(&title), report.agreement.iter().map(agreement).collect::<String>());
    }
    for of in &report.agreement {
        if let (Some(models), Some(counts)) = (of.models, &of.matrix) {
            let [rows, columns] = models.map(|model| ending(model, NAME_WIDTH));
            let title = format!("labels of {rows} (rows) and {columns} (columns)");
            text += &format!("\n{}{}", heading(&title), matrix(report.labels, counts, ""));
        }
    }
    if !report.differences.is_empty() {
        let title = "the first rows on which the models differ";
        text += &format!("\n{}{}", heading(title), differences(report));
    }
    text
}

/// The metrics of all labels together, one column per candidate.
fn all_labels(metrics: &[&Metrics<'_>]) -> String {
    let metric = |name: &str, value: &dyn Fn(&Metrics<'_>) -> String| {
        line(name, &metrics.iter().map(|of| value(of)).collect::<Vec<_>>()) + "\n"
    };
    let interval = |of: &Metrics<'_>| {
        let [low, high] = of.accuracy_interval;
        format!("{low:.4}-{high:.4}")
    };
    [
        metric("accuracy", &|of| number(of.accuracy)),
        metric("  95 % interval", &interval),
        metric("macro F1", &|of| number(of.macro_f1)),
        metric("weighted F1", &|of| number(of.weighted_f1)),
        metric("calibration error (ECE)", &|of| number(of.ece)),
        metric("Brier score", &|of| number(of.brier)),
        metric("log loss", &|of| number(of.log_loss)),
    ]
    .concat()
}

/// The metrics of a label, one column per candidate.
fn one_label(of_label: &[&ClassReport<'_>]) -> String {
    let metric = |name: &str, value: &dyn Fn(&ClassReport<'_>) -> f64| {
        line(name, &of_label.iter().map(|of| number(value(of))).collect::<Vec<_>>()) + "\n"
    };
    [
        metric("  precision", &|of| of.scores.precision),
        metric("  recall", &|of| of.scores.recall),
        metric("  F1", &|of| of.scores.f1),
    ]
    .concat()
}

/// How often each label is predicted, one column per candidate.
fn predicted(report: &Report<'_>) -> String {
    let count = |id: usize| report.candidates.iter().map(|of| of.predicted[id].to_string()).collect::<Vec<_>>();
    let row = |(id, label): (usize, &String)| line(&format!("  {}", name(label)), &count(id)) + "\n";
    report.labels.iter().enumerate().map(row).collect()
}

/// The different confusion matrices, each with a title that says whose it is.
fn confusion_matrices<'r>(report: &'r Report<'_>) -> Vec<(String, &'r [&'r [u64]])> {
    let mut groups: Vec<(Vec<&CandidateReport<'_>>, &[&[u64]])> = Vec::new();
    for of in &report.candidates {
        let Some(counts) = of.metrics.as_ref().map(|metrics| metrics.confusion_matrix.as_slice()) else { continue };
        match groups.iter_mut().find(|(_, same)| *same == counts) {
            Some((candidates, _)) => candidates.push(of),
            None => groups.push((vec![of], counts)),
        }
    }
    let is_only_one = groups.len() == 1;
    let whose = |of: &CandidateReport<'_>| match report.has_several_models {
        true => ending(of.model, NAME_WIDTH),
        false => of.format.to_owned(),
    };
    let title = |candidates: &[&CandidateReport<'_>]| match is_only_one {
        true => "confusion matrix".to_owned(),
        false => {
            format!("confusion matrix, {}", candidates.iter().map(|of| whose(of)).collect::<Vec<_>>().join(" and "))
        }
    };
    groups.iter().map(|(candidates, counts)| (title(candidates), *counts)).collect()
}

/// A matrix of labels: one row and one column for each. `corner` says what they are.
fn matrix(labels: &[String], counts: &[&[u64]], corner: &str) -> String {
    let labels: Vec<String> = labels.iter().map(|label| name(label)).collect();
    let most = counts.iter().flat_map(|row| row.iter()).max().copied().unwrap_or(0);
    let least_width = most.to_string().len().max(COUNT_WIDTH);
    let Some(room) = (WIDTH - NAME_WIDTH).checked_div(labels.len()).filter(|room| *room >= least_width + 2) else {
        return format!("  {} labels are too many for a table; use --format json\n", labels.len());
    };
    let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
    let width = widest.max(least_width).min(room - 2);
    let row = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("  {}", pad_start(cell, width))).collect();
        format!("{}{cells}\n", pad_end(name, NAME_WIDTH))
    };
    let header = row(corner, labels.iter().map(|label| cut(label, width)).collect());
    let rows = labels.iter().zip(counts);
    let rows = rows.map(|(label, counts)| row(&format!("  {label}"), counts.iter().map(ToString::to_string).collect()));
    header + &rows.collect::<String>()
}

fn agreement(of: &AgreementReport<'_>) -> String {
    let kappa = of.cohen_kappa.map_or("-".into(), number);
    let pair = match of.models {
        Some(models) => models.map(|model| ending(model, (NAME_WIDTH - 5) / 2)).join(" and "),
        None => of.formats.join(" and "),
    };
    let mut lines = line(&pair, &[number(of.agreement), of.different.to_string(), kappa]) + "\n";
    for (model, rows) in of.models.into_iter().flatten().zip(of.only_right.into_iter().flatten()) {
        let model = ending(model, NAME_WIDTH - "  only  is right".len());
        lines += &(line(&format!("  only {model} is right"), &[String::new(), rows.to_string()]) + "\n");
    }
    lines
}

fn differences(report: &Report<'_>) -> String {
    let of_row = |Difference { row, text, label, predicted }: &Difference| {
        let models = report.candidates.iter().zip(predicted);
        let mut said: Vec<String> =
            models.map(|(of, label)| format!("{}: {label}", ending(of.model, VALUE_WIDTH))).collect();
        said.extend(label.as_ref().map(|label| format!("label: {label}")));
        let said = printable(&format!("  {row}: {}", said.join(", ")));
        format!("{}\n{}\n", cut(&said, WIDTH), cut(&printable(&format!("    {text}")), WIDTH))
    };
    report.differences.iter().map(of_row).collect()
}

/// A label in the column of names, after two spaces.
fn name(label: &str) -> String {
    cut(&printable(label), NAME_WIDTH - 2)
}

/// The name of a model, or its end, which says more than its beginning: it may be a path.
fn ending(name: &str, room: usize) -> String {
    let name = printable(name);
    if name.width() <= room {
        return name;
    }
    let backwards: String = name.chars().rev().collect();
    cut(&backwards, room).chars().rev().collect()
}

/// A line of a table: a name, and one value per column.
fn line(name: &str, values: &[impl AsRef<str>]) -> String {
    let values: String = values.iter().map(|value| pad_start(value.as_ref(), VALUE_WIDTH)).collect();
    pad_end(name, NAME_WIDTH) + &values
}

fn number(value: f64) -> String {
    format!("{value:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_name_is_kept() {
        assert_eq!(ending("mini", 14), "mini");
        assert_eq!(ending("/models/of/mine/finbert", 14), "…/mine/finbert");
    }
}
