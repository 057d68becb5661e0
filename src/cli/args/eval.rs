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
    /// File of texts, with labels unless models are compared: .csv, .tsv, .json, .jsonl or .parquet
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(
        help = "Model: a name from the catalog, a directory, or OWNER/NAME[@REVISION] of the Hugging Face hub; may be given \
                  twice, to compare two models"
    )]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL", add = model_name::completer())]
    pub(crate) model: Vec<String>,
    /// Column of the texts [default: `text`, else the only column of strings besides the labels]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) text_column: Option<String>,
    /// Column of the labels [default: label; two models are also compared without it]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label_column: Option<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// Read the file's label FROM as the model's label TO; may be repeated
    #[arg(long, value_name = "FROM=TO", value_parser = values::label_pair, allow_hyphen_values = true)]
    pub(crate) label_map: Vec<(String, String)>,
    /// Skip rows with labels that the model does not have
    #[arg(long)]
    pub(crate) skip_unknown: bool,
    /// Number formats to compare [default: all, or that of --precision; of two models, the catalog's]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub(crate) precisions: Vec<PrecisionArg>,
    /// Read only the first N rows
    #[arg(long, value_name = "N", value_parser = values::number::<u64>(1..=u64::MAX))]
    pub(crate) limit: Option<u64>,
    /// Write the rows with wrong labels to FILE (.csv, .jsonl, .json, .parquet, .txt), with the predictions; without labels,
    /// those with different ones
    #[arg(long, value_name = "FILE")]
    pub(crate) errors: Option<PathBuf>,
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
