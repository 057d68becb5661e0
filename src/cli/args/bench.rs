//! Arguments of `finsent bench`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{model_name, values};

const MAX_U16: u64 = u16::MAX as u64;

pub(super) const EXAMPLES: &str = include_str!("help/bench_examples.txt");
pub(super) const NOTES: &str = include_str!("help/bench_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[arg(help = model_name::HELP)]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    #[arg(add = model_name::completer())]
    pub(crate) model: String,
    /// Lengths to measure, in tokens with `[CLS]` and `[SEP]` [default: 8,16,32,64,128,512 and mixed lengths]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = values::number::<u16>(1..=MAX_U16))]
    pub(crate) lengths: Vec<u16>,
    /// Also measure the texts of FILE, one per line
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Use only the first N texts of the file
    #[arg(long, value_name = "N", default_value_t = 256, requires = "input",
          value_parser = values::number::<u16>(1..=MAX_U16))]
    pub(crate) limit: u16,
    /// Measure one batch at a time on all threads against several on a share of them, and predict more cores
    #[arg(long, conflicts_with_all = ["lengths", "input"])]
    pub(crate) scaling: bool,
    /// Format of the output
    #[arg(short, long, value_enum, default_value = "text")]
    pub(crate) format: BenchFormat,
}

/// Format of what `bench` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchFormat {
    /// A table for people
    Text,
    /// One array
    Json,
}
