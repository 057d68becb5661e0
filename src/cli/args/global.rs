//! Options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::precision::PrecisionArg;
use super::values;

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Catalog of models that replaces the built-in one
    #[arg(long, global = true, value_name = "FILE", env = "FINSENT_MODELS_FILE")]
    pub(crate) models_file: Option<PathBuf>,
    /// Folder of downloaded models (DIR/NAME), searched before the cache
    #[arg(long, global = true, value_name = "DIR", env = "FINSENT_MODEL_DIR")]
    pub(crate) model_dir: Option<PathBuf>,
    /// Use N compute threads [default: the CPU quota of the cgroup]
    #[arg(long, global = true, value_name = "N", env = "FINSENT_THREADS", value_parser = values::number::<u16>(1..=values::MAX_THREADS))]
    pub(crate) threads: Option<u16>,
    /// Compute N batches at a time, which share the weights and the threads; auto goes by threads, model and memory
    #[arg(long, global = true, value_name = "N", env = "FINSENT_WORKERS", default_value = "auto", value_parser = values::workers)]
    pub(crate) workers: u16,
    /// Number format to compute in [default: the catalog's, else f32]
    #[arg(long, global = true, value_enum, env = "FINSENT_PRECISION")]
    pub(crate) precision: Option<PrecisionArg>,
    /// With int8: recompute a text more exactly if its two best probabilities are closer than this; 0 never does
    /// [default: 0.13]
    #[arg(long, global = true, value_name = "P", env = "FINSENT_INT8_MARGIN", value_parser = values::probability)]
    pub(crate) int8_margin: Option<f32>,
    /// Make no network requests [env: HF_HUB_OFFLINE=1]
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print more details; -vv prints even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Log format, on standard error
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    /// When to use colors; auto respects NO_COLOR
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}
