//! Checkpoints with all spellings of names load; damaged and unsupported ones are errors.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use finsent_model::Prediction;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::reference;

/// A tensor that a test can change.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

pub(crate) type Tensors = HashMap<String, Stored>;

pub(crate) fn read(path: &Path) -> Tensors {
    let bytes = fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap().tensors();
    let stored =
        |view: TensorView<'_>| Stored { dtype: view.dtype(), shape: view.shape().to_vec(), data: view.data().to_vec() };
    tensors.into_iter().map(|(name, view)| (name, stored(view))).collect()
}

pub(crate) fn write(path: &Path, tensors: &Tensors) {
    let views = tensors
        .iter()
        .map(|(name, Stored { dtype, shape, data })| (name, TensorView::new(*dtype, shape.clone(), data).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// The small model with its f32 weights changed by `change`.
fn changed(change: impl FnOnce(&mut Tensors)) -> tempfile::TempDir {
    let dir = reference::variant("f32");
    let path = dir.path().join("model.safetensors");
    let mut tensors = read(&path);
    change(&mut tensors);
    write(&path, &tensors);
    dir
}

fn renamed(rename: impl Fn(&str) -> String) -> tempfile::TempDir {
    changed(|tensors| *tensors = tensors.drain().map(|(name, stored)| (rename(&name), stored)).collect())
}

fn predictions(dir: &Path) -> Vec<Prediction> {
    reference::classify(&reference::load(dir), &reference::texts(&["profit rose", "a loss, again", "x"]))
}

pub(crate) fn assert_refused(dir: &Path, parts: &[&str]) {
    let message = reference::load_error(dir);
    assert!(parts.iter().all(|part| message.contains(part)), "expected {parts:?} in: {message}");
}

#[test]
fn all_spellings_of_the_names_give_the_same_model() {
    let plain = predictions(reference::variant("f32").path());
    let legacy =
        |name: &str| name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    for dir in [
        renamed(|name| name.trim_start_matches("bert.").into()),
        renamed(|name| format!("module.{name}")),
        renamed(legacy),
        renamed(|name| format!("module.{}", legacy(name.trim_start_matches("bert.")))),
        changed(|tensors| {
            let data = (0..48i64).flat_map(i64::to_le_bytes).collect();
            let position_ids = Stored { dtype: Dtype::I64, shape: vec![1, 48], data };
            tensors.insert("bert.embeddings.position_ids".into(), position_ids);
        }),
    ] {
        assert_eq!(predictions(dir.path()), plain);
    }
}

#[test]
fn a_missing_tensor_is_named_with_its_shape() {
    let dir = changed(|tensors| drop(tensors.remove("bert.encoder.layer.1.output.dense.weight").unwrap()));
    assert_refused(dir.path(), &["model.safetensors", "`encoder.layer.1.output.dense.weight`", "[32, 48]"]);
    let dir = changed(|tensors| drop(tensors.remove("classifier.weight").unwrap()));
    assert_refused(dir.path(), &["`classifier.weight`", "[3, 32]"]);
}

#[test]
fn a_tensor_of_the_wrong_shape_is_named_with_both_shapes() {
    let dir = changed(|tensors| {
        let stored = tensors.get_mut("bert.pooler.dense.weight").unwrap();
        stored.shape = vec![16, 64];
    });
    assert_refused(dir.path(), &["model.safetensors", "`bert.pooler.dense.weight`", "[32, 32]", "[16, 64]"]);
}

#[test]
fn an_unsupported_type_is_named() {
    let dir = changed(|tensors| {
        let stored = tensors.get_mut("bert.pooler.dense.bias").unwrap();
        (stored.dtype, stored.data) = (Dtype::F64, [stored.data.clone(), stored.data.clone()].concat());
    });
    assert_refused(dir.path(), &["`bert.pooler.dense.bias`", "F64", "F32 or F16 or BF16"]);
}

#[test]
fn int8_without_scales_is_an_error() {
    let dir = reference::variant("int8");
    let path = dir.path().join("model.safetensors");
    let mut tensors = read(&path);
    tensors.remove("bert.encoder.layer.0.output.dense.weight_scale").unwrap();
    write(&path, &tensors);
    assert_refused(dir.path(), &["`encoder.layer.0.output.dense.weight_scale`", "[32, 1]"]);
}

#[test]
fn a_tensor_with_two_names_is_an_error() {
    let dir = changed(|tensors| {
        let stored = tensors["classifier.bias"].clone();
        tensors.insert("module.classifier.bias".into(), stored);
    });
    assert_refused(dir.path(), &["classifier.bias", "module.classifier.bias", "same tensor"]);
}

#[test]
fn a_truncated_file_is_an_error_at_any_length() {
    let dir = reference::variant("f32");
    let path = dir.path().join("model.safetensors");
    let whole = fs::read(&path).unwrap();
    for length in [0, 1, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert_refused(dir.path(), &["model.safetensors"]);
    }
    fs::write(&path, [whole, vec![0]].concat()).unwrap();
    assert_refused(dir.path(), &["model.safetensors", "half copied"]);
}

#[test]
fn weights_that_are_nan_give_errors_instead_of_predictions() {
    let dir = changed(|tensors| tensors.get_mut("classifier.bias").unwrap().data = f32::NAN.to_le_bytes().repeat(3));
    let text = finsent_model::Text::parse("profit").unwrap();
    let outcome = reference::load(dir.path()).classify(&[&text]).remove(0);
    assert!(outcome.unwrap_err().to_string().contains("not a finite number"));
}

#[test]
fn only_the_text_that_uses_a_damaged_weight_fails() {
    // Only the last word of the vocabulary uses the last row of the word embeddings.
    let dir = changed(|tensors| {
        let words = tensors.get_mut("bert.embeddings.word_embeddings.weight").unwrap();
        let length = words.data.len();
        words.data[length - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let vocab = fs::read_to_string(dir.path().join("vocab.txt")).unwrap();
    let texts = reference::texts(&["profit rose", vocab.lines().last().unwrap(), "a loss"]);
    let outcomes = reference::load(dir.path()).classify(&texts.iter().collect::<Vec<_>>());
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn a_missing_shard_is_named() {
    let dir = reference::variant("sharded");
    fs::remove_file(dir.path().join("model-00002-of-00002.safetensors")).unwrap();
    assert_refused(dir.path(), &["model-00002-of-00002.safetensors"]);
}

#[test]
fn a_tensor_of_the_index_that_is_not_in_its_shard_is_an_error() {
    let dir = reference::variant("sharded");
    let path = dir.path().join("model.safetensors.index.json");
    let mut index: serde_json::Value = reference::read_json(&path);
    index["weight_map"]["bert.phantom"] = "model-00001-of-00002.safetensors".into();
    fs::write(&path, index.to_string()).unwrap();
    assert_refused(dir.path(), &["index.json", "`bert.phantom`", "model-00001-of-00002.safetensors"]);
}

#[test]
fn a_configuration_that_does_not_fit_the_model_is_an_error() {
    for (key, value, parts) in [
        ("model_type", "deberta".into(), vec!["config.json", "`deberta`", "supported: bert, distilbert, roberta"]),
        ("hidden_act", "gelu_new".into(), vec!["config.json", "hidden_act", "gelu_new"]),
        ("num_attention_heads", 5.into(), vec!["config.json", "32", "5"]),
        ("num_hidden_layers", 3.into(), vec!["encoder.layer.2"]),
        ("hidden_size", 36.into(), vec!["[3, 36]", "[3, 32]"]),
        ("vocab_size", 100.into(), vec!["110 tokens", "100"]),
        ("id2label", serde_json::json!({}), vec!["config.json", "no labels"]),
        ("id2label", serde_json::json!({"0": "a", "1": "b"}), vec!["config.json", "2 labels", "has 3"]),
        ("id2label", serde_json::json!({"0": "a", "1": "b", "3": "c"}), vec!["config.json", "`3`"]),
        ("problem_type", "ranking".into(), vec!["problem_type", "ranking"]),
        (
            "id2label",
            serde_json::json!({"0": "a", "1": null, "2": "c"}),
            vec!["config.json", "`id2label`", "`1`", "`null`"],
        ),
    ] {
        let dir = reference::variant("f32");
        reference::edit_config(dir.path(), key, value);
        assert_refused(dir.path(), &parts);
    }
    let dir = reference::variant("f32");
    fs::write(dir.path().join("config.json"), "{").unwrap();
    assert_refused(dir.path(), &["config.json", "not valid"]);
    fs::remove_file(dir.path().join("config.json")).unwrap();
    assert_refused(dir.path(), &["has no config.json"]);
}

#[test]
fn a_configuration_with_only_sizes_has_the_defaults_of_transformers() {
    let plain = reference::variant("f32");
    let bare = reference::variant("f32");
    let sizes = r#"{"hidden_size":32,"intermediate_size":48,"max_position_embeddings":48,"num_attention_heads":4,
        "num_hidden_layers":2,"vocab_size":110}"#;
    fs::write(bare.path().join("config.json"), sizes).unwrap();
    let (plain, bare) = (predictions(plain.path()), predictions(bare.path()));
    assert_eq!(bare[0].scores().map(|(label, _)| label).collect::<Vec<_>>(), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    for (plain, bare) in plain.iter().zip(&bare) {
        assert_eq!(reference::probabilities(plain), reference::probabilities(bare));
        assert_eq!(bare.sentiment_score(), None);
    }
}
