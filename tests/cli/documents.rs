//! `--granularity`, and finBERT's own file.

use std::process::Command;

use serde_json::Value;

use crate::finsent::{classify_file, parse_csv, parse_json_lines, run};

const UP: &str = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn.";
const DOWN: &str = "Net loss widened to $4.2 billion as demand collapsed.";

fn only_line(args: &[&str]) -> Value {
    let run = run(args);
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut lines = parse_json_lines(&run.stdout);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap_or_else(|| panic!("{of} has no number `{name}`"))
}

#[test]
fn a_document_is_the_mean_of_its_sentences_weighted_by_tokens_or_not() {
    let text = format!("  {UP}\n{DOWN}");
    let document = only_line(&["classify", "--granularity", "document", &text]);
    let mut keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        ["label", "label_counts", "score", "scores", "sentences", "sentiment_score", "strongest", "windows"]
    );
    assert_eq!(document["label_counts"], serde_json::json!({"positive": 1, "negative": 1, "neutral": 0}));
    assert_eq!(document["strongest"], serde_json::json!({"positive": [0], "negative": [1]}));
    assert_eq!(document["windows"], 2);
    let sentences = document["sentences"].as_array().unwrap();
    for (sentence, expected) in sentences.iter().zip([UP, DOWN]) {
        let (start, end) = (number(sentence, "start") as usize, number(sentence, "end") as usize);
        assert_eq!((&text[start..end], &sentence["text"]), (expected, &expected.into()));
        let alone = only_line(&["classify", expected]);
        for name in ["label", "score", "scores", "sentiment_score", "tokens", "truncated"] {
            assert_eq!(sentence[name], alone[name], "{name}");
        }
    }
    let mean = |weight: fn(&Value) -> f64| {
        let weights: f64 = sentences.iter().map(weight).sum();
        sentences.iter().map(|sentence| weight(sentence) * number(sentence, "sentiment_score")).sum::<f64>() / weights
    };
    assert!((number(&document, "sentiment_score") - mean(|sentence| number(sentence, "tokens"))).abs() < 1e-6);
    let plain = only_line(&["classify", "--granularity", "document", "--aggregate", "mean", &text]);
    assert!((number(&plain, "sentiment_score") - mean(|_| 1.0)).abs() < 1e-6);
    assert_ne!(plain["sentiment_score"], document["sentiment_score"]);
}

#[test]
fn a_polar_document_is_the_mean_of_its_sentences_that_are_not_neutral() {
    let polar = |text: &str| only_line(&["classify", "--granularity", "document", "--aggregate", "polar", text]);
    let by_tokens = |text: &str| only_line(&["classify", "--granularity", "document", text]);
    let neutral = "The board meets on Monday. The office is in London.";
    let mixed = polar(&format!("{DOWN} {neutral} {neutral}"));
    assert_eq!(mixed["scores"], only_line(&["classify", DOWN])["scores"]);
    assert_eq!(mixed["label_counts"]["neutral"], 4);
    assert_eq!(polar(neutral), by_tokens(neutral));
    let run = run(&["classify", "--granularity", "document", "--aggregate", "polar", "--format", "text", neutral]);
    assert!(run.stdout.contains("\n  2 neutral of 2 sentences\n"), "{}", run.stdout);
}

#[test]
fn a_table_shows_the_labels_of_the_sentences_and_the_strongest() {
    let text = format!("{UP} {DOWN} The board meets on Monday.");
    let run = run(&["classify", "--granularity", "document", "--format", "text", &text]);
    let lines: Vec<&str> = run.stdout.lines().skip(2).collect();
    assert_eq!(lines[0], "  1 positive, 1 negative, 1 neutral of 3 sentences");
    assert!(lines[1].starts_with("  + 0.9") && lines[1].ends_with(UP), "{lines:?}");
    assert!(lines[2].starts_with("  - 0.9") && lines[2].ends_with(DOWN), "{lines:?}");
}

#[test]
fn each_sentence_is_a_line_with_the_columns_of_its_row() {
    let rows = format!("id,text\n7,\"{UP} {DOWN}\"\n8,\n9,{DOWN}\n");
    let run = classify_file("news.csv", rows, &["--granularity", "sentence", "--format", "csv"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    let (header, records) = parse_csv(&run.stdout);
    // `text` is taken, so that all of the prediction's names have the prefix.
    assert_eq!(header[..6], ["id", "text", "finsent_start", "finsent_end", "finsent_text", "finsent_label"]);
    assert_eq!(header[header.len() - 2..], ["finsent_windows", "finsent_error"]);
    let written: Vec<[&str; 3]> =
        records.iter().map(|record| [&record[0], &record[4], &record[5]].map(|cell| &**cell)).collect();
    assert_eq!(written, [["7", UP, "positive"], ["7", DOWN, "negative"], ["8", "", ""], ["9", DOWN, "negative"]]);
    assert_eq!(records[2][header.len() - 1], "the text is empty");
}

#[test]
fn a_sentence_longer_than_the_window_is_read_whole_in_several_windows() {
    let long = "profit rose and ".repeat(400);
    let sentence = only_line(&["classify", "--granularity", "sentence", &long]);
    assert_eq!((&sentence["truncated"], &sentence["tokens"]), (&false.into(), &1202.into()));
    assert_eq!(sentence["windows"], 4);
    assert_eq!(only_line(&["classify", &long])["truncated"], true);
    assert_eq!(only_line(&["classify", "--granularity", "document", &long])["windows"], 4);
}

#[test]
fn a_document_has_counts_in_csv_and_its_sentences_in_json() {
    let text = format!("{UP} {DOWN}");
    let (header, records) =
        parse_csv(&run(&["classify", "--granularity", "document", "--format", "csv", &text]).stdout);
    let names =
        ["label", "score", "positive", "negative", "neutral", "sentiment_score", "sentences", "windows", "error"];
    assert_eq!(header, names);
    assert_eq!(records[0][6..8], ["2", "2"]);
}

#[test]
fn options_that_contradict_the_granularity_are_refused() {
    for (args, word) in [
        (&["--aggregate", "mean"][..], "--granularity document"),
        (&["--format", "finbert-csv", "--granularity", "document"], "one line per sentence"),
    ] {
        let run = run(&[&["classify", UP], args].concat());
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains(word), "{run:?}");
    }
}

#[test]
fn finberts_own_file_has_one_line_per_sentence() {
    let run = run(&["classify", "--format", "finbert-csv", &format!("{UP} {DOWN}")]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let (header, records) = parse_csv(&run.stdout);
    assert_eq!(header, ["sentence", "logit", "prediction", "sentiment_score"]);
    assert_eq!([&records[0][0], &records[0][2]], [UP, "positive"]);
    assert_eq!([&records[1][0], &records[1][2]], [DOWN, "negative"]);
    let prediction = only_line(&["classify", UP]);
    let logits: Vec<f64> =
        records[0][1].trim_matches(['[', ']']).split_whitespace().map(|logit| logit.parse().unwrap()).collect();
    for (logit, label) in logits.iter().zip(["positive", "negative", "neutral"]) {
        assert!((logit - prediction["scores"][label].as_f64().unwrap()).abs() < 1e-7, "{records:?}");
    }
    assert_eq!(records[0][3].parse::<f64>().unwrap(), number(&prediction, "sentiment_score"));
}

/// finBERT's code: `pandas.DataFrame({'sentence': .., 'logit': list(logits), ..}).to_csv(path, sep=',', index=False)`.
#[test]
#[ignore = "needs Python with numpy and pandas in FINSENT_TEST_CLIENTS"]
fn finberts_own_file_is_what_pandas_writes_for_the_same_numbers() {
    let sentences = [UP, DOWN, "Sales of \"Alpha, the car\" were flat.", "The meeting is on Monday."];
    let text = sentences.join(" ");
    let ours = run(&["classify", "--quiet", "--format", "finbert-csv", &text]).stdout;
    let lines = run(&["classify", "--quiet", "--granularity", "sentence", &text]).stdout;
    let python = std::env::var("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS") + "/bin/python";
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/finbert_csv.py");
    let theirs = Command::new(python).args([script, &lines]).output().unwrap();
    assert!(theirs.status.success(), "{theirs:?}");
    assert_eq!(ours, String::from_utf8(theirs.stdout).unwrap());
}
