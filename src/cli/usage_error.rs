//! Errors in the arguments, in the same style as all other errors.
//!
//! clap finds them and says what is wrong in a structured form; the sentences are ours.

use std::env;
use std::error::Error as _;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, FromArgMatches};
use finsent_model::{IoError, suggest};

use super::args::{Expected, GlobalArgs};
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::{other_tools, parse};

/// Reports the error in what was `typed`. Help and the version are "errors" for clap too; it prints those itself.
pub(super) fn report(error: &clap::Error, command: &Command, typed: &[OsString]) -> Exit {
    if !error.use_stderr() {
        return print(error, Console::default());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Ignore print errors: there is no other place for it when standard error is closed.
        error.print().unwrap_or_default();
        return Exit::Usage;
    }
    let console = console(command);
    console.error(&message(error, command, typed));
    if let Some(name) = command_of(error) {
        console.hint(&format!("\n{}\nFor all options, run `{name} --help`", usage(command, &name)));
    }
    Exit::Usage
}

/// Prints help or the version to standard output. A reader that has gone, such as `head`, has seen enough.
fn print(error: &clap::Error, console: Console) -> Exit {
    match error.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => Exit::Done,
        Err(failed) if failed.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(failed) => {
            console.error(&format!("cannot write to standard output: {}", IoError::from(failed)));
            Exit::Failed
        }
    }
}

/// A console with the global options that can be read in spite of the error.
fn console(command: &Command) -> Console {
    let matches = command.clone().ignore_errors(true).try_get_matches().unwrap_or_default();
    match GlobalArgs::from_arg_matches(&matches) {
        Ok(global) => Console::start(&global, false),
        Err(_) => Console::default(),
    }
}

/// What is wrong, and what to do about it.
fn message(error: &clap::Error, command: &Command, typed: &[OsString]) -> String {
    let (arg, value) = (argument(error), text(error, ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => {
            let usage = plain(&text(error, ContextKind::InvalidArg));
            if usage == arg { format!("{arg} must not be empty") } else { format!("{arg} needs a value: {usage}") }
        }
        ErrorKind::InvalidValue => {
            let expected = listed(&texts(error, ContextKind::ValidValue), "or");
            let tip = tip_for_value(&arg, &value);
            format!("{} must be {expected}, not {}{tip}", source(&arg, &value, command, typed), quoted(&value))
        }
        ErrorKind::ValueValidation => {
            invalid_value(error, &source(&arg, &value, command, typed), &value) + &tip_for_value(&arg, &value)
        }
        ErrorKind::UnknownArgument => unknown_argument(error, command, typed),
        ErrorKind::InvalidSubcommand => unknown_command(&text(error, ContextKind::InvalidSubcommand), command, typed),
        ErrorKind::MissingSubcommand => {
            format!("a command is missing; choose {}", listed(&texts(error, ContextKind::ValidSubcommand), "or"))
        }
        ErrorKind::ArgumentConflict => conflict(error, &arg),
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> = texts(error, ContextKind::InvalidArg).iter().map(|arg| plain(arg)).collect();
            format!("missing {}", listed(&missing, "and"))
        }
        ErrorKind::TooManyValues => format!("{arg} does not take the value `{value}`"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".into(),
        _ => first_line(error),
    }
}

/// A parser of values refused the value: it is one of ours, whose messages continue the name of the option, or one of
/// another crate.
fn invalid_value(error: &clap::Error, source: &str, value: &str) -> String {
    let Some(cause) = error.source() else { return first_line(error) };
    match cause.downcast_ref::<Expected>() {
        Some(expected) => format!("{source} {expected}, not {}", quoted(value)),
        None => {
            let cause = cause.to_string();
            let value = if cause.contains(&format!("`{value}`")) { String::new() } else { format!(" `{value}`") };
            format!("{source}{value}: {cause}")
        }
    }
}

/// A format that is a file, or an address that is not written as one.
fn tip_for_value(arg: &str, value: &str) -> String {
    let value = value.trim_start_matches('=');
    match arg {
        "--format" if Path::new(value).extension().is_some() => {
            format!("; to read a file, write --input {}", other_tools::quoted(value))
        }
        "--listen" | "--grpc-listen" | "--metrics-listen" => {
            other_tools::listening_on(value).map(|address| format!("; did you mean `{address}`?")).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// A word that is not a command: one of another tool, one that is mistyped, a file, or a text.
pub(super) fn unknown_command(name: &str, command: &Command, typed: &[OsString]) -> String {
    let what = format!("no command is called `{name}`");
    let quoted = other_tools::quoted(name);
    if parse::is_quoted_command(command, name) {
        return format!("{what}: it is one argument, with its spaces; leave out the quotes around it");
    }
    if Path::new(name).is_file() {
        return format!("{what}; to score what the file holds, run `finsent classify --input {quoted}`");
    }
    if let Some(address) = name.contains(':').then(|| other_tools::listening_on(name)).flatten() {
        return format!("{what}; to listen there, run `finsent serve --listen {address}`");
    }
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let lower = name.to_lowercase();
    let of_other_tools = other_tools::command(name);
    let is_near = |near: &&str| near.get(..1) == lower.get(..1) || near.contains(&lower);
    let mistyped = suggest(&lower, names.iter().copied()).filter(is_near);
    let nearest = || mistyped.or_else(|| only_longer(&lower, &names));
    match of_other_tools.or_else(nearest) {
        Some(nearest) => format!("{what}; did you mean `{nearest}`?"),
        None => match unquoted(name, typed) {
            None => what,
            Some(text) if text == name => format!("{what}; to score it as a text, run `finsent classify {quoted}`"),
            Some(text) => {
                format!("{what}; to score a text, put it in quotes: finsent {}", other_tools::quoted(&text))
            }
        },
    }
}

/// The words that begin with `first`, up to an option, if they are the first ones: `finsent help fly` is not about a text.
fn unquoted(first: &str, typed: &[OsString]) -> Option<String> {
    let words = typed.iter().skip(1).map_while(|word| word.to_str().filter(|word| !word.starts_with('-')));
    let words: Vec<&str> = words.collect();
    words.first().is_some_and(|word| *word == first).then(|| words.join(" "))
}

/// The only command that begins so.
fn only_longer<'a>(beginning: &str, names: &[&'a str]) -> Option<&'a str> {
    let mut longer = names.iter().filter(|name| beginning.len() > 1 && name.starts_with(beginning));
    longer.next().filter(|_| longer.next().is_none()).copied()
}

fn unknown_argument(error: &clap::Error, command: &Command, typed: &[OsString]) -> String {
    let arg = text(error, ContextKind::InvalidArg);
    let name = command_of(error).unwrap_or_default();
    let name = name.split(' ').nth(1).unwrap_or_default();
    if !arg.starts_with('-') {
        return format!("unexpected argument `{arg}`{}", tip_for_argument(name, &arg));
    }
    let what = format!("unknown option `{arg}`");
    if let Some(remedy) = other_tools::option(name, &arg, typed) {
        return format!("{what}; {remedy}");
    }
    if let Some(text) = typed.iter().find_map(|word| word.to_str().filter(|word| is_text(word, &arg))) {
        return format!(
            "{what}; to score the text, write `--` before it: finsent classify -- {}",
            other_tools::quoted(text)
        );
    }
    let suggestion = suggestion(error, ContextKind::SuggestedArg);
    if (suggestion.is_empty() || name.is_empty())
        && let Some(owners) = owners(command, &arg)
    {
        return format!("{what}; it is an option of {owners}");
    }
    // clap suggests `--` if the command takes values without a name.
    let may_be_text = !arg.starts_with("--") && error.get(ContextKind::Suggested).is_some();
    let tip = if may_be_text { "; write `--` before a text that starts with `-`" } else { "" };
    format!("{what}{suggestion}{tip}")
}

/// Whether a word that begins like the option `arg` is a text, such as `-5% in early trading`.
fn is_text(word: &str, arg: &str) -> bool {
    word.starts_with(arg) && !word.starts_with("--") && word.contains(char::is_whitespace)
}

/// What to do about a value that a command has no place for.
fn tip_for_argument(command: &str, value: &str) -> String {
    let quoted = other_tools::quoted(value);
    match (command, other_tools::listening_on(value)) {
        ("serve" | "health", Some(address)) => format!("; write --listen {address}"),
        ("serve" | "bench", None) => format!("; to use that model, write --model {quoted}"),
        ("models", _) => format!("; to download a model, run `finsent pull {quoted}`"),
        _ => String::new(),
    }
}

/// The commands that have an option.
fn owners(command: &Command, option: &str) -> Option<String> {
    let (long, short) =
        (option.strip_prefix("--"), option.strip_prefix('-').and_then(|name| name.parse::<char>().ok()));
    let is_it = |arg: &clap::Arg| {
        long.is_some_and(|long| arg.get_long() == Some(long))
            || short.is_some_and(|short| arg.get_short() == Some(short))
    };
    let has_it = |command: &&Command| command.get_arguments().any(|arg| is_it(arg) && !arg.is_hide_set());
    let owners: Vec<String> =
        command.get_subcommands().filter(has_it).map(|command| format!("`finsent {}`", command.get_name())).collect();
    (!owners.is_empty()).then(|| listed(&owners, "and"))
}

fn conflict(error: &clap::Error, arg: &str) -> String {
    let others: Vec<String> = texts(error, ContextKind::PriorArg).iter().map(|other| name(other)).collect();
    match others.as_slice() {
        [] => first_line(error),
        [other] if other == arg => format!("{arg} can be given only once"),
        others => format!("{arg} cannot be combined with {}", listed(others, "or")),
    }
}

/// Where a value came from: the option, or the environment variable that stands in for it.
fn source(arg: &str, value: &str, command: &Command, typed: &[OsString]) -> String {
    let is_typed = typed.iter().any(|word| {
        let word = word.to_string_lossy();
        word == arg || word.starts_with(&format!("{arg}="))
    });
    let commands = [command].into_iter().chain(command.get_subcommands());
    let mut options = commands.flat_map(Command::get_arguments);
    let option = options.find(|option| option.get_long().is_some_and(|long| arg.strip_prefix("--") == Some(long)));
    let variable = option.and_then(|option| option.get_env()).and_then(|variable| variable.to_str());
    let holds = |variable: &&str| env::var(variable).is_ok_and(|set| set.contains(value));
    variable.filter(|_| !is_typed).filter(holds).unwrap_or(arg).to_owned()
}

/// `; did you mean ...?`, if something similar exists.
fn suggestion(error: &clap::Error, kind: ContextKind) -> String {
    let similar: Vec<String> = texts(error, kind).iter().map(|name| format!("`{name}`")).collect();
    if similar.is_empty() { String::new() } else { format!("; did you mean {}?", listed(&similar, "or")) }
}

/// The name of the argument that the error is about.
fn argument(error: &clap::Error) -> String {
    name(&text(error, ContextKind::InvalidArg))
}

/// `--output` for `--output <FILE>`, `SHELL` for `<SHELL>`.
fn name(arg: &str) -> String {
    plain(arg).split(' ').next().unwrap_or_default().to_owned()
}

/// `--output FILE` for `--output <FILE>`, `TEXT` for `[TEXT]...`.
fn plain(arg: &str) -> String {
    arg.trim_end_matches("...").replace(['<', '>', '[', ']'], "")
}

fn quoted(value: &str) -> String {
    if value.is_empty() { "an empty value".into() } else { format!("`{value}`") }
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    texts(error, kind).into_iter().next().unwrap_or_default()
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

/// `a, b or c`.
fn listed(names: &[String], conjunction: &str) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [names @ .., last] => format!("{} {conjunction} {last}", names.join(", ")),
    }
}

/// clap's own sentence.
fn first_line(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let line = rendered.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// `finsent classify`, if the usage of that command helps: a message about a value says everything.
fn command_of(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => Some(leading_names(&usage.to_string())),
        _ => None,
    }
}

/// `finsent classify` for `Usage: finsent classify [OPTIONS]`.
fn leading_names(usage: &str) -> String {
    let words = usage.split_whitespace().skip(1);
    words.take_while(|word| word.starts_with(|letter: char| letter.is_alphabetic())).collect::<Vec<_>>().join(" ")
}

/// The usage of a command. clap's own, in the error, lists options that only the environment sets.
fn usage(command: &Command, name: &str) -> String {
    let mut command = command.clone();
    command.build();
    let mut names = name.split(' ').skip(1);
    let found = names.try_fold(&mut command, |command, name| command.find_subcommand_mut(name));
    found.map(|command| command.render_usage().to_string()).unwrap_or_default()
}

/// `--precision` and `--precisions` exclude each other if both are typed; an environment variable gives way.
pub(super) fn check_precisions(matches: &ArgMatches) -> Result<(), UsageError> {
    let is_typed =
        |matches: &ArgMatches, name: &str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
    match matches.subcommand() {
        Some(("eval", eval)) if is_typed(eval, "precision") && is_typed(eval, "precisions") => {
            Err(UsageError("--precision cannot be combined with --precisions".into()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::relevance;

    fn message_of(typed: &[&str]) -> String {
        let (command, typed) = (relevance::command(), [&["finsent"], typed].concat());
        let error = command.clone().try_get_matches_from(&typed).unwrap_err();
        message(&error, &command, &typed.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn words_of_other_tools_and_mistyped_ones_are_answered_with_ours() {
        for (args, expected) in [
            (&["score", "profit rose"][..], "no command is called `score`; did you mean `classify`?"),
            (&["predict"], "no command is called `predict`; did you mean `classify`?"),
            (&["Serve"], "no command is called `Serve`; did you mean `serve`?"),
            (
                &["serve --listen 0.0.0.0:80"],
                "no command is called `serve --listen 0.0.0.0:80`: it is one argument, with its spaces; leave out the quotes \
                 around it",
            ),
            (&["comp"], "no command is called `comp`; did you mean `completions`?"),
            (&["fly"], "no command is called `fly`; to score it as a text, run `finsent classify fly`"),
            (
                &["Orders", "doubled", "--format", "csv"],
                "no command is called `Orders`; to score a text, put it in quotes: finsent 'Orders doubled'",
            ),
            (&[":8080"], "no command is called `:8080`; to listen there, run `finsent serve --listen 127.0.0.1:8080`"),
            (&["serve", "--port", "9000"], "unknown option `--port`; write --listen 127.0.0.1:9000"),
            (&["serve", ":9000"], "unexpected argument `:9000`; write --listen 127.0.0.1:9000"),
            (&["serve", "8080"], "unexpected argument `8080`; write --listen 127.0.0.1:8080"),
            (&["serve", "finbert"], "unexpected argument `finbert`; to use that model, write --model finbert"),
            (&["classify", "--file", "n.csv"], "unknown option `--file`; write --input n.csv"),
            (&["models", "finbert"], "unexpected argument `finbert`; to download a model, run `finsent pull finbert`"),
            (
                &["--input", "n.csv"],
                "unknown option `--input`; it is an option of `finsent classify`, `finsent explain` and `finsent bench`",
            ),
            (
                &["-i", "n.csv"],
                "unknown option `-i`; it is an option of `finsent classify`, `finsent explain` and `finsent bench`",
            ),
            (&["--file", "n.csv"], "unknown option `--file`; run `finsent classify --input n.csv`"),
            (
                &["--port", "80"],
                "unknown option `--port`; to serve over HTTP, run `finsent serve --listen 127.0.0.1:80`",
            ),
            (
                &["classify", "-f", "n.csv", "a"],
                "--format must be text, json, jsonl, csv, tsv, finbert-csv or parquet, not `n.csv`; to read a file, write \
                 --input n.csv",
            ),
        ] {
            assert_eq!(message_of(args), expected);
        }
    }

    #[test]
    fn a_message_names_the_option_and_what_it_expects() {
        for (args, expected) in [
            (&["models", "--threads", "0"][..], "--threads must be a number from 1 to 1024, not `0`"),
            (&["man", "--color", "red"], "--color must be auto, always or never, not `red`"),
            (&["models", "--threads"], "--threads needs a value: --threads N"),
            (&["convert", "mini", "", "--precision", "f16"], "DST must not be empty"),
            (&["models", "--threads", ""], "--threads must be a number from 1 to 1024, not an empty value"),
            (&["models", "--jsno"], "unknown option `--jsno`; did you mean `--json`?"),
            (&["pull", "a", "b"], "unexpected argument `b`"),
            (&["clasify"], "no command is called `clasify`; did you mean `classify`?"),
            (&["classify", "-q", "-v"], "--quiet cannot be combined with --verbose"),
            (&["models", "--json", "--json"], "--json can be given only once"),
            (&["pull"], "missing MODEL"),
            (&["classify", "-5%"], "unknown option `-5`; write `--` before a text that starts with `-`"),
            (
                &["classify", "-5% in Paris"],
                "unknown option `-5`; to score the text, write `--` before it: finsent classify -- '-5% in Paris'",
            ),
        ] {
            assert_eq!(message_of(args), expected);
        }
    }

    #[test]
    fn the_command_is_read_from_the_usage() {
        assert_eq!(leading_names("Usage: finsent classify [OPTIONS] [TEXT]..."), "finsent classify");
        assert_eq!(leading_names("Usage: finsent pull --offline <MODEL>"), "finsent pull");
    }
}
