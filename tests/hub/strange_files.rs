//! Pipes, devices, sockets and folders in the places of a cache's files: they are refused by their names, and nothing
//! waits for them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::home::Home;
use crate::stand_in::StandIn;
use crate::stored::{Repository, commit, golden, sha256};

/// What puts something strange at a path.
type Strange = fn(&Path);

/// What may be in the place of a file; sockets are left to the unit tests, because their paths must be short.
const STRANGE: [(&str, Strange); 3] = [("a pipe", pipe), ("a device", device), ("a folder", folder)];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn device(path: &Path) {
    symlink("/dev/zero", path).unwrap();
}

fn folder(path: &Path) {
    fs::create_dir(path).unwrap();
}

/// A home with the whole model, in which `place` is replaced.
fn home_with(hub: &StandIn, place: impl Fn(&Home) -> PathBuf, strange: Strange) -> Home {
    let home = Home::of(hub);
    home.pull("hf:acme/small").assert_succeeds();
    let path = place(&home);
    fs::remove_file(&path).unwrap();
    strange(&path);
    home
}

fn weights() -> String {
    sha256(&golden("f32.safetensors"))
}

#[test]
fn a_revision_that_is_not_a_file_is_refused() {
    let hub = StandIn::with(Repository::small());
    for (what, strange) in STRANGE {
        let home = home_with(&hub, |home| home.cached("refs/main"), strange);
        for args in [&["--offline", "classify", "--model", "hf:acme/small", "profit"][..], &["pull", "hf:acme/small"]] {
            home.run(args).assert_fails_without_output(3, &["refs/main", what]);
        }
    }
}

#[test]
fn a_blob_that_is_not_a_file_is_refused() {
    let hub = StandIn::with(Repository::small());
    for (what, strange) in STRANGE {
        let home = home_with(&hub, |home| home.cached("blobs").join(weights()), strange);
        for args in [&["--offline", "classify", "--model", "hf:acme/small", "profit"][..], &["pull", "hf:acme/small"]] {
            let run = home.run(args);
            let names_it = run.stderr.contains("model.safetensors") || run.stderr.contains(&weights());
            assert!(run.code == Some(3) && names_it, "{what}: {run:?}");
        }
    }
}

#[test]
fn a_file_of_a_snapshot_that_is_not_a_file_is_refused() {
    let hub = StandIn::with(Repository::small());
    for (what, strange) in STRANGE {
        let in_snapshot = |home: &Home| home.cached("snapshots").join(commit(1)).join("config.json");
        let home = home_with(&hub, in_snapshot, strange);
        for args in [&["--offline", "classify", "--model", "hf:acme/small", "profit"][..], &["pull", "hf:acme/small"]] {
            let run = home.run(args);
            assert!(run.code == Some(3) && run.stderr.contains("config.json"), "{what}: {run:?}");
        }
    }
}

#[test]
fn a_partial_download_that_is_not_a_file_is_refused() {
    let hub = StandIn::with(Repository::small());
    for (what, strange) in STRANGE {
        let home = Home::of(&hub);
        fs::create_dir_all(home.cached("blobs")).unwrap();
        strange(&home.cached("blobs").join(format!("{}.incomplete", weights())));
        home.pull("hf:acme/small").assert_fails_without_output(3, &[".incomplete", what]);
    }
}

#[test]
fn a_lock_that_is_not_a_file_is_refused() {
    let hub = StandIn::with(Repository::small());
    for (what, strange) in STRANGE {
        let home = Home::of(&hub);
        let locks = home.hugging_face().join("hub/.locks/models--acme--small");
        fs::create_dir_all(&locks).unwrap();
        strange(&locks.join(format!("{}.lock", weights())));
        home.pull("hf:acme/small").assert_fails_without_output(3, &[".lock", what]);
    }
}
