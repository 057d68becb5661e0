//! Model directories whose settings disagree with each other: the ids are those of transformers, or the directory is
//! refused by the name of a field. `tests/golden/tokenizer_fields.py` makes the directories.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use finsent_model::{Config, Limits, ModelFiles, Text, Tokenizer};
use serde::Deserialize;
use serde_json::json;

use crate::reference;

#[derive(Deserialize)]
struct Golden {
    vocab: Vec<String>,
    texts: Vec<String>,
    /// The contents of files, with placeholders for vocabularies.
    contents: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    /// The index of the contents of each file.
    pub(crate) files: BTreeMap<String, usize>,
    /// Six hexadecimal digits for each text: the hash of its ids, or dashes if one of them is not in the model's table.
    pub(crate) ids: Option<String>,
    /// Why transformers refuses the directory.
    pub(crate) error: Option<String>,
}

/// The vocabularies for which placeholders stand.
struct Vocabularies {
    lines: String,
    ids: String,
    byte_level: String,
    merges: String,
    merge_list: String,
}

impl Vocabularies {
    fn new(vocab: &[String]) -> Self {
        let read = |name: &str| fs::read_to_string(reference::file("roberta").join(name)).unwrap();
        let ids: BTreeMap<&String, usize> = vocab.iter().enumerate().map(|(id, token)| (token, id)).collect();
        let merges = read("merges.txt");
        let list: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version")).collect();
        Self {
            lines: vocab.join("\n"),
            ids: json!(ids).to_string(),
            byte_level: read("vocab.json"),
            merge_list: json!(list).to_string(),
            merges,
        }
    }

    fn contents(&self, name: &str, text: &str) -> String {
        match name {
            "vocab.txt" => text.replace("@vocab", &self.lines),
            "vocab.json" => self.byte_level.clone(),
            "merges.txt" => self.merges.clone(),
            _ => text
                .replace("\"@vocab\"", &self.ids)
                .replace("\"@vocab.json\"", &self.byte_level)
                .replace("\"@merges.txt\"", &self.merge_list),
        }
    }
}

fn load(dir: &Path) -> Result<Tokenizer, String> {
    let files = ModelFiles::in_dir(dir, &[]).map_err(|error| error.to_string())?;
    let config = Config::parse(&files.config.read_settings().unwrap()).map_err(|error| error.to_string())?;
    let limits = Limits { vocab_size: config.vocab_size, max_length: config.max_length() };
    Tokenizer::load_as(&files.tokenizer, limits, config.class_of_tokenizer()).map_err(|error| error.to_string())
}

/// The low 24 bits of FNV-1a.
fn hash(ids: &[u32]) -> String {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{:06x}", hash & 0xff_ffff)
}

fn hash_of(tokenizer: &Tokenizer, text: &str) -> String {
    match tokenizer.encode(&Text::parse(text).unwrap()) {
        Ok(encoding) => hash(&encoding.input_ids),
        Err(error) if error.to_string().contains("vocab_size") => "------".into(),
        Err(error) => error.to_string(),
    }
}

/// What differs from transformers in a directory that both load.
pub(crate) fn differences(tokenizer: &Tokenizer, texts: &[String], expected: &str) -> Vec<String> {
    let expected = (0..texts.len()).map(|text| &expected[6 * text..][..6]);
    let is_text = |(text, _): &(&String, &str)| Text::parse(*text).is_ok();
    let differs = |(text, expected): &(&String, &str)| hash_of(tokenizer, text) != *expected;
    texts.iter().zip(expected).filter(is_text).filter(differs).map(|(text, _)| text.clone()).collect()
}

#[test]
fn directories_have_the_ids_of_transformers_or_are_refused_by_name() {
    let golden: Golden = reference::read_json(&reference::file("tokenizer_fields.json"));
    let vocabularies = Vocabularies::new(&golden.vocab);
    assert!(golden.cases.len() >= 300 && golden.texts.len() == 50);
    let (mut same, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for (number, Case { files, ids, error }) in golden.cases.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        for (name, &contents) in files {
            fs::write(dir.path().join(name), vocabularies.contents(name, &golden.contents[contents])).unwrap();
        }
        fs::write(dir.path().join("model.safetensors"), "").unwrap();
        let about = || {
            let of = |name: &str| files.get(name).map_or("", |&contents| &golden.contents[contents]);
            ["config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json"]
                .map(of)
                .join("\n    ")
        };
        match (load(dir.path()), ids) {
            (Ok(tokenizer), Some(expected)) => match differences(&tokenizer, &golden.texts, expected) {
                texts if texts.is_empty() => same += 1,
                texts => wrong.push(format!("case {number}: {texts:?}\n    {}", about())),
            },
            (Err(message), Some(_)) => {
                assert!(message.contains('`'), "case {number} is refused without a name: {message}");
                refused.push(format!("case {number}: {message}\n    {}", about()));
            }
            (Ok(_), None) => assert!(error.is_some()),
            (Err(_), None) => (),
        }
    }
    assert!(wrong.is_empty(), "{} directories have other ids:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same >= 200 && refused.len() <= 60, "{same} same, {} refused:\n{}", refused.len(), refused.join("\n"));
}
