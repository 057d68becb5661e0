//! WordPiece gives the ids of transformers.

use std::fs;
use std::path::PathBuf;

use finsent_model::{Limits, ModelFile, Text, Tokenizer, TokenizerFiles, VocabularyFiles};
use serde::Deserialize;

use crate::reference::{self, file, mini};

#[derive(Deserialize)]
struct Case {
    text: String,
    finbert: Vec<u32>,
    finbert_tone: Vec<u32>,
}

fn from_vocab(path: PathBuf, vocab_size: usize) -> Tokenizer {
    from_vocab_with_window(path, vocab_size, 512)
}

fn from_vocab_with_window(path: PathBuf, vocab_size: usize, max_length: usize) -> Tokenizer {
    let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(ModelFile::Disk(path)));
    Tokenizer::load(&files, Limits { vocab_size, max_length }).unwrap()
}

/// The ids truncated to the window: the beginning and `[SEP]`.
fn windowed(ids: &[u32]) -> Vec<u32> {
    match ids {
        [beginning @ .., sep] if ids.len() > 512 => [&beginning[..511], &[*sep]].concat(),
        ids => ids.to_vec(),
    }
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(&Text::parse(text).unwrap()).unwrap().input_ids
}

#[test]
fn difficult_strings_have_the_ids_of_transformers_with_the_vocabulary_of_finbert() {
    let tokenizer = reference::tokenizer(&mini());
    let bare = from_vocab(mini().join("vocab.txt"), 30_522);
    let cases: Vec<Case> = reference::read_json(&file("nasty.json"));
    for case in cases.iter().filter(|case| !case.text.trim().is_empty()) {
        assert_eq!(ids(&tokenizer, &case.text), windowed(&case.finbert), "{:?}", case.text);
        assert_eq!(ids(&bare, &case.text), windowed(&case.finbert), "without settings: {:?}", case.text);
    }
}

#[test]
fn difficult_strings_have_the_ids_of_transformers_with_the_vocabulary_of_finbert_tone() {
    let tokenizer = from_vocab(file("finbert-tone/vocab.txt"), 30_873);
    let cases: Vec<Case> = reference::read_json(&file("nasty.json"));
    for case in cases.iter().filter(|case| !case.text.trim().is_empty()) {
        assert_eq!(ids(&tokenizer, &case.text), windowed(&case.finbert_tone), "{:?}", case.text);
    }
}

#[test]
fn the_reference_texts_have_the_ids_of_transformers() {
    let tokenizer = reference::tokenizer(&mini());
    for case in reference::mini_cases().iter().filter(|case| !case.text.is_empty()) {
        assert_eq!(ids(&tokenizer, &case.text), case.input_ids, "{:?}", case.text);
    }
}

#[test]
fn tokenizer_json_overrides_vocab_txt_and_its_truncation_is_ignored() {
    let dir = reference::variant("f32");
    let tokenizer = r###"{"version":"1.0",
        "truncation":{"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0},
        "padding":{"strategy":{"Fixed":16},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[UNK]"},
        "added_tokens":[],"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Whitespace"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},"decoder":null,
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
            "vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"up":3,"down":4}}}"###;
    fs::write(dir.path().join("tokenizer.json"), tokenizer).unwrap();
    assert_eq!(ids(&reference::tokenizer(dir.path()), "Up down sideways down up"), [1, 3, 4, 0, 4, 3, 2]);
}

#[test]
fn a_text_much_longer_than_the_window_has_the_ids_of_its_beginning() {
    let tokenizer = reference::tokenizer(&mini());
    let whole = from_vocab_with_window(mini().join("vocab.txt"), 30_522, 1 << 20);
    for unit in
        ["Operating profit rose, the company said.\n", ".", "日本", "[SEP]", "profit,[MASK]", "e\u{301}", "rise"]
    {
        let text = Text::parse(unit.repeat(100_000 / unit.len())).unwrap();
        let expected = whole.encode(&text).unwrap().input_ids;
        let encoding = tokenizer.encode(&text).unwrap();
        assert_eq!(encoding.input_ids, windowed(&expected), "{unit:?}");
        assert_eq!(encoding.truncated, expected.len() > 512, "{unit:?}");
    }
}

#[test]
fn a_text_is_truncated_only_if_a_token_is_left_out() {
    let tokenizer = reference::tokenizer(&mini());
    for (words, truncated) in [(509, false), (510, false), (511, true)] {
        let encoding = tokenizer.encode(&Text::parse("profit ".repeat(words)).unwrap()).unwrap();
        assert_eq!((encoding.len(), encoding.truncated), ((words + 2).min(512), truncated), "{words} words");
    }
    // A beginning is not enough to decide if only white space follows it.
    let padded = tokenizer.encode(&Text::parse(format!("profit{}", " ".repeat(1 << 20))).unwrap()).unwrap();
    assert_eq!((padded.len(), padded.truncated), (3, false));
    let late = tokenizer.encode(&Text::parse(format!("profit{}rose", " ".repeat(1 << 20))).unwrap()).unwrap();
    assert_eq!(late.input_ids, ids(&tokenizer, "profit rose"));
}

#[test]
fn the_smallest_window_counts() {
    let dir = reference::variant("f32");
    fs::write(dir.path().join("tokenizer_config.json"), r#"{"model_max_length": 16}"#).unwrap();
    assert_eq!(reference::load(dir.path()).max_length(), 16);
    fs::write(dir.path().join("tokenizer_config.json"), r#"{"model_max_length": 1e30}"#).unwrap();
    assert_eq!(reference::load(dir.path()).max_length(), 48);
}

#[test]
fn settings_change_the_ids() {
    let dir = reference::variant("f32");
    let vocab = "[PAD]\n[UNK]\n<s>\n</s>\nprofit\nProfit\n日本\n日\n本\n<x>\n";
    fs::write(dir.path().join("vocab.txt"), vocab).unwrap();
    let settings = r#"{"do_lower_case": false, "tokenize_chinese_chars": false, "cls_token": "<s>",
        "sep_token": {"content": "</s>", "lstrip": false},
        "added_tokens_decoder": {"9": {"content": "<x>", "special": true}}}"#;
    fs::write(dir.path().join("tokenizer_config.json"), settings).unwrap();
    // It does not count beside `added_tokens_decoder`.
    fs::write(dir.path().join("special_tokens_map.json"), r#"{"cls_token": "profit"}"#).unwrap();
    assert_eq!(ids(&reference::tokenizer(dir.path()), "Profit profit 日本<x>"), [2, 5, 4, 6, 9, 3]);
}

#[test]
fn an_invalid_vocabulary_is_an_error() {
    let vocab = fs::read(file("small/vocab.txt")).unwrap();
    let without =
        |token: &str| String::from_utf8(vocab.clone()).unwrap().replace(&format!("{token}\n"), "x\n").into_bytes();
    let cases: [(Vec<u8>, &[&str]); 6] = [
        // A line twice: as many different tokens as embeddings, but one id too many.
        ([b"[PAD]\n".to_vec(), vocab.clone()].concat(), &["111 tokens", "110"]),
        (without("[UNK]"), &["vocab.txt", "`[UNK]`"]),
        (without("[CLS]"), &["vocab.txt", "`[CLS]`"]),
        (Vec::new(), &["vocab.txt", "`[UNK]`"]),
        (b"[PAD]\n[UNK]\n\xe9\n".to_vec(), &["vocab.txt", "line 3", "UTF-8"]),
        ([vocab.clone(), b"more\nevenmore\n".to_vec()].concat(), &["112 tokens", "110"]),
    ];
    for (bytes, parts) in cases {
        let dir = reference::variant("f32");
        fs::write(dir.path().join("vocab.txt"), bytes).unwrap();
        let message = reference::load_error(dir.path());
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn invalid_settings_are_an_error() {
    for (file, contents, parts) in [
        ("tokenizer_config.json", "{", ["tokenizer_config.json", "not valid"]),
        (
            "tokenizer_config.json",
            r#"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
            ["BertJapaneseTokenizer", "tokenizer.json"],
        ),
        ("tokenizer_config.json", r#"{"model_max_length": 2}"#, ["window of 2 tokens", "no room"]),
        ("tokenizer_config.json", r#"{"added_tokens_decoder": {"7": {"content": "[CLS]"}}}"#, ["`[CLS]`", "7"]),
        ("special_tokens_map.json", "[1]", ["special_tokens_map.json", "not valid"]),
        ("tokenizer.json", "{}", ["tokenizer.json", "not a tokenizer"]),
    ] {
        let dir = reference::variant("f32");
        fs::write(dir.path().join(file), contents).unwrap();
        let message = reference::load_error(dir.path());
        assert!(parts.iter().all(|part| message.contains(part)), "{contents}: {message}");
    }
}

/// Found by fuzzing.
#[test]
fn a_file_that_makes_the_library_panic_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tokenizer.json");
    fs::write(&path, r#"{"decoder":{"type":"ByteLevel","a":"\ud800"}}"#).unwrap();
    let files = TokenizerFiles::bare(VocabularyFiles::Json(ModelFile::Disk(path)));
    let error = Tokenizer::load(&files, Limits { vocab_size: 100, max_length: 100 }).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("panicked"), "{error}");
}
