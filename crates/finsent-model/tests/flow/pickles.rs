//! Files that torch.save wrote: each gives the same model as its safetensors file.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::parity::assert_predictions;
use crate::reference;

/// A copy of the small model whose pytorch_model.bin is this file of `tests/golden/pickles`.
fn model(weights: &str) -> TempDir {
    let dir = reference::small_model_without_weights();
    let pickles = reference::file("pickles");
    if weights == "f16.sharded" {
        for entry in fs::read_dir(pickles.join("sharded")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
        }
    } else {
        fs::copy(pickles.join(format!("{weights}.bin")), dir.path().join("pytorch_model.bin")).unwrap();
    }
    dir
}

fn assert_refused(dir: &Path, parts: &[&str]) {
    let message = reference::load_error(dir);
    assert!(parts.iter().all(|part| message.contains(part)), "expected {parts:?} in: {message}");
}

#[test]
fn every_container_and_layout_gives_the_predictions_of_transformers_and_of_safetensors() {
    let cases = reference::small_cases();
    for weights in [
        "f32",
        "f32.legacy",
        "f32.layouts",
        "f32.layouts.legacy",
        "f32.big_endian",
        "f16",
        "f16.protocol4",
        "f16.protocol5.legacy",
        "f16.flagged.legacy",
        "f16.wrapped",
        "f16.sharded",
        "bf16",
        "bf16.legacy",
    ] {
        let dtype = weights.split('.').next().unwrap();
        let (dir, safetensors) = (model(weights), reference::variant(dtype));
        assert_predictions(weights, dir.path(), &cases[dtype]);
        let texts = reference::texts(&["profit rose", "a loss, again", "x"]);
        let predictions = |dir: &TempDir| reference::classify(&reference::load(dir.path()), &texts);
        assert_eq!(predictions(&dir), predictions(&safetensors), "{weights}");
    }
}

#[test]
fn the_container_is_recognized_by_its_bytes() {
    let texts = reference::texts(&["profit rose"]);
    let predictions = |dir: &TempDir| reference::classify(&reference::load(dir.path()), &texts);
    let (torch, safetensors) = (model("f32"), reference::variant("f32"));
    let expected = predictions(&torch);
    let names = ["pytorch_model.bin", "model.safetensors"];
    fs::rename(torch.path().join(names[0]), torch.path().join(names[1])).unwrap();
    fs::rename(safetensors.path().join(names[1]), safetensors.path().join(names[0])).unwrap();
    assert_eq!(predictions(&torch), expected);
    assert_eq!(predictions(&safetensors), expected);
}

#[test]
fn a_truncated_file_is_refused_at_any_length() {
    for weights in ["f32", "f32.legacy"] {
        let dir = model(weights);
        let path = dir.path().join("pytorch_model.bin");
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 4, 100, 5_000, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert_refused(dir.path(), &["pytorch_model.bin", "damaged or half copied"]);
        }
    }
}

#[test]
fn safetensors_are_used_rather_than_a_pickle() {
    let dir = model("f32.legacy");
    fs::write(dir.path().join("pytorch_model.bin"), "damaged").unwrap();
    assert_refused(dir.path(), &["pytorch_model.bin"]);
    fs::copy(reference::file("small/f32.safetensors"), dir.path().join("model.safetensors")).unwrap();
    reference::load(dir.path());
}

#[test]
fn a_tensor_of_the_index_that_is_not_in_its_shard_is_an_error() {
    let dir = model("f16.sharded");
    let path = dir.path().join("pytorch_model.bin.index.json");
    let mut index: serde_json::Value = reference::read_json(&path);
    index["weight_map"]["bert.phantom"] = "pytorch_model-00002-of-00002.bin".into();
    fs::write(&path, index.to_string()).unwrap();
    assert_refused(dir.path(), &["pytorch_model.bin.index.json", "`bert.phantom`", "pytorch_model-00002-of-00002.bin"]);
    fs::remove_file(dir.path().join("pytorch_model-00001-of-00002.bin")).unwrap();
    assert_refused(dir.path(), &["pytorch_model-00001-of-00002.bin"]);
}
