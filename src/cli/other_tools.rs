//! What other tools call the commands and options of finsent.

use std::ffi::OsString;

/// Names of commands, with the one of finsent.
const COMMANDS: [(&str, &[&str]); 11] = [
    (
        "classify",
        &[
            "score",
            "sentiment",
            "predict",
            "prediction",
            "analyze",
            "analyse",
            "analysis",
            "label",
            "infer",
            "inference",
            "run",
            "tag",
            "text",
            "detect",
            "input",
            "stdin",
            "pipeline",
        ],
    ),
    (
        "serve",
        &["server", "start", "api", "http", "rest", "web", "up", "daemon", "service", "listen", "host", "deploy"],
    ),
    ("pull", &["download", "get", "fetch", "install", "add", "import"]),
    ("models", &["ls", "list", "ps", "show", "catalog", "catalogue", "info", "model"]),
    ("bench", &["benchmark", "perf", "speed", "time", "profile"]),
    ("eval", &["evaluate", "evaluation", "accuracy", "metrics", "compare", "validate", "test"]),
    ("convert", &["quantize", "quantise", "export", "transform"]),
    ("health", &["status", "ping", "healthcheck", "ready", "live"]),
    ("verify", &["check", "selftest", "self-test", "doctor"]),
    ("completions", &["completion", "complete", "autocomplete"]),
    ("man", &["manual", "manpage", "docs"]),
];

/// The command of finsent for one of another tool.
pub(super) fn command(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    COMMANDS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(command, _)| *command)
}

/// What to write instead of an option of another tool. `{VALUE}` stands for its value.
struct Replacement {
    /// The commands of finsent that it is for; all, if there are none.
    commands: &'static [&'static str],
    names: &'static [&'static str],
    remedy: &'static str,
}

const fn of(commands: &'static [&'static str], names: &'static [&'static str], remedy: &'static str) -> Replacement {
    Replacement { commands, names, remedy }
}

const READS: &[&str] = &["classify"];
const SERVES: &[&str] = &["serve"];
const COMPUTES: &[&str] = &["classify", "serve", "eval", "bench", "verify"];

/// The first that fits counts.
const OPTIONS: [Replacement; 46] = [
    of(SERVES, &["--model-id", "--model-name", "--checkpoint"], "write --model {MODEL}"),
    of(SERVES, &["--uds", "--uds-path", "--socket", "--unix-socket"], "write --listen unix:{PATH}"),
    of(SERVES, &["--prometheus-port", "--metrics-port"], "write --metrics-listen 127.0.0.1:{PORT}"),
    of(SERVES, &["--api-key", "--token", "--auth", "--auth-token"], "write the key into a file: --api-key-file FILE"),
    of(SERVES, &["--cors", "--cors-allow-origin", "--allowed-origins"], "write --cors-origin {ORIGIN}"),
    of(SERVES, &["--timeout"], "write --request-timeout {SECONDS}"),
    of(SERVES, &["--max-batch-size", "--batch-size", "-b"], "write --max-batch-tokens N; it counts tokens"),
    of(SERVES, &["--payload-limit", "--max-body-size"], "write --max-body-bytes {BYTES}"),
    of(SERVES, &["--json-output"], "write --log-format json"),
    of(SERVES, &["--otlp-traces-endpoint", "--otlp", "--trace-endpoint"], "write --otlp-endpoint {URL}"),
    of(SERVES, &["--otlp-service-name"], "set OTEL_SERVICE_NAME={NAME}"),
    of(SERVES, &["--reload", "--daemon", "--detach", "-d"], "leave it out; the server runs until it is stopped"),
    of(&["health"], &["--url", "--endpoint"], "write --listen HOST:PORT"),
    of(
        READS,
        &[
            "--file",
            "--files",
            "--infile",
            "--in",
            "--input-file",
            "--path",
            "--data",
            "--source",
            "--dataset",
            "--from",
        ],
        "write --input {FILE}",
    ),
    of(READS, &["--out", "--outfile", "--output-file", "--save", "--to", "--dest"], "write --output {FILE}"),
    of(READS, &["--text", "--texts", "-t", "--sentence", "--headline", "-s"], "write the text without it: {TEXT}"),
    of(
        READS,
        &["--column", "--columns", "--col", "--field", "--text-field", "--text-col", "--textcol", "-c"],
        "write --text-column {COLUMN}",
    ),
    of(READS, &["--id", "--id-field", "--key", "--index"], "write --id-column {COLUMN}"),
    of(
        &["classify", "eval", "summary"],
        &["--sep", "--separator", "--field-separator", "-d"],
        "write --delimiter {CHARACTER}",
    ),
    of(&["classify", "eval", "summary"], &["--noheader", "--header-none", "--no-headers"], "write --no-header"),
    of(READS, &["--output-format", "--outformat", "--as"], "write --format {FORMAT}"),
    of(READS, &["--json"], "write --format json"),
    of(READS, &["--jsonl", "--ndjson"], "write --format jsonl"),
    of(READS, &["--csv"], "write --format csv; an input is read by its name: --input FILE"),
    of(READS, &["--tsv"], "an input is read by its name: --input FILE"),
    of(READS, &["--parquet"], "write --format parquet; an input is read by its name: --input FILE"),
    of(READS, &["--table", "--pretty"], "write --format text"),
    of(READS, &["--sentences", "--split", "--split-sentences"], "write --granularity sentence"),
    of(READS, &["--document", "--documents", "--long", "--chunk"], "write --granularity document"),
    of(READS, &["--group", "--groupby", "--by"], "write --group-by {COLUMN}"),
    of(READS, &["--stdin"], "leave it out: without TEXT and --input, standard input is read"),
    of(
        READS,
        &["--all", "--all-scores", "--top-k", "--return-all-scores"],
        "leave it out: all scores are in the output",
    ),
    of(&["classify", "eval"], &["--head", "--rows", "--nrows", "--max-rows", "-n", "-l"], "write --limit {N}"),
    of(
        &["eval"],
        &["--file", "--input", "-i", "--data", "--dataset", "--test"],
        "write the file without it: finsent eval {FILE}",
    ),
    of(&["eval"], &["--labels", "--label", "--gold", "--target", "--truth"], "write --label-column {COLUMN}"),
    of(&["eval"], &["--column", "--text", "--text-field"], "write --text-column {COLUMN}"),
    of(&["eval"], &["--mapping", "--map", "--labels-map"], "write --label-map FROM=TO"),
    of(&["pull", "verify", "convert"], &["--model", "-m"], "write the model without it: {MODEL}"),
    of(&["pull"], &["--revision", "--rev", "--branch"], "write it after the name: OWNER/NAME@{REVISION}"),
    of(
        &["convert"],
        &["--output", "-o", "--out"],
        "write the new directory as the second argument: finsent convert SRC {DST}",
    ),
    of(&["convert"], &["--to", "--dtype", "--type", "--quantize", "--bits", "--format"], "write --precision {FORMAT}"),
    of(&["models"], &["--format", "-f"], "write --json"),
    of(COMPUTES, &["--jobs", "-j", "--num-threads", "--cpus", "--cores", "-w"], "write --threads {N}"),
    of(COMPUTES, &["--dtype", "--quantize", "--quantization", "--fp16", "--int8"], "write --precision {FORMAT}"),
    of(
        COMPUTES,
        &["--device", "--gpu", "--cuda", "--batch-size", "--batch"],
        "leave it out: finsent computes on the CPU, and fills batches by itself",
    ),
    of(
        &[],
        &["--log-level", "--loglevel", "--debug", "--verbosity"],
        "write -v for more details, -vv for all, or --quiet",
    ),
];

/// Options of any command.
const OF_ALL: [(&[&str], &str); 4] = [
    (&["--no-color", "--no-colour", "--nocolor"], "write --color never"),
    (&["--silent", "-s"], "write --quiet"),
    (
        &["--cache-dir", "--cache", "--hf-home", "--huggingface-hub-cache"],
        "set HF_HUB_CACHE, or write --model-dir {DIR}",
    ),
    (&["--config"], "every setting is an option or a FINSENT_* variable"),
];

/// What to write instead of an option of another tool. `typed` are all arguments.
pub(super) fn option(command: &str, option: &str, typed: &[OsString]) -> Option<String> {
    let is_address = PORTS.contains(&option) || HOSTS.contains(&option);
    if is_address && matches!(command, "serve" | "health") {
        return Some(format!("write --listen {}", address(typed)));
    }
    // Short names mean something else elsewhere.
    if is_address && option.starts_with("--") {
        return Some(format!("to serve over HTTP, run `finsent serve --listen {}`", address(typed)));
    }
    if command.is_empty() {
        return without_command(option, typed);
    }
    let is_of = |commands: &[&str]| commands.is_empty() || commands.contains(&command);
    let found = OPTIONS.iter().find(|known| is_of(known.commands) && known.names.contains(&option));
    let of_all = || OF_ALL.iter().find(|(names, _)| names.contains(&option)).map(|(_, remedy)| *remedy);
    let remedy = found.map(|found| found.remedy).or_else(of_all)?;
    Some(filled(remedy, value(option, typed).as_deref()))
}

/// What to write instead of an option before any command: that of the command that reads files.
fn without_command(option: &str, typed: &[OsString]) -> Option<String> {
    let remedy = self::option("classify", option, typed)?;
    Some(match remedy.strip_prefix("write ") {
        Some(ours) if ours.starts_with('-') => format!("run `finsent classify {ours}`"),
        _ => remedy,
    })
}

const PORTS: [&str; 2] = ["--port", "-p"];
const HOSTS: [&str; 9] = ["--host", "--hostname", "--bind", "-b", "--address", "--addr", "--ip", "-l", "-H"];

/// HOST:PORT of the options for both.
fn address(typed: &[OsString]) -> String {
    let of = |names: &[&str]| names.iter().find_map(|name| value(name, typed));
    let host = of(&HOSTS).unwrap_or_else(|| "127.0.0.1".into());
    match of(&PORTS) {
        Some(port) if port.parse::<u16>().is_ok() => format!("{host}:{port}"),
        Some(_) => format!("{host}:PORT"),
        None => listening_on(&host).unwrap_or_else(|| format!("{host}:8080")),
    }
}

/// HOST:PORT for what other tools call an address: a port, `:PORT`, a host, a URL.
pub(super) fn listening_on(text: &str) -> Option<String> {
    let text = ["http://", "https://", "tcp://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    let text = text.trim_end_matches('/');
    let is_host = |host: &str| {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-.[]:*".contains(letter);
        !host.is_empty() && host.chars().all(known)
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if text.parse::<u16>().is_ok() => ("", text),
        None => (text, "8080"),
    };
    let names_one = text.contains(':') || text.parse::<u16>().is_ok() || text == "localhost" || is_ip(text);
    let host = match host {
        "" => "127.0.0.1",
        "*" => "0.0.0.0",
        host => host,
    };
    (names_one && is_host(host) && port.parse::<u16>().is_ok()).then(|| format!("{host}:{port}"))
}

fn is_ip(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

/// The value that was typed after an option, or in the same word.
fn value(option: &str, typed: &[OsString]) -> Option<String> {
    let mut words = typed.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == option {
            return words.next().filter(|value| !value.starts_with('-')).map(|value| value.into_owned());
        }
        if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

/// A remedy with the value in the place of `{VALUE}`, or the name alone.
fn filled(remedy: &str, value: Option<&str>) -> String {
    let Some((before, rest)) = remedy.split_once('{') else { return remedy.to_owned() };
    let Some((name, after)) = rest.split_once('}') else { return remedy.to_owned() };
    let value = value.map_or_else(|| name.to_owned(), quoted);
    format!("{before}{value}{after}")
}

/// A value as it is typed in a shell.
pub(super) fn quoted(value: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=@,+%".contains(letter);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(command: &str, typed: &[&str]) -> Option<String> {
        let typed: Vec<OsString> = typed.iter().map(OsString::from).collect();
        let name = typed[0].to_str().unwrap().split('=').next().unwrap().to_owned();
        super::option(command, &name, &typed)
    }

    #[test]
    fn commands_of_other_tools_have_one_of_ours() {
        for (name, ours) in [("score", "classify"), ("Sentiment", "classify"), ("server", "serve"), ("ls", "models")] {
            assert_eq!(command(name), Some(ours), "{name}");
        }
        assert_eq!(command("fly"), None);
    }

    #[test]
    fn options_of_other_tools_are_answered_with_ours_and_their_value() {
        for (command, typed, remedy) in [
            ("serve", &["--port", "9000"][..], "write --listen 127.0.0.1:9000"),
            ("serve", &["--port=9000", "--host", "0.0.0.0"], "write --listen 0.0.0.0:9000"),
            ("serve", &["--host", "0.0.0.0"], "write --listen 0.0.0.0:8080"),
            ("serve", &["--bind", "0.0.0.0:80"], "write --listen 0.0.0.0:80"),
            ("serve", &["--port"], "write --listen 127.0.0.1:8080"),
            ("classify", &["--file", "a b.csv"], "write --input 'a b.csv'"),
            ("classify", &["--file"], "write --input FILE"),
            ("eval", &["--input", "a.csv"], "write the file without it: finsent eval a.csv"),
            ("models", &["--no-color"], "write --color never"),
        ] {
            assert_eq!(option(command, typed).as_deref(), Some(remedy), "{command} {typed:?}");
        }
        let serve = option("classify", &["--port", "80"]);
        assert_eq!(serve.as_deref(), Some("to serve over HTTP, run `finsent serve --listen 127.0.0.1:80`"));
        assert_eq!(option("", &["--file", "a.csv"]).as_deref(), Some("run `finsent classify --input a.csv`"));
        assert_eq!(option("models", &["--threshold"]), None);
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (text, address) in [
            ("8080", "127.0.0.1:8080"),
            (":9000", "127.0.0.1:9000"),
            ("localhost", "localhost:8080"),
            ("http://localhost:9000/", "localhost:9000"),
            ("0.0.0.0", "0.0.0.0:8080"),
            ("*:80", "0.0.0.0:80"),
        ] {
            assert_eq!(listening_on(text).as_deref(), Some(address), "{text}");
        }
        for text in ["finbert", "hf:acme/x", "Profit rose: 12", "localhost:http", "", ":"] {
            assert_eq!(listening_on(text), None, "{text}");
        }
    }
}
