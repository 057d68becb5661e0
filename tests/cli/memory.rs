//! The weights are in memory once: what a process has that loaded a checkpoint of BERT-base's size.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Map, Value, json};

use crate::finsent::finsent;

const HIDDEN: usize = 768;
const INTERMEDIATE: usize = 3_072;

/// Names and shapes of `BertForSequenceClassification` with three labels.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors: Vec<(String, Vec<usize>)> = Vec::new();
    let mut add = |name: String, shape: &[usize]| tensors.push((name, shape.to_vec()));
    for (table, rows) in [("word", 30_522), ("position", 512), ("token_type", 2)] {
        add(format!("bert.embeddings.{table}_embeddings.weight"), &[rows, HIDDEN]);
    }
    let mut norms = vec!["bert.embeddings".to_owned()];
    let mut dense = Vec::new();
    for layer in (0..12).map(|layer| format!("bert.encoder.layer.{layer}")) {
        for name in ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"] {
            dense.push((format!("{layer}.{name}"), HIDDEN, HIDDEN));
        }
        dense.push((format!("{layer}.intermediate.dense"), INTERMEDIATE, HIDDEN));
        dense.push((format!("{layer}.output.dense"), HIDDEN, INTERMEDIATE));
        norms.extend([format!("{layer}.attention.output"), format!("{layer}.output")]);
    }
    dense.extend([("bert.pooler.dense".to_owned(), HIDDEN, HIDDEN), ("classifier".to_owned(), 3, HIDDEN)]);
    for (name, outputs, inputs) in dense {
        add(format!("{name}.weight"), &[outputs, inputs]);
        add(format!("{name}.bias"), &[outputs]);
    }
    for name in norms {
        add(format!("{name}.LayerNorm.weight"), &[HIDDEN]);
        add(format!("{name}.LayerNorm.bias"), &[HIDDEN]);
    }
    tensors
}

/// Writes f32 weights between -0.02 and 0.02 and gives the bytes that they have.
fn write_checkpoint(path: &Path) -> u64 {
    let mut header = Map::new();
    let mut end = 0;
    for (name, shape) in tensors() {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
    }
    let header = Value::Object(header).to_string();
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    let mut state = 1u32;
    for _ in 0..end / 4 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let weight = (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32 * 0.04;
        file.write_all(&weight.to_le_bytes()).unwrap();
    }
    file.flush().unwrap();
    end as u64
}

/// A size in /proc's status of a process, in bytes.
fn status(pid: u32, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Classifies one text with the model in `dir`; gives the memory that the process has then, and the most it had.
fn memory(dir: &Path, precision: &str) -> [u64; 2] {
    let args = ["classify", "--precision", precision, "--model", dir.to_str().unwrap()];
    let mut child = finsent(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn").unwrap();
    let mut verdict = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut verdict).unwrap();
    assert!(verdict.contains("LABEL_0"), "{verdict}");
    let memory = ["VmRSS:", "VmHWM:"].map(|field| status(child.id(), field));
    drop(stdin);
    assert!(child.wait().unwrap().success());
    memory
}

#[test]
#[ignore = "writes a checkpoint of 438 MB and needs as much memory"]
fn the_weights_are_in_memory_once_in_every_precision() {
    let dir = tempfile::tempdir().unwrap();
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    fs::copy(mini.join("vocab.txt"), dir.path().join("vocab.txt")).unwrap();
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    let weights = write_checkpoint(&dir.path().join("model.safetensors"));
    assert_eq!(weights, 4 * 109_484_547);

    for (precision, most) in [("f32", 600), ("bf16", 330), ("int8", 220)] {
        let [resident, peak] = memory(dir.path(), precision).map(|bytes| bytes / 1_000_000);
        writeln!(std::io::stderr(), "{precision}: {resident} MB resident, {peak} MB at most").unwrap();
        assert!(resident < most, "{precision}: {resident} MB");
        assert!(peak < 600, "{precision}: {peak} MB at most");
    }
}
