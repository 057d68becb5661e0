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
    Fingerprint { facts, num_labels: 2 }
}

/// The text with this number and its logits; the third has none.
fn text(number: u32) -> (Encoding, Scored) {
    let encoding = Encoding { input_ids: vec![101, number, 102], token_type_ids: vec![0; 3], truncated: false };
    let logits = vec![number as f32 + 0.1, -1.5];
    (encoding, if number == 2 { Err(ClassifyError::NotFinite) } else { Ok(logits) })
}

struct JournalFolder(TempDir);

impl JournalFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder in which a run has scored this many texts.
    fn with(texts: u32) -> Self {
        let folder = Self::new();
        folder.resume(0..0, 0..texts).unwrap();
        folder
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
    fn resume(&self, before: Range<u32>, now: Range<u32>) -> Result<(), JournalError> {
        let mut journal = Journal::lock(&self.output())?;
        let mut entries = journal.open(&fingerprint("f32"))?;
        for number in before {
            let (encoding, logits) = text(number);
            let found = entries.next(&format!("line {number}"), &encoding)?;
            assert_eq!(found, Some(logits.ok()), "text {number}");
        }
        if !now.is_empty() {
            assert_eq!(entries.next("", &text(now.start).0)?, None, "there is nothing after the {} texts", now.start);
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
fn logits_are_read_back_bit_for_bit_and_failures_are_scored_again() {
    let folder = JournalFolder::with(4);
    assert_eq!(folder.bytes().len() % ENTRY_BYTES, (fingerprint("f32").header().len()) % ENTRY_BYTES);
    folder.resume(0..4, 4..6).unwrap();
    folder.resume(0..6, 6..6).unwrap();
    let mut journal = Journal::lock(&folder.output()).unwrap();
    journal.open(&fingerprint("f32")).unwrap();
    assert_eq!(journal.scored()(), 6);
}

#[test]
fn a_journal_torn_at_any_byte_is_complete_after_the_next_run() {
    let whole = JournalFolder::with(4).bytes();
    let header = whole.len() - 4 * ENTRY_BYTES;
    for length in header..whole.len() {
        let folder = JournalFolder::new();
        folder.put(&whole[..length]);
        let left = u32::try_from((length - header) / ENTRY_BYTES).unwrap();
        folder.resume(0..left, left..4).unwrap();
        assert_eq!(folder.bytes(), whole, "{length}");
    }
}

#[test]
fn a_torn_header_is_written_again() {
    let whole = JournalFolder::with(1).bytes();
    let header = whole.len() - ENTRY_BYTES;
    for length in [0].into_iter().chain(MAGIC.len()..header) {
        let folder = JournalFolder::new();
        folder.put(&whole[..length]);
        folder.resume(0..0, 0..1).unwrap();
        assert_eq!(folder.bytes(), whole, "{length}");
    }
}

#[test]
fn a_flipped_bit_never_changes_a_score() {
    let whole = JournalFolder::with(4).bytes();
    let header = whole.len() - 4 * ENTRY_BYTES;
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            let folder = JournalFolder::new();
            folder.put(&bytes);
            if at < header {
                folder.assert_refuses(&["out.csv.journal"]);
            } else {
                let sound = u32::try_from((at - header) / ENTRY_BYTES).unwrap();
                folder.resume(0..sound, sound..4).unwrap();
                assert_eq!(folder.bytes(), whole, "byte {at}");
            }
        }
    }
}

#[test]
fn bytes_lost_or_added_in_the_middle_end_the_journal_there() {
    let whole = JournalFolder::with(4).bytes();
    let second = whole.len() - 3 * ENTRY_BYTES;
    let without: Vec<u8> = [&whole[..second], &whole[second + 1..]].concat();
    let with: Vec<u8> = [&whole[..second], &[0; 4096], &whole[second..]].concat();
    for bytes in [without, with] {
        let folder = JournalFolder::new();
        folder.put(&bytes);
        folder.resume(0..1, 1..4).unwrap();
        assert_eq!(folder.bytes(), whole);
    }
}

#[test]
fn a_run_with_other_settings_is_refused_and_the_journal_is_kept() {
    let folder = JournalFolder::new();
    let mut journal = Journal::lock(&folder.output()).unwrap();
    let mut entries = journal.open(&fingerprint("int8")).unwrap();
    let (encoding, logits) = text(0);
    entries.append([(&encoding, &logits)].into_iter()).unwrap();
    drop((journal, entries));
    folder.assert_refuses(&["its precision was `int8` and is now `f32`", "remove the journal", "out.csv.journal"]);

    // A journal without entries does not matter.
    let header = folder.bytes().len() - ENTRY_BYTES;
    folder.put(&folder.bytes()[..header]);
    folder.resume(0..0, 0..1).unwrap();
    folder.resume(0..1, 1..1).unwrap();
}

/// After a power cut a file may contain blocks of an older one.
#[test]
fn entries_of_a_run_with_other_settings_are_ignored() {
    let folder = JournalFolder::new();
    let mut journal = Journal::lock(&folder.output()).unwrap();
    let mut entries = journal.open(&fingerprint("int8")).unwrap();
    let (encoding, logits) = text(0);
    entries.append([(&encoding, &logits)].into_iter()).unwrap();
    drop((journal, entries));
    let bytes = folder.bytes();
    folder.put(&[&fingerprint("f32").header()[..], &bytes[bytes.len() - ENTRY_BYTES..]].concat());
    folder.resume(0..0, 0..1).unwrap();
}

#[test]
fn another_text_and_fewer_texts_are_errors() {
    let folder = JournalFolder::with(4);
    let mut journal = Journal::lock(&folder.output()).unwrap();
    let mut entries = journal.open(&fingerprint("f32")).unwrap();
    entries.next("line 2", &text(0).0).unwrap();
    let error = entries.next("line 3", &text(7).0).unwrap_err();
    assert!(matches!(error, JournalError::InputChanged { .. }));
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
fn two_runs_cannot_have_the_same_journal() {
    let folder = JournalFolder::new();
    let first = Journal::lock(&folder.output()).unwrap();
    let second = Journal::lock(&folder.output());
    assert!(matches!(second, Err(JournalError::Busy { .. })), "{second:?}");
    drop(first);
    Journal::lock(&folder.output()).unwrap();
}

#[test]
fn it_is_removed_when_the_output_is_complete_or_nothing_was_scored() {
    let folder = JournalFolder::with(2);
    assert!(folder.path().exists());
    let mut journal = Journal::lock(&folder.output()).unwrap();
    journal.open(&fingerprint("f32")).unwrap();
    journal.finish();
    assert!(!folder.path().exists());
    folder.resume(0..0, 0..0).unwrap();
    assert!(!folder.path().exists());
}

#[test]
fn a_file_that_is_not_a_journal_is_left_alone() {
    let folder = JournalFolder::new();
    let long = "x".repeat(200_000);
    let newer = "finsent journal 2\n[]\n";
    for contents in ["hello\nworld\n", "f", "finsent journal", "\0", "\n\n", newer, &long] {
        folder.put(contents.as_bytes());
        folder.assert_refuses(&["is not the journal of an interrupted run"]);
    }
    for (header, length) in [("", 20_000), ("", 200_000), ("[[\"model\"]]\n", 20), ("x", 0)] {
        folder.put(format!("finsent journal 1\n{header}{}", &long[..length]).as_bytes());
        folder.assert_refuses(&["its header is damaged", "to start again"]);
    }
    fs::remove_file(folder.path()).unwrap();
    fs::create_dir(folder.path()).unwrap();
    assert!(Journal::lock(&folder.output()).is_err());
    assert!(folder.path().is_dir());
}
