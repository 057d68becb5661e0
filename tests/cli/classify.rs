//! Texts from arguments and standard input.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::finsent::{
    assert_fails, finsent, parse_csv, parse_json_lines, run, run_with_input, small_model, write_file,
};

const PROFIT: &str = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn";
const LOSS: &str = "Net loss widened to $4.2 billion as demand collapsed";
const NEITHER: &str = "The company will hold its annual general meeting on 27 April in Helsinki";

#[test]
fn each_argument_is_one_prediction_of_the_documented_shape() {
    let run = run(&["classify", PROFIT, LOSS, NEITHER]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let predictions = parse_json_lines(&run.stdout);
    let labels: Vec<_> = predictions.iter().map(|prediction| prediction["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["positive", "negative", "neutral"]);
    let first = predictions[0].as_object().unwrap();
    let mut keys: Vec<_> = first.keys().collect();
    keys.sort();
    assert_eq!(keys, ["label", "score", "scores", "sentiment_score", "tokens", "truncated"]);
    assert!((first["score"].as_f64().unwrap() - 0.971_254_60).abs() < 1e-5);
    assert_eq!((first["tokens"].as_u64(), first["truncated"].as_bool()), (Some(19), Some(false)));
    assert!(run.stderr.contains("model mini"), "{}", run.stderr);
}

#[test]
fn quiet_prints_nothing_and_verbose_prints_more() {
    assert_eq!(run(&["classify", "-q", PROFIT]).stderr, "");
    assert!(run(&["classify", "-v", PROFIT]).stderr.contains("labels positive, negative, neutral"));
    assert!(run(&["classify", "-vv", PROFIT]).stderr.contains("compute threads"));
    let json = run(&["classify", "--log-format", "json", PROFIT]);
    assert!(parse_json_lines(&json.stderr).iter().any(|line| line.to_string().contains("model mini")), "{json:?}");
}

#[test]
fn every_format_holds_the_same_predictions() {
    let array = run(&["classify", "--format", "json", PROFIT]);
    let array: serde_json::Value = serde_json::from_str(&array.stdout).unwrap();
    let lines = parse_json_lines(&run(&["classify", "--format", "jsonl", PROFIT]).stdout);
    assert_eq!(array.as_array().unwrap(), &lines);

    let (header, records) = parse_csv(&run(&["classify", "--format", "csv", PROFIT]).stdout);
    let names =
        ["label", "score", "positive", "negative", "neutral", "sentiment_score", "tokens", "truncated", "error"];
    assert_eq!(header, names);
    assert_eq!(records[0][0], "positive");
    assert_eq!(records[0][1], lines[0]["score"].to_string());

    let table = run(&["classify", "--format", "text", PROFIT]).stdout;
    assert!(table.starts_with("label     sentiment  text\npositive    +0.9529  "), "{table}");
    let table = run(&["classify", "--format", "text", "--wide", PROFIT, LOSS]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("label     positive  negative  neutral  sentiment  tokens  text"), "{table}");
    assert!(lines[1].starts_with("positive    0.9713"), "{table}");
    assert!(lines[2].starts_with("negative") && lines[2].ends_with(LOSS), "{table}");
}

#[test]
fn standard_input_is_one_text_per_line() {
    for args in [&["classify"][..], &["classify", "-"], &["classify", "--input", "-"]] {
        let run = run_with_input(args, format!("{PROFIT}\r\n{LOSS}\n{NEITHER}").as_bytes());
        let labels: Vec<_> =
            parse_json_lines(&run.stdout).iter().map(|v| v["label"].as_str().unwrap().to_owned()).collect();
        assert_eq!(labels, ["positive", "negative", "neutral"], "{run:?}");
    }
}

#[test]
fn a_stream_is_answered_line_by_line() {
    let mut child = finsent(&["classify"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for text in [PROFIT, LOSS] {
        writeln!(stdin, "{text}").unwrap();
        let mut answer = String::new();
        stdout.read_line(&mut answer).unwrap();
        assert!(answer.contains("label"), "{answer:?}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_blank_text_fails_alone() {
    let run = run(&["classify", "", PROFIT, " \t"]);
    assert_fails(&run, 5, &["text 1: the text is empty", "text 3"]);
    let rows = parse_json_lines(&run.stdout);
    assert_eq!(rows[0]["error"], "the text is empty");
    assert_eq!(rows[1]["label"], "positive");
    assert_eq!(rows.len(), 3);
}

#[test]
fn without_texts_there_are_no_predictions_and_no_failure() {
    let empty = run(&["classify"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""));
    assert!(empty.stderr.contains("no text to score"), "{}", empty.stderr);
    assert_eq!(run(&["classify", "--format", "json"]).stdout, "[]\n");
    assert!(run(&["classify", "--format", "csv"]).stdout.starts_with("label,score,"));
}

#[test]
fn a_line_that_is_not_utf8_fails_alone_or_is_decoded() {
    let input = b"Gewinn steigt\nErl\xf6se steigen\n";
    let run = run_with_input(&["classify"], input);
    assert_fails(&run, 5, &["line 2", "not UTF-8: byte 0xf6 at position 4"]);
    assert_eq!(parse_json_lines(&run.stdout).len(), 2);

    let latin = run_with_input(&["classify", "--encoding", "latin-1"], input);
    assert_eq!(latin.stdout, run_with_input(&["classify"], "Gewinn steigt\nErlöse steigen\n".as_bytes()).stdout);
    assert_fails(&run_with_input(&["classify", "--encoding", "klingon"], b"a"), 2, &["klingon"]);
}

#[test]
fn a_text_over_the_window_is_truncated_and_says_so() {
    let run = run_with_input(&["classify"], format!("{}\n", "profit ".repeat(5_000)).as_bytes());
    assert_eq!(run.code, Some(0));
    assert!(
        run.stderr.contains(
            "1 text was longer than 512 tokens, and the rest was not scored: line 1. To score all of it: --granularity document"
        ),
        "{}",
        run.stderr
    );
    let prediction = &parse_json_lines(&run.stdout)[0];
    assert_eq!((prediction["tokens"].as_u64(), prediction["truncated"].as_bool()), (Some(512), Some(true)));
}

#[test]
fn ten_megabytes_in_one_text_are_one_prediction() {
    for text in ["profit rose. ".repeat(800_000), ".".repeat(10 << 20), "x".repeat(1 << 20)] {
        let run = run_with_input(&["classify"], format!("{text}\n{PROFIT}\n").as_bytes());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(parse_json_lines(&run.stdout).len(), 2);
    }
}

#[test]
fn a_text_over_the_size_limit_fails_alone() {
    let run = run_with_input(&["classify"], format!("{}\n{PROFIT}\n", "profit ".repeat(12_000_000)).as_bytes());
    assert_eq!(run.code, Some(5), "{}", run.stderr);
    let rows = parse_json_lines(&run.stdout);
    assert!(rows[0]["error"].as_str().unwrap().contains("bytes"), "{}", rows[0]);
    assert_eq!((rows.len(), &rows[1]["label"]), (2, &"positive".into()));
}

#[test]
fn a_broken_pipe_ends_quietly() {
    let mut child = finsent(&["classify", "-q"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || (0..100).all(|_| writeln!(stdin, "{PROFIT}").is_ok()));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    writer.join().unwrap();
}

#[test]
fn rows_are_written_in_order_over_many_windows() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let repeats = |n: usize| n * 37 % 11 + 1;
    let lines: String = (0..5_000).map(|n| format!("{}\n", "profit ".repeat(repeats(n)))).collect();
    let input = write_file(dir.path(), "in.txt", lines);
    let run = run(&["classify", "--model", model.to_str().unwrap(), "--input", &input]);
    let tokens: Vec<_> = parse_json_lines(&run.stdout).iter().map(|v| v["tokens"].as_u64().unwrap() as usize).collect();
    assert_eq!(tokens, (0..5_000).map(|n| repeats(n) + 2).collect::<Vec<_>>());
}

#[test]
fn an_empty_environment_variable_counts_as_unset() {
    let mut command = finsent(&["classify", PROFIT]);
    for name in ["MODEL", "MODEL_DIR", "MODELS_FILE", "THREADS", "PRECISION"] {
        command.env(format!("FINSENT_{name}"), "");
    }
    assert!(command.output().unwrap().status.success());
}

#[test]
fn wrong_usage_is_code_2() {
    assert_fails(&run(&["classify", "--nonsense"]), 2, &["--nonsense"]);
    assert_fails(&run(&["classify", "--text-column", "a"]), 2, &["--input"]);
    assert_fails(&run(&["classify", "--threads", "0", "a"]), 2, &["--threads"]);
    assert_fails(&run(&["classify", "--threads", "10000", "a"]), 2, &["--threads"]);
    assert_fails(&run(&["classify", "-", "a"]), 2, &["standard input"]);
    assert_fails(&run(&["classify", "--input", "-", "--text-column", "a"]), 2, &["no columns"]);
    assert_fails(&run(&["classify", "--encoding", "iso-2022-kr"]), 2, &["iso-2022-kr"]);
    assert_fails(&run(&["clasify"]), 2, &["classify"]);
    assert_fails(&run(&["classify", "a", "--encoding", "latin1"]), 2, &["--encoding"]);
}
