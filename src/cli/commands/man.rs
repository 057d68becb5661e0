//! `finsent man`: the manual page of finsent or of one of its commands.

use anyhow::Result;
use clap::Command;
use clap_mangen::Man;

use super::args::VERSION;
use super::exit::{Exit, UsageError};
use crate::cli::relevance;

pub(super) fn run(command: Option<&str>) -> Result<Exit> {
    let mut finsent = relevance::command();
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

/// The page: what clap_mangen makes of the arguments, then the notes and the examples as they are in help.
fn page(command: Command) -> Result<Vec<u8>> {
    let text = |help: Option<&clap::builder::StyledStr>| help.map(ToString::to_string).unwrap_or_default();
    let (notes, examples) = (text(command.get_after_long_help()), text(command.get_before_help()));
    let title = command.get_display_name().unwrap_or("finsent").to_owned();
    let has_commands = command.get_subcommands().next().is_some();
    let man = Man::new(command).title(title).source(format!("finsent {VERSION}"));

    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    page.extend(section("NOTES", notes.lines()).into_bytes());
    page.extend(section("EXAMPLES", examples.lines().skip(1).map(|line| line.trim_start_matches("  "))).into_bytes());
    if has_commands {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

/// A section whose lines stay as they are; nothing if it has none.
fn section<'a>(heading: &str, lines: impl Iterator<Item = &'a str>) -> String {
    let lines: String = lines.map(|line| escaped(line) + "\n").collect();
    if lines.trim().is_empty() { String::new() } else { format!(".SH {heading}\n.nf\n{lines}.fi\n") }
}

/// A line of text for roff, in which `\` starts an escape, `-` is a hyphen, and a line may begin with a request.
fn escaped(line: &str) -> String {
    let line = line.replace('\\', r"\e").replace('-', r"\-").replace('\'', r"\(aq");
    if line.starts_with('.') { format!(r"\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_be_taken_for_a_request() {
        assert_eq!(escaped(".txt is read"), r"\&.txt is read");
        assert_eq!(escaped(r"'a' --b \c"), r"\(aqa\(aq \-\-b \ec");
    }

    #[test]
    fn every_command_has_examples() {
        let mut finsent = relevance::command();
        finsent.build();
        let names: Vec<String> = finsent.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in names.iter().filter(|name| *name != "help") {
            let page = String::from_utf8(page(finsent.find_subcommand(name).unwrap().clone()).unwrap()).unwrap();
            assert!(page.contains("\n.SH EXAMPLES\n.nf\n"), "{name}: {page}");
        }
    }
}
