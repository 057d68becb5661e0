//! The report of `eval`, as JSON and as tables.

use std::collections::BTreeMap;

use finsent_jobs::evaluation::{Agreement, Bin, ClassScores, Evaluation, Performance};
use finsent_kernels::Precision;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

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

/// The report. Fields have the names that scikit-learn uses, if it has them.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    model: String,
    file: String,
    rows: RowCounts,
    /// In the order of their ids, as in all lists and matrices.
    labels: &'a [String],
    /// The model's label for each label of the file.
    label_map: &'a BTreeMap<String, String>,
    precisions: Vec<PrecisionReport<'a>>,
    agreement: Vec<AgreementReport>,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct RowCounts {
    pub(super) read: u64,
    pub(super) evaluated: u64,
    pub(super) failed: u64,
    /// Left out because of their labels.
    pub(super) unknown: u64,
    /// Of the evaluated ones.
    pub(super) truncated: u64,
}

#[derive(Debug, Serialize)]
struct PrecisionReport<'a> {
    precision: String,
    accuracy: f64,
    /// Wilson's, at 95 %.
    accuracy_interval: [f64; 2],
    macro_f1: f64,
    weighted_f1: f64,
    ece: f64,
    brier: f64,
    log_loss: f64,
    classes: Vec<ClassReport<'a>>,
    /// Rows are true labels, columns predicted ones.
    confusion_matrix: Vec<&'a [u64]>,
    calibration: Vec<BinReport>,
}

#[derive(Debug, Serialize)]
struct ClassReport<'a> {
    label: &'a str,
    #[serde(flatten)]
    scores: ClassScores,
}

#[derive(Debug, Serialize)]
struct BinReport {
    count: u64,
    accuracy: f64,
    confidence: f64,
}

#[derive(Debug, Serialize)]
struct AgreementReport {
    precisions: [String; 2],
    /// The share of rows with the same label.
    agreement: f64,
    /// Rows with different labels.
    different: u64,
    cohen_kappa: Option<f64>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        model: String,
        file: String,
        rows: RowCounts,
        labels: &'a [String],
        label_map: &'a BTreeMap<String, String>,
        precisions: &[Precision],
        evaluation: &'a Evaluation,
    ) -> Self {
        let of_each = precisions.iter().zip(evaluation.performances());
        Self {
            model,
            file,
            rows,
            labels,
            label_map,
            precisions: of_each.map(|(precision, of)| PrecisionReport::new(*precision, of, labels)).collect(),
            agreement: evaluation
                .agreements()
                .iter()
                .map(|agreement| AgreementReport::new(agreement, precisions))
                .collect(),
        }
    }

    /// The tables for people.
    pub(super) fn to_text(&self, colors: bool) -> String {
        let names: Vec<String> = self.precisions.iter().map(|of| of.precision.clone()).collect();
        let mut text = heading(&line("", &names), colors) + &self.metrics();
        for (id, label) in self.labels.iter().enumerate() {
            let support = quantity(self.precisions[0].classes[id].scores.support, "row");
            let title = format!("{} ({support})", printable(label));
            text += &format!("\n{}{}", heading(&title, colors), self.class_metrics(id));
        }
        for of in &self.precisions {
            let title = format!("confusion matrix, {}", of.precision);
            text += &format!("\n{}{}", heading(&title, colors), self.matrix(of));
        }
        if !self.agreement.is_empty() {
            let title = line("agreement", &["same label", "different", "kappa"]);
            text += &format!("\n{}{}", heading(&title, colors), self.agreements());
        }
        text
    }

    /// The metrics of all labels together, one column per precision.
    fn metrics(&self) -> String {
        let metric = |name: &str, value: &dyn Fn(&PrecisionReport<'_>) -> String| {
            line(name, &self.precisions.iter().map(value).collect::<Vec<_>>()) + "\n"
        };
        let interval = |of: &PrecisionReport<'_>| {
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

    /// The metrics of a label, one column per precision.
    fn class_metrics(&self, id: usize) -> String {
        let metric = |name: &str, value: &dyn Fn(&ClassScores) -> f64| {
            let values: Vec<String> = self.precisions.iter().map(|of| number(value(&of.classes[id].scores))).collect();
            line(name, &values) + "\n"
        };
        [metric("  precision", &|of| of.precision), metric("  recall", &|of| of.recall), metric("  F1", &|of| of.f1)]
            .concat()
    }

    fn agreements(&self) -> String {
        let row = |AgreementReport { precisions, agreement, different, cohen_kappa }: &AgreementReport| {
            let kappa = cohen_kappa.map_or("-".into(), number);
            line(&precisions.join(" and "), &[number(*agreement), different.to_string(), kappa]) + "\n"
        };
        self.agreement.iter().map(row).collect()
    }

    /// The confusion matrix of a precision: one row per true label.
    fn matrix(&self, of: &PrecisionReport<'_>) -> String {
        let labels: Vec<String> = self.labels.iter().map(|label| cut(&printable(label), NAME_WIDTH - 2)).collect();
        let most = of.confusion_matrix.iter().flat_map(|row| row.iter()).max().copied().unwrap_or(0);
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
        let header = row("  true label, predicted as", labels.iter().map(|label| cut(label, width)).collect());
        let counts = labels.iter().zip(&of.confusion_matrix);
        let counts =
            counts.map(|(label, counts)| row(&format!("  {label}"), counts.iter().map(ToString::to_string).collect()));
        header + &counts.collect::<String>()
    }
}

impl<'a> PrecisionReport<'a> {
    fn new(
        precision: Precision,
        Performance { confusion, calibration }: &'a Performance,
        labels: &'a [String],
    ) -> Self {
        let classes = labels.iter().zip(confusion.classes());
        let bin = |bin: &Bin| BinReport { count: bin.count, accuracy: bin.accuracy(), confidence: bin.confidence() };
        Self {
            precision: precision.to_string(),
            accuracy: confusion.accuracy(),
            accuracy_interval: confusion.accuracy_interval(),
            macro_f1: confusion.macro_f1(),
            weighted_f1: confusion.weighted_f1(),
            ece: calibration.ece(),
            brier: calibration.brier(),
            log_loss: calibration.log_loss(),
            classes: classes.map(|(label, scores)| ClassReport { label, scores }).collect(),
            confusion_matrix: confusion.rows().collect(),
            calibration: calibration.bins().iter().map(bin).collect(),
        }
    }
}

impl AgreementReport {
    fn new(Agreement { of, labels }: &Agreement, precisions: &[Precision]) -> Self {
        Self {
            precisions: of.map(|index| precisions[index].to_string()),
            agreement: labels.accuracy(),
            different: labels.total() - labels.correct(),
            cohen_kappa: labels.cohen_kappa(),
        }
    }
}

fn heading(text: &str, colors: bool) -> String {
    paint(text, Style::Bold, colors) + "\n"
}

/// A line of a table: a name, and one value per column.
fn line(name: &str, values: &[impl AsRef<str>]) -> String {
    let values: String = values.iter().map(|value| pad_start(value.as_ref(), VALUE_WIDTH)).collect();
    pad_end(name, NAME_WIDTH) + &values
}

fn number(value: f64) -> String {
    format!("{value:.4}")
}
