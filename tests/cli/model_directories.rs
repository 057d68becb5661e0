//! Model directories as people have them: heads with one label, labels that are no strings, several files of weights,
//! tables that are larger than the vocabulary.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::finsent::{assert_fails, parse_json_lines, run, small_model, write_file};

fn edit(model: &Path, change: impl FnOnce(&mut Value)) {
    let mut config: Value = serde_json::from_slice(&fs::read(model.join("config.json")).unwrap()).unwrap();
    change(&mut config);
    write_file(model, "config.json", config.to_string());
}

/// The predictions for two texts.
fn predictions(model: &Path) -> Vec<Value> {
    let run = run(&["classify", "--quiet", "--model", model.to_str().unwrap(), "profit rose", "net loss"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    parse_json_lines(&run.stdout)
}

#[test]
fn a_regression_gives_its_values() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let plain = predictions(&model);
    edit(&model, |config| config["problem_type"] = "regression".into());
    for (values, plain) in predictions(&model).iter().zip(&plain) {
        let value = |label: &str| values["scores"][label].as_f64().unwrap();
        let labels = ["positive", "negative", "neutral"];
        let sum: f64 = labels.iter().map(|label| value(label).exp()).sum();
        for label in labels {
            let probability = plain["scores"][label].as_f64().unwrap();
            assert!((value(label).exp() / sum - probability).abs() < 1e-5, "{values} is not the logits of {plain}");
        }
        assert_eq!(values["label"], plain["label"]);
        assert!(values.get("sentiment_score").is_none(), "the difference of two values is no sentiment score");
    }
}

#[test]
fn labels_may_be_true_and_false_but_not_null() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    edit(&model, |config| {
        config["id2label"] = json!({"0": false, "1": true, "2": 0.5});
        config["label2id"] = Value::Null;
    });
    let scores = predictions(&model)[0]["scores"].as_object().unwrap().clone();
    assert_eq!(scores.keys().map(String::as_str).collect::<Vec<_>>(), ["0.5", "false", "true"]);
    edit(&model, |config| config["id2label"]["1"] = Value::Null);
    let run = run(&["classify", "--model", model.to_str().unwrap(), "a"]);
    assert_fails(&run, 3, &["config.json", "`id2label`", "`null`", "`1`"]);
}

#[test]
fn files_beside_the_weights_change_nothing_but_an_adapter_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let plain = predictions(&model);
    for other in ["pytorch_model.bin", "model.fp16.safetensors", "tf_model.h5", "training_args.bin"] {
        write_file(&model, other, "not weights");
    }
    assert_eq!(predictions(&model), plain);
    write_file(&model, "adapter_model.safetensors", "not weights");
    let run = run(&["classify", "--model", model.to_str().unwrap(), "a"]);
    assert_fails(&run, 3, &["`adapter_model.safetensors`", "merge"]);
}

#[test]
fn blank_lines_at_the_end_of_a_vocabulary_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let plain = predictions(&model);
    let vocab = fs::read_to_string(model.join("vocab.txt")).unwrap();
    write_file(&model, "vocab.txt", vocab + "\n\n  \n");
    assert_eq!(predictions(&model), plain);
}

#[test]
fn a_word_of_megabytes_is_one_unknown_token() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let input = write_file(dir.path(), "word.txt", "x".repeat(4_000_000));
    let model = model.to_str().unwrap();
    for granularity in ["text", "document"] {
        let run = run(&["classify", "-q", "-m", model, "-i", &input, "--granularity", granularity, "-f", "jsonl"]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let row = &parse_json_lines(&run.stdout)[0];
        let tokens = if granularity == "text" { &row["tokens"] } else { &row["sentences"][0]["tokens"] };
        assert_eq!(tokens, 3, "{granularity}");
    }
}
