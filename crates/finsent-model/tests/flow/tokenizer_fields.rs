//! Model directories whose settings disagree with each other: the ids are those of transformers, or the directory is
//! refused by the name of a field. `tests/golden/tokenizer_fields.py` makes the directories.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use finsent_model::{Config, Limits, ModelFiles, Tokenizer};
use serde::Deserialize;
use serde_json::json;

use crate::outcomes::{Case, Outcomes};
use crate::reference;

#[derive(Deserialize)]
struct Golden {
    vocab: Vec<String>,
    texts: Vec<String>,
    /// The contents of files, with placeholders for vocabularies.
    contents: Vec<String>,
    cases: Vec<Case>,
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

#[test]
fn directories_have_the_ids_of_transformers_or_are_refused_by_name() {
    let golden: Golden = reference::read_json(&reference::file("tokenizer_fields.json"));
    let vocabularies = Vocabularies::new(&golden.vocab);
    assert!(golden.cases.len() >= 300 && golden.texts.len() == 50);
    let mut outcomes = Outcomes::default();
    for (number, case) in golden.cases.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        for (name, &contents) in &case.files {
            fs::write(dir.path().join(name), vocabularies.contents(name, &golden.contents[contents])).unwrap();
        }
        fs::write(dir.path().join("model.safetensors"), "").unwrap();
        let about = || {
            let of = |name: &str| case.files.get(name).map_or("", |&contents| &golden.contents[contents]);
            ["config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.json"]
                .map(of)
                .join("\n    ")
        };
        outcomes.add(number, load(dir.path()), case, &golden.texts, about);
    }
    let Outcomes { same, refused } = outcomes;
    assert!(same >= 200 && refused.len() <= 60, "{same} same, {} refused:\n{}", refused.len(), refused.join("\n"));
}
