//! finsent and Python's huggingface_hub share a cache.
//!
//! FINSENT_TEST_CLIENTS is a virtual environment with huggingface_hub, as for tests/http/clients.rs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use finsent_testing::{Run, wait_for_output, wait_until};

use crate::answer::Fault;
use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Access, Repository, commit, noisy_model, small_model};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hub/hugging_face_hub.py");

fn start(home: &Home, args: &[&str]) -> Child {
    let installed =
        env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS is the virtual environment of the clients");
    let mut command = home.prepare(Command::new(PathBuf::from(installed).join("bin/python")), &[]);
    for name in ["HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"] {
        command.env(name, "1");
    }
    command.arg(SCRIPT).args(args).spawn().unwrap()
}

fn python(home: &Home, args: &[&str]) -> Run {
    wait_for_output(start(home, args)).assert_succeeds()
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn python_accepts_the_stand_in_as_a_hub() {
    let mut repository = Repository::small();
    repository.branches.push(("refs/pr/29".into(), commit(29)));
    repository.commits.insert(commit(29), small_model());
    let hub = StandIn::with(repository);
    hub.order(1, Port::Cdn, "", Fault::Cut(10_000));
    let home = Home::of(&hub);
    for (revision, commit) in [("main", commit(1)), ("refs/pr/29", commit(29))] {
        let directory = python(&home, &["snapshot", revision]).printed_path();
        assert_eq!(directory, home.cached("snapshots").join(commit));
        assert_eq!(fs::read_dir(directory).unwrap().count(), 4);
    }
    python(&home, &["files", "config.json", "model.safetensors"]);
    python(&home, &["scan"]);
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn finsent_finds_what_python_downloaded() {
    let mut repository = Repository::small();
    repository.branches.push(("refs/pr/29".into(), commit(29)));
    repository.commits.insert(commit(29), small_model());
    repository.access = Access::Gated("key".into());
    let hub = StandIn::with(repository);
    let home = Home::of(&hub).with("HF_TOKEN", "key");
    for (revision, ours) in [("main", "hf:acme/small"), ("refs/pr/29", "hf:acme/small@refs/pr/29")] {
        let theirs = python(&home, &["snapshot", revision]).printed_path();
        hub.forget();
        let directory = home.run(&["--offline", "pull", ours]).printed_path();
        assert_eq!(directory, theirs);
        home.run(&["--offline", "classify", "--model", ours, "profit"]).assert_succeeds();
        assert_eq!(hub.seen().len(), 0);
        home.pull(ours).printed_path();
        assert_eq!(hub.seen_at(Port::Cdn).len(), 0);
        assert!(!hub.seen().iter().any(|seen| seen.path.starts_with("/api/resolve-cache") && seen.method == "GET"));
    }
    python(&home, &["scan"]);
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn finsent_completes_what_python_downloaded_in_part() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    python(&home, &["files", "config.json", "model.safetensors"]);
    hub.forget();
    home.run(&["--offline", "classify", "--model", "hf:acme/small", "profit"])
        .assert_fails_without_output(3, &["acme/small"]);
    home.run(&["classify", "--model", "hf:acme/small", "profit"]).assert_succeeds();
    assert_eq!(hub.seen_at(Port::Cdn).len(), 0, "{:#?}", hub.seen());
    python(&home, &["scan"]);
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn python_finds_what_finsent_downloaded() {
    let mut repository = Repository::small();
    repository.branches.push(("refs/pr/29".into(), commit(29)));
    repository.commits.insert(commit(29), small_model());
    let hub = StandIn::with(repository);
    let home = Home::of(&hub);
    let names = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"];
    for (revision, ours) in [("main", "hf:acme/small"), ("refs/pr/29", "hf:acme/small@refs/pr/29")] {
        let directory = home.pull(ours).printed_path();
        hub.forget();
        let theirs = python(&home, &[&["local", revision][..], &names].concat()).printed_path();
        assert_eq!(theirs, directory);
        assert_eq!(hub.seen().len(), 0);
        // Online, it downloads nothing again.
        assert_eq!(python(&home, &["snapshot", revision]).printed_path(), directory);
        assert_eq!(hub.seen_at(Port::Cdn).len(), 0);
    }
    let scanned = python(&home, &["scan"]).stdout;
    for commit in [commit(1), commit(29)] {
        assert!(scanned.contains(&format!("acme/small {commit} {}", names.join(" "))), "{scanned}");
    }
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn a_cache_after_a_failed_pull_is_valid_for_python() {
    for (port, part, len) in [(Port::Cdn, "model.safetensors", 89_700), (Port::Hub, "/config.json", 687)] {
        let hub = StandIn::with(Repository::small());
        let home = Home::of(&hub);
        hub.order(1, port, part, Fault::Bytes(vec![0; len].into()));
        home.pull("hf:acme/small").assert_fails_without_output(3, &["is damaged"]);
        python(&home, &["scan"]);
    }
}

#[test]
#[ignore = "needs Python with huggingface_hub"]
fn concurrent_downloads_by_finsent_and_python_transfer_a_file_once() {
    for ours_first in [true, false] {
        let hub = StandIn::with(Repository::at(&commit(1), noisy_model(2_000_000)));
        let home = Home::of(&hub);
        hub.order(10, Port::Cdn, "", Fault::Slow(Duration::from_millis(100)));
        let begun = |hub: &StandIn| hub.seen_at(Port::Cdn).iter().any(|seen| seen.method == "GET");
        let pull = || home.start(&["pull", "hf:acme/small"]);
        let [first, second] = if ours_first {
            let first = pull();
            wait_until("finsent has begun", || begun(&hub));
            [first, start(&home, &["snapshot", "main"])]
        } else {
            let first = start(&home, &["snapshot", "main"]);
            wait_until("Python has begun", || begun(&hub));
            [first, pull()]
        };
        let [first, second] = [first, second].map(|child| wait_for_output(child).printed_path());
        assert_eq!(first, second);
        assert_eq!(hub.seen_at(Port::Cdn).len(), 1, "{:#?}", hub.seen_at(Port::Cdn));
        assert_eq!(fs::read_link(Path::new(&first).join("model.safetensors")).unwrap().iter().count(), 4);
    }
}
