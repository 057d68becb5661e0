//! `finsent eval`: what is wrong, two models side by side, and numbers that are not the model's ids.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::finsent::{Run, assert_fails, finsent, parse_csv, parse_json_lines, small_model};

const ROWS: &str = "\
id,headline,gold
a,Operating profit rose to EUR 13.1 mn,positive
b,Net loss widened to $4.2 billion,Bearish
c,Fed leaves rates unchanged,neutral
d,Short sellers have cut their bets,positive
e,,neutral
";

/// A folder with rows, and a model whose labels have another order and other names.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rows.csv"), ROWS).unwrap();
    let model = small_model(dir.path(), "model");
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["id2label"] = json!({"0": "Neutral", "1": "Bullish", "2": "Bearish"});
    fs::write(model.join("config.json"), config.to_string()).unwrap();
    dir
}

fn eval(dir: &Path, args: &[&str]) -> Run {
    finsent(&[&["eval"], args].concat()).current_dir(dir).output().unwrap().into()
}

#[test]
fn the_errors_file_has_the_rows_that_are_wrong_in_the_format_of_its_name() {
    let dir = folder();
    let rows = ["rows.csv", "--label-column", "gold", "--precision", "int8", "--errors"];
    let run = eval(dir.path(), &[&rows[..], &["wrong.csv"]].concat());
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.contains("1 row with wrong labels -> wrong.csv"), "{}", run.stderr);
    let (header, records) = parse_csv(&fs::read_to_string(dir.path().join("wrong.csv")).unwrap());
    assert_eq!(header[..6], ["id", "headline", "gold", "row", "expected", "label"]);
    assert_eq!(records.len(), 1);
    assert_eq!(
        records[0][..6],
        ["d", "Short sellers have cut their bets", "positive", "line 5", "positive", "negative"]
    );

    for name in ["wrong.jsonl", "wrong.json", "wrong.parquet", "wrong.txt"] {
        let run = eval(dir.path(), &[&rows[..], &[name]].concat());
        assert_eq!(run.code, Some(5), "{run:?}");
    }
    let lines = parse_json_lines(&fs::read_to_string(dir.path().join("wrong.jsonl")).unwrap());
    assert_eq!((&lines[0]["expected"], &lines[0]["label"]), (&json!("positive"), &json!("negative")));
    assert!(fs::read(dir.path().join("wrong.parquet")).unwrap().starts_with(b"PAR1"));
    let table = fs::read_to_string(dir.path().join("wrong.txt")).unwrap();
    assert!(table.starts_with("label     sentiment  row     expected  text\nnegative"), "{table}");
}

#[test]
fn number_formats_that_are_wrong_alike_share_a_row() {
    let dir = folder();
    let run = eval(dir.path(), &["rows.csv", "--label-column", "gold", "--errors", "wrong.jsonl"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    let lines = parse_json_lines(&fs::read_to_string(dir.path().join("wrong.jsonl")).unwrap());
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["format"], "f32, bf16, int8");
}

#[test]
fn a_column_that_the_input_has_keeps_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "text,label,expected\nShort sellers have cut their bets,positive,me\n";
    fs::write(dir.path().join("rows.csv"), rows).unwrap();
    let run = eval(dir.path(), &["rows.csv", "--precision", "int8", "--text-column", "text", "--errors", "wrong.csv"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let (header, records) = parse_csv(&fs::read_to_string(dir.path().join("wrong.csv")).unwrap());
    assert_eq!(header[..6], ["text", "label", "expected", "row", "eval_expected", "finsent_label"]);
    assert_eq!(records[0][1..6], ["positive", "me", "line 2", "positive", "negative"]);
}

#[test]
fn an_errors_file_that_cannot_be_is_refused_before_the_work() {
    let dir = folder();
    let errors = |path: &str| eval(dir.path(), &["rows.csv", "--label-column", "gold", "--errors", path]);
    assert_fails(&errors("rows.csv"), 2, &["`rows.csv` is also an input"]);
    assert_fails(&errors("./rows.csv"), 2, &["is also an input"]);
    assert_fails(&errors("-"), 2, &["--errors needs a file"]);
    assert_fails(&errors("wrong.xyz"), 2, &["cannot tell the format of `wrong.xyz`", ".parquet"]);
    assert_fails(&errors("missing/wrong.csv"), 1, &["the folder `missing` does not exist"]);
    assert_eq!(fs::read_to_string(dir.path().join("rows.csv")).unwrap(), ROWS);
}

#[test]
fn two_models_are_measured_side_by_side() {
    let dir = folder();
    let both = ["rows.csv", "--label-column", "gold", "--model", "mini", "--model", "model"];
    let run = eval(dir.path(), &[&both[..], &["--format", "json", "--errors", "wrong.jsonl"]].concat());
    assert_eq!(run.code, Some(5), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let of_each = report["precisions"].as_array().unwrap();
    assert_eq!(of_each.iter().map(|of| of["model"].as_str().unwrap()).collect::<Vec<_>>(), ["mini", "model"]);
    assert_eq!(of_each[0]["accuracy"], 0.75);
    let pair = &report["agreement"][0];
    assert_eq!(pair["models"], json!(["mini", "model"]));
    let rows: u64 = pair["matrix"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(rows, 4);
    // What it says of single rows is what `classify` says, in the labels of the first model.
    let alone: Run = finsent(&["classify", "--model", "model", "Short sellers have cut their bets"])
        .current_dir(dir.path())
        .output()
        .unwrap()
        .into();
    let alone = &parse_json_lines(&alone.stdout)[0];
    let names = json!({"Neutral": "neutral", "Bullish": "positive", "Bearish": "negative"});
    let lines = parse_json_lines(&fs::read_to_string(dir.path().join("wrong.jsonl")).unwrap());
    for line in lines.iter().filter(|line| line["id"] == "d" && line["model"] == "model") {
        assert_eq!(line["label"], names[alone["label"].as_str().unwrap()]);
        assert_eq!(line["scores"]["positive"], alone["scores"]["Bullish"]);
    }
    for difference in report["differences"].as_array().unwrap() {
        assert_ne!(difference["predicted"][0], difference["predicted"][1]);
    }

    let table = eval(dir.path(), &both).stdout;
    for part in
        ["model                                 mini           model", "only mini is right", "labels of mini (rows)"]
    {
        assert!(table.contains(part), "{part} in\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
}

#[test]
fn two_models_are_compared_without_labels() {
    let dir = folder();
    let both = ["rows.csv", "--text-column", "headline", "--model", "mini", "--model", "model"];
    let run = eval(dir.path(), &[&both[..], &["--format", "json", "--errors", "different.csv"]].concat());
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.contains("no column `label`: the models are compared with each other only"), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let different = report["agreement"][0]["different"].as_u64().unwrap();
    assert!(report["precisions"][0].get("accuracy").is_none() && report["agreement"][0]["agreement"].is_f64());
    let (header, records) = parse_csv(&fs::read_to_string(dir.path().join("different.csv")).unwrap());
    assert_eq!(header[3..6], ["row", "model", "label"]);
    assert_eq!(records.len() as u64, 2 * different);
    let table = eval(dir.path(), &both).stdout;
    assert!(table.contains("predicted rows") && !table.contains("accuracy"), "{table}");
    // A column that is named must exist.
    let run = eval(dir.path(), &[&both[..], &["--label-column", "golt"]].concat());
    assert_fails(&run, 2, &["no column `golt`", "did you mean `gold`?"]);
}

#[test]
fn models_that_cannot_be_compared_are_refused() {
    let dir = folder();
    let models = |models: &[&str]| eval(dir.path(), &[&["rows.csv", "--label-column", "gold"], models].concat());
    assert_fails(&models(&["-m", "mini", "-m", "mini"]), 2, &["--model mini is given twice"]);
    assert_fails(&models(&["-m", "mini", "-m", "MINI"]), 2, &["--model names mini twice"]);
    assert_fails(&models(&["-m", "mini", "-m", "model", "--precisions", "f32,int8"]), 2, &["of one model"]);
    let config = dir.path().join("model/config.json");
    let other = fs::read_to_string(&config).unwrap().replace("Bullish", "Social");
    fs::write(&config, other).unwrap();
    assert_fails(&models(&["-m", "mini", "-m", "model"]), 2, &["`mini` and `model` cannot be compared", "Social"]);
}

#[test]
fn a_wrong_label_column_is_answered_with_one_that_may_have_labels() {
    let dir = folder();
    let run = eval(dir.path(), &["rows.csv"]);
    assert_fails(
        &run,
        2,
        &["no column `label`; its columns are `id`, `headline`, `gold`; did you mean --label-column gold?"],
    );
    assert_fails(&eval(dir.path(), &["rows.csv", "--label-column", "Gold"]), 2, &["did you mean `gold`?"]);
    // What the texts are cannot be told without the labels, but that is not what is wrong.
    fs::write(dir.path().join("two.csv"), "note,remark,sentiment\na,b,positive\n").unwrap();
    let run = eval(dir.path(), &["two.csv"]);
    assert_fails(&run, 2, &["no column `label`", "did you mean --label-column sentiment?"]);
}

/// Twelve rows, whose labels are these for negative, positive and neutral.
fn numbered(labels: [&str; 3]) -> String {
    let texts = [
        ["Net loss widened to $4.2 billion", "Shares plunged 12%", "Acme cuts 400 jobs", "Profit warning issued"],
        ["Operating profit rose to EUR 13.1 mn", "Orders doubled", "Revenue beat estimates", "Sales grew strongly"],
        [
            "Fed leaves rates unchanged",
            "The annual meeting is on 12 May",
            "The board meets on Tuesday",
            "It is in Helsinki",
        ],
    ];
    let rows =
        texts.iter().zip(labels).flat_map(|(texts, label)| texts.iter().map(move |text| format!("{text},{label}\n")));
    "text,label\n".to_owned() + &rows.collect::<String>()
}

#[test]
fn numbers_that_are_not_the_models_ids_are_refused_with_what_they_seem_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let eval = |rows: String, args: &[&str]| {
        fs::write(dir.path().join("rows.csv"), rows).unwrap();
        eval(dir.path(), &[&["rows.csv", "--precision", "int8", "--format", "json"], args].concat())
    };
    let run = eval(numbered(["0", "1", "2"]), &[]);
    let seems = "--label-map 0=negative --label-map 1=positive --label-map 2=neutral";
    assert_fails(&run, 2, &["read so (0 positive, 1 negative, 2 neutral)", "33 %", "100 %", seems]);
    assert_eq!(run.stdout, "");
    assert_fails(&eval(numbered(["0.0", "2.0", "1.0"]), &[]), 2, &["--label-map 1.0=neutral --label-map 2.0=positive"]);
    assert_fails(&eval(numbered(["LABEL_2", "LABEL_0", "LABEL_1"]), &[]), 2, &["--label-map label_1=neutral"]);

    let said: Vec<&str> = seems.split(' ').collect();
    let run = eval(numbered(["0", "1", "2"]), &said);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["precisions"][0]["accuracy"], 1.0, "{run:?}");
    // Who says that the numbers are the ids is believed.
    let ids = ["--label-map", "0=positive", "--label-map", "1=negative", "--label-map", "2=neutral"];
    assert_eq!(eval(numbered(["0", "1", "2"]), &ids).code, Some(0));
    assert_eq!(eval(numbered(["1", "0", "2"]), &[]).code, Some(0));
    // Three rows are no proof.
    let few = eval("text,label\nOrders doubled,1\nShares plunged 12%,0\nFed leaves rates unchanged,2\n".into(), &[]);
    assert_eq!(few.code, Some(0), "{few:?}");
    assert!(few.stderr.contains("warning: the labels of `rows.csv` are numbers"), "{}", few.stderr);
}
