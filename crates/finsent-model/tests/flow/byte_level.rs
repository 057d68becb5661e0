//! Byte-level BPE gives the ids of transformers, from `tokenizer.json` and from `vocab.json` with `merges.txt`.

use std::fs;
use std::path::Path;

use finsent_model::{Limits, ModelFiles, Text, Tokenizer, VocabularyFiles};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reference;

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

/// The model with only `tokenizer.json`, and without it.
fn both_forms() -> [TempDir; 2] {
    let forms = [reference::model_of("roberta"), reference::model_of("roberta")];
    for file in ["vocab.json", "merges.txt", "special_tokens_map.json"] {
        fs::remove_file(forms[0].path().join(file)).unwrap();
    }
    fs::remove_file(forms[1].path().join("tokenizer.json")).unwrap();
    forms
}

fn with_window(dir: &Path, max_length: usize) -> Tokenizer {
    edit(dir, "tokenizer_config.json", |config| config["model_max_length"] = Value::Null);
    Tokenizer::load(&ModelFiles::in_dir(dir, &[]).unwrap().tokenizer, Limits { vocab_size: 400, max_length }).unwrap()
}

fn edit(dir: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = dir.join(file);
    let mut value: Value = reference::read_json(&path);
    change(&mut value);
    fs::write(path, value.to_string()).unwrap();
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(&Text::parse(text).unwrap()).unwrap().input_ids
}

#[test]
fn difficult_strings_have_the_ids_of_transformers_from_both_forms() {
    let cases: Vec<Case> = reference::read_json(&reference::file("nasty_byte_level.json"));
    let [json, vocab] = both_forms();
    let files = |dir: &TempDir| ModelFiles::in_dir(dir.path(), &[]).unwrap().tokenizer.vocabulary;
    assert!(matches!(files(&json), VocabularyFiles::Json(_)));
    assert!(matches!(files(&vocab), VocabularyFiles::ByteLevel { .. }));
    for dir in [json, vocab] {
        let tokenizer = with_window(dir.path(), 1 << 16);
        for case in cases.iter().filter(|case| !case.text.trim().is_empty()) {
            assert_eq!(ids(&tokenizer, &case.text), case.ids, "{:?}", case.text);
        }
    }
}

#[test]
fn a_text_much_longer_than_the_window_has_the_ids_of_its_beginning() {
    let spaces = " ".repeat(200);
    let units = [
        "Operating profit rose, the company said.\n",
        "it'll they've we're ",
        "  \n ",
        "a   b",
        "...",
        "日本",
        "x",
        "'ll",
        "loss <mask> <mask>\n\n",
        "</s><pad>",
        &format!("loss{spaces}<mask>"),
        &format!("{spaces}x"),
    ];
    for dir in both_forms() {
        let whole = with_window(dir.path(), 1 << 20);
        let windows = [16, 48].map(|window| (window, with_window(dir.path(), window)));
        for unit in units {
            // A few letters before the text, so that the cut falls on each position of the unit.
            for shift in 1..=unit.len().min(20) {
                let text = Text::parse("b".repeat(shift) + &unit.repeat(6_000 / unit.len())).unwrap();
                let expected = whole.encode(&text).unwrap().input_ids;
                for (window, tokenizer) in &windows {
                    let encoding = tokenizer.encode(&text).unwrap();
                    let windowed = [&expected[..expected.len().min(*window) - 1], &[2]].concat();
                    assert_eq!(encoding.input_ids, windowed, "{window} {shift} {unit:?}");
                    assert_eq!(encoding.truncated, expected.len() > *window, "{window} {shift} {unit:?}");
                }
            }
        }
    }
}

/// The name of the mask begins before the cut and ends after it, and includes all white space before it.
#[test]
fn a_cut_through_a_special_token_changes_nothing() {
    for dir in both_forms() {
        let (whole, window) = (with_window(dir.path(), 1 << 20), 64);
        let tokenizer = with_window(dir.path(), window);
        let cut = window * 16;
        for offset in 0..8 {
            let text = format!("loss{}<mask> rose{}", " ".repeat(cut - 4 - offset), " fell".repeat(1_000));
            let expected = ids(&whole, &text);
            assert_eq!(ids(&tokenizer, &text), [&expected[..window - 1], &[2]].concat(), "{offset}");
        }
    }
}

#[test]
fn the_window_is_the_smaller_of_config_json_and_the_settings() {
    for dir in both_forms() {
        assert_eq!(reference::tokenizer(dir.path()).max_length(), 48);
        reference::edit_config(dir.path(), "pad_token_id", 3.into());
        assert_eq!(reference::tokenizer(dir.path()).max_length(), 46);
        edit(dir.path(), "tokenizer_config.json", |config| config["model_max_length"] = 20.into());
        assert_eq!(reference::tokenizer(dir.path()).max_length(), 20);
    }
}

#[test]
fn add_prefix_space_of_the_settings_is_used() {
    for dir in both_forms() {
        let plain = reference::tokenizer(dir.path());
        let (without, with) = (ids(&plain, "profit"), ids(&plain, " profit"));
        assert_ne!(without, with);
        edit(dir.path(), "tokenizer_config.json", |config| config["add_prefix_space"] = true.into());
        assert_eq!(ids(&reference::tokenizer(dir.path()), "profit"), with);
    }
}

#[test]
fn a_vocabulary_works_without_settings() {
    let [json, vocab] = both_forms();
    let plain = reference::tokenizer(json.path());
    for file in ["tokenizer_config.json", "special_tokens_map.json"] {
        fs::remove_file(vocab.path().join(file)).unwrap();
    }
    let bare = reference::tokenizer(vocab.path());
    for text in ["Net loss<mask> rose", "<pad></s> x", "it's"] {
        assert_eq!(ids(&bare, text), ids(&plain, text), "{text}");
    }
    // The white space before the mask belongs to it only if a file says so.
    assert!(ids(&bare, "a  <mask>").len() > ids(&plain, "a  <mask>").len());
    fs::write(
        vocab.path().join("special_tokens_map.json"),
        json!({"mask_token": {"content": "<mask>", "lstrip": true}}).to_string(),
    )
    .unwrap();
    assert_eq!(ids(&reference::tokenizer(vocab.path()), "a  <mask>"), ids(&plain, "a  <mask>"));
}

#[test]
fn other_tokenizer_classes_are_an_error_that_names_them() {
    let [_, vocab] = both_forms();
    let class = |name: &str| {
        edit(vocab.path(), "tokenizer_config.json", |config| config["tokenizer_class"] = name.into());
    };
    class("RobertaTokenizerFast");
    reference::tokenizer(vocab.path());
    class("GPT2Tokenizer");
    let message = reference::load_error(vocab.path());
    for part in ["GPT2Tokenizer", "RobertaTokenizer", "tokenizer.json"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn an_invalid_vocabulary_is_an_error() {
    for (file, contents, parts) in [
        ("vocab.json", "[]", ["vocab.json", "not valid"]),
        ("vocab.json", r#"{"<s>": 0}"#, ["vocab.json", "`</s>`"]),
        ("merges.txt", "#version: 0.2\no r\nw\n", ["merges.txt", "line 3"]),
        ("merges.txt", "#version: 0.2\no r\nzq qz\n", ["merges.txt", "zq"]),
        ("merges.txt", "o r t\n", ["merges.txt", "line 1"]),
    ] {
        let [_, dir] = both_forms();
        fs::write(dir.path().join(file), contents).unwrap();
        let message = reference::load_error(dir.path());
        assert!(parts.iter().all(|part| message.contains(part)), "{contents}: {message}");
    }
    let [_, dir] = both_forms();
    fs::write(dir.path().join("merges.txt"), b"o r\n\xff x\n").unwrap();
    assert!(reference::load_error(dir.path()).contains("line 2 is not UTF-8"));
    for file in ["merges.txt", "vocab.json"] {
        let [_, dir] = both_forms();
        fs::remove_file(dir.path().join(file)).unwrap();
        assert!(reference::load_error(dir.path()).contains(&format!("has no {file}")));
    }
}
