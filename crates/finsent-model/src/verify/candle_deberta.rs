//! candle-transformers' DeBERTa-v2, as a reference.
//!
//! It needs help in two places. If embeddings have another width than hidden states, it gives the table of segments the
//! wrong width; so the tables are projected here, which gives the same sum. And its pooler has no tanh.

use std::collections::HashMap;

use candle_core::{Result, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::debertav2::{Config as CandleConfig, DebertaV2Model, HiddenAct};

use crate::encoder::{Config, HeadActivation};

/// The encoder of candle-transformers with a head.
pub(super) struct CandleDeberta {
    encoder: DebertaV2Model,
    dense: Linear,
    activation: fn(&Tensor) -> Result<Tensor>,
    classifier: Linear,
}

impl CandleDeberta {
    pub(super) fn load(config: &Config, weights: VarBuilder<'_>, num_labels: usize) -> Result<Self> {
        let hidden_size = config.hidden_size;
        Ok(Self {
            encoder: DebertaV2Model::load(weights.clone(), &candle_config(config))?,
            dense: linear(hidden_size, hidden_size, weights.pp("pooler.dense"))?,
            activation: match config.structure().head_activation {
                HeadActivation::Gelu => Tensor::gelu_erf,
                HeadActivation::Relu => Tensor::relu,
                HeadActivation::Tanh => Tensor::tanh,
            },
            classifier: linear(hidden_size, num_labels, weights.pp("classifier"))?,
        })
    }

    /// `[1, tokens]` -> `[1, num_labels]`
    pub(super) fn forward(&self, input_ids: &Tensor, token_type_ids: Tensor) -> Result<Tensor> {
        let hidden_states = self.encoder.forward(input_ids, Some(token_type_ids), None)?;
        let first_token = hidden_states.narrow(1, 0, 1)?.squeeze(1)?;
        self.classifier.forward(&(self.activation)(&self.dense.forward(&first_token)?)?)
    }
}

/// Replaces embeddings by their projections, if they have one.
pub(super) fn project_embeddings(tensors: &mut HashMap<String, Tensor>) -> Result<()> {
    let Some(projection) = tensors.remove("embeddings.embed_proj.weight") else { return Ok(()) };
    for (name, table) in tensors.iter_mut() {
        if name.starts_with("embeddings.") && name.ends_with("_embeddings.weight") {
            *table = table.matmul(&projection.t()?)?;
        }
    }
    Ok(())
}

fn candle_config(config: &Config) -> CandleConfig {
    let (deberta, window) = (&config.deberta, config.max_position_embeddings);
    let types = [("c2p", deberta.content_to_position), ("p2c", deberta.position_to_content)];
    let signed = |number: Option<usize>| number.and_then(|number| isize::try_from(number).ok()).unwrap_or(-1);
    CandleConfig {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        // Exact GELU, with erf.
        hidden_act: HiddenAct::Gelu,
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        max_position_embeddings: window,
        type_vocab_size: config.type_vocab_size,
        initializer_range: 0.0,
        layer_norm_eps: config.layer_norm_eps,
        relative_attention: deberta.is_relative(),
        max_relative_positions: signed(deberta.max_relative_positions()),
        pad_token_id: None,
        position_biased_input: deberta.has_position_table(),
        pos_att_type: types.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name.into()).collect(),
        position_buckets: Some(signed(deberta.position_buckets())),
        share_att_key: Some(deberta.shares_projections),
        attention_head_size: None,
        embedding_size: None,
        norm_rel_ebd: deberta.normalizes_positions().then(|| "layer_norm".into()),
        conv_kernel_size: None,
        conv_groups: None,
        conv_act: None,
        id2label: None,
        label2id: None,
        pooler_dropout: None,
        pooler_hidden_act: None,
        pooler_hidden_size: None,
        cls_dropout: None,
    }
}
