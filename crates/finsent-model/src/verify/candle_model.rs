//! The models of candle-transformers, loaded from the same checkpoint.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::{LayerNorm, Linear, Module, VarBuilder, layer_norm_no_bias, linear, linear_b};
use candle_transformers::models::bert::{self, BertModel, HiddenAct, PositionEmbeddingType};
use candle_transformers::models::modernbert;
use candle_transformers::models::xlm_roberta::{self, XLMRobertaForSequenceClassification};

use super::candle_deberta::{CandleDeberta, project_embeddings};
use super::electra::Electra;
use super::error::VerifyError;
use crate::checkpoint::Checkpoint;
use crate::encoder::{Architecture, Config, HeadActivation, Pooling};
use crate::model_files::ModelFiles;
use crate::tokenizer::Encoding;

/// candle-transformers' model of the architecture, in f32, for one text at a time.
pub(super) enum CandleModel {
    /// BERT with a head. Also DistilBERT, as a BERT without segments and with another activation in the head: in
    /// candle-transformers' own DistilBERT, GELU is an approximation.
    Bert { bert: BertModel, dense: Linear, activation: fn(&Tensor) -> candle_core::Result<Tensor>, classifier: Linear },
    /// RoBERTa, as XLM-RoBERTa, which differs only in the tokenizer.
    Roberta(XLMRobertaForSequenceClassification),
    /// ELECTRA.
    Electra(Box<Electra>),
    /// ModernBERT with a head: candle-transformers' own has no bias in the head and no other activation than GELU.
    ModernBert {
        encoder: modernbert::ModernBert,
        pooling: Pooling,
        dense: Linear,
        activation: fn(&Tensor) -> candle_core::Result<Tensor>,
        norm: LayerNorm,
        classifier: Linear,
    },
    /// DeBERTa-v2 or v3.
    Deberta(Box<CandleDeberta>),
}

impl CandleModel {
    /// Loads the model of `files`.
    pub(super) fn load(files: &ModelFiles, num_labels: usize) -> Result<Self, VerifyError> {
        let config = Config::parse(&files.config.read_settings()?)?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        let tensors = tensors(&config, &checkpoint)?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        match config.architecture {
            Architecture::Bert | Architecture::DistilBert => Self::load_bert(&config, weights, num_labels),
            Architecture::Roberta | Architecture::XlmRoberta | Architecture::Camembert => {
                XLMRobertaForSequenceClassification::new(num_labels, &candle_roberta_config(&config), weights)
                    .map(Self::Roberta)
            }
            Architecture::Electra => Electra::load(&config, &candle_config(&config), &weights, num_labels)
                .map(|electra| Self::Electra(Box::new(electra))),
            Architecture::ModernBert => {
                let candle_config = candle_modern_bert_config(&config)?;
                Self::load_modern_bert(&config, &candle_config, weights, num_labels)
            }
            Architecture::DebertaV2 => {
                CandleDeberta::load(&config, weights, num_labels).map(|deberta| Self::Deberta(Box::new(deberta)))
            }
        }
        .map_err(candle)
    }

    fn load_modern_bert(
        config: &Config,
        candle_config: &modernbert::Config,
        weights: VarBuilder<'_>,
        num_labels: usize,
    ) -> candle_core::Result<Self> {
        let (hidden_size, structure) = (config.hidden_size, config.structure());
        Ok(Self::ModernBert {
            encoder: modernbert::ModernBert::load(weights.clone(), candle_config)?,
            pooling: structure.pooling,
            dense: linear_b(hidden_size, hidden_size, structure.biases.dense, weights.pp("head.dense"))?,
            activation: match structure.head_activation {
                HeadActivation::Gelu => Tensor::gelu_erf,
                HeadActivation::Relu => Tensor::relu,
                HeadActivation::Tanh => Tensor::tanh,
            },
            norm: layer_norm_no_bias(hidden_size, config.layer_norm_eps, weights.pp("head.norm"))?,
            classifier: linear(hidden_size, num_labels, weights.pp("classifier"))?,
        })
    }

    fn load_bert(config: &Config, weights: VarBuilder<'_>, num_labels: usize) -> candle_core::Result<Self> {
        let (hidden_size, names) = (config.hidden_size, config.architecture.names());
        let is_distil_bert = config.architecture == Architecture::DistilBert;
        Ok(Self::Bert {
            bert: BertModel::load(weights.clone(), &candle_config(config))?,
            dense: linear(hidden_size, hidden_size, weights.pp(names.dense))?,
            activation: if is_distil_bert { Tensor::relu } else { Tensor::tanh },
            classifier: linear(hidden_size, num_labels, weights.pp(names.classifier))?,
        })
    }

    /// The logits of a text.
    pub(super) fn logits(&self, encoding: &Encoding) -> Result<Vec<f32>, VerifyError> {
        self.forward(encoding).map_err(candle)
    }

    fn forward(&self, encoding: &Encoding) -> candle_core::Result<Vec<f32>> {
        let one = |ids: &[u32]| Tensor::new(ids, &Device::Cpu)?.unsqueeze(0);
        let (input_ids, token_type_ids) = (one(&encoding.input_ids)?, one(&encoding.token_type_ids)?);
        let logits = match self {
            Self::Bert { bert, dense, activation, classifier } => {
                let hidden_states = bert.forward(&input_ids, &token_type_ids, None)?;
                let first_token = hidden_states.narrow(1, 0, 1)?.squeeze(1)?;
                classifier.forward(&activation(&dense.forward(&first_token)?)?)?
            }
            Self::Electra(electra) => electra.forward(&input_ids, &token_type_ids)?,
            Self::Roberta(roberta) => roberta.forward(&input_ids, &input_ids.ones_like()?, &token_type_ids)?,
            Self::ModernBert { encoder, pooling, dense, activation, norm, classifier } => {
                let hidden_states = encoder.forward(&input_ids, &input_ids.ones_like()?)?;
                let pooled = match pooling {
                    Pooling::First => hidden_states.narrow(1, 0, 1)?.squeeze(1)?,
                    Pooling::Mean => hidden_states.mean(1)?,
                };
                classifier.forward(&norm.forward(&activation(&dense.forward(&pooled)?)?)?)?
            }
            Self::Deberta(deberta) => deberta.forward(&input_ids, token_type_ids)?,
        };
        logits.flatten_all()?.to_vec1()
    }
}

fn candle(error: candle_core::Error) -> VerifyError {
    VerifyError::Candle(Box::new(error))
}

/// The tensors of the checkpoint under the names of candle-transformers' model.
fn tensors(config: &Config, checkpoint: &Checkpoint) -> Result<HashMap<String, Tensor>, VerifyError> {
    let mut tensors = HashMap::new();
    for name in checkpoint.readable_names() {
        let shape = checkpoint.shape(name).unwrap_or_default();
        let tensor = Tensor::from_vec(checkpoint.tensor(name, shape)?, shape, &Device::Cpu).map_err(candle)?;
        tensors.insert(candle_name(config.architecture, name), tensor);
    }
    if config.architecture == Architecture::DistilBert {
        let no_segments = Tensor::zeros((1, config.hidden_size), DType::F32, &Device::Cpu).map_err(candle)?;
        tensors.insert("embeddings.token_type_embeddings.weight".into(), no_segments);
    }
    if config.architecture == Architecture::DebertaV2 {
        project_embeddings(&mut tensors).map_err(candle)?;
    }
    Ok(tensors)
}

fn candle_name(architecture: Architecture, name: &str) -> String {
    match architecture {
        Architecture::Bert | Architecture::Electra | Architecture::DebertaV2 => name.into(),
        Architecture::Roberta | Architecture::XlmRoberta | Architecture::Camembert => match name {
            _ if name.starts_with("classifier.") => name.into(),
            _ => format!("roberta.{name}"),
        },
        Architecture::ModernBert if name.starts_with("classifier.") || name.starts_with("head.") => name.into(),
        Architecture::ModernBert => format!("model.{name}"),
        Architecture::DistilBert => bert_name(name).unwrap_or_else(|| name.into()),
    }
}

/// BERT's name for a tensor of a DistilBERT layer.
fn bert_name(name: &str) -> Option<String> {
    let [own, bert] = [Architecture::DistilBert, Architecture::Bert].map(Architecture::names);
    let (index, tensor) = name.strip_prefix(own.layers)?.strip_prefix('.')?.split_once('.')?;
    let (module, kind) = tensor.rsplit_once('.')?;
    let index_in_layer = own.of_layer().iter().position(|name| *name == module)?;
    Some(format!("{}.{index}.{}.{kind}", bert.layers, bert.of_layer()[index_in_layer]))
}

fn candle_config(config: &Config) -> bert::Config {
    bert::Config {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        hidden_act: HiddenAct::Gelu,
        max_position_embeddings: config.max_position_embeddings,
        // DistilBERT has no segments: one segment of zeros.
        type_vocab_size: if config.architecture == Architecture::DistilBert { 1 } else { config.type_vocab_size },
        layer_norm_eps: config.layer_norm_eps,
        position_embedding_type: PositionEmbeddingType::Absolute,
        ..bert::Config::default()
    }
}

fn candle_roberta_config(config: &Config) -> xlm_roberta::Config {
    xlm_roberta::Config {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: config.num_hidden_layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        // Exact GELU, with erf.
        hidden_act: candle_nn::Activation::Gelu,
        max_position_embeddings: config.max_position_embeddings,
        type_vocab_size: config.type_vocab_size,
        layer_norm_eps: config.layer_norm_eps,
        position_embedding_type: "absolute".into(),
        pad_token_id: config.pad_token_id,
        attention_probs_dropout_prob: 0.0,
        hidden_dropout_prob: 0.0,
    }
}

/// # Errors
/// [`VerifyError::NoReference`] if candle-transformers' ModernBERT lacks something of this model: it ignores biases, and
/// every n-th of its layers is global.
fn candle_modern_bert_config(config: &Config) -> Result<modernbert::Config, VerifyError> {
    let (biases, layers) = (config.structure().biases, config.num_hidden_layers);
    if biases.attention || biases.feed_forward || biases.norm {
        return Err(VerifyError::NoReference { reason: "it ignores biases, which this model has" });
    }
    let period = config.modern_bert.period(layers).ok_or(VerifyError::NoReference {
        reason: "every n-th of its layers attends to all tokens, but `layer_types` of this model is irregular",
    })?;
    let [global_rope_theta, local_rope_theta] = config.modern_bert.bases();
    Ok(modernbert::Config {
        vocab_size: config.vocab_size,
        hidden_size: config.hidden_size,
        num_hidden_layers: layers,
        num_attention_heads: config.num_attention_heads,
        intermediate_size: config.intermediate_size,
        max_position_embeddings: config.max_position_embeddings,
        layer_norm_eps: config.layer_norm_eps,
        pad_token_id: config.pad_token_id,
        global_attn_every_n_layers: period,
        global_rope_theta,
        // No text has more tokens on a side.
        local_attention: 2 * config.modern_bert.side().min(config.max_position_embeddings),
        local_rope_theta,
        classifier_config: None,
    })
}
