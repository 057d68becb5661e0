//! The terminal: arguments in, predictions out, exit codes. The composition root of the commands.

mod args;
mod bench;
mod classify;
mod console;
mod convert;
mod eval;
mod exit;
mod fetching;
mod health;
mod hints;
mod interrupt;
mod models;
mod output;
mod progress;
mod pull;
mod quantity;
mod serve;
mod settings;
mod summary_table;
mod tally;
mod telemetry;
mod text_table;
mod verify;
mod width;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use args::{Args, Command};
use console::Console;
use exit::{Exit, UsageError};
use settings::Settings;

/// Parses the command line, runs the command, prints what went wrong, and gives the exit code.
pub(super) fn main() -> ExitCode {
    let matches = without_empty_variables(Args::command()).get_matches();
    let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    refuse_two_choices_of_precision(&args, &matches).unwrap_or_else(|error| error.exit());
    let console = Console::start(&args.global, matches!(args.command, Command::Serve(_)));
    let exit = run(args, console).unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if exit != Exit::Done {
            console.error(&hints::message(&error));
        }
        exit
    });
    ExitCode::from(exit as u8)
}

/// Takes an environment variable that is set to nothing as not set: that is how deployments leave a setting out.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// `--precision` and `--precisions` exclude each other where both are typed; an environment variable gives way.
fn refuse_two_choices_of_precision(args: &Args, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
    let is_typed = matches.value_source("precision") == Some(ValueSource::CommandLine);
    match &args.command {
        Command::Eval(eval) if is_typed && !eval.precisions.is_empty() => {
            let message = "'--precision' and '--precisions' cannot be used together";
            Err(Args::command().error(ErrorKind::ArgumentConflict, message))
        }
        _ => Ok(()),
    }
}

fn run(args: Args, console: Console) -> anyhow::Result<Exit> {
    let settings = |global| Settings::resolve(global, console);
    match args.command {
        Command::Classify(classify) => classify::run(*classify, &settings(args.global)?, console),
        Command::Serve(serve) => serve::run(*serve, settings(args.global)?),
        Command::Health(health) => health::run(&health),
        Command::Verify(verify) => verify::run(&verify, &settings(args.global)?, console),
        Command::Eval(eval) => eval::run(&eval, &settings(args.global)?, console),
        Command::Bench(bench) => bench::run(&bench, &settings(args.global)?, console),
        Command::Convert(convert) => convert::run(&convert, &settings(args.global)?, console),
        Command::Pull(pull) => pull::run(&pull, &settings(args.global)?, console),
        Command::Models(models) => models::run(&models, &settings(args.global)?),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "finsent", &mut script);
            print(&script)
        }
        Command::Man { command } => print(&man_page(command.as_deref())?),
    }
}

/// The page of finsent, or of one of its commands.
fn man_page(command: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut finsent = Args::command();
    finsent.build();
    let described = match command {
        None => finsent,
        Some(name) => {
            let known: Vec<&str> = finsent.get_subcommands().map(clap::Command::get_name).collect();
            let unknown = || UsageError(format!("no command `{name}`; there are {}", known.join(", ")));
            finsent.find_subcommand(name).ok_or_else(unknown)?.clone()
        }
    };
    let mut page = Vec::new();
    let title = described.get_display_name().unwrap_or("finsent").to_owned();
    clap_mangen::Man::new(described).title(title).render(&mut page)?;
    Ok(page)
}

fn print(bytes: &[u8]) -> anyhow::Result<Exit> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()?;
    Ok(Exit::Done)
}
