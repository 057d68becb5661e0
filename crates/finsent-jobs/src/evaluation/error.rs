//! Why a model cannot be evaluated on a file.

use finsent_table::TableError;
use thiserror::Error;

use super::label_matcher::{LabelTableError, MatchError};
use super::unknown_labels::UnknownLabels;

/// Why a model cannot be evaluated on a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// The file cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The file does not have the column of the labels.
    #[error("cannot find the labels")]
    LabelColumn(#[source] TableError),
    /// The user's table of labels cannot be used.
    #[error(transparent)]
    LabelTable(#[from] LabelTableError),
    /// A label matches two of the model's.
    #[error("{place}: {error}")]
    Ambiguous {
        /// The row.
        place: String,
        /// The label, and the two of the model.
        error: MatchError,
    },
    /// Some labels do not match any of the model's.
    #[error("`{file}` has unknown labels: {unknown}. The model's labels are {}", labels.join(", "))]
    UnknownLabels {
        /// The file.
        file: String,
        /// The labels.
        unknown: UnknownLabels,
        /// The labels of the model.
        labels: Vec<String>,
    },
    /// A label is unknown, although all were known when they were checked.
    #[error(
        "{place} of `{file}` has an unknown label, but had none when the labels were checked: the file has changed"
    )]
    FileChanged {
        /// The file.
        file: String,
        /// The row.
        place: String,
    },
    /// Several labels of the model may apply to a text.
    #[error("`{model}` judges each label by itself (multi-label); only models that choose one label can be evaluated")]
    MultiLabel {
        /// The model.
        model: String,
    },
    /// Two models do not have the same labels.
    #[error(
        "`{}` and `{}` cannot be compared: the labels of one are {}, those of the other {}",
        models[0], models[1], labels[0].join(", "), labels[1].join(", ")
    )]
    OtherLabels {
        /// The models.
        models: [String; 2],
        /// Their labels.
        labels: [Vec<String>; 2],
    },
    /// The numbers in the file are not the ids of the model.
    #[error(
        "the labels of `{file}` are numbers that do not seem to be the ids of the model: read so ({}), {:.0} % of the \
         predictions are right, and {:.0} % if they are {}",
        pairs(now), 100.0 * accuracies[0], 100.0 * accuracies[1], pairs(better)
    )]
    OtherOrder {
        /// The file.
        file: String,
        /// Each label of the file with what it was read as.
        now: Vec<(String, String)>,
        /// Each label of the file with what it seems to be.
        better: Vec<(String, String)>,
        /// The accuracy of both.
        accuracies: [f64; 2],
    },
    /// The model has too many labels.
    #[error("`{model}` has {labels} labels; at most {limit} can be evaluated")]
    TooManyLabels {
        /// The model.
        model: String,
        /// Its labels.
        labels: usize,
        /// The most.
        limit: usize,
    },
}

impl EvaluationError {
    /// Whether the request is at fault, and not the system or the contents of a file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Table(error) => error.is_usage(),
            error => !matches!(error, Self::FileChanged { .. }),
        }
    }
}

/// `0 negative, 1 positive`.
fn pairs(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(from, to)| format!("{from} {to}")).collect::<Vec<_>>().join(", ")
}
