use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use finsent_model::{ClassifyError, Encoding};
use tempfile::TempDir;

use super::*;

const ENTRY_BYTES: usize = 8 + 4 * 2 + 4;

fn fingerprint(precision: &str) -> Fingerprint {
    let facts = [("model", "m"), ("precision", precision)];
    let facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Fingerprint { facts, num_labels: 2, unit: "texts" }
}

/// The text of this number, and its logits: the third has none.
fn text(number: u32) -> (Encoding, Scored) {
    let encoding = Encoding { input_ids: vec![101, number, 102], token_type_ids: vec![0; 3], truncated: false };
    let logits = vec![number as f32 + 0.1, -1.5];
    (encoding, if number == 2 { Err(ClassifyError::NotFinite) } else { Ok(logits) })
}

struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A home in which a run has scored so many texts.
    fn with(texts: u32) -> Self {
        let home = Self::new();
        home.resume(0..0, 0..texts).unwrap();
        home
    }

    fn output(&self) -> PathBuf {
        self.0.path().join("out.csv")
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("out.csv.journal")
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn put(&self, bytes: &[u8]) {
        fs::write(self.path(), bytes).unwrap();
    }

    /// A run that expects the texts `before` in the journal, and scores those `now`.
    fn resume(&self, before: Range<u32>, now: Range<u32>) -> Result<()> {
        let mut journal = Journal::lock(&self.output())?;
        let mut entries = journal.open(&fingerprint("f32"))?;
        for number in before {
            let (encoding, logits) = text(number);
            let found = entries.next(&format!("line {number}"), &encoding)?;
            assert_eq!(found, Some(logits.ok()), "text {number}");
        }
        if !now.is_empty() {
            assert_eq!(entries.next("", &text(now.start).0)?, None, "nothing is behind the {} texts", now.start);
        }
        let scored: Vec<(Encoding, Scored)> = now.map(text).collect();
        entries.append(scored.iter().map(|(encoding, logits)| (encoding, logits)))?;
        Ok(())
    }

    #[track_caller]
    fn assert_refuses(&self, parts: &[&str]) {
        let before = self.bytes();
        let error = self.resume(0..0, 0..0).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "expected {parts:?} in: {error}");
        assert_eq!(self.bytes(), before);
    }
}

#[test]
fn what_was_scored_comes_back_to_the_bit_and_what_failed_does_not() {
    let home = Home::with(4);
    assert_eq!(home.bytes().len() % ENTRY_BYTES, (fingerprint("f32").header().unwrap().len()) % ENTRY_BYTES);
    home.resume(0..4, 4..6).unwrap();
    home.resume(0..6, 6..6).unwrap();
    let mut journal = Journal::lock(&home.output()).unwrap();
    journal.open(&fingerprint("f32")).unwrap();
    assert_eq!(journal.scored()().unwrap(), "6 texts");
}

#[test]
fn torn_at_any_byte_it_is_whole_again_after_the_next_run() {
    let whole = Home::with(4).bytes();
    let header = whole.len() - 4 * ENTRY_BYTES;
    for length in header..whole.len() {
        let home = Home::new();
        home.put(&whole[..length]);
        let left = u32::try_from((length - header) / ENTRY_BYTES).unwrap();
        home.resume(0..left, left..4).unwrap();
        assert_eq!(home.bytes(), whole, "{length}");
    }
}

#[test]
fn a_header_that_was_torn_is_written_anew() {
    let whole = Home::with(1).bytes();
    let header = whole.len() - ENTRY_BYTES;
    for length in [0].into_iter().chain(MAGIC.len()..header) {
        let home = Home::new();
        home.put(&whole[..length]);
        home.resume(0..0, 0..1).unwrap();
        assert_eq!(home.bytes(), whole, "{length}");
    }
}

#[test]
fn a_flipped_bit_never_makes_a_wrong_score() {
    let whole = Home::with(4).bytes();
    let header = whole.len() - 4 * ENTRY_BYTES;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let home = Home::new();
            home.put(&bytes);
            if at < header {
                home.assert_refuses(&["out.csv.journal"]);
            } else {
                let sound = u32::try_from((at - header) / ENTRY_BYTES).unwrap();
                home.resume(0..sound, sound..4).unwrap();
                assert_eq!(home.bytes(), whole, "byte {at}");
            }
        }
    }
}

#[test]
fn bytes_that_are_lost_or_too_many_in_the_middle_end_it_there() {
    let whole = Home::with(4).bytes();
    let second = whole.len() - 3 * ENTRY_BYTES;
    let without: Vec<u8> = [&whole[..second], &whole[second + 1..]].concat();
    let with: Vec<u8> = [&whole[..second], &[0; 4096], &whole[second..]].concat();
    for bytes in [without, with] {
        let home = Home::new();
        home.put(&bytes);
        home.resume(0..1, 1..4).unwrap();
        assert_eq!(home.bytes(), whole);
    }
}

#[test]
fn a_run_with_other_settings_is_told_which_and_leaves_it() {
    let home = Home::new();
    let mut journal = Journal::lock(&home.output()).unwrap();
    let mut entries = journal.open(&fingerprint("int8")).unwrap();
    let (encoding, logits) = text(0);
    entries.append([(&encoding, &logits)].into_iter()).unwrap();
    drop((journal, entries));
    home.assert_refuses(&["its precision was `int8`, now it is `f32`; run as before, or remove", "out.csv.journal"]);

    // One in which nothing was scored keeps nobody from anything.
    let header = home.bytes().len() - ENTRY_BYTES;
    home.put(&home.bytes()[..header]);
    home.resume(0..0, 0..1).unwrap();
    home.resume(0..1, 1..1).unwrap();
}

/// What a disk gives back after a power cut can be an older file's.
#[test]
fn entries_of_a_run_with_other_settings_do_not_count() {
    let home = Home::new();
    let mut journal = Journal::lock(&home.output()).unwrap();
    let mut entries = journal.open(&fingerprint("int8")).unwrap();
    let (encoding, logits) = text(0);
    entries.append([(&encoding, &logits)].into_iter()).unwrap();
    drop((journal, entries));
    let bytes = home.bytes();
    home.put(&[&fingerprint("f32").header().unwrap()[..], &bytes[bytes.len() - ENTRY_BYTES..]].concat());
    home.resume(0..0, 0..1).unwrap();
}

#[test]
fn another_text_and_fewer_texts_are_told() {
    let home = Home::with(4);
    let mut journal = Journal::lock(&home.output()).unwrap();
    let mut entries = journal.open(&fingerprint("f32")).unwrap();
    entries.next("line 2", &text(0).0).unwrap();
    let error = entries.next("line 3", &text(7).0).unwrap_err();
    assert!(error.is::<Changed>());
    let error = error.to_string();
    assert!(error.starts_with("line 3 is not what the interrupted run read there"), "{error}");
    assert!(error.contains("remove `") && error.contains("out.csv.journal`"), "{error}");
    let mut entries = journal.open(&fingerprint("f32")).unwrap();
    entries.next("line 2", &text(0).0).unwrap();
    assert!(entries.check_end().unwrap_err().to_string().contains("fewer texts"));
    for number in 2..4 {
        entries.next("line", &text(number).0).unwrap();
    }
    entries.check_end().unwrap();
}

#[test]
fn no_two_runs_have_it() {
    let home = Home::new();
    let first = Journal::lock(&home.output()).unwrap();
    let error = Journal::lock(&home.output()).unwrap_err().to_string();
    assert!(error.contains("another run is writing `"), "{error}");
    drop(first);
    Journal::lock(&home.output()).unwrap();
}

#[test]
fn it_goes_away_when_the_output_is_complete_or_nothing_was_scored() {
    let home = Home::with(2);
    assert!(home.path().exists());
    let mut journal = Journal::lock(&home.output()).unwrap();
    journal.open(&fingerprint("f32")).unwrap();
    journal.finish();
    assert!(!home.path().exists());
    home.resume(0..0, 0..0).unwrap();
    assert!(!home.path().exists());
}

#[test]
fn a_file_that_is_no_journal_stays_as_it_is() {
    let home = Home::new();
    let long = "x".repeat(200_000);
    let newer = "finsent journal 2\n[]\n";
    for contents in ["hello\nworld\n", "f", "finsent journal", "\0", "\n\n", newer, &long] {
        home.put(contents.as_bytes());
        home.assert_refuses(&["is no journal of an interrupted run"]);
    }
    for (header, length) in [("", 20_000), ("", 200_000), ("[[\"model\"]]\n", 20), ("x", 0)] {
        home.put(format!("finsent journal 1\n{header}{}", &long[..length]).as_bytes());
        home.assert_refuses(&["its beginning is damaged", "to begin anew"]);
    }
    fs::remove_file(home.path()).unwrap();
    fs::create_dir(home.path()).unwrap();
    assert!(Journal::lock(&home.output()).is_err());
    assert!(home.path().is_dir());
}
