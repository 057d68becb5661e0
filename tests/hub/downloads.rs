//! Downloads: the requests to the hub, and the files in the cache.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::answer::Fault;
use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Access, Repository, StoredFile, commit, golden, sha256, small_model};

/// The requested files, each once, sorted.
fn resolved(hub: &StandIn) -> Vec<String> {
    let mut names: Vec<_> = hub.seen().iter().filter_map(|seen| seen.resolved().map(str::to_owned)).collect();
    names.sort();
    names.dedup();
    names
}

/// The files of the small model without the weights.
fn without_weights() -> BTreeMap<String, StoredFile> {
    let mut files = small_model();
    files.remove("model.safetensors");
    files
}

#[test]
fn a_model_on_the_hub_is_downloaded_when_it_is_used() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let run = home.run(&["classify", "--model", "hf:acme/small", "profit"]).assert_succeeds();
    let prediction: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(prediction["tokens"], 3, "{run:?}");
}

#[test]
fn pull_prints_only_the_directory_on_standard_output() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let run = home.pull("hf:acme/small");
    assert!(run.stderr.contains("model.safetensors") && !run.stderr.contains(['\r', '\x1b']), "{}", run.stderr);
    let directory = run.printed_path();
    assert_eq!(directory, home.cached("snapshots").join(commit(1)));
    for (name, original) in [("config.json", "config.json"), ("model.safetensors", "f32.safetensors")] {
        assert_eq!(fs::read(directory.join(name)).unwrap(), golden(original));
    }
    home.run(&["classify", "--model", directory.to_str().unwrap(), "profit"]).assert_succeeds();
}

#[test]
fn pull_with_q_prints_no_notes() {
    let hub = StandIn::with(Repository::small());
    let run = Home::of(&hub).run(&["-q", "pull", "hf:acme/small"]).assert_succeeds();
    assert_eq!(run.stderr, "");
}

#[test]
fn the_cache_has_the_layout_of_huggingface_hub() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_succeeds();
    let repository = Repository::small();
    let names = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"];
    let links: Vec<_> = names.map(|name| format!("{name} -> ../../blobs/{}", repository.file(name).etag())).into();
    assert_eq!(home.tree_of(&format!("snapshots/{}", commit(1))), links);
    let blob = |name| format!("{} {}", repository.file(name).etag(), repository.file(name).content.len());
    let mut blobs = names.map(blob);
    blobs.sort();
    assert_eq!(home.tree_of("blobs"), blobs);
    assert_eq!(fs::read_to_string(home.cached("refs/main")).unwrap(), commit(1), "a ref has no line break");
    assert_eq!(home.tree_of("refs"), ["main 40"]);
    let folders: Vec<_> = fs::read_dir(home.cached("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(folders.len(), 3, "{folders:?}");
    let mode = fs::metadata(home.cached("blobs").join(repository.file("config.json").etag())).unwrap().permissions();
    assert_eq!(mode.mode() & 0o444, 0o444, "other users may read the file");
}

#[test]
fn only_the_files_of_the_model_are_requested() {
    let mut files = small_model();
    for name in ["README.md", ".gitattributes", "special_tokens_map.json", "training_args.json"] {
        files.insert(name.into(), StoredFile::small("{}"));
    }
    let weights = ["pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "onnx/model.onnx", "other.safetensors"];
    for name in weights {
        files.insert(name.into(), StoredFile::large(name));
    }
    let hub = StandIn::with(Repository::at(&commit(1), files));
    Home::of(&hub).pull("hf:acme/small").assert_succeeds();
    let needed = ["config.json", "model.safetensors", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"];
    assert_eq!(resolved(&hub), needed);
    assert_eq!(hub.seen_at(Port::Cdn).iter().filter(|seen| seen.method == "GET").count(), 1);
}

#[test]
fn tokenizer_json_is_downloaded() {
    let mut files = small_model();
    files.insert("tokenizer.json".into(), StoredFile::small("{}"));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    assert!(home.pull("hf:acme/small").printed_path().join("tokenizer.json").is_file());
}

#[test]
fn shards_are_downloaded_with_their_index() {
    let mut files = without_weights();
    let index = "model.safetensors.index.json";
    files.insert(index.into(), StoredFile::small(golden(&format!("sharded/{index}"))));
    for name in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        files.insert(name.into(), StoredFile::large(golden(&format!("sharded/{name}"))));
    }
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    home.run(&["classify", "--model", "hf:acme/small", "profit"]).assert_succeeds();
    assert_eq!(home.tree_of(&format!("snapshots/{}", commit(1))).len(), 6);
}

#[test]
fn the_pickle_is_downloaded_if_there_are_no_safetensors() {
    let mut files = without_weights();
    let pickle = golden("../pickles/f32.legacy.bin");
    files.insert("pytorch_model.bin".into(), StoredFile::large(pickle.clone()));
    files.insert("tf_model.h5".into(), StoredFile::large("unused"));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    home.run(&["classify", "--model", "hf:acme/small", "profit"]).assert_succeeds();
    let snapshot = home.cached("snapshots").join(commit(1));
    assert_eq!(fs::read(snapshot.join("pytorch_model.bin")).unwrap(), pickle);
    assert!(!resolved(&hub).contains(&"tf_model.h5".to_owned()));
}

#[test]
fn a_model_of_the_catalog_has_its_files_and_hashes() {
    let mut files = small_model();
    files.insert("pytorch_model.bin".into(), StoredFile::large("a pickle"));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    let hash = sha256(&golden("f32.safetensors"));
    let listed = [("config.json", None), ("vocab.txt", None), ("model.safetensors", Some(hash.as_str()))];
    let catalog = home.catalog(&listed, &format!("revision = {:?}", commit(1)));
    home.run(&["--models-file", &catalog, "pull", "mine"]).printed_path();
    assert_eq!(resolved(&hub), ["config.json", "model.safetensors", "vocab.txt"]);
    home.run(&["--models-file", &catalog, "classify", "--model", "mine", "profit"]).assert_succeeds();
    let listed = home.run(&["--models-file", &catalog, "models", "--json"]).assert_succeeds();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
    assert!(listed[0]["place"].is_string(), "{listed}");
}

#[test]
fn a_small_file_may_be_redirected() {
    for redirects in [false, true] {
        let hub = StandIn::with(Repository { redirects, ..Repository::small() });
        let home = Home::of(&hub);
        let directory = home.pull("hf:acme/small").printed_path();
        assert_eq!(fs::read(directory.join("vocab.txt")).unwrap(), golden("vocab.txt"));
        let cached = hub.seen().iter().any(|seen| seen.path.starts_with("/api/resolve-cache/"));
        assert_eq!(cached, redirects);
    }
}

#[test]
fn the_token_is_not_sent_to_the_cdn() {
    let access = Access::Private("hf_secret".into());
    let hub = StandIn::with(Repository { access, ..Repository::small() });
    let home = Home::of(&hub).with("HF_TOKEN", "hf_secret");
    // Also not when a broken download continues.
    hub.order(1, Port::Cdn, "", Fault::Cut(1_000));
    let run = home.pull("hf:acme/small").assert_succeeds();
    let of_hub = hub.seen_at(Port::Hub);
    assert!(of_hub.iter().all(|seen| seen.header("authorization") == Some("Bearer hf_secret")), "{of_hub:#?}");
    let of_cdn = hub.seen_at(Port::Cdn);
    assert!(of_cdn.len() >= 2 && of_cdn.iter().all(|seen| seen.header("authorization").is_none()), "{of_cdn:#?}");
    assert!(!run.stderr.contains("hf_secret"), "{}", run.stderr);
}

#[test]
fn the_token_comes_from_the_same_sources_as_in_huggingface_hub() {
    let hub = StandIn::with(Repository { access: Access::Private("right".into()), ..Repository::small() });
    let named = |home: Home| {
        let file = home.write("token.txt", "right\n");
        home.with("HF_TOKEN_PATH", file)
    };
    let in_home = |token: &str| {
        let home = Home::of(&hub);
        fs::create_dir(home.hugging_face()).unwrap();
        home.write("hf/token", token);
        home
    };
    named(in_home("wrong")).pull("hf:acme/small").assert_succeeds();
    in_home("right\n").pull("hf:acme/small").assert_succeeds();
    named(Home::of(&hub))
        .with("HF_TOKEN", "wrong")
        .pull("hf:acme/small")
        .assert_fails_without_output(3, &["acme/small"]);
    in_home("wrong").with("HF_TOKEN", " right\n").pull("hf:acme/small").assert_succeeds();
    let home = Home::of(&hub).with("HF_HOME", "");
    fs::create_dir_all(home.path(".cache/huggingface")).unwrap();
    home.write(".cache/huggingface/token", "right");
    home.pull("hf:acme/small").assert_succeeds();
}

#[test]
fn requests_have_a_user_agent_and_accept_no_compression() {
    let hub = StandIn::with(Repository::small());
    Home::of(&hub).pull("hf:acme/small").assert_succeeds();
    for seen in hub.seen() {
        let agent = seen.header("user-agent").unwrap_or_default();
        assert!(agent.starts_with("finsent/"), "{seen:?}");
        let file = seen.port == Port::Cdn || seen.path.contains("resolve");
        assert!(!file || seen.header("accept-encoding") == Some("identity"), "{seen:?}");
    }
}

#[test]
fn a_revision_with_slashes_is_percent_encoded() {
    let mut repository = Repository::small();
    repository.commits.insert(commit(29), small_model());
    repository.branches.push(("refs/pr/29".into(), commit(29)));
    let hub = StandIn::with(repository);
    let home = Home::of(&hub);
    let directory = home.pull("hf:acme/small@refs/pr/29").printed_path();
    assert_eq!(directory, home.cached("snapshots").join(commit(29)));
    assert!(hub.seen().iter().any(|seen| seen.path.contains("/refs%2Fpr%2F29")), "{:#?}", hub.seen());
    assert_eq!(fs::read_to_string(home.cached("refs/refs/pr/29")).unwrap(), commit(29));
    hub.forget();
    home.run(&["--offline", "classify", "--model", "hf:acme/small@refs/pr/29", "profit"]).assert_succeeds();
    assert_eq!(hub.seen().len(), 0);
}

#[test]
fn only_new_files_of_a_changed_branch_are_downloaded() {
    let mut repository = Repository::small();
    let hub = StandIn::with(repository.clone());
    let home = Home::of(&hub);
    let before = home.pull("hf:acme/small").printed_path();
    let mut files = small_model();
    files.insert("config.json".into(), StoredFile::small([golden("config.json"), b"\n".to_vec()].concat()));
    repository.commits.insert(commit(2), files);
    repository.branches = vec![("main".into(), commit(2))];
    hub.put("acme/small", repository);
    hub.forget();
    let after = home.pull("hf:acme/small").printed_path();
    assert_eq!(after, home.cached("snapshots").join(commit(2)));
    assert_eq!(fs::read_to_string(home.cached("refs/main")).unwrap(), commit(2));
    assert_eq!(fs::read(before.join("config.json")).unwrap(), golden("config.json"));
    assert_eq!(fs::read(after.join("config.json")).unwrap().len(), golden("config.json").len() + 1);
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0, "the weights are unchanged");
}

#[test]
fn a_complete_model_is_not_downloaded_again() {
    let hub = StandIn::with(Repository { redirects: false, ..Repository::small() });
    let home = Home::of(&hub);
    let first = home.pull("hf:acme/small").printed_path();
    let tree = home.tree("hf");
    hub.forget();
    assert_eq!(home.pull("hf:acme/small").printed_path(), first);
    let bodies = |seen: &crate::stand_in::Seen| {
        seen.method == "GET" && seen.resolved().is_some() && seen.header("if-none-match").is_none()
    };
    assert!(!hub.seen().iter().any(bodies), "{:#?}", hub.seen());
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0);
    assert_eq!(home.tree("hf"), tree);
}

#[test]
fn a_complete_commit_needs_no_request() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let model = format!("hf:acme/small@{}", commit(1));
    let first = home.pull(&model).printed_path();
    assert_eq!(home.tree_of("refs"), [""; 0], "a commit needs no ref");
    hub.forget();
    assert_eq!(home.pull(&model).printed_path(), first);
    home.run(&["classify", "--model", &model, "profit"]).assert_succeeds();
    assert_eq!(hub.seen().len(), 0, "{:#?}", hub.seen());
}

#[test]
fn a_weak_etag_names_the_same_blob() {
    let hub = StandIn::with(Repository::small());
    hub.order(100, Port::Hub, "config.json", Fault::WeakEtag);
    hub.order(100, Port::Hub, "model.safetensors", Fault::WeakEtag);
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_succeeds();
    let mut names = Repository::small().commits[&commit(1)].values().map(|f| f.etag().to_owned()).collect::<Vec<_>>();
    names.sort();
    let blobs: Vec<_> = home.tree_of("blobs").iter().map(|blob| blob.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(blobs, names);
}

#[test]
fn a_hub_cannot_write_outside_the_cache() {
    // A file whose path leads out of the snapshot.
    let mut files = without_weights();
    let index = r#"{"metadata": {}, "weight_map": {"classifier.bias": "../../../../evil"}}"#;
    files.insert("model.safetensors.index.json".into(), StoredFile::small(index));
    files.insert("../../../../evil".into(), StoredFile::large("evil"));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_fails_without_output(3, &["evil"]);
    // A commit and an ETag that lead out of the cache.
    hub.put("acme/small", Repository::at("../../../../evil", small_model()));
    let run = home.pull("hf:acme/small");
    assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains("evil"), "{run:?}");
    hub.put("acme/small", Repository::small());
    hub.order(100, Port::Hub, "config.json", Fault::Etag("../../../evil"));
    let run = home.pull("hf:acme/small");
    assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains("config.json"), "{run:?}");
    let evil = home.tree("").iter().any(|path| path.contains("evil"));
    assert!(!evil && !Path::new("/evil").exists(), "{:#?}", home.tree(""));
}
