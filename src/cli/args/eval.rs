//! Arguments of `finsent eval`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::precision::PrecisionArg;
use super::reading::ReadingArgs;
use super::{model_name, values};

pub(super) const EXAMPLES: &str = include_str!("help/eval_examples.txt");
pub(super) const NOTES: &str = include_str!("help/eval_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// File of labeled texts: .csv, .tsv, .json, .jsonl or .parquet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[arg(help = model_name::HELP)]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    pub(crate) model: String,
    /// Column of the texts [default: `text`, else the only column of strings besides the labels]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text_column: Option<String>,
    /// Column of the labels
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    pub(crate) label_column: String,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Read the file's label FROM as the model's label TO; may be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = values::label_pair, allow_hyphen_values = true)]
    pub(crate) label_map: Vec<(String, String)>,
    /// Skip rows with labels that the model does not have
    #[arg(long)]
    pub(crate) skip_unknown: bool,
    /// Precisions to compare [default: all, or that of --precision]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub(crate) precisions: Vec<PrecisionArg>,
    /// Read only the first N rows
    #[arg(long, value_name = "N", value_parser = values::number::<u64>(1..=u64::MAX))]
    pub(crate) limit: Option<u64>,
    /// Format of the output
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) format: EvalFormat,
}

/// Format of what `eval` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvalFormat {
    /// Tables for people
    Text,
    /// One object
    Json,
}
