//! The journal of an interrupted run: its header, and the entries of a run that expects other texts than it holds.
//!
//! An odd first byte puts the right header before the rest, so that the rest is entries.
#![no_main]

use finsent_fuzz::{scratch_file, scratch_path};
use finsent_jobs::{Fingerprint, Journal};
use finsent_model::Encoding;
use libfuzzer_sys::fuzz_target;

/// Entries that are read: more than the longest input has.
const MAX_ENTRIES: u32 = 1 << 12;

fn fingerprint() -> Fingerprint {
    Fingerprint { facts: vec![("model".into(), "m".into())], num_labels: 3 }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    let header = fingerprint().header();
    let file = if kind % 2 == 1 { [&header, rest].concat() } else { rest.to_vec() };
    scratch_file("out.csv.journal", &file);
    let Ok(mut journal) = Journal::lock(&scratch_path("out.csv")) else { return };
    let Ok(mut entries) = journal.open(&fingerprint()) else { return };
    for number in 0..MAX_ENTRIES {
        let encoding = Encoding { input_ids: vec![101, number, 102], token_type_ids: vec![0; 3], truncated: false };
        match entries.next("line 1", &encoding) {
            Ok(Some(logits)) => assert!(logits.is_none_or(|logits| logits.len() == 3), "a logit for each label"),
            Ok(None) => return assert!(entries.check_end().is_ok(), "the end stays the end"),
            Err(_) => return,
        }
    }
    panic!("more entries than bytes");
});
