//! The command line: it parses arguments, runs a command, and reports errors with an exit code.
#![expect(rustdoc::invalid_html_tags, reason = "the comments on arguments are the text of --help")]

mod allocator;
mod args;
mod commands;
mod completion;
mod console;
mod document_lines;
mod download_progress;
mod exit;
mod explained_text;
mod foreign;
mod hints;
mod interrupt;
mod label_style;
mod left_out;
mod logging;
mod marked_text;
mod other_tools;
mod output;
mod parse;
mod platform;
mod progress;
mod quantity;
mod relevance;
mod row_places;
mod settings;
mod stdout;
mod summary_cells;
mod summary_lists;
mod summary_output;
mod summary_table;
mod summary_trends;
mod tally;
mod text_table;
mod usage_error;
mod width;

use std::env;
use std::ffi::OsString;

use clap::builder::Resettable;

use args::{Args, Command};
use console::Console;
use exit::Exit;

/// Parses the command line, of which the first part is the name of the program, runs the command, reports its error, and
/// returns the exit code.
pub fn main(typed: &[OsString]) -> u8 {
    finsent_model::silence_caught_panics();
    if let Some(code) = completion::answer(typed) {
        return code;
    }
    let command = without_empty_variables(relevance::command());
    let exit = match parse::parse(&command, typed) {
        Ok((args, matches)) => {
            let console = Console::start(&args.global, matches!(args.command, Command::Serve(_)));
            run(args, &matches, console).unwrap_or_else(|error| report(&error, console))
        }
        Err(error) => usage_error::report(&error, &command, typed),
    };
    logging::flush();
    exit as u8
}

fn run(args: Args, matches: &clap::ArgMatches, console: Console) -> anyhow::Result<Exit> {
    usage_error::check_precisions(matches)?;
    commands::run(args, console)
}

fn report(error: &anyhow::Error, console: Console) -> Exit {
    let exit = Exit::of(error);
    if exit != Exit::Done {
        console.error(&hints::message(error));
    }
    exit
}

/// Ignores environment variables that are set to nothing: deployments leave out a setting that way.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}
