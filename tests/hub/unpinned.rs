//! Models of the catalog that are not pinned to a commit: the commit that they had first is kept.

use std::fs;

use serde_json::Value;

use crate::home::Home;
use crate::offline::unreachable;
use crate::stand_in::StandIn;
use crate::stored::{Repository, StoredFile, commit, golden, small_model};

/// A repository whose main is commit 1, and after `true` commit 2.
fn repository(has_moved: bool) -> Repository {
    let mut repository = Repository::small();
    let mut files = small_model();
    files.insert("config.json".into(), StoredFile::small([golden("config.json"), b"\n".to_vec()].concat()));
    repository.commits.insert(commit(2), files);
    repository.branches = vec![("main".into(), commit(if has_moved { 2 } else { 1 }))];
    repository
}

fn classify(home: &Home, catalog: &str, more: &[&str]) -> finsent_testing::Run {
    home.run(&[&["--models-file", catalog, "classify", "--model", "mine", "profit"], more].concat())
}

/// The directory of `mine`, as `finsent models` has it.
fn listed(home: &Home, catalog: &str) -> Value {
    let run = home.run(&["--models-file", catalog, "models", "--json"]).assert_succeeds();
    serde_json::from_str::<Vec<Value>>(&run.stdout).unwrap().remove(0)
}

#[test]
fn the_commit_of_the_first_download_is_kept_until_pull_looks_again() {
    let hub = StandIn::with(repository(false));
    let home = Home::of(&hub);
    let catalog = home.catalog(&[], "language = \"en\"");
    assert_eq!(listed(&home, &catalog)["location"], "to-be-downloaded");
    let first = classify(&home, &catalog, &[]).assert_succeeds();
    let note = "the catalog does not pin mine: commit 000000000000, which `main` of acme/small has now, is used from now on; \
                `finsent pull mine` looks for a newer one";
    let note = note.replace("000000000000", &commit(1)[..12]);
    assert!(first.stderr.contains(&note), "{}", first.stderr);
    let model = listed(&home, &catalog);
    assert_eq!(
        (&model["pinned"], &model["location"], &model["commit"]),
        (&false.into(), &"cached".into(), &commit(1).into())
    );

    // The branch moves, and Python's library follows it.
    hub.put("acme/small", repository(true));
    home.pull("hf:acme/small").printed_path();
    assert_eq!(fs::read_to_string(home.cached("refs/main")).unwrap(), commit(2));
    let again = classify(&home, &catalog, &[]).assert_succeeds();
    assert!(!again.stderr.contains("commit"), "{}", again.stderr);
    assert_eq!(listed(&home, &catalog)["commit"], commit(1));

    // A file of the kept commit that was lost comes from that commit.
    fs::remove_file(home.cached("snapshots").join(commit(1)).join("config.json")).unwrap();
    classify(&home, &catalog, &[]).assert_succeeds();
    assert_eq!(listed(&home, &catalog)["commit"], commit(1));

    let pulled = home.run(&["--models-file", &catalog, "pull", "mine"]).assert_succeeds();
    let moved =
        format!("`main` of acme/small has changed: mine is now commit {:.12}, and was {:.12}", commit(2), commit(1));
    assert!(pulled.stderr.contains(&moved), "{}", pulled.stderr);
    assert_eq!(listed(&home, &catalog)["commit"], commit(2));
    let unchanged = home.run(&["--models-file", &catalog, "pull", "mine"]).assert_succeeds();
    assert!(!unchanged.stderr.contains("commit"), "{}", unchanged.stderr);
}

#[test]
fn a_model_that_another_program_downloaded_is_kept_from_its_first_use() {
    let hub = StandIn::with(repository(false));
    let home = Home::of(&hub);
    home.pull("hf:acme/small").printed_path();
    let catalog = home.catalog(&[], "");
    assert_eq!(listed(&home, &catalog)["commit"], commit(1), "a list keeps nothing");
    assert!(!home.cached("refs/finsent/main").exists());
    classify(&home, &catalog, &["--offline"]).assert_succeeds();
    assert_eq!(fs::read_to_string(home.cached("refs/finsent/main")).unwrap(), commit(1));
    hub.put("acme/small", repository(true));
    home.pull("hf:acme/small").printed_path();
    classify(&home, &catalog, &["--offline"]).assert_succeeds();
    assert_eq!(listed(&home, &catalog)["commit"], commit(1));
    let offline = home.run(&["--models-file", &catalog, "--offline", "pull", "mine"]).printed_path();
    assert_eq!(offline, home.cached("snapshots").join(commit(1)));
}

#[test]
fn a_pinned_model_and_a_repository_keep_no_commit() {
    let hub = StandIn::with(repository(false));
    let home = Home::of(&hub);
    let catalog = home.catalog(&[], &format!("revision = {:?}", commit(2)));
    let run = classify(&home, &catalog, &[]).assert_succeeds();
    assert!(!run.stderr.contains("does not pin"), "{}", run.stderr);
    let model = listed(&home, &catalog);
    assert_eq!((&model["pinned"], &model["commit"]), (&true.into(), &commit(2).into()));
    let run = home.pull("hf:acme/small");
    assert!(!run.stderr.contains("does not pin"), "{}", run.stderr);
    assert!(!home.cached("refs/finsent").exists());
}

#[test]
fn a_kept_commit_works_when_the_hub_cannot_be_reached() {
    let hub = StandIn::with(repository(false));
    let home = Home::of(&hub);
    let catalog = home.catalog(&[], "");
    classify(&home, &catalog, &[]).assert_succeeds();
    let home = home.with("HF_ENDPOINT", unreachable());
    classify(&home, &catalog, &[]).assert_succeeds();
    let pull = home.run(&["--models-file", &catalog, "pull", "mine"]);
    pull.assert_fails_without_output(4, &["refused"]);
    assert_eq!(listed(&home, &catalog)["commit"], commit(1));
}

#[test]
fn a_kept_commit_that_left_the_hub_is_told_with_a_remedy() {
    let hub = StandIn::with(repository(false));
    let home = Home::of(&hub);
    let catalog = home.catalog(&[], "");
    classify(&home, &catalog, &[]).assert_succeeds();
    let mut moved = repository(true);
    moved.commits.remove(&commit(1));
    hub.put("acme/small", moved);
    fs::remove_file(home.cached("snapshots").join(commit(1)).join("config.json")).unwrap();
    let gone = format!("`acme/small` no longer has the commit {}, which is kept for mine", commit(1));
    classify(&home, &catalog, &[]).assert_fails_without_output(3, &[&gone, "run `finsent pull mine`"]);
    home.run(&["--models-file", &catalog, "pull", "mine"]).assert_succeeds();
    classify(&home, &catalog, &[]).assert_succeeds();
}

#[test]
fn a_repository_with_a_model_of_sentencepiece_is_downloaded_whole() {
    let mut files = small_model();
    files.remove("vocab.txt");
    files.insert("sentencepiece.bpe.model".into(), StoredFile::large("pieces"));
    files.insert("tf_model.h5".into(), StoredFile::large("another library"));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    // What is in it is for the tokenizer to read.
    home.pull("hf:acme/small");
    let snapshot = home.cached("snapshots").join(commit(1));
    assert_eq!(fs::read(snapshot.join("sentencepiece.bpe.model")).unwrap(), b"pieces");
    assert!(!snapshot.join("tf_model.h5").exists());
}
