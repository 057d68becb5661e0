//! ModernBERT in many forms of its config.json gives the logits of transformers.
//!
//! The weights are not stored: they are numbers that `tests/golden/modern_bert.py` and [`uniform`] both compute.

use std::collections::BTreeMap;
use std::path::Path;

use finsent_kernels::Precision;
use finsent_model::{
    Checkpoint, Config, Encoder, Encoding, Limits, ModelFile, ModelFiles, PackedBatch, Text, Tokenizer, WeightFiles,
};
use safetensors::tensor::Dtype;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::checkpoints::{self, Stored, Tensors};
use crate::reference;

/// The largest accepted difference of a probability from transformers in float64.
const PROBABILITY_BOUND: f64 = 1e-5;
/// The largest accepted difference of a logit, relative to the largest logit of the text or to 1.
const LOGIT_BOUND: f64 = 1e-5;

#[derive(Deserialize)]
struct Forms {
    /// The config.json that each form changes.
    form: Map<String, Value>,
    forms: Vec<Form>,
}

#[derive(Deserialize)]
struct Form {
    change: Map<String, Value>,
    /// The numbers of tokens of the texts.
    lengths: Vec<usize>,
    /// The shape of each tensor.
    shapes: BTreeMap<String, Vec<usize>>,
    /// The logits of each text.
    logits: Vec<Vec<f64>>,
}

fn forms() -> Forms {
    reference::read_json(&reference::file("modern_bert_forms.json"))
}

/// Numbers in -1..1, from the name of a tensor.
fn uniform(name: &str, len: usize) -> Vec<f32> {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut state = hash | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn tensor(name: &str, shape: &[usize]) -> Stored {
    let scaled = |x: f32| match name {
        _ if name.ends_with("norm.weight") => 1.0 + 0.25 * x,
        _ if name.ends_with("bias") => 0.25 * x,
        _ => 0.375 * x,
    };
    let values = uniform(name, shape.iter().product()).into_iter().map(scaled);
    Stored { dtype: Dtype::F32, shape: shape.into(), data: values.flat_map(f32::to_le_bytes).collect() }
}

impl Form {
    fn config(&self, form: &Map<String, Value>) -> Map<String, Value> {
        form.iter().chain(&self.change).map(|(field, value)| (field.clone(), value.clone())).collect()
    }

    fn tensors(&self) -> Tensors {
        self.shapes.iter().map(|(name, shape)| (name.clone(), tensor(name, shape))).collect()
    }

    fn encodings(&self, vocab_size: u64) -> Vec<Encoding> {
        let ids =
            |length: usize| (0..length as u64).map(move |at| (17 * at * at + 31 * at + length as u64) % vocab_size);
        let encoding = |&length: &usize| Encoding {
            input_ids: ids(length).map(|id| id as u32).collect(),
            token_type_ids: vec![0; length],
            truncated: false,
        };
        self.lengths.iter().map(encoding).collect()
    }
}

/// An encoder of a form, and its texts.
fn encoder(config: &Map<String, Value>, form: &Form, precision: Precision) -> (Encoder, Vec<Encoding>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    checkpoints::write(&path, &form.tensors());
    let checkpoint = Checkpoint::open(&WeightFiles::Single(ModelFile::Disk(path))).unwrap();
    let config = Config::parse(Value::Object(config.clone()).to_string().as_bytes()).unwrap();
    let encodings = form.encodings(config.vocab_size as u64);
    (Encoder::load(&config, &checkpoint, precision, reference::thread_pool()).unwrap(), encodings)
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    logits.iter().map(|logit| (logit - largest).exp() / sum).collect()
}

#[test]
fn every_form_gives_the_logits_of_transformers() {
    let Forms { form: base, forms } = forms();
    assert!(forms.len() > 45);
    for form in &forms {
        let (encoder, encodings) = encoder(&form.config(&base), form, Precision::F32);
        let logits = encoder.forward(&PackedBatch::pack(&encodings)).unwrap();
        for ((row, expected), length) in logits.rows().zip(&form.logits).zip(&form.lengths) {
            let distance = reference::distance(row, expected);
            let scale = expected.iter().fold(1.0, |scale: f64, logit| scale.max(logit.abs()));
            assert!(distance <= LOGIT_BOUND * scale, "{:?}, {length} tokens: {row:?}, not {expected:?}", form.change);
            let found: Vec<f64> = softmax(&row.iter().copied().map(f64::from).collect::<Vec<_>>());
            for (found, expected) in found.iter().zip(softmax(expected)) {
                assert!((found - expected).abs() <= PROBABILITY_BOUND, "{:?}, {length} tokens", form.change);
            }
        }
    }
}

#[test]
fn a_text_has_the_same_bits_alone_and_in_a_batch_in_every_form() {
    let Forms { form: base, forms } = forms();
    for form in forms.iter().filter(|form| form.lengths.len() > 1) {
        for precision in Precision::ALL {
            let (encoder, encodings) = encoder(&form.config(&base), form, precision);
            let backward: Vec<&Encoding> = encodings.iter().rev().collect();
            let together = encoder.forward(&PackedBatch::pack(backward.iter().copied())).unwrap();
            for (text, packed) in backward.iter().zip(together.rows()) {
                let alone = encoder.forward(&PackedBatch::pack([*text])).unwrap();
                let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let alone = alone.rows().next().unwrap();
                assert_eq!(bits(packed), bits(alone), "{:?}, {precision}, {} tokens", form.change, text.len());
            }
        }
    }
}

fn with_window(dir: &Path, max_length: usize) -> Tokenizer {
    Tokenizer::load(&ModelFiles::in_dir(dir, &[]).unwrap().tokenizer, Limits { vocab_size: 420, max_length }).unwrap()
}

fn ids(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    tokenizer.encode(&Text::parse(text).unwrap()).unwrap().input_ids
}

#[test]
fn difficult_strings_have_the_ids_of_transformers() {
    #[derive(Deserialize)]
    struct Case {
        text: String,
        ids: Vec<u32>,
    }

    let cases: Vec<Case> = reference::read_json(&reference::file("nasty_modern_bert.json"));
    let tokenizer = with_window(&reference::file("modernbert"), 8_192);
    for case in cases.iter().filter(|case| !case.text.trim().is_empty()) {
        assert_eq!(ids(&tokenizer, &case.text), case.ids, "{:?}", case.text);
    }
}

/// The tokens of runs of spaces and the composed letters end after the cut, or before it.
#[test]
fn a_text_much_longer_than_the_window_has_the_ids_of_its_beginning() {
    let dir = reference::file("modernbert");
    let whole = with_window(&dir, 8_192);
    let spaces = " ".repeat(40);
    let units = [
        "Operating profit rose, the company said.\n",
        "a   b            c",
        "e\u{301}",
        "\u{1100}\u{1161}\u{11a8}",
        "[MASK]  [unused0]",
        &format!("loss{spaces}[MASK]"),
        &spaces,
        "日本",
        "x",
    ];
    for window in [16, 48] {
        let tokenizer = with_window(&dir, window);
        for unit in units {
            for shift in 1..=unit.len().min(20) {
                let text = "b".repeat(shift) + &unit.repeat(6_000 / unit.len());
                let expected = ids(&whole, &text);
                let windowed = [&expected[..expected.len().min(window) - 1], &[2]].concat();
                assert_eq!(ids(&tokenizer, &text), windowed, "{window} {shift} {unit:?}");
            }
        }
    }
}

#[test]
fn a_missing_or_misshapen_tensor_of_a_bias_is_an_error_and_one_too_many_is_none() {
    let dir = reference::model_of("modernbert");
    for (flag, tensor) in [
        ("attention_bias", "layers.0.attn.Wqkv.bias"),
        ("mlp_bias", "layers.0.mlp.Wi.bias"),
        ("norm_bias", "embeddings.norm.bias"),
        ("classifier_bias", "head.dense.bias"),
    ] {
        reference::edit_config(dir.path(), flag, true.into());
        checkpoints::assert_refused(dir.path(), &["lacks the tensor", &format!("`{tensor}`")]);
        reference::edit_config(dir.path(), flag, false.into());
    }
    for (field, value, tensor) in [
        ("hidden_size", 64, "classifier.weight"),
        ("intermediate_size", 21, "mlp.Wi.weight"),
        ("intermediate_size", u64::MAX, "mlp.Wi.weight"),
        ("num_hidden_layers", 4, "layers.3.attn.Wqkv.weight"),
        ("vocab_size", 421, "tok_embeddings.weight"),
    ] {
        let dir = reference::model_of("modernbert");
        reference::edit_config(dir.path(), field, value.into());
        checkpoints::assert_refused(dir.path(), &[tensor]);
    }
}
