//! Unigram tokenizers give the ids of transformers, from `tokenizer.json` and from the file of a sentencepiece model.
//!
//! `tests/golden/unigram.json` has the ids of difficult strings for model directories of XLM-RoBERTa, CamemBERT,
//! DeBERTa-v2 and ALBERT whose settings disagree with each other.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use finsent_model::{ClassOfModel, Limits, ModelFiles, Text, Tokenizer};
use serde::Deserialize;
use serde_json::Value;

use crate::outcomes::{Case, Outcomes};
use crate::reference;

const KINDS: [&str; 4] = ["xlm-roberta", "camembert", "deberta-v2", "albert"];
const CLASSES: [&str; 4] = ["XLMRobertaTokenizer", "CamembertTokenizer", "DebertaV2Tokenizer", "AlbertTokenizer"];

/// The tokenizer of a directory, with the window of the model.
fn load(dir: &Path) -> Result<Tokenizer, String> {
    let config: Value = reference::read_json(&dir.join("config.json"));
    let positions = config["max_position_embeddings"].as_u64().unwrap() as usize;
    load_with_window(dir, positions - if config["pad_token_id"].is_u64() { 2 } else { 0 })
}

fn load_with_window(dir: &Path, max_length: usize) -> Result<Tokenizer, String> {
    let files = ModelFiles::in_dir(dir, &[]).map_err(|error| error.to_string())?;
    let config: Value = reference::read_json(&dir.join("config.json"));
    let kind = KINDS.iter().position(|kind| config["model_type"] == *kind).unwrap();
    let limits = Limits { vocab_size: config["vocab_size"].as_u64().unwrap() as usize, max_length };
    let class = ClassOfModel { named: config["tokenizer_class"].as_str(), default: Some(CLASSES[kind]) };
    Tokenizer::load_as(&files.tokenizer, limits, class).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
struct Golden {
    texts: Vec<String>,
    contents: Vec<String>,
    cases: Vec<Case>,
}

/// The `tokenizer.json` of each kind.
struct Sources(BTreeMap<&'static str, Value>);

impl Sources {
    fn new() -> Self {
        let stored = |name: &'static str| (name, reference::read_json(&folder(name).join("tokenizer.json")));
        Self(KINDS.map(stored).into())
    }

    /// The bytes that the placeholders of a file stand for.
    fn contents(&self, text: &str) -> Vec<u8> {
        if let Some(file) = text.strip_prefix('@') {
            return fs::read(reference::file("unigram").join(file)).unwrap();
        }
        let charsmap = self.0["xlm-roberta"]["normalizer"]["precompiled_charsmap"].as_str().unwrap();
        let with_pieces = self.0.iter().fold(text.replace("@charsmap", charsmap), |text, (name, stored)| {
            text.replace(&format!("\"@{name}\""), &stored["model"]["vocab"].to_string())
        });
        with_pieces.into_bytes()
    }
}

fn folder(name: &str) -> std::path::PathBuf {
    reference::file("unigram").join(name)
}

#[test]
fn directories_have_the_ids_of_transformers_or_are_refused_by_name() {
    let golden: Golden = reference::read_json(&reference::file("unigram.json"));
    let sources = Sources::new();
    assert!(golden.cases.len() >= 150 && golden.texts.len() >= 90);
    let mut outcomes = Outcomes::default();
    for (number, case) in golden.cases.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        for (name, &contents) in &case.files {
            fs::write(dir.path().join(name), sources.contents(&golden.contents[contents])).unwrap();
        }
        fs::write(dir.path().join("model.safetensors"), "").unwrap();
        let about = || {
            let start = |contents: usize| golden.contents[contents].chars().take(400).collect::<String>();
            let of = |(name, &contents): (&String, &usize)| format!("{name}: {}", start(contents));
            case.files.iter().map(of).collect::<Vec<_>>().join("\n    ")
        };
        outcomes.add(number, load(dir.path()), case, &golden.texts, about);
    }
    let Outcomes { same, refused } = outcomes;
    assert!(same >= 120 && refused.len() <= 25, "{same} same, {} refused:\n{}", refused.len(), refused.join("\n"));
}

/// The model of each kind with only `tokenizer.json`, and with only the sentencepiece model.
fn forms() -> Vec<tempfile::TempDir> {
    let mut forms = Vec::new();
    for (kind, other) in KINDS.iter().flat_map(|kind| [(kind, ".model"), (kind, "tokenizer.json")]) {
        let dir = reference::model_of(&format!("unigram/{kind}"));
        for entry in fs::read_dir(dir.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().ends_with(other) {
                fs::remove_file(path).unwrap();
            }
        }
        fs::write(dir.path().join("model.safetensors"), "").unwrap();
        forms.push(dir);
    }
    forms
}

/// Also within a word: Chinese and Japanese have no spaces.
#[test]
fn a_text_much_longer_than_the_window_has_the_ids_of_its_beginning() {
    let spaces = " ".repeat(200);
    let marks = "\u{316}".repeat(100);
    let units = [
        "Operating profit rose, the company said.\n",
        "日本銀行は金利を引き上げ",
        "x",
        "profit",
        "  \n ",
        "a   b",
        "股价上涨\u{3000}债务下降",
        "loss<mask>[MASK]",
        "🚀",
        &format!("loss{spaces}<mask>"),
        &format!("a{marks}\u{301}"),
        &format!("={marks}\u{338}"),
    ];
    for dir in forms() {
        let whole = load_with_window(dir.path(), 1 << 20).unwrap();
        let windows = [16, 48].map(|window| (window, load_with_window(dir.path(), window).unwrap()));
        for unit in units {
            // A few letters before the text, so that the cut falls on each position of the unit.
            for shift in 1..=unit.len().min(12) {
                let text = Text::parse("b".repeat(shift) + &unit.repeat(2_500 / unit.len())).unwrap();
                let expected = whole.encode(&text).unwrap().input_ids;
                let last = *expected.last().unwrap();
                for (window, tokenizer) in &windows {
                    let encoding = tokenizer.encode(&text).unwrap();
                    let mut beginning = expected.clone();
                    if expected.len() > *window {
                        beginning.truncate(*window - 1);
                        beginning.push(last);
                    }
                    assert_eq!(encoding.input_ids, beginning, "{:?} {window} {shift} {unit:?}", dir.path());
                    assert_eq!(encoding.truncated, expected.len() > *window, "{window} {shift} {unit:?}");
                }
            }
        }
    }
}

#[test]
fn windows_share_tokens_and_begin_at_words() {
    for dir in forms() {
        let (whole, tokenizer) = (load_with_window(dir.path(), 1 << 20), load_with_window(dir.path(), 16));
        let (whole, tokenizer) = (whole.unwrap(), tokenizer.unwrap());
        let text =
            Text::parse("Profit rose and the loss of the bank fell. 日本銀行は金利を引き上げ ".repeat(20)).unwrap();
        let expected = whole.encode(&text).unwrap().input_ids;
        let windows = tokenizer.windows(text.as_str()).unwrap();
        assert_eq!(windows.tokens, expected.len());
        let ends = |ids: &[u32]| [ids[0], ids[ids.len() - 1]];
        let mut starts = Vec::new();
        for window in &windows.encodings {
            assert_eq!((window.len(), ends(&window.input_ids)), (16, ends(&expected)));
            let inner = &window.input_ids[1..15];
            let from = starts.last().map_or(1, |last| last + 1);
            starts.push(from + expected[from..].windows(14).position(|ids| ids == inner).unwrap());
        }
        assert_eq!(starts[0], 1);
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] <= 11), "{starts:?}");
    }
}

/// Large texts that are one word, or of which nothing is a token.
#[test]
fn a_huge_text_without_spaces_is_read_in_bounded_time() {
    for dir in forms().iter().step_by(2) {
        let tokenizer = load_with_window(dir.path(), 48).unwrap();
        let mut slowest = std::time::Duration::ZERO;
        for unit in ["x", "日本", " ", "\u{e000}", "\u{301}", "profit", "\u{200b}"] {
            let text = Text::parse("a".to_owned() + &unit.repeat((1 << 19) / unit.len())).unwrap();
            let start = std::time::Instant::now();
            tokenizer.encode(&text).unwrap();
            slowest = slowest.max(start.elapsed());
        }
        // Without bounds it was 22 seconds.
        assert!(slowest.as_secs() < 10, "{slowest:?}");
    }
}

/// The sentencepiece model of a kind.
fn model(kind: &str) -> Vec<u8> {
    let file = match kind {
        "deberta-v2" => "spm.model",
        "albert" => "spiece.model",
        _ => "sentencepiece.bpe.model",
    };
    fs::read(folder(kind).join(file)).unwrap()
}

/// What comes of a sentencepiece model with these bytes, for the class of `kind`.
fn load_model(kind: &str, bytes: &[u8]) -> Result<Tokenizer, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(folder(kind).join("config.json"), dir.path().join("config.json")).unwrap();
    fs::write(dir.path().join("model.safetensors"), "").unwrap();
    fs::write(dir.path().join("spm.model"), bytes).unwrap();
    load(dir.path())
}

/// A field of a message with up to 16,383 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    [&[number << 3 | 2, length as u8 | 0x80, (length >> 7) as u8], content].concat()
}

#[test]
fn a_damaged_sentencepiece_model_is_an_error_with_the_reason() {
    let good = model("xlm-roberta");
    assert!(load_model("xlm-roberta", &good).is_ok());
    let scored = |score: f32| field(1, &[field(1, b"x"), vec![0x15], score.to_le_bytes().to_vec()].concat());
    let empty_pieces = [0x0a, 0].repeat(1 << 20);
    for (more, reason) in [
        // Later fields count.
        (field(2, &[0x18, 2]), "byte pair encoding"),
        (scored(f32::NAN), "the score NaN"),
        (scored(f32::NEG_INFINITY), "the score -inf"),
        (field(1, &field(1, &[b'x'; 600])), "has 600 bytes"),
        (field(1, &field(1, b"\xff")), "not UTF-8"),
        (field(1, &[0x18, 9]), "unknown type 9"),
        (field(3, &field(2, &[255, 255, 255, 255, 0])), "`precompiled_charsmap`"),
        (field(3, &field(2, &[4, 0, 0, 0, 1, 2, 3, 4, 0xff])), "precompiled_charsmap"),
        (vec![0x0a, 200, 1, 0], "truncated"),
        (vec![0x08, 1], "another type"),
        (empty_pieces, "more than 1048576 pieces"),
        (vec![0x0b], "wire type"),
    ] {
        let message = load_model("xlm-roberta", &[&good[..], &more].concat()).unwrap_err();
        assert!(message.contains("spm.model") && message.contains(reason), "{message} is not about {reason}");
    }
    for (contents, reason) in [(&b""[..], "no pieces"), (b"{}", "spm.model"), (&good[..good.len() - 3], "truncated")] {
        let message = load_model("xlm-roberta", contents).unwrap_err();
        assert!(message.contains(reason), "{message} is not about {reason}");
    }
}

#[test]
fn a_model_and_settings_that_contradict_each_other_are_an_error() {
    for (kind, other, reason) in
        [("deberta-v2", "xlm-roberta", "`[CLS]`"), ("albert", "camembert", "`[CLS]`"), ("xlm-roberta", "", "no pieces")]
    {
        let bytes = if other.is_empty() { Vec::new() } else { model(other) };
        let message = load_model(kind, &bytes).unwrap_err();
        assert!(message.contains(reason), "{kind} from {other}: {message}");
    }
    // The id of the unknown piece lies behind all pieces, and no piece has its name.
    let unknown = field(2, &[0xc0, 2, 0x90, 0x4e]);
    let message =
        load_model("deberta-v2", &[field(1, &field(1, b"[CLS]")), field(1, &field(1, b"[SEP]")), unknown].concat());
    assert!(message.unwrap_err().contains("unk_id"));
    let few = load_model("xlm-roberta", &field(1, &field(1, b"x"))).unwrap();
    assert!(few.encode(&Text::parse("profit").unwrap()).is_ok());
    let dir = reference::model_of("roberta");
    for name in ["vocab.json", "merges.txt", "tokenizer.json"] {
        fs::remove_file(dir.path().join(name)).unwrap();
    }
    fs::write(dir.path().join("spm.model"), model("deberta-v2")).unwrap();
    let message = reference::load_error(dir.path());
    assert!(message.contains("a sentencepiece model") && message.contains("RobertaTokenizer"), "{message}");
}

/// What `fuzz/targets/sentence_piece.rs` does, for some random damage.
#[test]
fn no_damage_of_a_sentencepiece_model_ends_the_program() {
    finsent_model::silence_caught_panics();
    let texts = reference::texts(&["Profit rose 12 %", "\u{1f680} \u{5229}\u{76ca} a\u{301}", "``x'' <s>[MASK]</s>"]);
    let mut loaded = 0;
    for seed in 0..120 {
        let mut random = fastrand::Rng::with_seed(seed);
        let kind = KINDS[random.usize(..KINDS.len())];
        let mut bytes = model(kind);
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len());
            match random.u8(..4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] ^= 1 << random.u8(..8),
                2 => bytes[at] = random.u8(..),
                _ => drop(bytes.drain(at..(at + random.usize(1..9)).min(bytes.len()))),
            }
        }
        let Ok(tokenizer) = load_model(kind, &bytes) else { continue };
        loaded += 1;
        for text in &texts {
            if let Ok(encoding) = tokenizer.encode(text) {
                assert!(encoding.len() <= 300);
            }
        }
    }
    assert!(loaded > 10, "{loaded} damaged models load");
}

/// Large models of `tests/golden/unigram.py --texts FILE --out DIR`; `FINSENT_TEST_UNIGRAM` is the directory.
#[test]
#[ignore = "needs the models that tests/golden/unigram.py trains on many texts, in FINSENT_TEST_UNIGRAM"]
fn many_texts_have_the_ids_of_transformers() {
    #[derive(Deserialize)]
    struct Row {
        text: String,
        ids: Vec<u32>,
    }
    let root = std::env::var_os("FINSENT_TEST_UNIGRAM").expect("FINSENT_TEST_UNIGRAM is the directory of the models");
    let mut models = 0;
    for entry in fs::read_dir(root).unwrap() {
        let source = entry.unwrap().path();
        for (form, other) in [("model", "tokenizer.json"), ("json", ".model")] {
            let dir = tempfile::tempdir().unwrap();
            for file in fs::read_dir(&source).unwrap() {
                let file = file.unwrap();
                let name = file.file_name().into_string().unwrap();
                if !name.ends_with(other) && !name.starts_with("ids") {
                    fs::copy(file.path(), dir.path().join(name)).unwrap();
                }
            }
            fs::write(dir.path().join("model.safetensors"), "").unwrap();
            let tokenizer = load(dir.path()).unwrap();
            let rows = fs::read_to_string(source.join(format!("ids-{form}.jsonl"))).unwrap();
            let (mut texts, mut wrong) = (0, Vec::new());
            for row in rows.lines() {
                let row: Row = serde_json::from_str(row).unwrap();
                let Ok(text) = Text::parse(&row.text) else { continue };
                texts += 1;
                if tokenizer.encode(&text).unwrap().input_ids != row.ids {
                    wrong.push(row.text);
                }
            }
            assert!(
                wrong.is_empty(),
                "{source:?} {form}: {} of {texts}: {:?}",
                wrong.len(),
                &wrong[..wrong.len().min(9)]
            );
            assert!(texts >= 1_000, "{source:?} {form}: only {texts} texts");
            models += 1;
        }
    }
    assert!(models >= 2);
}
