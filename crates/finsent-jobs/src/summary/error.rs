//! Why a summary cannot be computed or written.

use finsent_table::TableError;
use thiserror::Error;

use super::TimeError;

/// Why a summary cannot be computed or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// The summary would not fit into memory.
    #[error("there are more than {limit} groups; the column may be the wrong one")]
    TooManyGroups {
        /// Most groups.
        limit: usize,
    },
    /// The values of the groups would not fit into memory.
    #[error("the values of the groups have more than {limit} bytes; the column may be the wrong one")]
    LongGroups {
        /// Most bytes of all values.
        limit: usize,
    },
    /// The quoted texts of the groups would not fit into memory.
    #[error("the texts that the summary quotes have more than {limit} bytes")]
    LongTexts {
        /// Most bytes of all texts.
        limit: usize,
    },
    /// So many different rows cannot be told apart in memory.
    #[error("there are more than {limit} different rows, which is too many to find the same ones again")]
    TooManyRows {
        /// Most rows.
        limit: usize,
    },
    /// The column of the labels has too many values to hold labels.
    #[error("there are more than {limit} labels, such as `{label}`; the column may be the wrong one")]
    TooManyLabels {
        /// Most labels.
        limit: usize,
        /// One of them.
        label: String,
    },
    /// A file has no predictions.
    #[error(
        "{} is not scored: it has no {} {}, only {}",
        quoted(file),
        if missing.len() == 1 { "column" } else { "columns" },
        list(missing, ", "),
        list(columns, ", ")
    )]
    NotScored {
        /// The file.
        file: String,
        /// The columns that it lacks.
        missing: Vec<String>,
        /// Its columns.
        columns: Vec<String>,
    },
    /// No row has a prediction, and no column names the labels.
    #[error("no row has a prediction")]
    NoPredictions,
    /// There is no such column to sort by.
    #[error("cannot sort by `{column}`; the columns of the summary are {}{}", list(columns, ", "), did_you_mean(nearest.as_deref()))]
    NoSortColumn {
        /// The name.
        column: String,
        /// The columns of the summary.
        columns: Vec<String>,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// The files do not say which column holds the texts.
    #[error("cannot tell which column of {} holds the texts; its columns are {}", quoted(file), list(columns, ", "))]
    NoTexts {
        /// The file.
        file: String,
        /// Its columns.
        columns: Vec<String>,
    },
    /// The format is finBERT's, which has only sentences.
    #[error("a summary cannot be written as finbert-csv, only as text, json, jsonl, csv or parquet")]
    Format,
    /// The first rows show that the times cannot be read.
    #[error("{place}: cannot read the times in `{column}`: {error}")]
    Times {
        /// The place of the row.
        place: String,
        /// The column of the times.
        column: String,
        /// Why.
        error: TimeError,
    },
    /// A column does not exist, or the output cannot be written.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl SummaryError {
    /// Whether the request is at fault, and not the system or the contents of a file.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::TooManyGroups { .. }
            | Self::LongGroups { .. }
            | Self::LongTexts { .. }
            | Self::TooManyRows { .. }
            | Self::TooManyLabels { .. }
            | Self::NoPredictions => false,
            Self::Format
            | Self::Times { .. }
            | Self::NotScored { .. }
            | Self::NoSortColumn { .. }
            | Self::NoTexts { .. } => true,
            Self::Table(error) => error.is_usage(),
        }
    }
}

/// The name of a file in a message; standard input has none.
fn quoted(file: &str) -> String {
    if file == "standard input" { file.to_owned() } else { format!("`{file}`") }
}

fn list(names: &[String], separator: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(separator)
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}
