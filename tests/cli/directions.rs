//! How `mini` reads sentences in which the direction decides: models/mini/directions.jsonl.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::finsent::{run, write_file};

/// Sentences of this kind give a result and an estimate, and no word that tells which is better.
const FIGURES: &str = "figures beside estimates";

fn sentences() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini/directions.jsonl");
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many of the sentences `finsent eval` counts as right, in f32 and in int8.
fn right(sentences: &[&Value]) -> [u64; 2] {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = sentences.iter().map(|sentence| format!("{sentence}\n")).collect();
    let file = write_file(dir.path(), "directions.jsonl", lines);
    let run = run(&["eval", &file, "--precisions", "f32,int8", "--format", "json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["rows"]["evaluated"], sentences.len());
    [0, 1].map(|precision| {
        let accuracy = report["precisions"][precision]["accuracy"].as_f64().unwrap();
        (accuracy * sentences.len() as f64).round() as u64
    })
}

/// The first edition of mini had 81 and 6 of them right.
#[test]
fn mini_reads_directions_as_well_as_its_card_says() {
    let sentences = sentences();
    let (figures, words): (Vec<&Value>, Vec<&Value>) = sentences.iter().partition(|row| row["kind"] == FIGURES);
    assert_eq!((words.len(), figures.len()), (147, 20));
    for (kind, sentences, least) in [("words", words, 138), ("figures", figures, 9)] {
        let right = right(&sentences);
        assert!(right.iter().all(|&right| right >= least), "{kind}: {right:?} right in f32 and int8, not {least}");
    }
}
