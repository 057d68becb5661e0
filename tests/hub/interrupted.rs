//! Interrupted downloads: kill -9, Ctrl-C, a full disk.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use finsent_testing::{wait_for_output, wait_until};

use crate::answer::Fault;
use crate::home::{FINSENT, Home};
use crate::stand_in::{Port, StandIn};
use crate::stored::{Repository, StoredFile, commit, noisy_model};

const WEIGHTS: u64 = 200_000_000;

/// The partial file of the weights, and its size.
fn partial(home: &Home) -> Option<(PathBuf, u64)> {
    let entries = fs::read_dir(home.cached("blobs")).ok()?.map_while(Result::ok);
    let partial = entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".incomplete"));
    let sizes = partial.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.len())));
    sizes.max_by_key(|(_, size)| *size)
}

/// Starts a pull and sends it the signal after this many bytes. Returns the size of the partial file.
fn interrupted(home: &Home, signal: &str, after: u64) -> (Output, u64) {
    let child = home.start(&["pull", "hf:acme/small"]);
    wait_until("the transfer is under way", || partial(home).is_some_and(|(_, size)| size >= after));
    assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let (_, size) = partial(home).expect("the partial file is kept");
    (output, size)
}

#[test]
fn a_killed_download_of_200_mb_continues_and_is_verified() {
    let weights = StoredFile::noise(WEIGHTS);
    let mut files = noisy_model(0);
    files.insert("model.safetensors".into(), weights.clone());
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    // Slow enough to be killed in the middle.
    hub.order(1, Port::Cdn, "", Fault::Slow(Duration::from_millis(1)));
    let (killed, size) = interrupted(&home, "KILL", WEIGHTS / 2);
    assert_eq!(killed.status.signal(), Some(9));
    assert!(size < WEIGHTS, "{size}");
    let blob = home.cached("blobs").join(weights.etag());
    let link = home.cached("snapshots").join(commit(1)).join("model.safetensors");
    assert!(!blob.exists() && fs::symlink_metadata(&link).is_err());

    let directory = home.pull("hf:acme/small").printed_path();
    let last = hub.seen_at(Port::Cdn).pop().unwrap();
    let range = last.header("range").unwrap_or_else(|| panic!("{last:?}"));
    let from: u64 = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
    assert!((WEIGHTS / 2..=size).contains(&from), "{from} of {size}");
    assert_eq!(fs::read(directory.join("model.safetensors")).unwrap().len() as u64, weights.content.len());
    assert_eq!(hash_of(&blob), weights.etag());
    assert_eq!(partial(&home), None);
}

fn hash_of(path: &PathBuf) -> String {
    use sha2::{Digest, Sha256};
    struct Hashing(Sha256);
    impl io::Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hashing = Hashing(Sha256::new());
    io::copy(&mut File::open(path).unwrap(), &mut hashing).unwrap();
    crate::stored::hexadecimal(&hashing.0.finalize())
}

#[test]
fn damage_to_a_partial_file_is_found() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(4_000_000)));
    let home = Home::of(&hub);
    hub.order(1, Port::Cdn, "", Fault::Slow(Duration::from_millis(20)));
    interrupted(&home, "KILL", 1_000_000);
    let (path, _) = partial(&home).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[500_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let run = home.pull("hf:acme/small");
    if run.code != Some(0) {
        run.assert_fails_without_output(3, &["model.safetensors"]);
        assert_eq!(partial(&home), None);
    }
    let directory = home.pull("hf:acme/small").printed_path();
    let noise = StoredFile::noise(4_000_000);
    assert_eq!(hash_of(&directory.join("model.safetensors")), noise.etag());
}

#[test]
fn an_interrupted_download_continues_in_the_next_run() {
    for signal in ["INT", "TERM"] {
        let hub = StandIn::with(Repository::at(&commit(1), noisy_model(4_000_000)));
        let home = Home::of(&hub);
        hub.order(1, Port::Cdn, "", Fault::Slow(Duration::from_millis(20)));
        let (stopped, _) = interrupted(&home, signal, 1_000_000);
        assert!(!stopped.status.success() && stopped.stdout.is_empty(), "{stopped:?}");
        home.pull("hf:acme/small").printed_path();
        let resumed = hub.seen_at(Port::Cdn).pop().unwrap();
        assert!(resumed.header("range").is_some(), "{resumed:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_incomplete_blob() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(4_000_000)));
    let home = Home::of(&hub);
    // No file may be larger than 2,000 blocks of 512 bytes: a write fails as on a full disk.
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" pull hf:acme/small", FINSENT.path()]);
    let run = wait_for_output(home.prepare(shell, &[]).spawn().unwrap());
    assert!([1, 3].contains(&run.code.unwrap()) && run.stderr.contains("model.safetensors"), "{run:?}");
    assert_eq!(run.stdout, "");
    assert!(fs::symlink_metadata(home.cached("snapshots").join(commit(1)).join("model.safetensors")).is_err());
    let is_large = |entry: io::Result<fs::DirEntry>| entry.unwrap().metadata().unwrap().size() > 500_000;
    let blobs = fs::read_dir(home.cached("blobs")).unwrap();
    assert!(blobs.filter(|entry| !is_partial(entry)).all(|entry| !is_large(entry)), "{:?}", home.tree_of("blobs"));
    home.pull("hf:acme/small").printed_path();
}

fn is_partial(entry: &io::Result<fs::DirEntry>) -> bool {
    entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".incomplete")
}

#[test]
#[ignore = "needs root, to mount"]
fn a_full_file_system_is_named() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(8_000_000)));
    let home = Home::of(&hub);
    let cache = home.hugging_face();
    fs::create_dir(&cache).unwrap();
    let script = format!("mount -t tmpfs -o size=4m none {} && exec \"$0\" pull hf:acme/small", cache.display());
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", &script, FINSENT.path()]);
    let path = std::env::var_os("PATH").unwrap();
    let run = wait_for_output(home.prepare(shell, &[]).env("PATH", path).spawn().unwrap());
    assert!([1, 3].contains(&run.code.unwrap()), "{run:?}");
    assert!(run.stderr.contains("model.safetensors") && run.stderr.contains("the disk is full"), "{run:?}");
}
