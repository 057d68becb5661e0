//! Arguments of `finsent convert`.

use std::path::PathBuf;

use clap::Args;

use super::precision::PrecisionArg;
use super::{model_name, values};

pub(super) const EXAMPLES: &str = include_str!("help/convert_examples.txt");
pub(super) const NOTES: &str = include_str!("help/convert_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[arg(help = model_name::HELP)]
    #[arg(value_name = "SRC", add = model_name::completer())]
    pub(crate) source: String,
    /// Directory to write; it must be new or empty
    #[arg(value_name = "DST")]
    pub(crate) destination: PathBuf,
    // It replaces the global option of the same name and type: clap does not add a global option to a command that has
    // its own.
    /// Number format to store the weights in
    #[arg(long, value_name = "int8|bf16|f16|f32", hide_possible_values = true, value_parser = values::weight_format())]
    pub(crate) precision: PrecisionArg,
    /// Write the weights as this CPU computes with them, so that processes start faster and share them
    #[arg(long)]
    pub(crate) packed: bool,
}
