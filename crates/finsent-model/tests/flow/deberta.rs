//! DeBERTa-v2 and v3 in many forms: the logits of transformers, in any batch and precision.

#[cfg(feature = "verify")]
mod candle_transformers;

use std::collections::BTreeMap;
use std::path::Path;

use finsent_kernels::Precision;
use finsent_model::{Checkpoint, Config, Encoder, Encoding, ModelFile, PackedBatch, WeightFiles};
use safetensors::tensor::Dtype;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::checkpoints::{self, Stored, Tensors};
use crate::reference;

/// The largest accepted differences from transformers in float64.
const PROBABILITY_BOUND: f64 = 1e-5;
const LOGIT_BOUND: f64 = 3e-5;

#[derive(Deserialize)]
struct Golden {
    forms: Vec<Form>,
}

/// A configuration and its logits. The weights follow from the names and shapes of the tensors.
#[derive(Deserialize)]
struct Form {
    form: String,
    config: serde_json::Map<String, Value>,
    /// Of one layer only.
    shapes: BTreeMap<String, Vec<usize>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    tokens: usize,
    logits: Vec<f64>,
    probabilities: Vec<f64>,
}

fn forms() -> Vec<Form> {
    reference::read_json::<Golden>(&reference::file("deberta-v2_forms.json")).forms
}

fn form(name: &str) -> Form {
    forms().into_iter().find(|form| form.form == name).unwrap()
}

/// Numbers in -1..1 that follow from a name: `numbers` in deberta.py.
fn numbers(name: &str, count: usize) -> Vec<f64> {
    let fnv = |value: u64, byte: u8| (value ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let number = |index: u64| {
        let mut z = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (1..=count as u64).map(number).collect()
}

fn stored(name: &str, shape: &[usize]) -> Stored {
    let value = |number: f64| match name {
        _ if name.ends_with("LayerNorm.weight") => 1.0 + number / 4.0,
        _ if name.ends_with("bias") => number / 4.0,
        _ if name.contains("classifier") => number,
        _ => number / 2.0,
    };
    let values = numbers(name, shape.iter().product()).into_iter().map(|number| value(number) as f32);
    Stored { dtype: Dtype::F32, shape: shape.to_vec(), data: values.flat_map(f32::to_le_bytes).collect() }
}

impl Form {
    fn tensors(&self) -> Tensors {
        let layers = self.config["num_hidden_layers"].as_u64().unwrap();
        let mut tensors = Tensors::new();
        for (name, shape) in &self.shapes {
            let of_layers = (0..layers).map(|layer| name.replace(".layer.0.", &format!(".layer.{layer}.")));
            tensors.extend(of_layers.map(|name| (name.clone(), stored(&name, shape))));
        }
        tensors
    }

    /// The files of the model, without a tokenizer.
    fn write(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), Value::Object(self.config.clone()).to_string()).unwrap();
        checkpoints::write(&dir.path().join("model.safetensors"), &self.tensors());
        dir
    }

    fn encoding(&self, case: &Case) -> Encoding {
        let vocab_size = self.config["vocab_size"].as_f64().unwrap();
        let id = |number| ((number + 1.0) / 2.0 * vocab_size) as u32;
        let input_ids: Vec<u32> = numbers(&format!("ids {}", case.tokens), case.tokens).into_iter().map(id).collect();
        Encoding { token_type_ids: vec![0; input_ids.len()], input_ids, truncated: false }
    }

    fn encodings(&self) -> Vec<Encoding> {
        self.cases.iter().map(|case| self.encoding(case)).collect()
    }
}

fn try_load(dir: &Path, precision: Precision) -> Result<Encoder, String> {
    let config = std::fs::read(dir.join("config.json")).unwrap();
    let config = Config::parse(&config).map_err(|error| error.to_string())?;
    let weights = WeightFiles::Single(ModelFile::Disk(dir.join("model.safetensors")));
    let checkpoint = Checkpoint::open(&weights).map_err(|error| error.to_string())?;
    Encoder::load(&config, &checkpoint, precision, reference::thread_pool()).map_err(|error| error.to_string())
}

fn load(dir: &Path, precision: Precision) -> Encoder {
    try_load(dir, precision).unwrap()
}

/// The logits of the texts in one batch.
fn logits(encoder: &Encoder, encodings: &[Encoding]) -> Vec<Vec<f32>> {
    encoder.forward(&PackedBatch::pack(encodings)).unwrap().rows().map(<[f32]>::to_vec).collect()
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    finsent_model::Activation::Softmax.probabilities(logits)
}

#[test]
fn every_form_gives_the_logits_of_transformers() {
    let forms = forms();
    assert!(forms.len() > 30);
    for form in forms {
        let dir = form.write();
        let found = logits(&load(dir.path(), Precision::F32), &form.encodings());
        for (case, found) in form.cases.iter().zip(found) {
            let distance = reference::distance(&found, &case.logits);
            assert!(distance <= LOGIT_BOUND, "{}, {} tokens: {distance:e} off", form.form, case.tokens);
            let distance = reference::distance(&softmax(&found), &case.probabilities);
            assert!(distance <= PROBABILITY_BOUND, "{}, {} tokens: {distance:e} off", form.form, case.tokens);
        }
    }
}

#[test]
fn every_form_has_the_same_bits_alone_and_in_a_batch() {
    for form in forms() {
        let (dir, mut encodings) = (form.write(), form.encodings());
        encodings.reverse();
        for precision in Precision::ALL {
            let encoder = load(dir.path(), precision);
            let together = logits(&encoder, &encodings);
            for (encoding, packed) in encodings.iter().zip(&together) {
                let alone = &logits(&encoder, std::slice::from_ref(encoding))[0];
                assert_eq!(alone, packed, "{} {precision}, {} tokens", form.form, encoding.len());
            }
        }
    }
}

#[test]
fn every_precision_is_close_to_f32() {
    for name in ["v3", "v2: own projections of positions", "embeddings of another size, token types", "no buckets"] {
        let form = form(name);
        let (dir, encodings) = (form.write(), form.encodings());
        let exact = logits(&load(dir.path(), Precision::F32), &encodings);
        for precision in [Precision::Bf16, Precision::Int8] {
            let found = logits(&load(dir.path(), precision), &encodings);
            let differences = exact.iter().zip(&found).flat_map(|(exact, found)| {
                softmax(exact).into_iter().zip(softmax(found)).map(|(exact, found)| (exact - found).abs())
            });
            let difference = differences.fold(0.0, f32::max);
            assert!(difference > 0.0 && difference < 0.15, "{name} {precision}: {difference:e}");
        }
    }
}

/// Names as older programs wrote them, and tensors of what was trained beside the encoder.
#[test]
fn all_spellings_of_the_names_give_the_same_model() {
    let form = form("v2: own projections of positions");
    let (dir, encodings) = (form.write(), form.encodings());
    let path = dir.path().join("model.safetensors");
    let plain = logits(&load(dir.path(), Precision::F32), &encodings);
    let legacy =
        |name: &str| name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    let spellings: [&dyn Fn(&str) -> String; 3] =
        [&|name| name.trim_start_matches("deberta.").into(), &|name| format!("module.{name}"), &|name| legacy(name)];
    for rename in spellings {
        let mut tensors: Tensors = form.tensors().into_iter().map(|(name, stored)| (rename(&name), stored)).collect();
        let other = Stored { dtype: Dtype::F32, shape: vec![1, 1], data: vec![0; 4] };
        tensors.insert("lm_predictions.lm_head.dense.weight".into(), other);
        checkpoints::write(&path, &tensors);
        assert_eq!(logits(&load(dir.path(), Precision::F32), &encodings), plain);
    }
}

#[test]
fn a_missing_or_misshapen_tensor_is_an_error_with_its_name() {
    let own = "v2: own projections of positions";
    for (name, tensor, parts) in [
        ("v3", "deberta.encoder.rel_embeddings.weight", ["`encoder.rel_embeddings.weight`", "[32, 24]"]),
        ("v3", "deberta.encoder.LayerNorm.bias", ["`encoder.LayerNorm.bias`", "[24]"]),
        ("v3", "pooler.dense.weight", ["`pooler.dense.weight`", "[24, 24]"]),
        (own, "deberta.embeddings.position_embeddings.weight", ["`embeddings.position_embeddings.weight`", "[64, 24]"]),
        (
            own,
            "deberta.encoder.layer.1.attention.self.pos_key_proj.weight",
            ["`encoder.layer.1.attention.self.pos_key_proj.weight`", "[24, 24]"],
        ),
        (
            own,
            "deberta.encoder.layer.0.attention.self.pos_query_proj.bias",
            ["`encoder.layer.0.attention.self.pos_query_proj.bias`", "[24]"],
        ),
        (
            "embeddings of another size",
            "deberta.embeddings.embed_proj.weight",
            ["`embeddings.embed_proj.weight`", "[24, 16]"],
        ),
    ] {
        let form = form(name);
        let dir = form.write();
        let path = dir.path().join("model.safetensors");
        let mut tensors = form.tensors();
        let whole = tensors.remove(tensor).unwrap();
        checkpoints::write(&path, &tensors);
        let message = try_load(dir.path(), Precision::F32).unwrap_err();
        assert!(message.contains("lacks the tensor") && parts.iter().all(|part| message.contains(part)), "{message}");
        let data = whole.data.repeat(2);
        let shape = [&[2 * whole.shape[0]], &whole.shape[1..]].concat();
        tensors.insert(tensor.into(), Stored { data, shape, ..whole });
        checkpoints::write(&path, &tensors);
        let message = try_load(dir.path(), Precision::F32).unwrap_err();
        assert!(message.contains(tensor) && message.contains(parts[1]), "{message}");
    }
}

/// A table that the configuration describes and the file does not have costs no memory.
#[test]
fn positions_that_the_table_does_not_have_are_an_error() {
    let form = form("v3");
    let dir = form.write();
    for (field, value) in
        [("position_buckets", 1_500_i64), ("position_buckets", 1 << 40), ("max_position_embeddings", 1 << 40)]
    {
        let mut config = form.config.clone();
        config.insert(field.into(), value.into());
        config.insert("max_relative_positions".into(), 4_000.into());
        std::fs::write(dir.path().join("config.json"), Value::Object(config).to_string()).unwrap();
        let message = try_load(dir.path(), Precision::F32).unwrap_err();
        assert!(message.contains(field) || message.contains("rel_embeddings"), "{field}: {message}");
    }
}

#[test]
fn damaged_weights_of_positions_show_in_the_logits() {
    let form = form("v3");
    let (dir, encodings) = (form.write(), form.encodings());
    let mut tensors = form.tensors();
    let data = &mut tensors.get_mut("deberta.encoder.rel_embeddings.weight").unwrap().data;
    *data = f32::NAN.to_le_bytes().repeat(data.len() / 4);
    checkpoints::write(&dir.path().join("model.safetensors"), &tensors);
    let found = logits(&load(dir.path(), Precision::F32), &encodings);
    assert!(found.iter().flatten().all(|logit| logit.is_nan()), "{found:?}");
}
