//! Refusals of the hub, and their messages.

use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Access, Repository, StoredFile, commit, small_model};

#[test]
fn a_missing_repository_is_an_error() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    // Without a token the hub answers 401, because the repository may be private.
    home.pull("hf:acme/smal").assert_fails_without_output(3, &["acme/smal", "HF_TOKEN"]);
    home.with("HF_TOKEN", "key").pull("hf:acme/smal").assert_fails_without_output(3, &["acme/smal"]);
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0);
    assert!(hub.seen().len() <= 4, "the request was repeated: {:#?}", hub.seen());
}

#[test]
fn a_private_repository_needs_a_token() {
    let hub = StandIn::with(Repository { access: Access::Private("right".into()), ..Repository::small() });
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_fails_without_output(3, &["acme/small", "HF_TOKEN"]);
    let home = home.with("HF_TOKEN", "wrong");
    let run = home.pull("hf:acme/small");
    run.assert_fails_without_output(3, &["acme/small"]);
    assert!(!run.stderr.contains("wrong"), "the message has the token: {}", run.stderr);
    home.with("HF_TOKEN", "right").pull("hf:acme/small").assert_succeeds();
}

#[test]
fn a_gated_repository_names_the_page_of_its_conditions() {
    let hub = StandIn::with(Repository { access: Access::Gated("accepted".into()), ..Repository::small() });
    let home = Home::of(&hub);
    let page = format!("{}/acme/small", hub.endpoint());
    home.pull("hf:acme/small").assert_fails_without_output(3, &[&page, "HF_TOKEN"]);
    let home = home.with("HF_TOKEN", "other");
    home.pull("hf:acme/small").assert_fails_without_output(3, &[&page]);
    home.with("HF_TOKEN", "accepted").pull("hf:acme/small").assert_succeeds();
}

#[test]
fn a_missing_revision_is_an_error_that_suggests_others() {
    let mut repository = Repository::small();
    repository.branches.push(("safetensors".into(), commit(1)));
    repository.tags.push(("v1.2".into(), commit(1)));
    let hub = StandIn::with(repository);
    let home = Home::of(&hub);
    home.pull("hf:acme/small@safetensor").assert_fails_without_output(3, &["`safetensor`", "`safetensors`"]);
    home.pull("hf:acme/small@v1.3").assert_fails_without_output(3, &["`v1.3`", "v1.2"]);
    let absent = commit(7);
    home.pull(&format!("hf:acme/small@{absent}")).assert_fails_without_output(3, &[&absent]);
    assert_eq!(home.tree_of("refs"), [""; 0]);
    home.pull("hf:acme/small@v1.2").assert_succeeds();
}

#[test]
fn a_missing_file_is_named() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let listed = [("config.json", None), ("vocab.txt", None), ("pytorch_model.bin", None)];
    let catalog = home.catalog(&listed, "");
    home.run(&["--models-file", &catalog, "pull", "mine"])
        .assert_fails_without_output(3, &["pytorch_model.bin", "acme/small"]);

    for (absent, message) in [("config.json", "config.json"), ("vocab.txt", "vocab.txt"), ("model.safetensors", "")] {
        let mut files = small_model();
        files.remove(absent);
        files.insert("tf_model.h5".into(), StoredFile::large("unused"));
        hub.put("acme/small", Repository::at(&commit(1), files));
        Home::of(&hub).pull("hf:acme/small").assert_fails_without_output(3, &["acme/small", message]);
    }
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0, "a missing file should be an error before the weights are downloaded");
}

#[test]
fn a_missing_shard_is_named() {
    let mut files = small_model();
    files.remove("model.safetensors");
    let index = r#"{"metadata": {}, "weight_map": {"classifier.bias": "model-00001-of-00001.safetensors"}}"#;
    files.insert("model.safetensors.index.json".into(), StoredFile::small(index));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    Home::of(&hub).pull("hf:acme/small").assert_fails_without_output(3, &["shard", "model.safetensors.index.json"]);
}

#[test]
fn an_invalid_name_of_a_repository_is_an_error_without_a_request() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    for name in ["hf:acme", "hf:", "hf:/small", "hf:acme/small@", "hf:acme/small/more", "hf:../small", "hf:acme/.."] {
        let run = home.pull(name);
        assert!([2, 3].contains(&run.code.unwrap()) && run.stderr.contains("OWNER/NAME"), "{name}: {run:?}");
    }
    for name in ["hf:acme/small?x", "hf:acme/sm all", "hf:acme/small#x", "hf:acme/small@../../x", "hf:a\ncme/small"] {
        let run = home.pull(name);
        assert!([2, 3].contains(&run.code.unwrap()), "{name}: {run:?}");
    }
    assert!(home.tree("").iter().all(|path| path.starts_with("hf/")), "{:?}", home.tree(""));
}

#[test]
fn names_without_a_repository_need_no_request() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let run = home.pull("mini");
    assert!(run.stderr.contains("inside this binary") || run.code == Some(0), "{run:?}");
    home.pull("finbrt").assert_fails_without_output(3, &["Did you mean `finbert`?"]);
    assert_eq!(hub.seen().len(), 0);
}
