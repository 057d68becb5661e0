//! The commands, a file each: extract, call, print.

mod bench;
mod classify;
mod completions;
mod convert;
mod eval;
mod health;
mod man;
mod models;
mod pull;
mod serve;
mod summary;
mod verify;

use anyhow::Result;

use super::args::{Args, Command};
use super::console::Console;
use super::exit::Exit;
use super::settings::Settings;
use super::stdout::print;
use super::{
    allocator, args, console, download_progress, exit, foreign, hints, interrupt, logging, output, platform, progress,
    quantity, row_places, settings, summary_output, tally,
};

/// Runs the command that the arguments name.
pub(super) fn run(args: Args, console: Console) -> Result<Exit> {
    let settings = |global| Settings::resolve(global, console);
    match args.command {
        Command::Classify(classify) => classify::run(*classify, &settings(args.global)?, console),
        Command::Explain(explain) => classify::run((*explain).into(), &settings(args.global)?, console),
        Command::Summary(summary) => summary::run(&summary, console),
        Command::Serve(serve) => serve::run(*serve, settings(args.global)?),
        Command::Health(health) => health::run(&health),
        Command::Verify(verify) => verify::run(&verify, &settings(args.global)?, console),
        Command::Eval(eval) => eval::run(&eval, &settings(args.global)?, console),
        Command::Bench(bench) => bench::run(&bench, &settings(args.global)?, console),
        Command::Convert(convert) => convert::run(&convert, &settings(args.global)?, console),
        Command::Pull(pull) => pull::run(&pull, &settings(args.global)?, console),
        Command::Models(models) => models::run(&models, &settings(args.global)?),
        Command::Completions { shell } => completions::run(shell),
        Command::Man { command } => man::run(command.as_deref()),
    }
}
