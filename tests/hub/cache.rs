//! Several processes share a cache.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use finsent_testing::{wait_for_output, wait_until};

use crate::answer::Fault;
use crate::home::Home;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Repository, commit, golden, noisy_model, sha256};

fn fetched_bodies(hub: &StandIn) -> usize {
    hub.seen_at(Port::Cdn).iter().filter(|seen| seen.method == "GET").count()
}

#[test]
fn concurrent_processes_download_each_file_once() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(2_000_000)));
    let home = Home::of(&hub);
    // The weights come in about 30 parts.
    hub.order(10, Port::Cdn, "", Fault::Slow(Duration::from_millis(20)));
    let children = [(); 3].map(|()| home.start(&["pull", "hf:acme/small"]));
    let directories = children.map(|child| wait_for_output(child).printed_path());
    assert!(directories.iter().all(|directory| *directory == home.cached("snapshots").join(commit(1))));
    assert_eq!(fetched_bodies(&hub), 1, "{:#?}", hub.seen_at(Port::Cdn));
    let bodies = |name: &str| {
        let cached = hub.seen_at(Port::Hub).into_iter().filter(|seen| seen.method == "GET");
        cached.filter(|seen| seen.path.starts_with("/api/resolve-cache/") && seen.path.contains(name)).count()
    };
    assert_eq!((bodies("/config.json"), bodies("/vocab.txt")), (1, 1), "{:#?}", hub.seen_at(Port::Hub));
}

#[test]
fn the_lock_is_the_one_of_huggingface_hub() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let locks = home.hugging_face().join("hub/.locks/models--acme--small");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join(format!("{}.lock", sha256(&golden("f32.safetensors"))))).unwrap();
    lock.lock().unwrap();
    let start = Instant::now();
    let mut child = home.start(&["pull", "hf:acme/small"]);
    wait_until("the small files are in the cache", || home.tree_of("blobs").len() == 3);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("another process") {
        line.clear();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended instead of waiting for the lock");
    }
    assert!(line.contains("model.safetensors"), "{line}");
    assert!(child.try_wait().unwrap().is_none() && fetched_bodies(&hub) == 0, "it did not wait for the lock");
    drop(lock);
    wait_for_output(child).printed_path();
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(fetched_bodies(&hub), 1);
}

#[test]
fn a_killed_process_leaves_no_lock() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(2_000_000)));
    let home = Home::of(&hub);
    hub.order(1, Port::Cdn, "", Fault::Slow(Duration::from_millis(200)));
    let mut child = home.start(&["pull", "hf:acme/small"]);
    wait_until("the transfer has begun", || fetched_bodies(&hub) == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    home.pull("hf:acme/small").printed_path();
}

#[test]
fn a_file_that_two_revisions_share_is_stored_once() {
    let mut repository = Repository::small();
    repository.commits.insert(commit(2), repository.commits[&commit(1)].clone());
    let hub = StandIn::with(repository);
    let home = Home::of(&hub);
    home.pull("hf:acme/small").printed_path();
    home.pull(&format!("hf:acme/small@{}", commit(2))).printed_path();
    assert_eq!((fetched_bodies(&hub), home.tree_of("blobs").len()), (1, 4));
    assert_eq!(home.tree_of("snapshots").len(), 8);
}
