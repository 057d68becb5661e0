//! Models and reference outputs in `tests/golden` and `models/mini`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{Checkpoint, Config, Encoder, ModelFiles, ModelOptions, Pipeline, Prediction, Text, Tokenizer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// A text with the output of transformers.
#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) text: String,
    /// Missing in the cases of mini.
    pub(crate) truncated: Option<bool>,
    pub(crate) input_ids: Vec<u32>,
    pub(crate) logits: Vec<f64>,
    pub(crate) probabilities: Vec<f64>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Variants {
    variants: BTreeMap<String, Vec<Case>>,
}

pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The thread pool that all tests share.
pub(crate) fn thread_pool() -> Arc<ComputeThreads> {
    static POOL: OnceLock<Arc<ComputeThreads>> = OnceLock::new();
    Arc::clone(POOL.get_or_init(|| Arc::new(ComputeThreads::new(None).unwrap())))
}

/// A file of `tests/golden`.
pub(crate) fn file(name: &str) -> PathBuf {
    repository().join("tests/golden").join(name)
}

pub(crate) fn mini() -> PathBuf {
    repository().join("models/mini")
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The cases of mini, and long ones.
pub(crate) fn mini_cases() -> Vec<Case> {
    let short: Cases = read_json(&mini().join("golden.json"));
    let long: Cases = read_json(&file("mini_long.json"));
    short.cases.into_iter().chain(long.cases).collect()
}

/// The cases of each variant of the small model.
pub(crate) fn small_cases() -> BTreeMap<String, Vec<Case>> {
    read_json::<Variants>(&file("small.json")).variants
}

/// The cases of a model of another architecture.
pub(crate) fn cases_of(architecture: &str) -> Vec<Case> {
    read_json::<Cases>(&file(&format!("{architecture}.json"))).cases
}

/// A copy of the model of another architecture.
pub(crate) fn model_of(architecture: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(file(architecture)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    dir
}

/// The small model with this file of weights.
pub(crate) fn small_model(weights: &str) -> TempDir {
    let dir = small_model_without_weights();
    fs::copy(file("small").join(weights), dir.path().join("model.safetensors")).unwrap();
    dir
}

pub(crate) fn small_model_without_weights() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["config.json", "vocab.txt", "tokenizer_config.json"] {
        fs::copy(file("small").join(name), dir.path().join(name)).unwrap();
    }
    dir
}

/// A variant of the small model: a type, a container or a kind of labels.
pub(crate) fn variant(name: &str) -> TempDir {
    match name {
        "sharded" => {
            let dir = small_model_without_weights();
            for entry in fs::read_dir(file("small/sharded")).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
            }
            dir
        }
        "int8" => {
            let dir = small_model("int8.safetensors");
            fs::copy(file("small/int8.config.json"), dir.path().join("config.json")).unwrap();
            dir
        }
        "multi_label" => {
            let dir = small_model("f32.safetensors");
            edit_config(dir.path(), "problem_type", "multi_label_classification".into());
            dir
        }
        dtype => small_model(&format!("{dtype}.safetensors")),
    }
}

pub(crate) fn edit_config(dir: &Path, key: &str, value: serde_json::Value) {
    let path = dir.join("config.json");
    let mut config: serde_json::Value = read_json(&path);
    config[key] = value;
    fs::write(&path, config.to_string()).unwrap();
}

pub(crate) fn load(dir: &Path) -> Pipeline {
    Pipeline::load(&ModelFiles::in_dir(dir, &[]).unwrap(), &ModelOptions::default(), &thread_pool()).unwrap()
}

pub(crate) fn load_error(dir: &Path) -> String {
    let files = match ModelFiles::in_dir(dir, &[]) {
        Ok(files) => files,
        Err(error) => return error.to_string(),
    };
    let error = Pipeline::load(&files, &ModelOptions::default(), &thread_pool()).unwrap_err();
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message += &format!(": {error}");
        cause = error.source();
    }
    message
}

pub(crate) fn encoder(dir: &Path) -> Encoder {
    let files = ModelFiles::in_dir(dir, &[]).unwrap();
    let config = Config::parse(&files.config.read_settings().unwrap()).unwrap();
    Encoder::load(&config, &Checkpoint::open(&files.weights).unwrap(), Precision::F32, thread_pool()).unwrap()
}

pub(crate) fn tokenizer(dir: &Path) -> Tokenizer {
    let files = ModelFiles::in_dir(dir, &[]).unwrap();
    let config = Config::parse(&files.config.read_settings().unwrap()).unwrap();
    let limits = finsent_model::Limits { vocab_size: config.vocab_size, max_length: config.max_length() };
    Tokenizer::load_as(&files.tokenizer, limits, config.class_of_tokenizer()).unwrap()
}

pub(crate) fn texts(texts: &[impl AsRef<str>]) -> Vec<Text> {
    texts.iter().map(|text| Text::parse(text.as_ref()).unwrap()).collect()
}

pub(crate) fn classify(pipeline: &Pipeline, texts: &[Text]) -> Vec<Prediction> {
    pipeline.classify(&texts.iter().collect::<Vec<_>>()).into_iter().map(Result::unwrap).collect()
}

pub(crate) fn probabilities(prediction: &Prediction) -> Vec<f32> {
    prediction.scores().map(|(_, probability)| probability).collect()
}

/// The largest difference between two rows of numbers.
pub(crate) fn distance(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(&found, expected)| (f64::from(found) - expected).abs()).fold(0.0, f64::max)
}
