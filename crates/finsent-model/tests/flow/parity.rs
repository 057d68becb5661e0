//! Logits and predictions are those of transformers.

use candle_core::{DType, Device, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::bert::{self, BertModel};
use finsent_model::{Encoding, PackedBatch};

use crate::reference::{self, Case};

/// The largest accepted difference of a probability from transformers in float64.
const PROBABILITY_BOUND: f64 = 1e-5;
/// The largest accepted difference of a logit. Through the small model's random weights, rounding to f32 makes 4e-6;
/// the smallest mistake that was tried (an epsilon of 1e-5 instead of 1e-12) makes 1.4e-4.
const LOGIT_BOUND: f64 = 3e-5;

pub(crate) fn assert_predictions(name: &str, dir: &std::path::Path, cases: &[Case]) {
    let pipeline = reference::load(dir);
    let cases: Vec<&Case> = cases.iter().filter(|case| !case.text.trim().is_empty()).collect();
    let texts = reference::texts(&cases.iter().map(|case| &case.text).collect::<Vec<_>>());
    for (case, prediction) in cases.iter().zip(reference::classify(&pipeline, &texts)) {
        let distance = reference::distance(&reference::probabilities(&prediction), &case.probabilities);
        assert!(distance <= PROBABILITY_BOUND, "{name}: {distance:e} off for {:?}", case.text);
        assert_eq!(prediction.tokens(), case.input_ids.len(), "{name}: {:?}", case.text);
        assert_eq!(prediction.truncated(), case.truncated.unwrap_or(prediction.truncated()), "{name}: {:?}", case.text);
    }
}

pub(crate) fn assert_logits(name: &str, dir: &std::path::Path, cases: &[Case]) {
    let encoder = reference::encoder(dir);
    let logits = encoder.forward(&PackedBatch::pack(&cases.iter().map(encoding).collect::<Vec<_>>())).unwrap();
    for (case, row) in cases.iter().zip(logits.rows()) {
        let distance = reference::distance(row, &case.logits);
        assert!(distance <= LOGIT_BOUND, "{name}: {distance:e} off for {:?}", case.text);
    }
}

pub(crate) fn encoding(case: &Case) -> Encoding {
    Encoding { input_ids: case.input_ids.clone(), token_type_ids: vec![0; case.input_ids.len()], truncated: false }
}

#[test]
fn mini_gives_the_predictions_of_transformers() {
    assert_predictions("mini", &reference::mini(), &reference::mini_cases());
}

#[test]
fn every_type_and_container_gives_the_predictions_of_transformers() {
    let variants = reference::small_cases();
    assert_eq!(variants.len(), 6);
    for (name, cases) in &variants {
        let dir = reference::variant(name);
        assert_predictions(name, dir.path(), cases);
        assert_logits(name, dir.path(), cases);
    }
}

/// A second reference: candle-transformers' encoder with a head.
struct Reference {
    bert: BertModel,
    pooler: Linear,
    classifier: Linear,
}

impl Reference {
    fn load(dir: &std::path::Path, num_labels: usize) -> Self {
        let config: bert::Config = reference::read_json(&dir.join("config.json"));
        let weights = candle_core::safetensors::load(dir.join("model.safetensors"), &Device::Cpu).unwrap();
        let weights = VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
        let hidden = config.hidden_size;
        Self {
            pooler: linear(hidden, hidden, weights.pp("bert.pooler.dense")).unwrap(),
            classifier: linear(hidden, num_labels, weights.pp("classifier")).unwrap(),
            bert: BertModel::load(weights, &config).unwrap(),
        }
    }

    fn logits(&self, input_ids: &[u32]) -> Vec<f64> {
        let ids = Tensor::new(input_ids, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let hidden_states = self.bert.forward(&ids, &ids.zeros_like().unwrap(), None).unwrap();
        let first_token = hidden_states.narrow(1, 0, 1).unwrap().squeeze(1).unwrap();
        let pooled_output = self.pooler.forward(&first_token).unwrap().tanh().unwrap();
        let logits = self.classifier.forward(&pooled_output).unwrap();
        logits.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }
}

#[test]
fn candle_transformers_gives_the_same_logits() {
    let dir = reference::variant("f32");
    let cases = &reference::small_cases()["f32"];
    let encoder = reference::encoder(dir.path());
    let candle = Reference::load(dir.path(), encoder.num_labels());
    let logits = encoder.forward(&PackedBatch::pack(&cases.iter().map(encoding).collect::<Vec<_>>())).unwrap();
    for (case, row) in cases.iter().zip(logits.rows()) {
        let distance = reference::distance(row, &candle.logits(&case.input_ids));
        assert!(distance <= LOGIT_BOUND, "{distance:e} off for {:?}", case.text);
    }
}
