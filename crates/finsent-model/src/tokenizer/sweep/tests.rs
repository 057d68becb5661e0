//! The sweep gives the ids of the library. `FINSENT_TEST_STRINGS` is the number of random strings, and
//! `FINSENT_TEST_SEED` chooses others.

use std::fs;
use std::sync::LazyLock;

use fastrand::Rng;
use serde_json::{Value, json};
use tokenizers::models::wordpiece::WordPiece;

use super::Stop;
use crate::model_files::{ModelFile, TokenizerFiles, VocabularyFiles};
use crate::tokenizer::model::AnyModel;
use crate::tokenizer::{Limits, Tokenizer};

/// A tokenizer with some settings, and the names that stand in its texts.
struct Form {
    tokenizer: Tokenizer,
    library: tokenizers::Tokenizer,
    names: Vec<&'static str>,
    /// Pieces of the vocabulary.
    pieces: Vec<String>,
}

fn mini_vocabulary() -> String {
    let mini = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini/vocab.txt");
    fs::read_to_string(mini).unwrap()
}

fn form(vocabulary: (&str, String), settings: Value, added: Value, names: &[&'static str], max_length: usize) -> Form {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: String| {
        fs::write(dir.path().join(name), contents).unwrap();
        ModelFile::Disk(dir.path().join(name))
    };
    let file = write(vocabulary.0, vocabulary.1);
    let is_json = vocabulary.0 == "tokenizer.json";
    let files = TokenizerFiles {
        vocabulary: if is_json { VocabularyFiles::Json(file) } else { VocabularyFiles::WordPiece(file) },
        config: Some(write("tokenizer_config.json", settings.to_string())),
        special_tokens: None,
        added_tokens: added.is_object().then(|| write("added_tokens.json", added.to_string())),
    };
    let tokenizer = Tokenizer::load(&files, Limits { vocab_size: 31_000, max_length }).unwrap();
    assert!(tokenizer.sweep.is_some() && tokenizer.frame.is_some());
    let library = library(&tokenizer, if is_json { ("[UNK]", "@", 9) } else { ("[UNK]", "##", 100) });
    let words = tokenizer.inner.get_vocab(true).into_keys();
    let mut pieces: Vec<String> = words.map(|piece| piece.trim_start_matches("##").to_owned()).collect();
    pieces.sort_unstable();
    Form {
        library,
        tokenizer,
        names: [&["[MASK]", "[CLS]", "[SEP]", "[mask]", "[UNK", "PAD]"], names].concat(),
        pieces,
    }
}

fn bert(settings: Value, added: Value, names: &[&'static str], max_length: usize) -> Form {
    form(("vocab.txt", mini_vocabulary()), settings, added, names, max_length)
}

/// A tokenizer that `tokenizer.json` describes, with everything that BERT's class does not allow.
fn stored(names: &[&'static str]) -> Form {
    let mut words: Vec<String> = vec!["[UNK]".into(), "[CLS]".into(), "[SEP]".into(), "[MASK]".into()];
    for letter in ('a'..='z').chain('0'..='9').chain("éø€™$.,'’-É".chars()) {
        words.extend([letter.to_string(), format!("@{letter}"), format!("@{letter}e"), format!("t{letter}")]);
    }
    words.extend(["", "@", "@@", "profit", "@fit", "pro", "@\u{301}", "\t"].map(String::from));
    let ids: serde_json::Map<String, Value> = words.into_iter().zip(0..).map(|(word, id)| (word, json!(id))).collect();
    let added: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let has = |bit: usize| index >> bit & 1 == 1;
            let (single_word, lstrip, rstrip, normalized) = (has(0), has(1), has(2), !has(0));
            json!({"id": ids.len() + index, "content": name, "single_word": single_word, "lstrip": lstrip,
                "rstrip": rstrip, "normalized": normalized, "special": has(1)})
        })
        .collect();
    let json = json!({"version": "1.0", "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": true,
            "strip_accents": false, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "@",
            "max_input_chars_per_word": 9, "vocab": ids}});
    form(("tokenizer.json", json.to_string()), json!({}), Value::Null, names, 16)
}

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let names: &[&'static str] = &["AAPL", "aap", "ÉTF", "$x", "a\u{301}b", "[x\u{ad}]", "K!"];
    let added = json!({"AAPL": 30522, "ÉTF": 30523, "$x": 30524, "a\u{301}b": 30525, "K!": 30526});
    vec![
        bert(json!({}), Value::Null, &[], 512),
        bert(json!({"truncation_side": "left"}), Value::Null, &[], 9),
        bert(json!({"do_lower_case": false}), Value::Null, &[], 12),
        bert(json!({"strip_accents": false, "tokenize_chinese_chars": false}), Value::Null, &[], 48),
        bert(json!({"do_lower_case": false, "strip_accents": true}), added, names, 7),
        bert(json!({"additional_special_tokens": ["$x", "AAPL", "[x\u{ad}]"]}), Value::Null, names, 20),
        bert(json!({"split_special_tokens": true, "extra_special_tokens": ["aap", "K!"]}), Value::Null, names, 15),
        stored(&[]),
        stored(names),
    ]
});

/// A part of a text: what is ordinary, and what is not.
fn part(form: &Form, random: &mut Rng) -> String {
    let of = |random: &mut Rng, from: u32, to: u32| {
        char::from_u32(random.u32(from..to)).map_or_else(String::new, String::from)
    };
    match random.u8(..24) {
        0..7 => form.pieces[random.usize(..form.pieces.len())].clone(),
        7 => form.pieces[random.usize(..form.pieces.len())].to_uppercase(),
        8 | 9 => of(random, 0x20, 0x7f),
        10 | 11 => " ".into(),
        12 => [" ", "  ", "\n", "\t", "\r\n", "\u{a0}", "\u{2003}", "\u{85}", "\u{3000}"][random.usize(..9)].into(),
        13 => of(random, 0x80, 0x250),
        14 => of(random, 0, 0x20),
        15 => of(random, 0x300, 0x370),
        16 => of(random, 0x1fd0, 0x2190),
        17 => form.names[random.usize(..form.names.len())].into(),
        18 => form.names[random.usize(..form.names.len())].chars().take(random.usize(1..4)).collect(),
        19 => ["日本", "利", "株価", "한국", "е\u{301}ж", "\u{f900}"][random.usize(..6)].into(),
        20 => ["🚀", "👩\u{200d}💻", "™", "≠\u{338}", "ﬁ", "ⅷ", "\u{fe0f}"][random.usize(..7)].into(),
        21 => ["\u{200b}", "\u{ad}", "\u{feff}", "\u{fffd}", "\0", "\u{e000}", "\u{600}"][random.usize(..7)].into(),
        22 => of(random, 0, 0x11_0000),
        _ => ["'s", "U.S.", "$1.05M", "–", "“a”", "…", "12%", "é", "İ", "ß", "ǅ"][random.usize(..11)].into(),
    }
}

fn text(form: &Form, random: &mut Rng) -> String {
    // Most are short, so that there are many of them in a given time.
    let parts = if random.u8(..50) == 0 { random.usize(1..40) } else { random.usize(1..6) };
    (0..parts)
        .map(|_| match random.u16(..2000) {
            0 => part(form, random).repeat(random.usize(1..130)),
            _ => part(form, random),
        })
        .collect()
}

/// The tokenizer with the model of the library.
fn library(tokenizer: &Tokenizer, settings: (&str, &str, usize)) -> tokenizers::Tokenizer {
    let inner = &tokenizer.inner;
    let (unknown, prefix, max_letters) = settings;
    let model = WordPiece::builder()
        .vocab(inner.get_vocab(false).into_iter().collect::<ahash::AHashMap<_, _>>())
        .unk_token(unknown.into())
        .continuing_subword_prefix(prefix.into())
        .max_input_chars_per_word(max_letters)
        .build();
    let mut library = tokenizers::Tokenizer::new(model.unwrap());
    library.with_normalizer(inner.get_normalizer().cloned()).unwrap();
    library.with_pre_tokenizer(inner.get_pre_tokenizer().cloned());
    library.with_post_processor(inner.get_post_processor().cloned());
    library.with_added_vocabulary(inner.get_added_vocabulary().clone());
    library
}

fn check(form: &Form, text: &str) {
    let Form { tokenizer, library, .. } = form;
    let mut framed = library.encode_fast(text, false).unwrap();
    let expected = framed.get_ids().to_vec();
    let swept = tokenizer.sweep.as_ref().unwrap().ids(text, usize::MAX, usize::MAX, &tokenizer.inner).unwrap();
    assert_eq!(swept.unwrap(), expected, "{text:?}");
    // The model alone, for some texts.
    if expected.len() % 8 == 0 {
        assert_eq!(tokenizer.inner.encode_fast(text, false).unwrap().get_ids(), expected, "{text:?}");
    }
    framed.truncate(tokenizer.text_tokens, 0, tokenizer.truncation_side);
    let framed = library.post_process(framed, None, true).unwrap();
    let encoding = tokenizer.encode_str(text).unwrap();
    assert_eq!(encoding.input_ids, framed.get_ids(), "{text:?}");
    assert_eq!(encoding.token_type_ids, framed.get_type_ids(), "{text:?}");
    assert_eq!(encoding.truncated, expected.len() > tokenizer.text_tokens, "{text:?}");
}

#[test]
fn random_strings_have_the_ids_of_the_library() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |number| number.parse().unwrap());
    let (strings, seed) = (number("FINSENT_TEST_STRINGS", 10_000), number("FINSENT_TEST_SEED", 0));
    let each = strings / FORMS.len() as u64 + 1;
    std::thread::scope(|scope| {
        for (form, seed) in FORMS.iter().zip(seed * 100..) {
            scope.spawn(move || {
                let mut random = Rng::with_seed(seed);
                (0..each).for_each(|_| check(form, &text(form, &mut random)));
            });
        }
    });
}

#[test]
fn difficult_strings_have_the_ids_of_the_library_with_all_settings() {
    let nasty = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/nasty.json");
    let cases: Vec<Value> = serde_json::from_slice(&fs::read(nasty).unwrap()).unwrap();
    for form in FORMS.iter() {
        for case in &cases {
            check(form, case["text"].as_str().unwrap());
        }
    }
}

/// Each known character before, after and between others.
#[test]
fn characters_have_the_ids_of_the_library_in_all_places() {
    for form in FORMS.iter() {
        for code in (0..0x260).chain(0x1ff0..0x2160) {
            let letter = char::from_u32(code).unwrap();
            check(form, &format!("{letter} a{letter}b {letter}{letter} pro{letter}fit{letter} e{letter}\u{301}"));
        }
    }
}

#[test]
fn only_what_is_not_ordinary_is_given_to_the_library() {
    let form = bert(json!({}), Value::Null, &[], 512);
    let sweep = form.tokenizer.sweep.as_ref().unwrap();
    for (text, foreign) in [
        ("Profit rose 12% to €1.3m – “a record”, Nestlé’s CEO said…\n", &[][..]),
        ("[a] (b] [SE", &[]),
        ("profit of 日本 bank", &["日本"]),
        ("profit: я я, loss\nтри", &["я я,", "три"]),
        ("x [MASK] up", &["[MASK]"]),
        ("up,\u{301}down [sep] \u{301} up", &["up,\u{301}down [sep] \u{301}"]),
    ] {
        let mut parts = Vec::new();
        let AnyModel::WordPiece(model) = form.tokenizer.inner.get_model() else { panic!("another model") };
        let mut from = 0;
        while let Stop::Foreign { from: start, at } = sweep.advance((text, from), usize::MAX, model, &mut Vec::new()) {
            from = sweep.end_of_foreign(text, at, usize::MAX);
            parts.push(&text[start..from]);
        }
        assert_eq!(parts, foreign, "{text:?}");
    }
}

#[test]
fn a_long_part_that_is_not_ordinary_ends_the_sweep() {
    let form = bert(json!({}), Value::Null, &[], 512);
    let sweep = form.tokenizer.sweep.as_ref().unwrap();
    let text = format!("profit {} rose", "я ".repeat(100));
    let ids = |enough, longest| sweep.ids(&text, enough, longest, &form.tokenizer.inner).unwrap();
    assert_eq!(ids(usize::MAX, 299).map(|ids| ids.len()), Some(102));
    assert_eq!(ids(usize::MAX, 298), None);
    assert_eq!(ids(1, 298), Some(vec![5618]));
}

#[test]
fn names_that_the_sweep_cannot_find_leave_all_to_the_library() {
    for names in [json!(["two words"]), json!(["\u{ad}"]), json!((0..70).map(|n| format!("t{n}")).collect::<Vec<_>>())]
    {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, contents: String| {
            fs::write(dir.path().join(name), contents).unwrap();
            ModelFile::Disk(dir.path().join(name))
        };
        let vocabulary = VocabularyFiles::WordPiece(write("vocab.txt", mini_vocabulary()));
        let config = write("tokenizer_config.json", json!({"additional_special_tokens": names}).to_string());
        let files = TokenizerFiles { config: Some(config), ..TokenizerFiles::bare(vocabulary) };
        let tokenizer = Tokenizer::load(&files, Limits { vocab_size: 31_000, max_length: 16 }).unwrap();
        assert!(tokenizer.sweep.is_none());
    }
}
