//! Downloads of published files. Most small files of ProsusAI/finbert are not in the repository: `FINSENT_TEST_DATA` is
//! the directory with `models/`; `.ci/run` sets it if it exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::answer::Fault;
use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Repository, StoredFile, commit, golden, sha256};

/// The commit that the catalog pins.
const PINNED: &str = "7db323f79b751944bcfa66298ec06977e4518306";
const SMALL: [&str; 4] = ["config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"];

fn finbert() -> BTreeMap<String, StoredFile> {
    let root = env::var_os("FINSENT_TEST_DATA").expect("FINSENT_TEST_DATA is the directory of the data");
    let dir = PathBuf::from(root).join("models/ProsusAI--finbert");
    let real = |name: &str| (name.to_owned(), StoredFile::small(fs::read(dir.join(name)).unwrap()));
    let mut files: BTreeMap<_, _> = SMALL.into_iter().map(real).collect();
    files.insert("model.safetensors".into(), StoredFile::large(golden("f32.safetensors")));
    files
}

#[test]
#[ignore = "needs the small files of ProsusAI/finbert in FINSENT_TEST_DATA"]
fn the_published_small_files_have_the_hashes_of_the_catalog_and_other_weights_have_not() {
    let hub = StandIn::start();
    let mut repository = Repository::at(PINNED, finbert());
    repository.branches = vec![("refs/pr/29".into(), PINNED.into())];
    hub.put("ProsusAI/finbert", repository);
    let home = Home::of(&hub);
    let found = sha256(&golden("f32.safetensors"));
    let expected = "e5897858ff819aad7629b96ce521ae5477952d03634ef5dd30ed2d76357a9f00";
    // The error names the weights, so the small files have passed.
    home.pull("finbert").assert_fails_without_output(3, &["model.safetensors", expected, &found]);
    let directory = home.pull("hf:ProsusAI/finbert@refs/pr/29").printed_path();
    assert!(directory.ends_with(Path::new("models--ProsusAI--finbert/snapshots").join(PINNED)));
    for name in SMALL {
        assert_eq!(fs::read(directory.join(name)).unwrap(), finbert()[name].bytes());
    }
}

#[test]
#[ignore = "needs the small files of ProsusAI/finbert in FINSENT_TEST_DATA"]
fn a_changed_file_of_finbert_is_refused_by_the_hash_in_the_catalog() {
    let hub = StandIn::start();
    let mut files = finbert();
    // Its ETag is right; only the catalog knows that it was changed.
    files.insert("vocab.txt".into(), StoredFile::small(golden("vocab.txt")));
    hub.put("ProsusAI/finbert", Repository::at(PINNED, files));
    let expected = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3";
    let parts = ["vocab.txt", expected, &sha256(&golden("vocab.txt"))];
    Home::of(&hub).pull("finbert").assert_fails_without_output(3, &parts);
}

#[test]
fn the_files_of_mini_are_complete_after_a_broken_connection() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let mut files: BTreeMap<_, _> =
        SMALL.into_iter().map(|name| (name.to_owned(), StoredFile::small(read(name)))).collect();
    files.insert("model.safetensors".into(), StoredFile::large(read("model.safetensors")));
    files.insert("MODEL_CARD.md".into(), StoredFile::small(read("MODEL_CARD.md")));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    // Of the 24 MB, the connection breaks after 12.
    hub.order(1, Port::Cdn, "", Fault::Cut(12_000_000));
    let home = Home::of(&hub);
    let directory = home.pull("hf:acme/small").printed_path();
    for name in SMALL.into_iter().chain(["model.safetensors"]) {
        assert!(fs::read(directory.join(name)).unwrap() == read(name), "{name}");
    }
    let classified =
        |model: &str| home.run(&["--offline", "classify", "--model", model, "Profit rose"]).assert_succeeds();
    let scores = |model: &str| {
        let prediction: serde_json::Value = serde_json::from_str(&classified(model).stdout).unwrap();
        prediction["scores"].clone()
    };
    assert_eq!(scores("hf:acme/small"), scores("mini"));
}
