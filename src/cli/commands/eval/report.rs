//! What `eval` found, as JSON and as tables.

use std::collections::BTreeMap;

use finsent_jobs::evaluation::{Bin, ClassScores, Evaluation, Pair, Performance};
use finsent_kernels::Precision;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::cli::console::{Style, paint, printable};
use crate::cli::width::{cut, pad_end, pad_start};

/// Columns of the tables: what every terminal has.
const WIDTH: usize = 80;
/// Columns of a measure's name, and of a precision's value.
const NAME_WIDTH: usize = 26;
const VALUE_WIDTH: usize = 16;
/// Narrowest column of a confusion matrix.
const COUNT_WIDTH: usize = 6;

/// All that was found. Names are scikit-learn's where it has them.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    model: String,
    file: String,
    rows: Rows,
    /// In the order of their ids, which is that of all lists and matrices.
    labels: &'a [String],
    /// What each label of the file was taken for.
    label_map: &'a BTreeMap<String, &'a str>,
    precisions: Vec<OfPrecision<'a>>,
    agreement: Vec<Agreement>,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Rows {
    pub(super) read: u64,
    pub(super) evaluated: u64,
    pub(super) failed: u64,
    /// Left out for their labels.
    pub(super) unknown: u64,
    /// Of those evaluated.
    pub(super) truncated: u64,
}

#[derive(Debug, Serialize)]
struct OfPrecision<'a> {
    precision: String,
    accuracy: f64,
    /// Wilson's, at 95 %.
    accuracy_interval: [f64; 2],
    macro_f1: f64,
    weighted_f1: f64,
    ece: f64,
    brier: f64,
    log_loss: f64,
    classes: Vec<OfClass<'a>>,
    /// Rows are true labels, columns predicted ones.
    confusion_matrix: Vec<&'a [u64]>,
    calibration: Vec<OfBin>,
}

#[derive(Debug, Serialize)]
struct OfClass<'a> {
    label: &'a str,
    #[serde(flatten)]
    scores: ClassScores,
}

#[derive(Debug, Serialize)]
struct OfBin {
    count: u64,
    accuracy: f64,
    confidence: f64,
}

#[derive(Debug, Serialize)]
struct Agreement {
    precisions: [String; 2],
    /// The share of rows with the same label.
    agreement: f64,
    /// Rows with another label.
    different: u64,
    cohen_kappa: Option<f64>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        model: String,
        file: String,
        rows: Rows,
        labels: &'a [String],
        label_map: &'a BTreeMap<String, &'a str>,
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
            precisions: of_each.map(|(precision, of)| OfPrecision::new(*precision, of, labels)).collect(),
            agreement: evaluation.pairs().iter().map(|pair| Agreement::new(pair, precisions)).collect(),
        }
    }

    /// The tables for people.
    pub(super) fn to_text(&self, colors: bool) -> String {
        let heading = |text: &str| paint(text, Style::Bold, colors) + "\n";
        let names: Vec<String> = self.precisions.iter().map(|of| of.precision.clone()).collect();
        let mut text = heading(&line("", &names));
        let mut measure = |name: &str, value: &dyn Fn(&OfPrecision<'_>) -> String| {
            text += &(line(name, &self.precisions.iter().map(value).collect::<Vec<_>>()) + "\n");
        };
        measure("accuracy", &|of| number(of.accuracy));
        measure("  95 % interval", &|of| {
            let [low, high] = of.accuracy_interval;
            format!("{low:.4}-{high:.4}")
        });
        measure("macro F1", &|of| number(of.macro_f1));
        measure("weighted F1", &|of| number(of.weighted_f1));
        measure("calibration error (ECE)", &|of| number(of.ece));
        measure("Brier score", &|of| number(of.brier));
        measure("log loss", &|of| number(of.log_loss));
        for (id, label) in self.labels.iter().enumerate() {
            let support = self.precisions[0].classes[id].scores.support;
            let rows = if support == 1 { "row" } else { "rows" };
            text += &format!("\n{}", heading(&format!("{} ({support} {rows})", printable(label))));
            let mut measure = |name: &str, value: &dyn Fn(&ClassScores) -> f64| {
                let values: Vec<String> =
                    self.precisions.iter().map(|of| number(value(&of.classes[id].scores))).collect();
                text += &(line(name, &values) + "\n");
            };
            measure("  precision", &|of| of.precision);
            measure("  recall", &|of| of.recall);
            measure("  F1", &|of| of.f1);
        }
        for of in &self.precisions {
            let title = format!("confusion matrix, {}", of.precision);
            text += &format!("\n{}{}", heading(&title), self.matrix(of));
        }
        if !self.agreement.is_empty() {
            text += &format!("\n{}", heading(&line("agreement", &["same label", "different", "kappa"])));
        }
        for Agreement { precisions, agreement, different, cohen_kappa } in &self.agreement {
            let kappa = cohen_kappa.map_or("-".into(), number);
            text += &(line(&precisions.join(" and "), &[number(*agreement), different.to_string(), kappa]) + "\n");
        }
        text
    }

    /// The counts of a precision, the file's labels down and the model's across.
    fn matrix(&self, of: &OfPrecision<'_>) -> String {
        let labels: Vec<String> = self.labels.iter().map(|label| cut(&printable(label), NAME_WIDTH - 2)).collect();
        let most = of.confusion_matrix.iter().flat_map(|row| row.iter()).max().copied().unwrap_or(0);
        let least_width = most.to_string().len().max(COUNT_WIDTH);
        let Some(room) = (WIDTH - NAME_WIDTH).checked_div(labels.len()).filter(|room| *room >= least_width + 2) else {
            return format!("  of {} labels, too wide for a table: see --format json\n", labels.len());
        };
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let width = widest.max(least_width).min(room - 2);
        let row = |name: &str, cells: Vec<String>| {
            let cells: String = cells.iter().map(|cell| format!("  {}", pad_start(cell, width))).collect();
            format!("{}{cells}\n", pad_end(name, NAME_WIDTH))
        };
        let header = row("  labelled, found as", labels.iter().map(|label| cut(label, width)).collect());
        let counts = labels.iter().zip(&of.confusion_matrix);
        let counts =
            counts.map(|(label, counts)| row(&format!("  {label}"), counts.iter().map(ToString::to_string).collect()));
        header + &counts.collect::<String>()
    }
}

impl<'a> OfPrecision<'a> {
    fn new(
        precision: Precision,
        Performance { confusion, calibration }: &'a Performance,
        labels: &'a [String],
    ) -> Self {
        let classes = labels.iter().zip(confusion.classes());
        let bin = |bin: &Bin| OfBin { count: bin.count, accuracy: bin.accuracy(), confidence: bin.confidence() };
        Self {
            precision: precision.to_string(),
            accuracy: confusion.accuracy(),
            accuracy_interval: confusion.accuracy_interval(),
            macro_f1: confusion.macro_f1(),
            weighted_f1: confusion.weighted_f1(),
            ece: calibration.ece(),
            brier: calibration.brier(),
            log_loss: calibration.log_loss(),
            classes: classes.map(|(label, scores)| OfClass { label, scores }).collect(),
            confusion_matrix: confusion.rows().collect(),
            calibration: calibration.bins().iter().map(bin).collect(),
        }
    }
}

impl Agreement {
    fn new(Pair { of, labels }: &Pair, precisions: &[Precision]) -> Self {
        Self {
            precisions: of.map(|place| precisions[place].to_string()),
            agreement: labels.accuracy(),
            different: labels.total() - labels.correct(),
            cohen_kappa: labels.cohen_kappa(),
        }
    }
}

/// A line of a table: a name, and a value a column.
fn line(name: &str, values: &[impl AsRef<str>]) -> String {
    let values: String = values.iter().map(|value| pad_start(value.as_ref(), VALUE_WIDTH)).collect();
    pad_end(name, NAME_WIDTH) + &values
}

fn number(value: f64) -> String {
    format!("{value:.4}")
}
