//! Which options help shows: `-h` the ones for every day, and of the global ones those that mean something to a command. All
//! commands accept all global options.

use clap::{Arg, Command, CommandFactory};

use super::args::Args;

/// Options that `-h` leaves to `--help`.
const DETAILS: [&str; 37] = [
    // Global ones.
    "models_file",
    "model_dir",
    "workers",
    "int8_margin",
    "offline",
    "log_format",
    "color",
    // How files are read.
    "encoding",
    "encoding_errors",
    "input_format",
    "delimiter",
    "quote",
    "escape",
    "no_header",
    // Of classify.
    "shard",
    "resume",
    "since",
    "csv_safe",
    "aggregate",
    "time_column",
    "every",
    "weight_column",
    "summary",
    "wide",
    // Of serve.
    "max_batch_tokens",
    "max_concurrent_requests",
    "max_queue_tokens",
    "max_client_batch_size",
    "max_body_bytes",
    "max_text_bytes",
    "request_timeout",
    "drain_delay",
    "shutdown_timeout",
    "cache_entries",
    "explain_budget",
    "otlp_endpoint",
    // Of explain.
    "passes",
];

/// Those of them that `finsent summary` is mostly used with.
const OF_EVERY_SUMMARY: &[&str] = &["time_column", "every", "weight_column"];

/// The command line as it is parsed, and as help shows it.
pub(super) fn command() -> Command {
    let command = without_details(Args::command()).mut_subcommands(without_details);
    let globals: Vec<Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    command.mut_subcommands(|command| with_hidden(command, &globals))
}

/// Hides from `-h` what few people need.
fn without_details(command: Command) -> Command {
    let of_every_day = if command.get_name() == "summary" { OF_EVERY_SUMMARY } else { &[] };
    command.mut_args(|arg| {
        let id = arg.get_id().as_str();
        let is_detail = DETAILS.contains(&id) && !of_every_day.contains(&id);
        if is_detail { arg.hide_short_help(true) } else { arg }
    })
}

/// Hides what means nothing to a command. clap does not add a global option to a command that has its own.
fn with_hidden(command: Command, globals: &[Arg]) -> Command {
    let has_own = |arg: &Arg| command.get_arguments().any(|own| own.get_id() == arg.get_id());
    let shown = shown(command.get_name());
    let is_hidden = |arg: &&Arg| !shown.contains(&arg.get_id().as_str()) && !has_own(arg);
    let hidden: Vec<Arg> = globals.iter().filter(is_hidden).map(|arg| arg.clone().global(false).hide(true)).collect();
    command.args(hidden)
}

/// The global options that a command shows.
fn shown(command: &str) -> &'static [&'static str] {
    const FINDS_MODELS: &[&str] = &["models_file", "model_dir", "offline", "quiet", "verbose", "log_format", "color"];
    const COMPUTES: &[&str] = &[
        "models_file",
        "model_dir",
        "threads",
        "workers",
        "precision",
        "int8_margin",
        "offline",
        "quiet",
        "verbose",
        "log_format",
        "color",
    ];
    match command {
        "classify" | "explain" | "serve" | "verify" | "eval" | "bench" => COMPUTES,
        "convert" | "pull" => FINDS_MODELS,
        "summary" => &["quiet", "verbose", "log_format", "color"],
        "models" => &["models_file", "model_dir"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the options that a command shows.
    fn options(name: &str) -> Vec<String> {
        let mut command = command();
        command.build();
        let command = command.find_subcommand(name).unwrap();
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set() && arg.get_id() != "help");
        shown.filter_map(|arg| arg.get_long().map(String::from)).collect()
    }

    #[test]
    fn every_detail_is_an_option() {
        let command = command();
        let all = command.get_arguments().chain(command.get_subcommands().flat_map(Command::get_arguments));
        let ids: Vec<&str> = all.map(|arg| arg.get_id().as_str()).collect();
        let unknown: Vec<&&str> = DETAILS.iter().filter(|id| !ids.contains(id)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn global_options_are_shown_where_they_matter() {
        assert!(options("completions").is_empty(), "{:?}", options("completions"));
        assert_eq!(options("models"), ["language", "json", "models-file", "model-dir"]);
        assert!(options("classify").contains(&"precision".to_owned()));
    }

    #[test]
    fn a_hidden_option_still_counts() {
        let matches = command().try_get_matches_from(["finsent", "man", "--threads", "3"]).unwrap();
        assert_eq!(matches.get_one::<u16>("threads"), Some(&3));
    }

    #[test]
    fn every_command_that_has_options_is_known_here() {
        let names: Vec<String> = command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        let others = ["health", "completions", "man"];
        assert!(names.iter().all(|name| !shown(name).is_empty() || others.contains(&name.as_str())), "{names:?}");
    }
}
