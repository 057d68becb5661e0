//! Offline: models in the cache are found, and nothing is requested.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use finsent_testing::{Run, wait_for_output};

use crate::home::{FINSENT, Home};
use crate::stand_in::StandIn;
use crate::stored::{Repository, commit, golden};

/// Fills a cache like another program would.
fn fill_cache(cache: &Path) {
    let repository = cache.join("models--acme--small");
    let snapshot = repository.join("snapshots").join(commit(1));
    for directory in [repository.join("blobs"), repository.join("refs"), snapshot.clone()] {
        fs::create_dir_all(directory).unwrap();
    }
    for (name, file) in Repository::small().commits.remove(&commit(1)).unwrap() {
        fs::write(repository.join("blobs").join(file.etag()), file.bytes()).unwrap();
        symlink(Path::new("../../blobs").join(file.etag()), snapshot.join(name)).unwrap();
    }
    fs::write(repository.join("refs/main"), commit(1)).unwrap();
}

fn classify(home: &Home, more: &[&str], model: &str) -> Run {
    home.run(&[more, &["classify", "--model", model, "profit"]].concat())
}

#[test]
fn a_model_in_the_cache_needs_no_request() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_succeeds();
    hub.forget();
    classify(&home, &["--offline"], "hf:acme/small").assert_succeeds();
    let directory = home.run(&["--offline", "pull", "hf:acme/small"]).printed_path();
    assert_eq!(directory, home.cached("snapshots").join(commit(1)));
    let mut home = home;
    for value in ["1", "true", "TRUE", "yes", "ON"] {
        home = home.with("HF_HUB_OFFLINE", value);
        classify(&home, &[], "hf:acme/small").assert_succeeds();
    }
    assert_eq!(hub.seen().len(), 0, "{:#?}", hub.seen());
    home.with("HF_HUB_OFFLINE", "0").pull("hf:acme/small").assert_succeeds();
    assert_ne!(hub.seen().len(), 0);
}

#[test]
fn an_empty_cache_is_an_error_with_a_remedy() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    home.run(&["--offline", "pull", "hf:acme/small"]).assert_fails_without_output(3, &["acme/small", "--offline"]);
    classify(&home, &["--offline"], "hf:acme/small").assert_fails_without_output(3, &["acme/small", "--offline"]);
    let home = home.with("HF_HUB_OFFLINE", "1");
    classify(&home, &[], "hf:acme/small").assert_fails_without_output(3, &["acme/small", "HF_HUB_OFFLINE"]);
    let remedy = "Run `finsent pull finbert` while online, or pass --model DIRECTORY";
    classify(&home, &[], "finbert").assert_fails_without_output(3, &["finbert is not downloaded", remedy]);
    assert_eq!(hub.seen().len(), 0);
}

#[test]
fn another_revision_than_the_cached_one_is_an_error() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_succeeds();
    let absent = commit(2);
    classify(&home, &["--offline"], &format!("hf:acme/small@{absent}")).assert_fails_without_output(3, &[&absent]);
    classify(&home, &["--offline"], "hf:acme/small@v2").assert_fails_without_output(3, &["v2"]);
}

#[test]
fn an_incomplete_model_in_the_cache_is_an_error() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_succeeds();
    fs::remove_file(home.cached("snapshots").join(commit(1)).join("model.safetensors")).unwrap();
    classify(&home, &["--offline"], "hf:acme/small").assert_fails_without_output(3, &["acme/small"]);
    // A link to a missing blob.
    home.pull("hf:acme/small").assert_succeeds();
    fs::remove_file(home.cached("blobs").join(Repository::small().file("model.safetensors").etag())).unwrap();
    classify(&home, &["--offline"], "hf:acme/small").assert_fails_without_output(3, &["acme/small"]);
    home.pull("hf:acme/small").assert_succeeds();
    classify(&home, &["--offline"], "hf:acme/small").assert_succeeds();
}

#[test]
fn the_cache_is_in_the_same_folder_as_that_of_huggingface_hub() {
    for (variable, value, place) in [
        ("HF_HUB_CACHE", Some("elsewhere/cache"), "elsewhere/cache"),
        ("HF_HOME", Some("hugging"), "hugging/hub"),
        ("XDG_CACHE_HOME", Some("xdg"), "xdg/huggingface/hub"),
        ("XDG_CACHE_HOME", None, ".cache/huggingface/hub"),
    ] {
        let hub = StandIn::with(Repository::small());
        let home = Home::of(&hub).with("HF_HOME", "");
        let value = value.map(|value| home.path(value).into_os_string()).unwrap_or_default();
        let home = home.with(variable, value);
        fill_cache(&home.path(place));
        let before = home.tree("");
        classify(&home, &["--offline"], "hf:acme/small").assert_succeeds();
        assert_eq!(home.tree(""), before, "the cache was changed");
        assert_eq!(hub.seen().len(), 0);
        fs::remove_dir_all(home.path(place)).unwrap();
        let directory = home.pull("hf:acme/small").printed_path();
        assert!(directory.starts_with(home.path(place)), "{}", directory.display());
    }
}

#[test]
fn hf_hub_cache_overrides_hf_home() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let cache = home.path("cache");
    let home = home.with("HF_HUB_CACHE", &cache);
    assert!(home.pull("hf:acme/small").printed_path().starts_with(&cache));
    assert_eq!(home.tree("hf"), [""; 0]);
}

#[test]
fn a_model_that_another_program_downloaded_is_found_by_its_commit() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    fill_cache(&home.hugging_face().join("hub"));
    let before = home.tree("");
    classify(&home, &[], &format!("hf:acme/small@{}", commit(1))).assert_succeeds();
    let listed = ["config.json", "vocab.txt", "model.safetensors"].map(|name| (name, None));
    let catalog = home.catalog(&listed, &format!("revision = {:?}", commit(1)));
    home.run(&["--models-file", &catalog, "classify", "--model", "mine", "profit"]).assert_succeeds();
    fs::remove_file(catalog).unwrap();
    assert_eq!((home.tree(""), hub.seen().len()), (before, 0));
}

#[test]
fn a_cached_model_works_when_the_hub_cannot_be_reached() {
    let home = Home::at(&unreachable());
    fill_cache(&home.hugging_face().join("hub"));
    classify(&home, &[], "hf:acme/small").assert_succeeds();
    // `pull` asks the hub for the current commit of main.
    home.pull("hf:acme/small").assert_fails_without_output(4, &["refused"]);
    home.pull(&format!("hf:acme/small@{}", commit(1))).printed_path();
}

/// The address of a port that refuses connections.
pub(crate) fn unreachable() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_cache_that_cannot_be_created_is_named() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let file = home.write("file", "");
    let run = home.with("HF_HUB_CACHE", format!("{file}/hub")).pull("hf:acme/small");
    assert!([1, 3].contains(&run.code.unwrap()) && run.stderr.contains(&format!("{file}/hub")), "{run:?}");
    assert_eq!(run.stdout, "");
}

#[test]
#[ignore = "needs root, to mount"]
fn a_read_only_cache_is_used() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let cache = home.hugging_face().join("hub");
    fill_cache(&cache);
    // In a mount namespace of its own, which ends with the command.
    let mounted = |args: &str| {
        let cache = cache.display();
        let script = format!(
            "mount --bind {cache} {cache} && mount -o remount,bind,ro {cache} && ! touch {cache}/x 2> /dev/null && \
             exec \"$0\" {args}"
        );
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-c", &script, FINSENT.path()]);
        let home_path = std::env::var_os("PATH").unwrap();
        wait_for_output(home.prepare(shell, &[]).env("PATH", home_path).spawn().unwrap())
    };
    mounted("--offline classify --model hf:acme/small profit").assert_succeeds();
    assert_eq!(hub.seen().len(), 0);
    mounted("classify --model hf:acme/small profit").assert_succeeds();
    mounted("pull hf:acme/small").assert_succeeds();
    mounted(&format!("classify --model hf:acme/small@{} profit", commit(1))).assert_succeeds();
    hub.put("acme/other", Repository::small());
    let run = mounted("pull hf:acme/other");
    assert!([1, 3].contains(&run.code.unwrap()) && run.stderr.contains("models--acme--other"), "{run:?}");
    assert_eq!(fs::read(home.cached("refs/main")).unwrap(), commit(1).as_bytes());
    assert_eq!(golden("config.json").len(), 687);
}

#[test]
fn the_model_directory_may_be_a_cache() {
    let hub = StandIn::with(Repository::small());
    let volume = tempfile::tempdir().unwrap();
    fill_cache(volume.path());
    let home = Home::of(&hub).with("FINSENT_MODEL_DIR", volume.path());
    for model in ["hf:acme/small".into(), format!("hf:acme/small@{}", commit(1))] {
        classify(&home, &[], &model).assert_succeeds();
    }
    assert_eq!(hub.seen().len(), 0, "{:#?}", hub.seen());
}

#[test]
fn models_lists_the_downloaded_models_and_whether_they_are_verified() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let names = ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"];
    let catalog = home.catalog(&names.map(|name| (name, None)), "");
    let listed = || {
        let run = home.run(&["--models-file", &catalog, "models", "--json"]).assert_succeeds();
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()[0].take()
    };
    let absent = listed();
    assert!(absent["place"].is_null() && absent["size"].is_null() && absent["verified"].is_null(), "{absent}");
    let directory = home.run(&["--models-file", &catalog, "pull", "mine"]).printed_path();
    let here = listed();
    let size: u64 = names.iter().map(|name| fs::metadata(directory.join(name)).unwrap().len()).sum();
    assert_eq!((here["verified"].as_bool(), here["size"].as_u64()), (Some(true), Some(size)), "{here}");
    assert_eq!(here["place"].as_str(), directory.to_str());

    let vocabulary = fs::canonicalize(directory.join("vocab.txt")).unwrap();
    fs::write(&vocabulary, fs::read_to_string(&vocabulary).unwrap().replace("profit", "prophet")).unwrap();
    let damaged = listed();
    assert_eq!(
        (damaged["verified"].as_bool(), &damaged["differs"][0]),
        (Some(false), &"vocab.txt".into()),
        "{damaged}"
    );
}
