//! The arguments, a file for each command. Examples and notes are in text files, in `help/`.

mod bench;
mod classify;
mod convert;
mod eval;
mod explain;
mod explained;
mod global;
mod health;
mod model_name;
mod models;
mod periods;
mod precision;
mod pull;
mod reading;
mod serve;
mod summary;
mod values;
mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

pub(crate) use bench::{BenchArgs, BenchFormat};
pub(crate) use classify::{AggregateArg, ClassifyArgs, Format, Granularity};
pub(crate) use convert::ConvertArgs;
pub(crate) use eval::{EvalArgs, EvalFormat};
pub(crate) use explain::ExplainArgs;
pub(crate) use explained::Explained;
pub(crate) use global::{ColorChoice, GlobalArgs, LogFormat};
pub(crate) use health::HealthArgs;
pub(crate) use models::ModelsArgs;
pub(crate) use precision::PrecisionArg;
pub(crate) use pull::PullArgs;
pub(crate) use serve::ServeArgs;
pub(crate) use summary::{SummaryArgs, SummaryFormat};
pub(crate) use values::Expected;
pub(crate) use verify::VerifyArgs;

/// The version, and the revision of the sources.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FINSENT_REVISION"), ")");

/// Help starts with examples.
const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = include_str!("help/finsent_examples.txt");
const NOTES: &str = include_str!("help/finsent_notes.txt");
const SHORT_NOTES: &str = include_str!("help/finsent_short_notes.txt");
const USAGE: &str = "finsent [OPTIONS] <COMMAND>\n       finsent [OPTIONS] <TEXT>...";
const COMPLETIONS_EXAMPLES: &str = include_str!("help/completions_examples.txt");
const COMPLETIONS_NOTES: &str = include_str!("help/completions_notes.txt");
const MAN_EXAMPLES: &str = include_str!("help/man_examples.txt");

#[derive(Debug, Parser)]
#[command(name = "finsent", version = VERSION, before_help = EXAMPLES, help_template = TEMPLATE, max_term_width = 120)]
#[command(about = "Label financial texts as positive, negative or neutral, with scores")]
#[command(override_usage = USAGE, after_help = SHORT_NOTES, after_long_help = NOTES)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Score texts from arguments, standard input or files
    #[command(before_help = classify::EXAMPLES, after_long_help = classify::NOTES, help_template = TEMPLATE)]
    Classify(Box<ClassifyArgs>),
    /// Show which words and sentences made a prediction
    #[command(before_help = explain::EXAMPLES, after_long_help = explain::NOTES, help_template = TEMPLATE)]
    Explain(Box<ExplainArgs>),
    /// Aggregate scored files into tables, charts and reports
    #[command(before_help = summary::EXAMPLES, after_long_help = summary::NOTES, help_template = TEMPLATE)]
    Summary(Box<SummaryArgs>),
    /// Score texts over HTTP
    #[command(before_help = serve::EXAMPLES, after_long_help = serve::NOTES, help_template = TEMPLATE)]
    Serve(Box<ServeArgs>),
    /// Check a running server (exit code 0 healthy, 1 not)
    #[command(before_help = health::EXAMPLES, help_template = TEMPLATE)]
    Health(HealthArgs),
    /// Compare predictions with candle-transformers on this machine, in every precision
    #[command(before_help = verify::EXAMPLES, after_long_help = verify::NOTES, help_template = TEMPLATE)]
    Verify(VerifyArgs),
    /// Measure the accuracy of models on labeled texts, and where they differ
    #[command(before_help = eval::EXAMPLES, after_long_help = eval::NOTES, help_template = TEMPLATE)]
    Eval(EvalArgs),
    /// Measure the speed of a model on this machine, in every precision and at many lengths
    #[command(before_help = bench::EXAMPLES, after_long_help = bench::NOTES, help_template = TEMPLATE)]
    Bench(BenchArgs),
    /// Store a model's weights in another number format
    #[command(before_help = convert::EXAMPLES, after_long_help = convert::NOTES, help_template = TEMPLATE)]
    Convert(ConvertArgs),
    /// Download a model from the Hugging Face hub and verify it
    #[command(before_help = pull::EXAMPLES, after_long_help = pull::NOTES, help_template = TEMPLATE)]
    Pull(PullArgs),
    /// List the models of the catalog and which of them are on this machine
    #[command(before_help = models::EXAMPLES, help_template = TEMPLATE)]
    Models(ModelsArgs),
    /// Print a completion script for your shell
    #[command(before_help = COMPLETIONS_EXAMPLES, after_long_help = COMPLETIONS_NOTES, help_template = TEMPLATE)]
    Completions {
        /// Your shell
        shell: Shell,
    },
    /// Print a manual page
    #[command(before_help = MAN_EXAMPLES, help_template = TEMPLATE)]
    Man {
        /// Command to describe [default: finsent itself]
        #[arg(add = ArgValueCandidates::new(command_names))]
        command: Option<String>,
    },
}

fn command_names() -> Vec<CompletionCandidate> {
    let about = |command: &clap::Command| command.get_about().cloned();
    let candidate = |command: &clap::Command| CompletionCandidate::new(command.get_name()).help(about(command));
    Args::command().get_subcommands().map(candidate).collect()
}
