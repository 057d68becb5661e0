//! Settings of tokenizers that contradict each other, or stand in files that few models have.

use std::fs;
use std::path::Path;

use finsent_model::{Text, Tokenizer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reference;

const VOCAB: [&str; 15] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[TICKER]", "profit", "Profit", "café", "cafe", "利益", "利", "益",
    "rose", "fell",
];

/// The small model with [`VOCAB`] and these files.
fn model(files: &[(&str, Value)]) -> TempDir {
    let dir = reference::variant("f32");
    fs::remove_file(dir.path().join("tokenizer_config.json")).unwrap();
    fs::write(dir.path().join("vocab.txt"), VOCAB.join("\n")).unwrap();
    for (name, contents) in files {
        fs::write(dir.path().join(name), contents.to_string()).unwrap();
    }
    dir
}

fn tokenizer_json(lowercase: bool, strip_accents: Option<bool>, handle_chinese_chars: bool) -> Value {
    let ids: serde_json::Map<_, _> = (0..).zip(VOCAB).map(|(id, token)| (token.into(), json!(id))).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "decoder": null,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": handle_chinese_chars,
            "strip_accents": strip_accents, "lowercase": lowercase
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": ids
        }
    })
}

fn ids_of(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(&Text::parse(text).unwrap()).unwrap().input_ids
}

/// The ids without the first and the last.
fn ids(dir: &Path, text: &str) -> Vec<u32> {
    let ids = ids_of(&reference::tokenizer(dir), text);
    ids[1..ids.len() - 1].to_vec()
}

#[test]
fn tokenizer_config_json_decides_how_text_is_normalized() {
    let text = "Profit café 利益";
    for (settings, expected) in [
        (json!({}), [6, 9, 11, 12].as_slice()),
        (json!({"do_lower_case": false}), &[7, 8, 11, 12]),
        (json!({"do_lower_case": true, "strip_accents": false}), &[6, 8, 11, 12]),
        (json!({"do_lower_case": false, "strip_accents": true}), &[7, 9, 11, 12]),
        (json!({"tokenize_chinese_chars": false}), &[6, 9, 10]),
    ] {
        for class in ["BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer", "DistilBertTokenizerFast", ""] {
            let mut config = settings.clone();
            if !class.is_empty() {
                config["tokenizer_class"] = class.into();
            }
            for stored in [tokenizer_json(true, None, true), tokenizer_json(false, Some(false), false)] {
                let dir = model(&[("tokenizer.json", stored), ("tokenizer_config.json", config.clone())]);
                assert_eq!(ids(dir.path(), text), expected, "{config}");
            }
        }
    }
}

#[test]
fn pre_trained_tokenizer_fast_takes_tokenizer_json_as_it_is() {
    let config = json!({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": true});
    let dir = model(&[("tokenizer.json", tokenizer_json(false, None, false)), ("tokenizer_config.json", config)]);
    assert_eq!(ids(dir.path(), "Profit café 利益"), [7, 8, 10]);
}

#[test]
fn further_special_tokens_have_one_id() {
    let text = "profit[TICKER]rose";
    assert_eq!(ids(model(&[]).path(), text), [6, 1, 1, 1, 13]);
    for file in ["tokenizer_config.json", "special_tokens_map.json"] {
        let dir = model(&[(file, json!({"additional_special_tokens": ["[TICKER]"]}))]);
        assert_eq!(ids(dir.path(), text), [6, 5, 13], "{file}");
        let dir = model(&[(file, json!({"additional_special_tokens": ["<new>"], "extra": 1}))]);
        assert_eq!(ids(dir.path(), "profit <new>"), [6, 15], "{file}");
        let message = reference::load_error(model(&[(file, json!({"additional_special_tokens": 7}))]).path());
        assert!(message.contains(file) && message.contains("`additional_special_tokens`"), "{message}");
    }
    let files = [
        ("tokenizer_config.json", json!({"sep_token": "[SEP]"})),
        ("special_tokens_map.json", json!({"sep_token": "[MASK]"})),
    ];
    let tokenizer = reference::tokenizer(model(&files).path());
    assert_eq!(ids_of(&tokenizer, "profit"), [2, 6, 4], "special_tokens_map.json counts");
}

#[test]
fn added_tokens_json_is_read() {
    let dir = model(&[("added_tokens.json", json!({"[NEW]": 15, "Umsatz": 16}))]);
    assert_eq!(ids(dir.path(), "profit [NEW] umsatz[new]"), [6, 15, 16, 15]);
    for (contents, parts) in [
        (json!({"[NEW]": 40}), ["`[NEW]`", "40"]),
        (json!({"[NEW]": "x"}), ["`[NEW]`", "invalid type"]),
        (json!({"[NEW]": 15, "[OLD]": 15}), ["`[OLD]`", "15"]),
        (json!([]), ["not valid", "added_tokens.json"]),
    ] {
        let message = reference::load_error(model(&[("added_tokens.json", contents)]).path());
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(message.contains("added_tokens.json"), "{message}");
    }
}

#[test]
fn the_class_in_config_json_counts_if_no_other_is_named() {
    let stored = tokenizer_json(false, None, false);
    let dir = model(&[("tokenizer.json", stored), ("tokenizer_config.json", json!({"do_lower_case": true}))]);
    assert_eq!(ids(dir.path(), "Profit 利益"), [6, 11, 12]);
    reference::edit_config(dir.path(), "tokenizer_class", "PreTrainedTokenizerFast".into());
    assert_eq!(ids(dir.path(), "Profit 利益"), [7, 10]);
    reference::edit_config(dir.path(), "tokenizer_class", "BertJapaneseTokenizer".into());
    let message = reference::load_error(dir.path());
    assert!(message.contains("`config.json` names the class `BertJapaneseTokenizer`"), "{message}");
    fs::write(dir.path().join("tokenizer_config.json"), r#"{"tokenizer_class":"BertTokenizer"}"#).unwrap();
    assert_eq!(ids(dir.path(), "Profit 利益"), [6, 11, 12]);
}

#[test]
fn a_vocabulary_of_another_class_is_refused() {
    let config = json!({"tokenizer_class": "RobertaTokenizer"});
    for files in [
        &[("tokenizer_config.json", config.clone())][..],
        &[("tokenizer_config.json", config), ("tokenizer.json", tokenizer_json(true, None, true))],
        &[("tokenizer_config.json", json!({"tokenizer_class": "PreTrainedTokenizerFast"}))],
    ] {
        let message = reference::load_error(model(files).path());
        assert!(message.contains("the class of the tokenizer is"), "{message}");
        assert!(message.contains("`tokenizer_class`"), "{message}");
    }
}

#[test]
fn truncation_side_left_keeps_the_end() {
    let left = json!({"truncation_side": "left", "model_max_length": 5});
    let mut stored = tokenizer_json(true, None, true);
    stored["truncation"] = json!({"direction": "Left", "max_length": 9, "strategy": "LongestFirst", "stride": 0});
    for files in [
        &[("tokenizer_config.json", left.clone())][..],
        &[("tokenizer_config.json", json!({"model_max_length": 5})), ("tokenizer.json", stored.clone())],
    ] {
        let tokenizer = reference::tokenizer(model(files).path());
        for fillers in [0, 1, 7, 40_000] {
            let text = Text::parse(format!("{}profit rose fell", "cafe ".repeat(fillers))).unwrap();
            let encoding = tokenizer.encode(&text).unwrap();
            assert_eq!((encoding.input_ids, encoding.truncated), (vec![2, 6, 13, 14, 3], fillers > 0), "{fillers}");
        }
        let short = tokenizer.encode(&Text::parse("profit rose").unwrap()).unwrap();
        assert_eq!((short.input_ids, short.truncated), (vec![2, 6, 13, 3], false));
    }
    let right = json!({"truncation_side": "right", "model_max_length": 5});
    let dir = model(&[("tokenizer_config.json", right), ("tokenizer.json", stored)]);
    assert_eq!(ids(dir.path(), "profit rose fell cafe"), [6, 13, 14]);
    let message = reference::load_error(model(&[("tokenizer_config.json", json!({"truncation_side": "up"}))]).path());
    assert!(message.contains("`truncation_side`") && message.contains("`up`"), "{message}");
}

#[test]
fn max_len_is_the_old_name_of_model_max_length() {
    for (config, window) in [
        (json!({"max_len": 9}), 9),
        (json!({"max_len": 9, "model_max_length": 7}), 7),
        (json!({"max_len": 9, "model_max_length": null}), 48),
        (json!({"max_len": 1000}), 48),
        (json!({"vocab_file": "/elsewhere/vocab.txt"}), 48),
    ] {
        let dir = model(&[("tokenizer_config.json", config.clone())]);
        assert_eq!(reference::tokenizer(dir.path()).max_length(), window, "{config}");
    }
    let message = reference::load_error(model(&[("tokenizer_config.json", json!({"max_len": "x"}))]).path());
    assert!(message.contains("`max_len`"), "{message}");
}

#[test]
fn a_token_that_the_model_does_not_know_fails_only_the_text_that_has_it() {
    let dir = model(&[("special_tokens_map.json", json!({"additional_special_tokens": ["<new>"]}))]);
    let mut vocab = VOCAB.map(String::from).to_vec();
    vocab.extend((vocab.len()..110).map(|id| format!("word{id}")));
    fs::write(dir.path().join("vocab.txt"), vocab.join("\n") + "\n\n").unwrap();
    let tokenizer = reference::tokenizer(dir.path());
    assert_eq!(ids_of(&tokenizer, "profit rose"), [2, 6, 13, 3]);
    let texts = reference::texts(&["profit rose", "profit <new>", "word109"]);
    let outcomes = reference::load(dir.path()).classify(&texts.iter().collect::<Vec<_>>());
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    let message = outcomes[1].as_ref().unwrap_err().to_string();
    assert!(message.contains("`<new>`") && message.contains("111"), "{message}");
    // A word of the vocabulary without a row is another matter: the vocabulary is not that of the model.
    fs::write(dir.path().join("vocab.txt"), vocab.join("\n") + "\nmore\n").unwrap();
    assert!(reference::load_error(dir.path()).contains("111 tokens"));
}

#[test]
fn settings_of_the_wrong_type_are_named() {
    for (field, value) in [
        ("do_lower_case", json!("yes")),
        ("strip_accents", json!(1)),
        ("tokenizer_class", json!(["BertTokenizer"])),
        ("added_tokens_decoder", json!({"x": {"content": "a"}})),
        ("mask_token", json!(4)),
        ("cls_token", Value::Null),
    ] {
        let mut config = json!({});
        config[field] = value;
        let message = reference::load_error(model(&[("tokenizer_config.json", config)]).path());
        assert!(message.contains("tokenizer_config.json`: `") && message.contains(&format!("`{field}`")), "{message}");
    }
}
