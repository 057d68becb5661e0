//! ELECTRA, of which candle-transformers has no model: its parts of BERT, with ELECTRA's embeddings and head.

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, Module, VarBuilder, embedding, layer_norm, linear};
use candle_transformers::models::bert::{self, BertEncoder};

use crate::encoder::Config;

/// `ElectraForSequenceClassification`, for one text at a time.
pub(super) struct Electra {
    words: Embedding,
    segments: Embedding,
    positions: Embedding,
    norm: LayerNorm,
    projection: Option<Linear>,
    encoder: BertEncoder,
    dense: Linear,
    classifier: Linear,
}

impl Electra {
    pub(super) fn load(
        config: &Config,
        candle_config: &bert::Config,
        weights: &VarBuilder<'_>,
        num_labels: usize,
    ) -> Result<Self> {
        let (width, hidden) = (config.embedding_size(), config.hidden_size);
        let embeddings = weights.pp("embeddings");
        let table = |name, rows| embedding(rows, width, embeddings.pp(name));
        let projection = (width != hidden).then(|| linear(width, hidden, weights.pp("embeddings_project")));
        Ok(Self {
            words: table("word_embeddings", config.vocab_size)?,
            segments: table("token_type_embeddings", config.type_vocab_size)?,
            positions: table("position_embeddings", config.max_position_embeddings)?,
            norm: layer_norm(width, config.layer_norm_eps, embeddings.pp("LayerNorm"))?,
            projection: projection.transpose()?,
            encoder: BertEncoder::load(weights.pp("encoder"), candle_config)?,
            dense: linear(hidden, hidden, weights.pp("classifier.dense"))?,
            classifier: linear(hidden, num_labels, weights.pp("classifier.out_proj"))?,
        })
    }

    /// `[1, tokens]` -> `[1, labels]`
    pub(super) fn forward(&self, input_ids: &Tensor, token_type_ids: &Tensor) -> Result<Tensor> {
        let tokens = input_ids.dim(1)?;
        let positions = Tensor::arange(0, u32::try_from(tokens).unwrap_or(u32::MAX), &Device::Cpu)?.unsqueeze(0)?;
        let sum = (self.words.forward(input_ids)? + self.segments.forward(token_type_ids)?)?;
        let embedded = self.norm.forward(&(sum + self.positions.forward(&positions)?)?)?;
        let embedded =
            self.projection.as_ref().map_or(Ok(embedded.clone()), |projection| projection.forward(&embedded))?;
        let no_mask = Tensor::zeros((1, 1, 1, tokens), DType::F32, &Device::Cpu)?;
        let hidden_states = self.encoder.forward(&embedded, &no_mask)?;
        let first_token = hidden_states.narrow(1, 0, 1)?.squeeze(1)?;
        self.classifier.forward(&self.dense.forward(&first_token)?.gelu_erf()?)
    }
}
