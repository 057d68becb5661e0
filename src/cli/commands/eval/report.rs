//! The report of `eval`, as JSON has it.

use std::collections::BTreeMap;

use finsent_jobs::evaluation::{Agreement, Bin, ClassScores, Evaluation, LabelledFile, Performance};
use serde::Serialize;

use super::compared::{CandidateName, Compared};
use super::differences::{Difference, Differences};

/// The report. Fields have the names that scikit-learn uses, if it has them.
#[derive(Debug, Serialize)]
pub(super) struct Report<'a> {
    /// The first model.
    model: &'a str,
    file: String,
    rows: RowCounts,
    /// In the order of their ids, as in all lists and matrices.
    pub(super) labels: &'a [String],
    /// The model's label for each label of the file.
    label_map: &'a BTreeMap<String, String>,
    /// One for each number format, or for each model.
    #[serde(rename = "precisions")]
    pub(super) candidates: Vec<CandidateReport<'a>>,
    pub(super) agreement: Vec<AgreementReport<'a>>,
    /// The first rows on which models differ.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) differences: &'a [Difference],
    #[serde(skip)]
    pub(super) has_several_models: bool,
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
pub(super) struct CandidateReport<'a> {
    pub(super) model: &'a str,
    #[serde(rename = "precision")]
    pub(super) format: &'a str,
    /// How often each label is predicted.
    pub(super) predicted: &'a [u64],
    /// If the rows have labels.
    #[serde(flatten)]
    pub(super) metrics: Option<Metrics<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Metrics<'a> {
    pub(super) accuracy: f64,
    /// Wilson's, at 95 %.
    pub(super) accuracy_interval: [f64; 2],
    pub(super) macro_f1: f64,
    pub(super) weighted_f1: f64,
    pub(super) ece: f64,
    pub(super) brier: f64,
    pub(super) log_loss: f64,
    pub(super) classes: Vec<ClassReport<'a>>,
    /// Rows are true labels, columns predicted ones.
    pub(super) confusion_matrix: Vec<&'a [u64]>,
    calibration: Vec<BinReport>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClassReport<'a> {
    label: &'a str,
    #[serde(flatten)]
    pub(super) scores: ClassScores,
}

#[derive(Debug, Serialize)]
struct BinReport {
    count: u64,
    accuracy: f64,
    confidence: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct AgreementReport<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<[&'a str; 2]>,
    #[serde(rename = "precisions")]
    pub(super) formats: [&'a str; 2],
    /// The share of rows with the same label.
    pub(super) agreement: f64,
    /// Rows with different labels.
    pub(super) different: u64,
    pub(super) cohen_kappa: Option<f64>,
    /// Of two models: rows on which only the first, and only the second is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) only_right: Option<[u64; 2]>,
    /// Of two models: rows are the labels of the first, columns those of the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) matrix: Option<Vec<&'a [u64]>>,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        compared: &'a Compared,
        file: &LabelledFile,
        rows: RowCounts,
        label_map: &'a BTreeMap<String, String>,
        evaluation: &'a Evaluation,
        differences: &'a Differences,
    ) -> Self {
        let labels = compared.candidates[0].pipeline().labels().labels();
        let has_labels = file.has_labels();
        let of_each = compared.names.iter().zip(evaluation.performances());
        let agreements = evaluation.agreements().iter();
        Self {
            model: &compared.names[0].model,
            file: file.name(),
            rows,
            labels,
            label_map,
            candidates: of_each.map(|(name, of)| CandidateReport::new(name, of, labels, has_labels)).collect(),
            agreement: agreements.map(|agreement| AgreementReport::new(agreement, compared, has_labels)).collect(),
            differences: &differences.first,
            has_several_models: compared.has_several_models,
        }
    }
}

impl<'a> CandidateReport<'a> {
    fn new(name: &'a CandidateName, of: &'a Performance, labels: &'a [String], has_labels: bool) -> Self {
        let metrics = has_labels.then(|| Metrics::new(of, labels));
        Self { model: &name.model, format: &name.format, predicted: &of.predicted, metrics }
    }
}

impl<'a> Metrics<'a> {
    fn new(Performance { confusion, calibration, .. }: &'a Performance, labels: &'a [String]) -> Self {
        let classes = labels.iter().zip(confusion.classes());
        let bin = |bin: &Bin| BinReport { count: bin.count, accuracy: bin.accuracy(), confidence: bin.confidence() };
        Self {
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

impl<'a> AgreementReport<'a> {
    fn new(Agreement { of, labels, only_right }: &'a Agreement, compared: &'a Compared, has_labels: bool) -> Self {
        let names = of.map(|index| &compared.names[index]);
        let has_several_models = compared.has_several_models;
        Self {
            models: has_several_models.then(|| names.map(|name| name.model.as_str())),
            formats: names.map(|name| name.format.as_str()),
            agreement: labels.accuracy(),
            different: labels.total() - labels.correct(),
            cohen_kappa: labels.cohen_kappa(),
            only_right: (has_several_models && has_labels).then_some(*only_right),
            matrix: has_several_models.then(|| labels.rows().collect()),
        }
    }
}
