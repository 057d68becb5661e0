//! Options that every command takes.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use finsent_kernels::Precision;
use finsent_model::WeightFormat;

use super::values;

/// The most threads that can be chosen, more than any machine has cores.
const MAX_THREADS: u64 = 1024;

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
    #[arg(long, global = true, value_name = "N", env = "FINSENT_THREADS", value_parser = values::number::<u16>(1..=MAX_THREADS))]
    pub(crate) threads: Option<u16>,
    /// Number format to compute in [default: the catalog's, else f32]
    #[arg(long, global = true, value_enum, env = "FINSENT_PRECISION")]
    pub(crate) precision: Option<PrecisionArg>,
    /// With int8: recompute a text more exactly if its two best probabilities are closer than this; 0 never does
    /// [default: 0.2]
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
pub(crate) enum PrecisionArg {
    F32,
    Bf16,
    Int8,
    /// For stored weights only: nothing computes in it.
    #[value(skip)]
    F16,
}

impl PrecisionArg {
    /// The precision to compute in; `None` for a format that only weights are stored in.
    pub(crate) fn computed_in(self) -> Option<Precision> {
        match self {
            Self::F32 => Some(Precision::F32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::Int8 => Some(Precision::Int8),
            Self::F16 => None,
        }
    }
}

impl From<PrecisionArg> for WeightFormat {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::Bf16 => Self::Bf16,
            PrecisionArg::Int8 => Self::Int8,
            PrecisionArg::F16 => Self::F16,
        }
    }
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
