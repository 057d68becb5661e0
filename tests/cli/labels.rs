//! Labels in config.json: named in several ways, or not at all.

use std::path::Path;

use serde_json::{Value, json};

use crate::finsent::{Run, assert_fails, parse_json_lines, run, small_model, write_file};

/// The prediction of the small model, its label fields in config.json replaced by `fields`.
fn with_fields(fields: &Value, dir: &Path) -> Run {
    let model = small_model(dir, "small");
    let path = model.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let config = config.as_object_mut().unwrap();
    config.retain(|field, _| !["id2label", "label2id", "num_labels"].contains(&field.as_str()));
    config.extend(fields.as_object().unwrap().clone());
    write_file(&model, "config.json", serde_json::to_string(config).unwrap());
    run(&["classify", "--model", model.to_str().unwrap(), "Net loss fell"])
}

/// The labels in order, and whether there is a sentiment score.
fn prediction(run: &Run) -> (Vec<String>, Option<f64>) {
    assert_eq!(run.code, Some(0), "{run:?}");
    let (_, scores) = run.stdout.split_once("\"scores\":{").unwrap();
    let (scores, _) = scores.split_once('}').unwrap();
    let labels = scores.split(',').map(|pair| pair.rsplit_once(':').unwrap().0.trim_matches('"').into()).collect();
    (labels, parse_json_lines(&run.stdout)[0]["sentiment_score"].as_f64())
}

#[test]
fn labels_have_the_names_that_transformers_gives_them() {
    let dir = tempfile::tempdir().unwrap();
    let standard = json!({"id2label": {"0": "positive", "1": "negative", "2": "neutral"}});
    let score = prediction(&with_fields(&standard, dir.path())).1.unwrap();
    let numbered = "LABEL_0 LABEL_1 LABEL_2";
    for (fields, labels, sentiment_score) in [
        (standard, "positive negative neutral", Some(score)),
        (json!({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}), numbered, None),
        (json!({}), numbered, None),
        (json!({"id2label": null, "label2id": null}), numbered, None),
        (json!({"num_labels": 3}), numbered, None),
        (json!({"id2label": {"0": "Negative", "1": "POSITIVE", "2": "none"}}), "Negative POSITIVE none", None),
        (json!({"id2label": {"0": "Positive", "1": "NEGATIVE", "2": "x"}}), "Positive NEGATIVE x", Some(score)),
        (
            json!({"id2label": {"0": "positive ", "1": "Negative", "2": " neutral"}}),
            "positive  Negative  neutral",
            Some(score),
        ),
        (json!({"id2label": {"0": "Bullish", "1": "Bearish", "2": "Neutral"}}), "Bullish Bearish Neutral", Some(score)),
        (json!({"id2label": {"2": "neutral", "0": "bearish", "1": "bullish"}}), "bearish bullish neutral", None),
        (json!({"label2id": {"negative": 1, "neutral": 2, "positive": 0}}), "positive negative neutral", Some(score)),
        (
            json!({"label2id": {"negative": "1", "neutral": "2", "positive": "0"}}),
            "positive negative neutral",
            Some(score),
        ),
        (json!({"id2label": {"0": 1, "1": 2, "2": 3}}), "1 2 3", None),
        // transformers follows `num_labels` if the table has another size.
        (json!({"id2label": {"0": "a", "1": "b"}, "num_labels": 3}), numbered, None),
    ] {
        let (found, found_score) = prediction(&with_fields(&fields, dir.path()));
        assert_eq!(found.join(" "), labels, "{fields}");
        match (labels, sentiment_score) {
            // Positive and negative are swapped.
            ("Negative POSITIVE none" | "bearish bullish neutral", None) => {
                assert!((found_score.unwrap() + score).abs() < 1e-6, "{fields}");
            }
            _ => assert_eq!(found_score, sentiment_score, "{fields}"),
        }
    }
}

#[test]
fn if_tables_contradict_each_other_id2label_is_used_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let fields = json!({
        "id2label": {"0": "positive", "1": "negative", "2": "neutral"},
        "label2id": {"positive": 2, "negative": 1, "neutral": 0},
    });
    let run = with_fields(&fields, dir.path());
    assert_eq!(prediction(&run).0.join(" "), "positive negative neutral");
    assert!(run.stderr.contains("`label2id`") && run.stderr.contains("`id2label`"), "{}", run.stderr);
    let run = with_fields(&json!({"id2label": {"0": "a", "1": "b"}, "num_labels": 3}), dir.path());
    assert!(run.stderr.contains("2 labels") && run.stderr.contains("`num_labels` is 3"), "{}", run.stderr);
}

#[test]
fn tables_that_do_not_fit_the_model_are_refused_with_code_3() {
    let dir = tempfile::tempdir().unwrap();
    for (fields, parts) in [
        (json!({"id2label": {"0": "a", "1": "b"}}), ["config.json", "2 labels, but the classifier has 3"]),
        (json!({"num_labels": 4}), ["config.json", "4 labels, but the classifier has 3"]),
        (json!({"label2id": {"a": 0, "b": 1}}), ["config.json", "2 labels, but the classifier has 3"]),
        (json!({"label2id": {"a": 0, "b": 1, "c": 1}}), ["`label2id`", "`c` has `1`"]),
        (json!({"id2label": {"0": "a", "1": "b", "3": "c"}}), ["`id2label`", "found `3`"]),
        (json!({"id2label": {"0": "a", "1": "b", "2": "a"}}), ["`id2label`", "names `a` twice"]),
        (json!({"id2label": {}}), ["config.json", "no labels"]),
        (json!({"id2label": ["a", "b", "c"]}), ["`id2label` is", "expected an object"]),
    ] {
        assert_fails(&with_fields(&fields, dir.path()), 3, &parts);
    }
}

#[test]
fn aliases_in_the_catalog_rename_labels() {
    let dir = tempfile::tempdir().unwrap();
    let aliased = |aliases: &str| {
        let numbered = json!({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}});
        assert_eq!(prediction(&with_fields(&numbered, dir.path())).1, None);
        let catalog = format!(
            "[[model]]\nname = \"mine\"\ndescription = \"d\"\nlicense = \"l\"\ndirectory = {:?}\nfiles = []\n\
             label_aliases = {{ {aliases} }}\n",
            dir.path().join("small")
        );
        let catalog = write_file(dir.path(), "models.toml", catalog);
        run(&["--models-file", &catalog, "classify", "--model", "mine", "Net loss fell"])
    };
    let (labels, score) = prediction(&aliased("LABEL_0 = \"positive\", LABEL_1 = \"negative\""));
    assert_eq!(labels.join(" "), "positive negative LABEL_2");
    assert!(score.is_some());
    for (aliases, parts) in [
        ("LABEL_0 = \"up\", LABEL_2 = \"up\"", ["`up`", "`LABEL_0` and `LABEL_2`"]),
        ("LABEL_0 = \"LABEL_1\"", ["`LABEL_1`", "`LABEL_0` and `LABEL_1`"]),
        ("LABEL_3 = \"up\"", ["`LABEL_3`", "LABEL_0, LABEL_1, LABEL_2"]),
    ] {
        assert_fails(&aliased(aliases), 3, &parts);
    }
}
