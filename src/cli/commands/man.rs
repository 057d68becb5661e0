//! `finsent man`: the manual page of finsent or of one of its commands.

use anyhow::Result;
use clap::{Command, CommandFactory};

use super::args::{Args, VERSION};
use super::exit::{Exit, UsageError};

pub(super) fn run(command: Option<&str>) -> Result<Exit> {
    let mut finsent = Args::command();
    finsent.build();
    let command = match command {
        None => finsent,
        Some(name) => finsent.find_subcommand(name).ok_or_else(|| unknown(name, &finsent))?.clone(),
    };
    super::print(&page(command)?)
}

fn unknown(name: &str, finsent: &Command) -> UsageError {
    let known: Vec<&str> = finsent.get_subcommands().map(Command::get_name).collect();
    UsageError(format!("no command is called `{name}`; the commands are {}", known.join(", ")))
}

fn page(command: Command) -> Result<Vec<u8>> {
    let title = command.get_display_name().unwrap_or("finsent").to_owned();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(with_examples_last(command));
    man.title(title).source(format!("finsent {VERSION}")).render(&mut page)?;
    Ok(page)
}

/// Moves the examples after the notes: a manual page leaves out what help shows before the options.
fn with_examples_last(command: Command) -> Command {
    let parts = [command.get_after_long_help(), command.get_before_help()];
    let end = parts.into_iter().flatten().map(|part| part.to_string().trim().to_owned()).collect::<Vec<_>>();
    if end.is_empty() { command } else { command.after_long_help(end.join("\n\n")) }
}
