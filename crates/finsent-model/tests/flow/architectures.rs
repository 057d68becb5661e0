//! Every architecture gives the predictions of transformers.

use std::path::Path;

use finsent_kernels::Precision;
use finsent_model::{ModelFiles, ModelOptions, Pipeline, Prediction};
use safetensors::tensor::Dtype;
use tempfile::TempDir;

use crate::checkpoints::{self, Stored, Tensors};
use crate::packing::assert_same;
use crate::parity::{assert_logits, assert_predictions};
use crate::precisions::Agreement;
use crate::reference;

const ARCHITECTURES: [&str; 7] =
    ["distilbert", "roberta", "xlm-roberta", "camembert", "electra", "modernbert", "deberta-v2"];

/// The prefix of the encoder's tensors.
fn prefix(architecture: &str) -> &str {
    match architecture {
        "distilbert" => "distilbert.",
        "modernbert" => "model.",
        "electra" => "electra.",
        "deberta-v2" => "deberta.",
        _ => "roberta.",
    }
}

fn load(dir: &Path, precision: Precision) -> Pipeline {
    let options = ModelOptions { precision, int8_margin: 0.0, ..ModelOptions::default() };
    Pipeline::load(&ModelFiles::in_dir(dir, &[]).unwrap(), &options, &reference::thread_pool()).unwrap()
}

fn texts(architecture: &str) -> Vec<finsent_model::Text> {
    let cases = reference::cases_of(architecture);
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).filter(|text| !text.is_empty()).collect();
    reference::texts(&texts)
}

fn predictions(dir: &Path, architecture: &str) -> Vec<Prediction> {
    reference::classify(&reference::load(dir), &texts(architecture))
}

/// The model with its weights changed by `change`.
fn changed(architecture: &str, change: impl FnOnce(&mut Tensors)) -> TempDir {
    let dir = reference::model_of(architecture);
    let path = dir.path().join("model.safetensors");
    let mut tensors = checkpoints::read(&path);
    change(&mut tensors);
    checkpoints::write(&path, &tensors);
    dir
}

fn renamed(architecture: &str, rename: impl Fn(&str) -> String) -> TempDir {
    changed(architecture, |tensors| {
        *tensors = tensors.drain().map(|(name, stored)| (rename(&name), stored)).collect();
    })
}

#[test]
fn every_architecture_gives_the_predictions_of_transformers() {
    for architecture in ARCHITECTURES {
        let (dir, cases) = (reference::model_of(architecture), reference::cases_of(architecture));
        assert!(cases.iter().any(|case| case.truncated == Some(true)));
        assert_predictions(architecture, dir.path(), &cases);
        assert_logits(architecture, dir.path(), &cases);
        let tokenizer = reference::tokenizer(dir.path());
        for case in cases.iter().filter(|case| !case.text.is_empty()) {
            let text = finsent_model::Text::parse(&case.text).unwrap();
            assert_eq!(tokenizer.encode(&text).unwrap().input_ids, case.input_ids, "{:?}", case.text);
        }
    }
}

#[test]
fn a_text_has_the_same_bits_alone_and_in_a_batch_in_every_architecture() {
    for architecture in ARCHITECTURES {
        let (dir, texts) = (reference::model_of(architecture), texts(architecture));
        let reversed: Vec<_> = texts.iter().rev().cloned().collect();
        for precision in Precision::ALL {
            let pipeline = load(dir.path(), precision);
            let together = reference::classify(&pipeline, &reversed);
            for (text, packed) in reversed.iter().zip(&together) {
                let alone = reference::classify(&pipeline, std::slice::from_ref(text));
                assert_same(&alone[0], packed, &format!("{architecture} {precision}: {:?}", text.as_str()));
            }
        }
    }
}

#[test]
fn every_precision_is_close_to_f32_in_every_architecture() {
    for architecture in ARCHITECTURES {
        let (dir, texts) = (reference::model_of(architecture), texts(architecture));
        let predictions = |precision| reference::classify(&load(dir.path(), precision), &texts);
        let exact = predictions(Precision::F32);
        for precision in [Precision::Bf16, Precision::Int8] {
            let agreement = Agreement::of(&exact, &predictions(precision));
            let difference = agreement.largest_difference;
            assert!(difference > 0.0 && difference < 0.1, "{architecture} {precision}: {difference:e}");
        }
    }
}

#[test]
fn a_second_run_of_int8_is_closer_to_f32_in_every_architecture() {
    for architecture in ARCHITECTURES {
        let (dir, texts) = (reference::model_of(architecture), texts(architecture));
        let exact = reference::classify(&load(dir.path(), Precision::F32), &texts);
        let difference = |int8_margin| {
            let options = ModelOptions { precision: Precision::Int8, int8_margin, ..ModelOptions::default() };
            let files = ModelFiles::in_dir(dir.path(), &[]).unwrap();
            let pipeline = Pipeline::load(&files, &options, &reference::thread_pool()).unwrap();
            Agreement::of(&exact, &reference::classify(&pipeline, &texts)).largest_difference
        };
        let [once, twice] = [0.0, 1.0].map(difference);
        assert!(twice < 0.5 * once, "{architecture}: {once:e}, again {twice:e}");
    }
}

#[test]
fn all_spellings_of_the_names_give_the_same_model() {
    for architecture in ARCHITECTURES {
        let plain = predictions(reference::model_of(architecture).path(), architecture);
        for dir in [
            renamed(architecture, |name| name.trim_start_matches(prefix(architecture)).into()),
            renamed(architecture, |name| format!("module.{name}")),
            changed(architecture, |tensors| {
                // Older files also have a buffer, and the pooler of a model without this head.
                let position_ids = Stored { dtype: Dtype::I64, shape: vec![1, 1], data: vec![0; 8] };
                tensors.insert(format!("{}embeddings.position_ids", prefix(architecture)), position_ids);
                // DeBERTa's head has a pooler of its own.
                if architecture != "deberta-v2" {
                    let pooler = Stored { dtype: Dtype::F32, shape: vec![1, 1], data: vec![0; 4] };
                    tensors.insert(format!("{}pooler.dense.weight", prefix(architecture)), pooler);
                }
            }),
        ] {
            assert_eq!(predictions(dir.path(), architecture), plain);
        }
    }
}

#[test]
fn a_missing_tensor_has_the_name_of_the_architecture() {
    for (architecture, tensor, parts) in [
        ("distilbert", "pre_classifier.weight", ["`pre_classifier.weight`", "[32, 32]"]),
        ("distilbert", "distilbert.transformer.layer.1.ffn.lin2.bias", ["`transformer.layer.1.ffn.lin2.bias`", "[32]"]),
        ("roberta", "classifier.dense.weight", ["`classifier.dense.weight`", "[32, 32]"]),
        ("deberta-v2", "deberta.encoder.rel_embeddings.weight", ["`encoder.rel_embeddings.weight`", "[32, 32]"]),
        ("roberta", "classifier.out_proj.weight", ["`classifier.out_proj.weight`", "[3, 32]"]),
        (
            "xlm-roberta",
            "roberta.embeddings.word_embeddings.weight",
            ["`embeddings.word_embeddings.weight`", "[322, 24]"],
        ),
        ("camembert", "classifier.out_proj.weight", ["`classifier.out_proj.weight`", "[2, 20]"]),
        ("electra", "electra.embeddings_project.weight", ["`embeddings_project.weight`", "[32, 20]"]),
        ("electra", "electra.embeddings.LayerNorm.bias", ["`embeddings.LayerNorm.bias`", "[20]"]),
        ("modernbert", "model.embeddings.tok_embeddings.weight", ["`embeddings.tok_embeddings.weight`", "[420, 32]"]),
        ("modernbert", "model.layers.1.attn_norm.weight", ["`layers.1.attn_norm.weight`", "[32]"]),
        ("modernbert", "model.layers.2.attn.Wqkv.weight", ["`layers.2.attn.Wqkv.weight`", "[96, 32]"]),
        ("modernbert", "model.layers.0.mlp.Wi.weight", ["`layers.0.mlp.Wi.weight`", "[40, 32]"]),
        ("modernbert", "model.final_norm.weight", ["`final_norm.weight`", "[32]"]),
        ("modernbert", "head.norm.weight", ["`head.norm.weight`", "[32]"]),
    ] {
        let dir = changed(architecture, |tensors| drop(tensors.remove(tensor).unwrap()));
        checkpoints::assert_refused(dir.path(), &parts);
    }
}

#[test]
fn weights_of_another_architecture_are_an_error() {
    for (weights, config, tensor) in
        [("roberta", "distilbert", "`classifier.weight`"), ("distilbert", "roberta", "`classifier.out_proj.weight`")]
    {
        let dir = reference::model_of(config);
        std::fs::copy(reference::file(weights).join("model.safetensors"), dir.path().join("model.safetensors"))
            .unwrap();
        checkpoints::assert_refused(dir.path(), &["lacks the tensor", tensor]);
    }
}

#[test]
fn the_class_decides_if_there_is_no_model_type() {
    for architecture in ARCHITECTURES {
        let dir = reference::model_of(architecture);
        reference::edit_config(dir.path(), "model_type", serde_json::Value::Null);
        assert_eq!(
            predictions(dir.path(), architecture),
            predictions(reference::model_of(architecture).path(), architecture)
        );
    }
}

/// NaN must not get lost in DistilBERT's ReLU, nor in a window or a mean.
#[test]
fn damaged_weights_of_a_head_give_errors_instead_of_predictions() {
    for (architecture, tensor) in [
        ("distilbert", "pre_classifier.bias"),
        ("roberta", "classifier.dense.bias"),
        ("modernbert", "head.norm.weight"),
        ("modernbert", "model.layers.1.mlp_norm.weight"),
    ] {
        let dir = changed(architecture, |tensors| {
            tensors.get_mut(tensor).unwrap().data = f32::NAN.to_le_bytes().repeat(32);
        });
        let outcome = reference::load(dir.path()).classify(&[&texts(architecture)[0]]).remove(0);
        assert!(outcome.unwrap_err().to_string().contains("not a finite number"), "{architecture}");
    }
}
