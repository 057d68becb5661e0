//! `finsent explain`, and `classify --explain`.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::finsent::{FINSENT, assert_fails, parse_json_lines, run, run_with_input, write_file};

const TEXT: &str = "Shares of Nordvik plunged 12%, although sales rose.";

fn explained(args: &[&str]) -> Value {
    let run = run(args);
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut lines = parse_json_lines(&run.stdout);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn words(line: &Value) -> Vec<&str> {
    line["explanation"]["words"].as_array().unwrap().iter().map(|word| word["text"].as_str().unwrap()).collect()
}

#[test]
fn in_a_pipe_an_explanation_is_json_beside_its_prediction() {
    let line = explained(&["explain", TEXT]);
    assert_eq!(words(&line), ["Shares", "of", "Nordvik", "plunged", "12%", "although", "sales", "rose"]);
    let explanation = &line["explanation"];
    assert_eq!((&explanation["label"], &explanation["method"]), (&line["label"], &"shapley".into()));
    let sum: f64 = explanation["words"].as_array().unwrap().iter().map(|word| word["weight"].as_f64().unwrap()).sum();
    let difference = line["score"].as_f64().unwrap() - explanation["base"].as_f64().unwrap();
    assert!((sum - difference).abs() < 1e-5, "{sum} {difference}");
    let mut alone = line.clone();
    alone.as_object_mut().unwrap().remove("explanation");
    assert_eq!(alone, explained(&["classify", TEXT]), "the prediction is that of classify");
    assert_eq!(explained(&["classify", "--explain", TEXT]), line);
}

#[test]
fn method_label_passes_and_granularity_can_be_chosen() {
    let other = explained(&["explain", "--method", "occlusion", "--label", "POSITIVE", TEXT]);
    let explanation = &other["explanation"];
    assert_eq!((&explanation["label"], &explanation["method"]), (&"positive".into(), &"occlusion".into()));
    assert_eq!(explanation["passes"], 9);
    let sampled = explained(&["explain", "--passes", "100", TEXT]);
    assert!(sampled["explanation"]["standard_error"].as_f64().unwrap() > 0.0, "{sampled}");
    assert!(sampled["explanation"]["passes"].as_u64().unwrap() <= 100, "{sampled}");
    let text = format!("{TEXT} The board meets on Monday.");
    let document = explained(&["explain", "--granularity", "document", "--aggregate", "mean", &text]);
    assert_eq!(document["explanation"]["sentences"][1]["text"], "The board meets on Monday.");
    assert_eq!(document["sentences"].as_array().unwrap().len(), 2);
}

#[test]
fn a_table_lists_the_strongest_words() {
    let lines = run(&["explain", "--format", "text", "--color", "never", TEXT, "Plunged"]).stdout;
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines[0].starts_with("negative 0.9") && lines[1] == format!("  {TEXT}"), "{lines:?}");
    assert!(lines[2].starts_with("  plunged   +0.7") && lines[2].contains(&"█".repeat(24)), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("  rose      -0.0") && line.ends_with('░')), "{lines:?}");
    assert!(lines[10].starts_with("  8 words, base 0.1") && lines[10].ends_with("; shapley, 255 passes"), "{lines:?}");
    assert!(lines[11].is_empty() && lines[15].contains("1 word, base 0.1"), "{lines:?}");
    assert!(lines[15].ends_with("; shapley, 1 pass"), "{lines:?}");

    let other = ["explain", "--format", "text", "--label", "positive", "--granularity", "document"];
    let text = format!("{TEXT} {}", "The board meets on Monday. ".repeat(20));
    let lines = run(&[&other[..], &[&text]].concat()).stdout;
    assert!(lines.lines().next().unwrap().contains("; explained: positive 0."), "{lines}");
    assert!(lines.contains("\n  9 sentences not shown\n"), "{lines}");
}

#[test]
fn words_are_marked_in_the_colors_of_the_terminal() {
    let paint = |command: &str, color_term: &str, term: &str| {
        let mut command = FINSENT.command(&[command, "--explain", "--color", "always", "--format", "text", TEXT]);
        command.env("COLORTERM", color_term).env("TERM", term);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let marked = paint("classify", "", "xterm-256color");
    assert!(marked.contains("\x1b[38;5;16;48;5;75mplunged\x1b[0m"), "{marked:?}");
    assert!(marked.contains("negative: plunged +0.78, although +0.11"), "{marked:?}");
    assert!(paint("classify", "truecolor", "xterm").contains("\x1b[38;2;0;0;0;48;2;70;160;220mplunged\x1b[0m"));
    assert!(paint("classify", "", "linux").contains("\x1b[1;36mplunged\x1b[0m"));
    let plain = run(&["classify", "--explain", "--format", "text", TEXT]).stdout;
    assert!(plain.contains(TEXT) && !plain.contains('\x1b'), "{plain:?}");
}

#[test]
fn rows_of_files_are_explained_with_their_columns() {
    let dir = tempfile::tempdir().unwrap();
    let news =
        write_file(dir.path(), "news.csv", format!("ticker,headline,explanation\nACME,\"{TEXT}\",mine\nBETA,,x\n"));
    let why = dir.path().join("why.jsonl");
    let run = run(&["explain", "--input", &news, "--text-column", "headline", "--output", why.to_str().unwrap()]);
    assert_eq!(run.code, Some(5), "{run:?}");
    let lines = parse_json_lines(&std::fs::read_to_string(why).unwrap());
    assert_eq!((&lines[0]["ticker"], &lines[0]["explanation"]), (&"ACME".into(), &"mine".into()));
    assert_eq!(lines[0]["finsent_explanation"]["words"][3]["text"], "plunged");
    assert_eq!(lines[1]["finsent_error"], "the text is empty");
}

#[test]
fn a_text_that_is_too_long_is_told_how_it_can_be_explained() {
    // 5,000 tokens, of which the model reads the first 512.
    let long = "Profit rose. The board meets on Monday. ".repeat(500);
    let run = run_with_input(&["explain"], long.as_bytes());
    assert_eq!(run.code, Some(5), "{run:?}");
    let error = parse_json_lines(&run.stdout)[0]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("for which shapley takes at least 1") && error.contains("512 are allowed"), "{error}");
    assert!(run.stderr.contains("--passes N, and long texts with --granularity document"), "{run:?}");
    let run = run_with_input(&["explain", "--granularity", "document", "--method", "occlusion"], long.as_bytes());
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines = parse_json_lines(&run.stdout);
    assert_eq!(lines[0]["explanation"]["sentences"].as_array().unwrap().len(), 1000);
    assert!((3..20).contains(&words(&lines[0]).len()), "{:?}", words(&lines[0]));
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let refused = [
        (&["explain", "--label", "optimistic", TEXT][..], "no label `optimistic` to explain; the labels are positive"),
        (&["explain", "--passes", "0", TEXT], "--passes must be a number from 1 to 100000"),
        (&["explain", "--output", "why.csv", TEXT], "--format text, json or jsonl"),
        (&["classify", "--explain", "--format", "csv", TEXT], "--format text, json or jsonl"),
        (&["classify", "--explain", "--granularity", "sentence", TEXT], "--granularity text or document"),
    ];
    for (args, message) in refused {
        assert_fails(&run(args), 2, &[message]);
    }
}

/// FINSENT_TEST_CLIENTS names a virtual environment with `tests/http/clients/requirements.txt`.
#[test]
#[ignore = "needs Python with shap in FINSENT_TEST_CLIENTS"]
fn exact_shapley_values_are_those_of_the_package_shap() {
    let installed = std::env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS names where shap is");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/shap_exact.py");
    let dir = tempfile::tempdir().unwrap();
    let texts = [
        "Shares of Nordvik plunged although sales rose sharply",
        "Profit fell but less than feared",
        "No dividend",
        "Plunged",
    ];
    for precision in ["f32", "int8"] {
        let explain = run(&[&["explain", "--precision", precision, "--format", "json"][..], &texts].concat());
        assert_eq!(explain.code, Some(0), "{explain:?}");
        let explained = write_file(dir.path(), "explained.json", explain.stdout);
        let masked = dir.path().join("masked.jsonl").to_str().unwrap().to_owned();
        let python = |step: &[&str]| {
            let mut python = Command::new(Path::new(&installed).join("bin/python"));
            let output = python.arg(script).args(step).output().unwrap();
            assert!(output.status.success(), "{precision}: {output:?}");
        };
        python(&["mask", &explained, &masked, &texts.join("\n")]);
        let classify = run(&["classify", "--precision", precision, "--input", &masked, "--text-column", "text"]);
        assert_eq!(classify.code, Some(0), "{classify:?}");
        python(&["compare", &explained, &write_file(dir.path(), "values.jsonl", classify.stdout)]);
    }
}
