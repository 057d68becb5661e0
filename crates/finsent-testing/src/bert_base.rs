//! A model with the shape of BERT-base and random weights.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::models::mini;

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

/// Writes a checkpoint with the shape of BERT-base into `dir`. Its weights are f32 between -0.02 and 0.02, and always the
/// same ones.
pub fn write_random_bert(dir: &Path) {
    fs::copy(mini().join("vocab.txt"), dir.join("vocab.txt")).unwrap();
    fs::write(dir.join("config.json"), "{}").unwrap();
    write_weights(&dir.join("model.safetensors"));
}

fn write_weights(path: &Path) {
    let (header, bytes) = header();
    assert_eq!(bytes, 4 * 109_484_547, "the parameters of BERT-base");
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for weight in random_weights().take(bytes / 4) {
        file.write_all(&weight.to_le_bytes()).unwrap();
    }
    file.flush().unwrap();
}

/// The JSON header of the safetensors file, and how many bytes of weights follow it.
fn header() -> (String, usize) {
    let mut header = Map::new();
    let mut end = 0;
    for (name, shape) in tensors() {
        let start = end;
        end += 4 * shape.iter().product::<usize>();
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
    }
    (Value::Object(header).to_string(), end)
}

/// A linear congruential generator, scaled.
fn random_weights() -> impl Iterator<Item = f32> {
    let mut state = 1u32;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32 * 0.04
    })
}
