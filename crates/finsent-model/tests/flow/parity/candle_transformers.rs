//! A second reference: the BERT of candle-transformers.

use candle_core::{DType, Device, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::bert::{self, BertModel};
use finsent_model::PackedBatch;

use super::{LOGIT_BOUND, encoding};
use crate::reference;

/// candle-transformers' encoder with a head.
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
fn it_gives_the_same_logits() {
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
