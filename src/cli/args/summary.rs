//! Arguments of `finsent summary`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use finsent_jobs::summary::SortKey;

use super::periods::PeriodArgs;
use super::reading::ReadingArgs;
use super::values;

pub(super) const EXAMPLES: &str = include_str!("help/summary_examples.txt");
pub(super) const NOTES: &str = include_str!("help/summary_notes.txt");

#[derive(Debug, Args)]
#[command(mut_arg("time_column", |arg| arg.requires("every")))]
pub(crate) struct SummaryArgs {
    /// Scored files, as `finsent classify` writes them (.csv, .tsv, .json, .jsonl, also as .gz or .zst; .parquet), folders of
    /// them, or patterns such as 'scored/*.csv'; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Columns whose values are the groups, with commas between them [default: one group of all rows]
    #[arg(short, long, value_name = "COLUMNS")]
    pub(crate) by: Option<String>,
    #[command(flatten)]
    pub(crate) periods: PeriodArgs,
    /// Count rows with the same text once in each group and period, or those with the same values in COLUMNS
    #[arg(long, value_name = "COLUMNS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) unique: Option<String>,
    /// Sort by a column of the summary, for example count or net; -net begins with the largest [default: by group and period]
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<SortKey>,
    /// Show the N most positive and the N most negative texts of each group [default: 5 with --format html, else none]
    #[arg(long, value_name = "N", value_parser = values::number::<usize>(0..=100))]
    pub(crate) top: Option<usize>,
    /// Show what changed since this scored file; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Vec<PathBuf>,
    /// Column of the texts [default: `text`, else the only one called headline, title, sentence, tweet, body, content or
    /// message]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text_column: Option<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Write to FILE [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of the output [default: the extension of --output, else text]
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<SummaryFormat>,
    /// Title of the page of --format html
    #[arg(long, value_name = "TITLE")]
    pub(crate) title: Option<String>,
    /// In CSV and TSV output, put an apostrophe before cells that begin with =, +, -, @, a tab or a carriage return, which
    /// spreadsheets take for formulas; numbers stay
    #[arg(long)]
    pub(crate) csv_safe: bool,
}

/// Format of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryFormat {
    /// Tables with bars for people
    Text,
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// One array
    Json,
    /// An object per line
    Jsonl,
    /// Columns with types, compressed
    Parquet,
    /// A page with charts, in one file that needs nothing else
    Html,
}
