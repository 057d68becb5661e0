//! `finsent eval` on labelled files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::finsent::{Run, assert_fails, finsent, run, small_model, write_file};

/// Texts whose labels the embedded model predicts.
const POSITIVE: &str = "Quarterly revenue rose 20% and beat estimates.";
const NEGATIVE: &str = "Shares plunged 12% after the profit warning.";
const NEUTRAL: &str = "The annual meeting is on Tuesday.";

/// Evaluates a file with this name and contents in int8; `args` are more arguments.
fn eval(name: &str, contents: impl AsRef<[u8]>, args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), name, contents);
    run(&[&["eval", &path, "--precision", "int8"], args].concat())
}

fn report(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// The report on lines of `TEXT,LABEL`, none of which fails.
#[track_caller]
fn report_of(lines: &str, args: &[&str]) -> Value {
    let run = eval("rows.csv", format!("text,label\n{lines}"), &[&["--format", "json"], args].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    report(&run)
}

fn rows(labels: [&str; 3]) -> String {
    [POSITIVE, NEGATIVE, NEUTRAL].iter().zip(labels).map(|(text, label)| format!("\"{text}\",{label}\n")).collect()
}

#[test]
fn texts_in_another_language_are_told() {
    let german = "Der Umsatz steigt im dritten Quartal um ein Drittel";
    let run = eval("rows.csv", format!("text,label\n{german},positive\n{POSITIVE},positive\n"), &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let note = "1 text looks like another language than English: line 2. The model reads only English";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert!(
        !eval("rows.csv", format!("text,label\n{}", rows(["positive", "negative", "neutral"])), &[])
            .stderr
            .contains("language")
    );
}

#[test]
fn the_report_has_every_metric_of_every_precision() {
    let dir = tempfile::tempdir().unwrap();
    // One of four labels is wrong.
    let lines = rows(["positive", "negative", "neutral"]) + &format!("\"{POSITIVE}\",negative\n");
    let path = write_file(dir.path(), "rows.csv", format!("text,label\n{lines}"));
    let run = run(&["eval", &path, "--format", "json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let report = report(&run);
    assert_eq!(report["rows"], json!({"read": 4, "evaluated": 4, "failed": 0, "unknown": 0, "truncated": 0}));
    assert_eq!(report["labels"], json!(["positive", "negative", "neutral"]));
    let precisions = report["precisions"].as_array().unwrap();
    let names: Vec<&str> = precisions.iter().map(|of| of["precision"].as_str().unwrap()).collect();
    assert_eq!(names, ["f32", "bf16", "int8"]);
    for of in precisions {
        assert_eq!(of["accuracy"], 0.75);
        let macro_f1 = of["macro_f1"].as_f64().unwrap();
        assert!((macro_f1 - (2.0 / 3.0 + 2.0 / 3.0 + 1.0) / 3.0).abs() < 1e-12);
        assert_eq!(of["confusion_matrix"], json!([[1, 0, 0], [1, 1, 0], [0, 0, 1]]));
        let f1 = of["classes"][1]["f1"].clone();
        let negative =
            json!({"label": "negative", "precision": 1.0, "recall": 0.5, "f1": f1, "support": 2, "predicted": 1});
        assert_eq!(of["classes"][1], negative);
        for name in ["ece", "brier", "log_loss", "weighted_f1"] {
            assert!(of[name].as_f64().is_some_and(|value| value > 0.0), "{name}");
        }
        let in_bins: u64 = of["calibration"].as_array().unwrap().iter().map(|bin| bin["count"].as_u64().unwrap()).sum();
        assert_eq!(in_bins, 4);
    }
    let pairs: Vec<&Value> = report["agreement"].as_array().unwrap().iter().map(|pair| &pair["precisions"]).collect();
    assert_eq!(pairs, [&json!(["f32", "bf16"]), &json!(["f32", "int8"]), &json!(["bf16", "int8"])]);
    assert_eq!(report["agreement"][0]["agreement"], 1.0);
    assert_eq!(report["agreement"][0]["different"], 0);
}

#[test]
fn the_tables_fit_a_terminal_of_80_columns() {
    let dir = tempfile::tempdir().unwrap();
    let path =
        write_file(dir.path(), "rows.csv", "text,label\n".to_owned() + &rows(["positive", "neutral", "neutral"]));
    let run = run(&["eval", &path]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
    assert!(run.stdout.starts_with("format                                 f32            bf16            int8\n"));
    for part in ["accuracy", "0.6667", "neutral (2 rows)", "\nconfusion matrix\n", "kappa"] {
        assert!(run.stdout.contains(part), "{part} in:\n{}", run.stdout);
    }
    assert_eq!(run.stdout.matches("confusion matrix").count(), 1, "the three are the same:\n{}", run.stdout);
    assert!(run.stderr.contains("3 rows in"), "{}", run.stderr);
}

#[test]
fn labels_are_names_in_any_case_aliases_or_ids() {
    for labels in [
        ["Positive", "NEGATIVE ", " neutral"],
        ["bullish", "Bearish", "neu"],
        ["0", "1", "2"],
        ["LABEL_0", "label_1", "2.0"],
    ] {
        assert_eq!(report_of(&rows(labels), &[])["precisions"][0]["accuracy"], 1.0, "{labels:?}");
    }
    let report = report_of(&rows(["bullish", "neg", "2"]), &[]);
    assert_eq!(report["label_map"], json!({"bullish": "positive", "neg": "negative", "2": "neutral"}));
}

#[test]
fn labels_with_other_names_than_the_models_are_reported_once() {
    let lines = rows(["bullish", "1", "neutral"]) + &rows(["bullish", "1", "neutral"]);
    let run = eval("rows.csv", format!("text,label\n{lines}"), &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(run.stderr.matches("line 2: label `bullish` is read as `positive`").count(), 1, "{}", run.stderr);
    assert_eq!(run.stderr.matches("line 3: label `1` is read as `negative`").count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("`neutral` is read"), "{}", run.stderr);
}

#[test]
fn numbers_in_json_are_labels_too() {
    let lines = [(POSITIVE, "0"), (NEGATIVE, "1"), (NEUTRAL, "2.0")]
        .map(|(text, label)| format!("{{\"text\":\"{text}\",\"label\":{label}}}\n"));
    let run = eval("rows.jsonl", lines.concat(), &["--format", "json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(report(&run)["precisions"][0]["accuracy"], 1.0);
}

#[test]
fn unknown_labels_are_listed_before_anything_is_computed() {
    let lines = rows(["positive", "mixed", "mixed"]) + "x,good\nx,-1\n";
    let run = eval("rows.csv", format!("text,label\n{lines}"), &[]);
    let listed = ["has unknown labels: `mixed` (2 rows, first line 3), `good` (line 5), `-1` (line 6)"];
    assert_fails(&run, 2, &listed);
    assert_fails(&run, 2, &["positive, negative, neutral", "--label-map", "--skip-unknown"]);
    assert_eq!(run.stdout, "");
}

#[test]
fn unknown_labels_are_left_out_with_skip_unknown() {
    let lines = rows(["positive", "mixed", "neutral"]);
    let run = eval("rows.csv", format!("text,label\n{lines}"), &["--skip-unknown", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let expected = json!({"read": 3, "evaluated": 2, "failed": 0, "unknown": 1, "truncated": 0});
    assert_eq!(report(&run)["rows"], expected);
    assert!(run.stderr.contains("left out 1 row of 3 with unknown labels: `mixed` (line 3)"), "{}", run.stderr);
    let run = eval("rows.csv", "text,label\na,x\nb,y\n", &["--skip-unknown"]);
    assert_fails(&run, 1, &["nothing to evaluate", "of 2 rows, 0 failed and 2 have unknown labels"]);
}

#[test]
fn the_users_map_comes_before_names_and_ids() {
    let map = ["--label-map", "1=positive", "--label-map", "-1=negative", "--label-map=0=neu"];
    assert_eq!(report_of(&rows(["1", "-1", "0"]), &map)["precisions"][0]["accuracy"], 1.0);
    // If the map has a number, other numbers are not ids.
    let run = eval("rows.csv", format!("text,label\n{}", rows(["1", "-1", "0"])), &map[..4]);
    assert_fails(&run, 2, &["has unknown labels: `0` (line 4)"]);
    let run = eval("rows.csv", "text,label\n", &["--label-map", "up=upwards"]);
    assert_fails(&run, 2, &["cannot map `up` to `upwards`", "positive, negative, neutral"]);
    assert_fails(&eval("rows.csv", "text,label\n", &["--label-map", "up"]), 2, &["FROM=TO"]);
    let twice = ["--label-map", "up=positive", "--label-map", "UP=negative"];
    assert_fails(&eval("rows.csv", "text,label\n", &twice), 2, &["`UP` is mapped twice"]);
}

/// The small model with these fields in its config.json.
fn with_fields(dir: &Path, fields: &Value) -> String {
    let model = small_model(dir, "small");
    let path = model.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    write_file(&model, "config.json", config.to_string());
    model.into_os_string().into_string().unwrap()
}

#[test]
fn an_alias_of_two_labels_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let labels = json!({"id2label": {"0": "positive", "1": "bullish", "2": "other"}});
    let model = with_fields(dir.path(), &labels);
    for args in [&["--model", &model][..], &["--model", &model, "--skip-unknown"]] {
        let run = eval("rows.csv", "text,label\na,bullish\nb,pos\n", args);
        assert_fails(&run, 2, &["line 3: label `pos` could be `positive` or `bullish`", "--label-map"]);
    }
    let run = eval("rows.csv", "text,label\na,bullish\nb,pos\n", &["--model", &model, "--label-map", "pos=positive"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_model_that_judges_each_label_by_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = with_fields(dir.path(), &json!({"problem_type": "multi_label_classification"}));
    let run = eval("rows.csv", "text,label\na,positive\n", &["--model", &model]);
    assert_fails(&run, 2, &["multi-label", "choose one label"]);
}

#[test]
fn a_missing_column_is_an_error_that_lists_the_columns() {
    let run = eval("rows.csv", "text,mood\na,positive\n", &[]);
    assert_fails(&run, 2, &["no column `label`", "--label-column", "`text`, `mood`"]);
    let run = eval("rows.jsonl", r#"{"text":"a","label":"positive"}"#, &["--label-column", "mood"]);
    assert_fails(&run, 2, &["no column `mood`", "`text`, `label`"]);
    assert_fails(&eval("rows.txt", "a\n", &[]), 2, &["no column `label`"]);
    // Of two columns of strings, the one with the labels is not that of the texts.
    let run = eval("rows.csv", format!("headline,mood\n\"{POSITIVE}\",positive\n"), &["--label-column", "mood"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn rows_that_fail_are_reported_and_left_out_with_code_5() {
    let lines =
        format!("\"{POSITIVE}\",positive\n ,positive\na,positive,more\n\"{NEGATIVE}\",\n\"{NEUTRAL}\",neutral\n");
    let run = eval("rows.csv", format!("text,label\n{lines}"), &["--format", "json"]);
    assert_fails(
        &run,
        5,
        &["line 3: the text is empty", "line 4: 3 fields; the header has 2", "line 5: no label in `label`"],
    );
    let expected = json!({"read": 5, "evaluated": 2, "failed": 3, "unknown": 0, "truncated": 0});
    assert_eq!(report(&run)["rows"], expected);

    let lines =
        [r#"{"text":"a","label":"positive"}"#, "{", r#"{"text":"b"}"#, r#"{"text":"c","label":null}"#].join("\n");
    let run = eval("rows.jsonl", lines, &["--format", "json"]);
    assert_fails(&run, 5, &["line 2: not a JSON object", "line 3: no label", "line 4: no label"]);
    assert_eq!(report(&run)["rows"]["evaluated"], 1);
}

#[test]
fn only_the_first_ten_failures_are_printed() {
    let lines = "a,positive\n".to_owned() + &"a,\n".repeat(30);
    let run = eval("rows.csv", format!("text,label\n{lines}"), &[]);
    assert_fails(&run, 5, &["line 12: no label", "more rows failed", "30 failed"]);
    assert!(!run.stderr.contains("line 13"), "{}", run.stderr);
}

#[test]
fn files_without_labelled_rows_have_nothing_to_evaluate() {
    assert_fails(&eval("rows.csv", "", &[]), 2, &["is empty"]);
    assert_fails(&eval("rows.csv", "text,label\n", &[]), 1, &["nothing to evaluate"]);
    assert_fails(&eval("rows.csv", "text,label\na,\n", &[]), 1, &["nothing to evaluate", "of 1 row, 1 failed"]);
    assert_fails(&eval("rows.jsonl", "\n", &[]), 2, &["is empty; it should hold one JSON object per line"]);
    assert_fails(&eval("rows.csv", b"\x00\xff\x00,\xfe", &[]), 1, &["not UTF-8"]);
    assert_fails(&run(&["eval", "/nowhere/rows.csv"]), 1, &["cannot read `/nowhere/rows.csv`: no such file"]);
    assert_fails(&run(&["eval"]), 2, &["<FILE>"]);
}

#[test]
fn a_single_label_is_measured_without_kappa() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "rows.csv", format!("text,label\n\"{POSITIVE}\",positive\n"));
    let run = run(&["eval", &path, "--format", "json"]);
    let report = report(&run);
    assert_eq!(report["precisions"][0]["macro_f1"], 1.0);
    assert_eq!(report["agreement"][0]["cohen_kappa"], Value::Null);
    let negative =
        json!({"label": "negative", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0, "predicted": 0});
    assert_eq!(report["precisions"][0]["classes"][1], negative);
}

#[test]
fn a_limit_reads_only_the_first_rows() {
    let lines = rows(["positive", "negative", "neutral"]) + "x,unknown\n";
    let report = report_of(&lines, &["--limit", "3"]);
    assert_eq!(report["rows"]["read"], 3);
}

#[test]
fn long_texts_are_truncated_and_reported() {
    let long = format!("\"{}\",positive\n", "Profit rose sharply. ".repeat(400));
    let run = eval("rows.csv", format!("text,label\n{long}"), &["--format", "json"]);
    assert_eq!(report(&run)["rows"]["truncated"], 1);
    assert!(run.stderr.contains("1 text was longer than 512 tokens; only its start was scored"), "{}", run.stderr);
}

#[test]
fn typed_precisions_come_before_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "rows.csv", format!("text,label\n\"{POSITIVE}\",positive\n"));
    let names = |args: &[&str], variable: Option<&str>| {
        let mut command = finsent(&[&["eval", &path, "--format", "json"], args].concat());
        command.envs(variable.map(|value| ("FINSENT_PRECISION", value)));
        let run = Run::from(command.output().unwrap());
        let report = report(&run);
        let precisions = report["precisions"].as_array().unwrap().clone();
        precisions.iter().map(|of| of["precision"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["--precisions", "int8,f32,int8"], None), ["int8", "f32"]);
    assert_eq!(names(&["--precision", "bf16"], None), ["bf16"]);
    assert_eq!(names(&[], Some("int8")), ["int8"]);
    assert_eq!(names(&["--precisions", "f32"], Some("int8")), ["f32"]);
    for args in [
        &["eval", &path, "--precision", "int8", "--precisions", "f32"][..],
        &["--precision", "int8", "eval", &path, "--precisions", "f32"],
    ] {
        assert_fails(&run(args), 2, &["--precision cannot be combined with --precisions"]);
    }
    assert_fails(&run(&["eval", &path, "--precisions", "f16"]), 2, &["f32, bf16 or int8"]);
}

#[test]
fn a_pipe_needs_skip_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("rows.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = pipe.to_str().unwrap();
    assert_fails(&run(&["eval", path]), 2, &["is not a regular file", "--skip-unknown"]);
    std::thread::scope(|scope| {
        scope.spawn(|| fs::write(&pipe, format!("text,label\n\"{POSITIVE}\",positive\nx,y\n")).unwrap());
        let run = run(&["eval", path, "--skip-unknown", "--precision", "int8", "--format", "json"]);
        assert_eq!((run.code, &report(&run)["rows"]["evaluated"]), (Some(0), &json!(1)), "{run:?}");
    });
}
