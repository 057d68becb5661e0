//! The weights are in memory once: what a process has that loaded a checkpoint of BERT-base's size.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

use finsent_testing::models::{model_of, write_random_bert};

use crate::finsent::finsent;

/// A size in /proc's status of a process, in bytes.
fn status(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Classifies one text with the model in `dir`; gives the memory that the process has then, and the most it had.
fn memory(dir: &Path, precision: &str) -> [u64; 2] {
    memory_of(dir, precision, "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn", "LABEL_0")
}

/// The same for a text whose prediction has `part` in it.
fn memory_of(dir: &Path, precision: &str, text: &str, part: &str) -> [u64; 2] {
    let args = ["classify", "--precision", precision, "--model", dir.to_str().unwrap()];
    let mut child = finsent(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{text}").unwrap();
    let mut prediction = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut prediction).unwrap();
    assert!(prediction.contains(part), "{prediction}");
    let memory = ["VmRSS:", "VmHWM:"].map(|field| status(child.id(), field));
    drop(stdin);
    assert!(child.wait().unwrap().success());
    memory
}

#[test]
#[ignore = "writes a checkpoint of 438 MB and needs as much memory"]
fn the_weights_are_in_memory_once_in_every_precision() {
    let dir = tempfile::tempdir().unwrap();
    write_random_bert(dir.path());

    for (precision, most) in [("f32", 600), ("bf16", 330), ("int8", 230)] {
        let [resident, peak] = memory(dir.path(), precision).map(|bytes| bytes / 1_000_000);
        writeln!(std::io::stderr(), "{precision}: {resident} MB resident, {peak} MB at most").unwrap();
        assert!(resident < most, "{precision}: {resident} MB");
        assert!(peak < 600, "{precision}: {peak} MB at most");
    }
}

/// The scores of all pairs of 8,192 tokens would be 268 MB for one head.
#[test]
fn a_text_of_thousands_of_tokens_takes_memory_in_proportion_to_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let model = model_of(dir.path(), "modernbert");
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let long = config.replace("\"max_position_embeddings\": 48", "\"max_position_embeddings\": 8192");
    assert_ne!(long, config);
    fs::write(model.join("config.json"), long).unwrap();
    let peak = |words: usize, part: &str| memory_of(&model, "f32", &"profit ".repeat(words), part)[1] / 1_000_000;
    let (short, whole) = (peak(1, "\"truncated\":false"), peak(9_000, "\"tokens\":8192,\"truncated\":true"));
    assert!(whole < short + 60, "{short} MB for a word, {whole} MB for 8,192 tokens");
}
