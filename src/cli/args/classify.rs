//! Arguments of `finsent classify`.

use std::path::PathBuf;

use clap::{Arg, Args, ValueEnum};
use finsent_table::Shard;

use super::explained::Explained;
use super::periods::PeriodArgs;
use super::reading::ReadingArgs;
use super::{model_name, values};

pub(super) const EXAMPLES: &str = include_str!("help/classify_examples.txt");
pub(super) const NOTES: &str = include_str!("help/classify_notes.txt");

#[derive(Debug, Default, Args)]
#[command(mut_arg("time_column", |arg| {
    of_groups(arg, "Split the summary into periods by the times in this column").requires("every")
}))]
#[command(mut_arg("weight_column", |arg| of_groups(arg, "Weight the rows of the summary by the numbers in this column")))]
pub(crate) struct ClassifyArgs {
    /// Texts to score; without any, or with `-`, each line of standard input is a text
    #[arg(value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    #[arg(help = model_name::HELP)]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    #[arg(add = model_name::completer())]
    pub(crate) model: String,
    /// Read texts from FILE (.txt, .csv, .tsv, .json, .jsonl, also as .gz or .zst; .parquet, .xlsx), from the files in a
    /// folder, or from those that a pattern such as 'news/*.csv' matches; may be repeated
    #[arg(short, long, value_name = "FILE", conflicts_with = "texts")]
    pub(crate) input: Vec<PathBuf>,
    /// Column to score [default: `text`, else the only column of strings, else the only one called headline, title,
    /// sentence, tweet, body, content or message]
    #[arg(long, value_name = "COLUMN", conflicts_with = "texts")]
    pub(crate) text_column: Option<String>,
    /// Column to write as the `id` of each prediction
    #[arg(long, value_name = "COLUMN", conflicts_with = "texts")]
    pub(crate) id_column: Option<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Score each file as one text, whatever its name; the name is the `id`
    #[arg(long, conflicts_with_all = ["texts", "text_column", "id_column", "input_format", "delimiter", "quote", "escape",
        "no_header"])]
    pub(crate) whole_file: bool,
    /// Decode HTML entities (&amp;) and leave out tags (<b>) before scoring; offsets are still those of the input
    #[arg(long)]
    pub(crate) unescape_html: bool,
    /// Score only the first N rows
    #[arg(long, value_name = "N", value_parser = values::number::<u64>(1..=u64::MAX))]
    pub(crate) limit: Option<u64>,
    /// Leave out rows that FILE, an earlier output, has a prediction for: those with the same id, with --id-column, else those
    /// with the same text
    #[arg(long, value_name = "FILE", conflicts_with_all = ["texts", "shard", "resume", "whole_file"])]
    pub(crate) since: Option<PathBuf>,
    /// Score only part I of N of the rows; I counts from 0
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// Write to FILE, which appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Keep finished predictions in FILE.journal, so that the same command continues an interrupted run
    #[arg(long)]
    pub(crate) resume: bool,
    /// Format of the output [default: the extension of --output, else text on a terminal and jsonl elsewhere]
    #[arg(short, long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Show these columns of the input in the table of --format text [default: those of --group-by and --time-column]
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', conflicts_with = "texts")]
    pub(crate) keep_columns: Vec<String>,
    /// Show the score of each label and the number of tokens in the table of --format text, too
    #[arg(long)]
    pub(crate) wide: bool,
    /// In CSV and TSV output, put an apostrophe before cells that begin with =, +, -, @, a tab or a carriage return, which
    /// spreadsheets take for formulas; the prediction's own numbers stay
    #[arg(long)]
    pub(crate) csv_safe: bool,
    /// Score whole texts, each sentence, or whole documents [default: text; sentence with --format finbert-csv]
    #[arg(long, value_enum)]
    pub(crate) granularity: Option<Granularity>,
    /// How a document's score is averaged from its sentences [default: tokens]
    #[arg(long, value_enum)]
    pub(crate) aggregate: Option<AggregateArg>,
    /// Mark the words that made each prediction; in JSON, add its `explanation`. Hundreds of passes per text: see `finsent explain`
    #[arg(long, conflicts_with = "resume")]
    pub(crate) explain: bool,
    /// What is explained; set by `finsent explain`, or by --explain.
    #[arg(skip)]
    pub(crate) explained: Option<Explained>,
    /// Also write a summary, with a line for each value of this column
    #[arg(long, value_name = "COLUMN", requires = "input")]
    pub(crate) group_by: Option<String>,
    #[command(flatten)]
    pub(crate) periods: PeriodArgs,
    /// Write the summary to FILE [default: NAME.summary.EXT for --output NAME.EXT; after the rows in a table on standard
    /// output]
    #[arg(long, value_name = "FILE", requires = "group_by")]
    pub(crate) summary: Option<PathBuf>,
}

/// An argument of a summary, which classify makes only of groups.
fn of_groups(arg: Arg, help: &'static str) -> Arg {
    arg.requires("group_by").help(help)
}

/// Format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people
    Text,
    /// One array
    Json,
    /// An object per line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// Tab-separated values with a header
    Tsv,
    /// The file that finBERT's predict() writes: a line per sentence, with sentence, logit, prediction, sentiment_score
    FinbertCsv,
    /// Columns with types, compressed
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Granularity {
    /// The whole text; only the start of a text that is longer than the model's window
    Text,
    /// Each sentence, with a prediction for each
    Sentence,
    /// All of the text, sentence by sentence, with one prediction
    Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AggregateArg {
    /// Weight each sentence by its number of tokens
    Tokens,
    /// Weight all sentences equally, as finBERT's predict() does
    Mean,
    /// As tokens, but leave out neutral sentences; if all are neutral, as tokens
    Polar,
}
