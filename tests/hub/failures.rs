//! Broken connections and wrong files. Whatever happens, no incomplete or wrong file gets its final name.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::answer::Fault;
use crate::home::Home;
use crate::stand_in::{Port, Seen, StandIn};
use crate::stored::{Repository, StoredFile, commit, golden, noisy_model, sha256, small_model};

const WEIGHTS: &str = "model.safetensors";

/// The ranges of the downloads from the CDN.
fn ranges(hub: &StandIn) -> Vec<Option<String>> {
    let seen = hub.seen_at(Port::Cdn).into_iter().filter(|seen| seen.method == "GET");
    seen.map(|seen| seen.header("range").map(str::to_owned)).collect()
}

/// Pulls the model and checks that the weights are those of the hub.
#[track_caller]
fn has_the_weights(home: &Home, hub: &StandIn) {
    let directory = home.pull("hf:acme/small").printed_path();
    assert!(fs::read(directory.join(WEIGHTS)).unwrap() == golden("f32.safetensors"), "{:#?}", hub.seen());
    assert!(!home.tree_of("blobs").iter().any(|blob| blob.contains("incomplete")), "{:?}", home.tree_of("blobs"));
}

/// Checks that the weights are in the cache under no final name.
#[track_caller]
fn has_no_weights(home: &Home) {
    let hash = sha256(&golden("f32.safetensors"));
    assert!(!home.cached("blobs").join(&hash).exists());
    assert!(fs::symlink_metadata(home.cached("snapshots").join(commit(1)).join(WEIGHTS)).is_err());
    let offline = home.run(&["--offline", "classify", "--model", "hf:acme/small", "profit"]);
    offline.assert_fails_without_output(3, &["acme/small"]);
}

#[test]
fn a_broken_download_continues_where_it_ended() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Cut(70_000));
    has_the_weights(&Home::of(&hub), &hub);
    assert_eq!(ranges(&hub), [None, Some("bytes=70000-".into())]);
}

#[test]
fn a_broken_download_of_a_small_file_is_repeated() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Hub, "vocab.txt", Fault::Cut(100));
    let home = Home::of(&hub);
    let directory = home.pull("hf:acme/small").printed_path();
    assert_eq!(fs::read(directory.join("vocab.txt")).unwrap(), golden("vocab.txt"));
    let bodies = |seen: &&Seen| seen.method == "GET" && seen.path.contains("resolve-cache") && is_of(seen, "vocab.txt");
    assert_eq!(hub.seen().iter().filter(bodies).count(), 2, "{:#?}", hub.seen());
}

#[test]
fn a_server_may_ignore_the_range_and_send_the_whole_file() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Cut(70_000));
    hub.order(1, Port::Cdn, WEIGHTS, Fault::IgnoresRange);
    has_the_weights(&Home::of(&hub), &hub);
    assert_eq!(ranges(&hub), [None, Some("bytes=70000-".into())]);
}

#[test]
fn if_a_server_refuses_the_range_the_whole_file_is_requested() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Cut(70_000));
    hub.order(1, Port::Cdn, WEIGHTS, Fault::RefusesRange);
    has_the_weights(&Home::of(&hub), &hub);
    assert_eq!(ranges(&hub), [None, Some("bytes=70000-".into()), None]);
}

/// The signed address of the CDN is valid for about an hour.
#[test]
fn the_address_of_the_cdn_is_requested_again_for_each_try() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Cut(70_000));
    has_the_weights(&Home::of(&hub), &hub);
    let seen = hub.seen();
    let asked: Vec<_> = seen.iter().filter(|seen| seen.method == "GET" && is_of(seen, WEIGHTS)).collect();
    let ports: Vec<_> = asked.iter().map(|seen| seen.port).collect();
    assert_eq!(ports, [Port::Hub, Port::Cdn, Port::Hub, Port::Cdn], "{asked:#?}");
}

fn is_of(seen: &Seen, file: &str) -> bool {
    seen.path.contains(&format!("/{file}")) || seen.path.contains(&format!("%3D{file}"))
}

#[test]
fn a_partial_file_of_an_earlier_run_is_continued() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let weights = golden("f32.safetensors");
    fs::create_dir_all(home.cached("blobs")).unwrap();
    fs::write(home.cached("blobs").join(format!("{}.incomplete", sha256(&weights))), &weights[..50_000]).unwrap();
    has_the_weights(&home, &hub);
    assert_eq!(ranges(&hub), [Some("bytes=50000-".into())]);
}

#[test]
fn a_complete_file_that_was_not_renamed_is_used() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let weights = golden("f32.safetensors");
    fs::create_dir_all(home.cached("blobs")).unwrap();
    fs::write(home.cached("blobs").join(format!("{}.incomplete", sha256(&weights))), &weights).unwrap();
    has_the_weights(&home, &hub);
}

#[test]
fn a_partial_file_with_other_bytes_is_replaced() {
    let weights = golden("f32.safetensors");
    for remains in [vec![0; 50_000], vec![0; weights.len()], vec![0; weights.len() + 1]] {
        let hub = StandIn::with(Repository::small());
        let home = Home::of(&hub);
        fs::create_dir_all(home.cached("blobs")).unwrap();
        fs::write(home.cached("blobs").join(format!("{}.incomplete", sha256(&weights))), &remains).unwrap();
        // One error about the hash is acceptable.
        if home.pull("hf:acme/small").code != Some(0) {
            has_no_weights(&home);
        }
        has_the_weights(&home, &hub);
    }
}

#[test]
fn a_compressed_body_is_decompressed() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Hub, "/config.json", Fault::Gzip);
    hub.order(1, Port::Hub, "vocab.txt", Fault::Gzip);
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Gzip);
    let home = Home::of(&hub);
    has_the_weights(&home, &hub);
    home.run(&["--offline", "classify", "--model", "hf:acme/small", "profit"]).assert_succeeds();
}

#[test]
fn an_empty_file_is_downloaded() {
    let mut files = small_model();
    files.insert("special_tokens_map.json".into(), StoredFile::small(Vec::new()));
    files.insert(WEIGHTS.into(), StoredFile::large(Vec::new()));
    let hub = StandIn::with(Repository::at(&commit(1), files));
    let home = Home::of(&hub);
    let directory = home.pull("hf:acme/small").printed_path();
    for name in ["special_tokens_map.json", WEIGHTS] {
        assert_eq!(fs::read(directory.join(name)).unwrap(), b"");
    }
    assert!(home.cached("blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391").exists());
}

#[test]
fn wrong_bytes_are_refused_with_both_hashes_and_deleted() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let mut wrong = golden("f32.safetensors");
    wrong[80_000] ^= 1;
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Bytes(wrong.clone().into()));
    let run = home.pull("hf:acme/small");
    run.assert_fails_without_output(3, &[WEIGHTS, &sha256(&wrong), &sha256(&golden("f32.safetensors"))]);
    has_no_weights(&home);
    assert!(!home.tree_of("blobs").iter().any(|blob| blob.contains("incomplete")), "{:?}", home.tree_of("blobs"));
    has_the_weights(&home, &hub);
}

#[test]
fn wrong_bytes_of_a_small_file_are_refused() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let mut wrong = golden("config.json");
    wrong[10] ^= 1;
    hub.order(1, Port::Hub, "/config.json", Fault::Bytes(wrong.into()));
    let small = Repository::small();
    let etag = small.file("config.json").etag();
    home.pull("hf:acme/small").assert_fails_without_output(3, &["config.json", etag]);
    assert!(!home.cached("blobs").join(etag).exists());
    has_no_weights_or_config(&home);
    has_the_weights(&home, &hub);
}

fn has_no_weights_or_config(home: &Home) {
    assert!(fs::symlink_metadata(home.cached("snapshots").join(commit(1)).join("config.json")).is_err());
}

#[test]
fn a_damaged_file_in_the_cache_is_replaced() {
    for revision in ["main".to_owned(), commit(1)] {
        let hub = StandIn::with(Repository::small());
        let home = Home::of(&hub);
        let model = format!("hf:acme/small@{revision}");
        let directory = home.pull(&model).printed_path();
        for (name, original) in [(WEIGHTS, "f32.safetensors"), ("vocab.txt", "vocab.txt")] {
            let mut bytes = golden(original);
            bytes[100] ^= 1;
            fs::write(directory.join(name), bytes).unwrap();
            hub.forget();
            home.run(&["--offline", "pull", &model]).assert_fails_without_output(3, &["acme/small"]);
            let run = home.pull(&model);
            assert!(run.stderr.contains(name), "{run:?}");
            assert_eq!(run.printed_path(), directory);
            assert!(fs::read(directory.join(name)).unwrap() == golden(original));
            assert_eq!(hub.seen_at(Port::Cdn).len(), usize::from(name == WEIGHTS));
        }
    }
}

#[test]
fn a_file_without_the_hash_of_the_catalog_is_refused() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let other = sha256(b"other");
    for (name, found) in [(WEIGHTS, "f32.safetensors"), ("vocab.txt", "vocab.txt")] {
        let listed = ["config.json", "vocab.txt", WEIGHTS].map(|file| (file, (file == name).then_some(other.as_str())));
        let catalog = home.catalog(&listed, "");
        let run = home.run(&["--models-file", &catalog, "pull", "mine"]);
        run.assert_fails_without_output(3, &[name, &other, &sha256(&golden(found))]);
        let run = home.run(&["--models-file", &catalog, "--offline", "classify", "--model", "mine", "profit"]);
        run.assert_fails_without_output(3, &["mine is not downloaded", "finsent pull mine"]);
    }
}

#[test]
fn a_truncated_body_is_not_accepted() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    // It has its Content-Length, but is shorter than the hub says.
    let half = golden("f32.safetensors")[..40_000].to_vec();
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Bytes(half.into()));
    let run = home.pull("hf:acme/small");
    if run.code != Some(0) {
        assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains(WEIGHTS), "{run:?}");
        has_no_weights(&home);
    }
    has_the_weights(&home, &hub);
}

#[test]
fn a_body_that_is_always_truncated_ends_in_an_error() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let half = golden("f32.safetensors")[..40_000].to_vec();
    hub.order(100, Port::Cdn, WEIGHTS, Fault::Bytes(half.into()));
    // The host says that it has no more bytes, but their hash is wrong.
    home.pull("hf:acme/small").assert_fails_without_output(3, &[WEIGHTS, "was deleted"]);
    assert!(hub.seen_at(Port::Cdn).len() < 20, "{:#?}", ranges(&hub));
    has_no_weights(&home);
}

#[test]
fn a_body_that_is_too_long_is_not_accepted() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub);
    let long = [golden("f32.safetensors"), vec![0; 1_000]].concat();
    hub.order(1, Port::Cdn, WEIGHTS, Fault::Bytes(long.into()));
    let run = home.pull("hf:acme/small");
    if run.code != Some(0) {
        assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains(WEIGHTS), "{run:?}");
        has_no_weights(&home);
    }
    has_the_weights(&home, &hub);
}

/// These pause between their attempts, so they run at the same time.
#[test]
fn attempts_are_repeated_with_pauses() {
    at_once(
        [
            a_wrong_size_does_not_loop_forever as fn(),
            retry_after_is_respected,
            a_hub_that_always_fails_is_a_network_error,
            a_download_that_makes_no_progress_is_a_network_error,
            a_download_that_breaks_often_but_makes_progress_succeeds,
        ],
        |test| test(),
    );
}

/// Runs a test for several cases in parallel.
fn at_once<Case: Send>(cases: impl IntoIterator<Item = Case>, test: impl Fn(Case) + Sync) {
    let test = &test;
    thread::scope(|scope| cases.into_iter().for_each(|case| drop(scope.spawn(move || test(case)))));
}

fn a_wrong_size_does_not_loop_forever() {
    let weights = golden("f32.safetensors").len() as u64;
    // The pauses before new attempts pass at the same time.
    at_once([weights + 1, weights - 1], |size| {
        let hub = StandIn::with(Repository::small());
        hub.order(100, Port::Hub, WEIGHTS, Fault::LinkedSize(size));
        let home = Home::of(&hub);
        let run = home.pull("hf:acme/small");
        // It may succeed, because the hash is right.
        if run.code != Some(0) {
            assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains(WEIGHTS), "{run:?}");
            has_no_weights(&home);
        }
        assert!(hub.seen_at(Port::Cdn).len() < 20, "{:#?}", ranges(&hub));
    });
}

#[test]
fn a_login_page_instead_of_a_file_is_not_accepted() {
    // Like the login page of a hotel's network.
    let page = "<html>Welcome to the hotel's network</html>";
    for (port, part) in [(Port::Hub, "/api/models/"), (Port::Hub, "config.json"), (Port::Cdn, WEIGHTS)] {
        let hub = StandIn::with(Repository::small());
        let home = Home::of(&hub);
        hub.order(1, port, part, Fault::Page(page));
        let run = home.pull("hf:acme/small");
        if run.code != Some(0) {
            assert!([3, 4].contains(&run.code.unwrap()), "{part}: {run:?}");
            has_no_weights(&home);
        }
        has_the_weights(&home, &hub);
    }
}

#[test]
fn a_request_that_fails_once_is_repeated() {
    let of_weights = [500, 502, 503, 504].map(|status| (Port::Cdn, WEIGHTS, status));
    let of_hub = [(Port::Hub, "/api/models/", 503), (Port::Hub, "config.json", 503)];
    // The pauses before the second tries pass at the same time.
    at_once(of_hub.into_iter().chain(of_weights), |(port, part, status)| {
        let hub = StandIn::with(Repository::small());
        hub.order(1, port, part, Fault::Answer(status, vec![]));
        has_the_weights(&Home::of(&hub), &hub);
    });
}

fn retry_after_is_respected() {
    at_once([(Port::Hub, "/api/models/"), (Port::Cdn, WEIGHTS)], |(port, part)| {
        let hub = StandIn::with(Repository::small());
        hub.order(1, port, part, Fault::Answer(429, vec![("retry-after", "2".into())]));
        let start = Instant::now();
        has_the_weights(&Home::of(&hub), &hub);
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
    });
}

#[test]
fn a_retry_after_of_more_than_a_minute_is_an_error() {
    let hub = StandIn::with(Repository::small());
    hub.order(1, Port::Hub, "", Fault::Answer(429, vec![("retry-after", "3600".into())]));
    Home::of(&hub).pull("hf:acme/small").assert_fails_without_output(4, &["429", "3600"]);
    assert_eq!(hub.seen().len(), 1);
}

fn a_hub_that_always_fails_is_a_network_error() {
    let hub = StandIn::with(Repository::small());
    hub.order(100, Port::Hub, "", Fault::Answer(503, vec![]));
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_fails_without_output(4, &["503", &hub.endpoint()["http://".len()..]]);
    assert!((3..=10).contains(&hub.seen().len()), "{:#?}", hub.seen());
}

fn a_download_that_makes_no_progress_is_a_network_error() {
    let hub = StandIn::with(Repository::at(&commit(1), noisy_model(1_000_000)));
    hub.order(100, Port::Cdn, "", Fault::Cut(0));
    let home = Home::of(&hub);
    home.pull("hf:acme/small").assert_fails_without_output(4, &[WEIGHTS]);
    let small = home.run(&["--offline", "classify", "--model", "hf:acme/small", "profit"]);
    small.assert_fails_without_output(3, &["acme/small"]);
}

fn a_download_that_breaks_often_but_makes_progress_succeeds() {
    let hub = StandIn::with(Repository::small());
    // Each of six tries adds some bytes.
    hub.order(6, Port::Cdn, "", Fault::Cut(7_000));
    has_the_weights(&Home::of(&hub), &hub);
    let asked: Vec<_> = ranges(&hub).into_iter().flatten().collect();
    assert!(asked.is_sorted_by_key(|range| range[6..range.len() - 1].parse::<u64>().unwrap()), "{asked:?}");
}

#[test]
fn circular_redirects_end_in_an_error() {
    let hub = StandIn::with(Repository::small());
    let circle = format!("{}/acme/small/resolve/main/config.json", hub.endpoint());
    hub.order(1_000, Port::Hub, "config.json", Fault::Redirect(circle));
    let run = Home::of(&hub).pull("hf:acme/small");
    assert!([3, 4].contains(&run.code.unwrap()) && run.stderr.contains("redirect"), "{run:?}");
    assert!(hub.seen().len() < 200, "{}", hub.seen().len());
}
