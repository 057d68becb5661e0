//! A second reference: the DeBERTa-v2 of candle-transformers.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::debertav2;
use finsent_kernels::Precision;
use serde_json::Value;

use super::{Form, LOGIT_BOUND, forms, load, logits};
use crate::reference;

/// Forms that candle-transformers reads differently: it takes names as they are, has no tanh in the pooler, and gives the
/// table of segments the width of the hidden states.
const NOT_IN_CANDLE: [&str; 4] = [
    "types in capitals, with spaces",
    "a norm in capitals",
    "tanh in the pooler",
    "embeddings of another size, token types",
];

/// candle-transformers' configuration, which has no defaults for some fields.
fn candle_config(form: &Form, num_labels: usize) -> debertav2::Config {
    let mut config = serde_json::json!({
        "max_relative_positions": -1, "pos_att_type": [], "position_biased_input": true, "relative_attention": false,
        "type_vocab_size": 0, "pooler_hidden_act": "gelu", "pooler_dropout": 0,
    });
    let fields = config.as_object_mut().unwrap();
    fields.extend(form.config.iter().map(|(name, value)| (name.clone(), value.clone())));
    fields.insert("pooler_hidden_size".into(), form.config["hidden_size"].clone());
    fields.insert("id2label".into(), (0..num_labels).map(|id| (id.to_string(), Value::from("label"))).collect());
    serde_json::from_value(config).unwrap()
}

#[test]
fn it_gives_the_same_logits() {
    for form in forms().into_iter().filter(|form| !NOT_IN_CANDLE.contains(&form.form.as_str())) {
        let dir = form.write();
        let tensors = candle_core::safetensors::load(dir.path().join("model.safetensors"), &Device::Cpu).unwrap();
        let plain = |name: String| name.trim_start_matches("deberta.").to_owned();
        let tensors = tensors.into_iter().map(|(name, tensor)| (plain(name), tensor)).collect();
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let config = candle_config(&form, form.cases[0].logits.len());
        let candle = debertav2::DebertaV2SeqClassificationModel::load(weights, &config, None).unwrap();
        let (encoder, encodings) = (load(dir.path(), Precision::F32), form.encodings());
        for (encoding, found) in encodings.iter().zip(logits(&encoder, &encodings)) {
            let ids = Tensor::new(encoding.input_ids.as_slice(), &Device::Cpu).unwrap().unsqueeze(0).unwrap();
            let expected = candle.forward(&ids, None, None).unwrap();
            let expected = expected.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let distance = reference::distance(&found, &expected);
            assert!(distance <= LOGIT_BOUND, "{}, {} tokens: {distance:e} off", form.form, encoding.len());
        }
    }
}
