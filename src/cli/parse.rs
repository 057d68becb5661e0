//! From the arguments as they are typed to the command that they name. A text in the place of a command is scored.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, FromArgMatches};

use super::args::{self, Args};

/// The command that a text without one stands for.
const DEFAULT: &str = "classify";

/// Parses `typed`, the program's name included. `finsent TEXT...` means `finsent classify TEXT...` if the first TEXT has
/// white space, which no command has.
pub(super) fn parse(command: &Command, typed: &[OsString]) -> Result<(Args, ArgMatches), clap::Error> {
    let error = match parse_as_typed(command, typed) {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidSubcommand | ErrorKind::UnknownArgument) => error,
        other => return other,
    };
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) => word.as_str(),
        _ => "",
    };
    if is_quoted_command(command, word) {
        return Err(error);
    }
    match parse_as_typed(command, &with_default(typed)) {
        Ok((args, matches)) if begins_with_text(&args) => Ok((args, matches)),
        Err(of_text) if is_text(word) => Err(of_text),
        _ => Err(error),
    }
}

fn parse_as_typed(command: &Command, typed: &[OsString]) -> Result<(Args, ArgMatches), clap::Error> {
    let matches = command.clone().try_get_matches_from(typed)?;
    Ok((Args::from_arg_matches(&matches)?, matches))
}

fn with_default(typed: &[OsString]) -> Vec<OsString> {
    let (name, rest) = typed.split_at(typed.len().min(1));
    [name, &[DEFAULT.into()], rest].concat()
}

fn begins_with_text(args: &Args) -> bool {
    matches!(&args.command, args::Command::Classify(classify) if classify.texts.first().is_some_and(|text| is_text(text)))
}

fn is_text(word: &str) -> bool {
    word.trim().contains(char::is_whitespace)
}

/// Whether a whole command line is in one word, such as `"serve --listen 0.0.0.0:8080"`: quotes that a script has by mistake.
pub(super) fn is_quoted_command(command: &Command, word: &str) -> bool {
    let mut words = word.split_whitespace();
    let name = words.next().unwrap_or_default();
    command.get_subcommands().any(|command| command.get_name() == name) && words.any(|word| word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::relevance;

    fn texts(typed: &[&str]) -> Result<Vec<String>, ErrorKind> {
        let typed: Vec<OsString> = [&["finsent"], typed].concat().into_iter().map(OsString::from).collect();
        let (args, _) = parse(&relevance::command(), &typed).map_err(|error| error.kind())?;
        match args.command {
            args::Command::Classify(classify) => Ok(classify.texts),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_in_the_place_of_a_command_is_scored() {
        for typed in [
            &["Profit rose"][..],
            &["classify", "Profit rose"],
            &["Profit rose", "--format", "csv"],
            &["--format", "csv", "Profit rose"],
            &["--precision", "int8", "--model", "mini", "Profit rose"],
            &["--", "Profit rose"],
        ] {
            assert_eq!(texts(typed), Ok(vec!["Profit rose".to_owned()]), "{typed:?}");
        }
        assert_eq!(texts(&["Profit rose", "loss"]).unwrap(), ["Profit rose", "loss"]);
        assert_eq!(texts(&["--", "-5% in Paris"]).unwrap(), ["-5% in Paris"]);
    }

    #[test]
    fn a_word_in_the_place_of_a_command_is_not() {
        for typed in [&["profit"][..], &["profit", "Profit rose"], &["help", "Profit rose"], &[" profit "]] {
            assert_eq!(texts(typed), Err(ErrorKind::InvalidSubcommand), "{typed:?}");
        }
        assert_eq!(texts(&["serve", "Profit rose"]), Err(ErrorKind::UnknownArgument));
        assert_eq!(texts(&["serve --listen 0.0.0.0:80"]), Err(ErrorKind::InvalidSubcommand));
    }

    #[test]
    fn the_error_of_a_text_with_a_wrong_option_is_about_the_option() {
        assert_eq!(texts(&["Profit rose", "--formt", "csv"]), Err(ErrorKind::UnknownArgument));
    }
}
