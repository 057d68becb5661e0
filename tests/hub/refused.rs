//! What the hub does not give, and what the message says about it.

use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Access, Repository, StoredFile, commit, small_model};

#[test]
fn a_repository_that_is_not_there_is_code_3() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    // To a stranger the hub says 401: it may be a private one.
    home.pull("hf:acme/smal").assert_fails_without_output(3, &["acme/smal", "HF_TOKEN"]);
    home.with("HF_TOKEN", "key").pull("hf:acme/smal").assert_fails_without_output(3, &["acme/smal"]);
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0);
    assert!(hub.seen().len() <= 4, "it is not asked again: {:#?}", hub.seen());
}

#[test]
fn a_private_repository_needs_the_token() {
    let hub = StandIn::with(Repository { access: Access::Private("right".into()), ..Repository::small() });
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_fails_without_output(3, &["acme/small", "HF_TOKEN"]);
    let home = home.with("HF_TOKEN", "wrong");
    let run = home.pull("hf:acme/small");
    run.assert_fails_without_output(3, &["acme/small"]);
    assert!(!run.stderr.contains("wrong"), "a token stays secret: {}", run.stderr);
    home.with("HF_TOKEN", "right").pull("hf:acme/small").assert_succeeds();
}

#[test]
fn a_gated_repository_says_where_its_terms_are_accepted() {
    let hub = StandIn::with(Repository { access: Access::Gated("accepted".into()), ..Repository::small() });
    let home = Home::of(&hub);
    let page = format!("{}/acme/small", hub.endpoint());
    home.pull("hf:acme/small").assert_fails_without_output(3, &[&page, "HF_TOKEN"]);
    let home = home.with("HF_TOKEN", "other");
    home.pull("hf:acme/small").assert_fails_without_output(3, &[&page]);
    home.with("HF_TOKEN", "accepted").pull("hf:acme/small").assert_succeeds();
}

#[test]
fn a_revision_that_is_not_there_brings_the_nearest_names() {
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
fn a_file_that_is_not_there_is_named() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let listed = [("config.json", None), ("vocab.txt", None), ("pytorch_model.bin", None)];
    let catalogue = home.catalogue(&listed, "");
    home.run(&["--models-file", &catalogue, "pull", "mine"])
        .assert_fails_without_output(3, &["pytorch_model.bin", "acme/small"]);

    for (absent, message) in [("config.json", "config.json"), ("vocab.txt", "vocab.txt"), ("model.safetensors", "")] {
        let mut files = small_model();
        files.remove(absent);
        files.insert("tf_model.h5".into(), StoredFile::large("of no use"));
        hub.put("acme/small", Repository::at(&commit(1), files));
        Home::of(&hub).pull("hf:acme/small").assert_fails_without_output(3, &["acme/small", message]);
    }
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0, "what is missing is known before the weights are fetched");
}

#[test]
fn a_shard_that_is_not_there_is_named() {
    let mut files = small_model();
    files.remove("model.safetensors");
    let index = r#"{"metadata": {}, "weight_map": {"classifier.bias": "model-00001-of-00001.safetensors"}}"#;
    files.insert("model.safetensors.index.json".into(), StoredFile::small(index));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    Home::of(&hub).pull("hf:acme/small").assert_fails_without_output(3, &["shard", "model.safetensors.index.json"]);
}

#[test]
fn what_cannot_be_the_name_of_a_repository_is_not_asked_for() {
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
fn pulling_what_needs_no_hub_says_where_it_is() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let run = home.pull("mini");
    assert!(run.stderr.contains("inside this binary") || run.code == Some(0), "{run:?}");
    home.pull("finbrt").assert_fails_without_output(3, &["Did you mean `finbert`?"]);
    assert_eq!(hub.seen().len(), 0);
}
