//! Verification on this machine: compares the predictions with candle-transformers and with published ones.

use std::collections::HashMap;
use std::error::Error as StdError;

use candle_core::{DType, Device, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::bert::{self, BertModel, HiddenAct, PositionEmbeddingType};
use candle_transformers::models::xlm_roberta::{self, XLMRobertaForSequenceClassification};
use finsent_kernels::Precision;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::encoder::{Architecture, Config, ConfigError};
use crate::model_files::{FilesError, ModelFiles};
use crate::pipeline::{ClassifyError, Pipeline};
use crate::prediction::Prediction;
use crate::published::PublishedPrediction;
use crate::text::{Text, TextError};
use crate::tokenizer::Encoding;

/// The texts to compare, one per line: sentences of many lengths, in several languages.
const SENTENCES: &str = include_str!("verify.txt");

/// Why a comparison failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// config.json is not valid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The weights could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// candle-transformers failed.
    #[error("candle-transformers failed: {0}")]
    Candle(Box<dyn StdError + Send + Sync>),
    /// A text has no prediction.
    #[error("`{text}` has no prediction")]
    Prediction {
        /// The text.
        text: String,
        /// Why.
        source: ClassifyError,
    },
    /// A published text cannot be classified.
    #[error("`{text}` is not a text")]
    Text {
        /// The text.
        text: String,
        /// Why.
        source: TextError,
    },
}

fn candle(error: candle_core::Error) -> VerifyError {
    VerifyError::Candle(Box::new(error))
}

/// The largest accepted difference of a probability.
fn bound(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::Bf16 => 0.05,
        Precision::Int8 => 0.15,
    }
}

/// The differences between predictions and the expected ones.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The number of texts.
    pub texts: usize,
    /// Texts with the expected label.
    pub same_label: usize,
    /// Texts with another label, although the margin of the expected one is larger than `bound`.
    pub wrong_label: usize,
    /// The largest difference of a probability.
    pub largest_difference: f32,
    /// The largest accepted difference.
    pub bound: f32,
}

impl Comparison {
    /// Whether all differences are within the bound.
    pub fn holds(&self) -> bool {
        self.wrong_label == 0 && self.largest_difference <= self.bound
    }
}

/// The built-in texts, with their probabilities by candle-transformers.
#[derive(Debug)]
pub struct Expected {
    texts: Vec<Text>,
    probabilities: Vec<Vec<f32>>,
}

impl Expected {
    /// Runs candle-transformers' model of `files`. `pipeline` tokenizes the texts and turns logits into probabilities.
    ///
    /// # Errors
    /// [`VerifyError`] if the model cannot be loaded or run.
    pub fn compute(files: &ModelFiles, pipeline: &Pipeline) -> Result<Self, VerifyError> {
        let reference = Reference::load(files, pipeline.labels().labels().len())?;
        let texts = texts()?;
        let probabilities = texts
            .iter()
            .map(|text| {
                let encoding = pipeline.encode(text).map_err(|source| no_prediction(text, source))?;
                Ok(pipeline.activation().probabilities(&reference.logits(&encoding).map_err(candle)?))
            })
            .collect::<Result<_, VerifyError>>()?;
        Ok(Self { texts, probabilities })
    }

    /// Compares `pipeline` with candle-transformers.
    ///
    /// # Errors
    /// [`VerifyError`] if a text has no prediction.
    pub fn compare(&self, pipeline: &Pipeline) -> Result<Comparison, VerifyError> {
        let texts: Vec<&Text> = self.texts.iter().collect();
        let mut comparison = Comparison { bound: bound(pipeline.precision()), ..Comparison::default() };
        for ((text, expected), prediction) in self.texts.iter().zip(&self.probabilities).zip(pipeline.classify(&texts))
        {
            let prediction = prediction.map_err(|source| no_prediction(text, source))?;
            comparison.add(&expected_prediction(pipeline, expected, &prediction), &prediction);
        }
        Ok(comparison)
    }
}

impl Comparison {
    fn add(&mut self, expected: &Prediction, found: &Prediction) {
        let differences = expected.scores().zip(found.scores()).map(|((_, a), (_, b))| (a - b).abs());
        self.largest_difference = differences.fold(self.largest_difference, f32::max);
        let is_same = expected.label() == found.label();
        self.texts += 1;
        self.same_label += usize::from(is_same);
        self.wrong_label += usize::from(!is_same && expected.margin() > self.bound);
    }
}

/// Compares `pipeline` with published predictions of its model.
///
/// # Errors
/// [`VerifyError`] if a text has no prediction.
pub fn compare_published(pipeline: &Pipeline, published: &[PublishedPrediction]) -> Result<Comparison, VerifyError> {
    let mut comparison = Comparison { bound: bound(pipeline.precision()), ..Comparison::default() };
    for PublishedPrediction { text, label, score } in published {
        let parsed = Text::parse(text).map_err(|source| VerifyError::Text { text: text.clone(), source })?;
        let prediction = pipeline.classify(&[&parsed]).remove(0).map_err(|source| no_prediction(&parsed, source))?;
        let found = prediction.scores().find(|(name, _)| name == label).map_or(f32::NAN, |(_, score)| score);
        let is_same = prediction.label() == label;
        comparison.texts += 1;
        comparison.same_label += usize::from(is_same);
        comparison.wrong_label += usize::from(!is_same);
        // The difference for an unknown label is NaN; count it as 1.
        comparison.largest_difference = comparison.largest_difference.max((found - score).abs().min(1.0));
    }
    Ok(comparison)
}

/// The sentences, and one text that is longer than any window.
fn texts() -> Result<Vec<Text>, VerifyError> {
    let whole = SENTENCES.replace('\n', " ").repeat(2);
    let text = |text: &str| Text::parse(text).map_err(|source| VerifyError::Text { text: text.into(), source });
    SENTENCES.lines().chain([whole.as_str()]).map(text).collect()
}

fn no_prediction(text: &Text, source: impl Into<ClassifyError>) -> VerifyError {
    VerifyError::Prediction { text: text.as_str().into(), source: source.into() }
}

fn expected_prediction(pipeline: &Pipeline, probabilities: &[f32], like: &Prediction) -> Prediction {
    Prediction::new(pipeline.shared_labels(), probabilities.to_vec(), like.tokens(), like.truncated())
}

/// candle-transformers' model of the architecture, in f32, for one text at a time.
enum Reference {
    /// BERT with a head. Also DistilBERT, as a BERT without segments and with another activation in the head: in
    /// candle-transformers' own DistilBERT, GELU is an approximation.
    Bert { bert: BertModel, dense: Linear, activation: fn(&Tensor) -> candle_core::Result<Tensor>, classifier: Linear },
    /// RoBERTa, as XLM-RoBERTa, which differs only in the tokenizer.
    Roberta(XLMRobertaForSequenceClassification),
}

impl Reference {
    fn load(files: &ModelFiles, num_labels: usize) -> Result<Self, VerifyError> {
        let config = Config::parse(&files.config.read()?)?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        let tensors = tensors(&config, &checkpoint)?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        if config.architecture == Architecture::Roberta {
            let roberta =
                XLMRobertaForSequenceClassification::new(num_labels, &candle_roberta_config(&config), weights);
            return roberta.map(Self::Roberta).map_err(candle);
        }
        Self::load_bert(&config, weights, num_labels).map_err(candle)
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

    fn logits(&self, encoding: &Encoding) -> Result<Vec<f32>, candle_core::Error> {
        let one = |ids: &[u32]| Tensor::new(ids, &Device::Cpu)?.unsqueeze(0);
        let (input_ids, token_type_ids) = (one(&encoding.input_ids)?, one(&encoding.token_type_ids)?);
        let logits = match self {
            Self::Bert { bert, dense, activation, classifier } => {
                let hidden_states = bert.forward(&input_ids, &token_type_ids, None)?;
                let first_token = hidden_states.narrow(1, 0, 1)?.squeeze(1)?;
                classifier.forward(&activation(&dense.forward(&first_token)?)?)?
            }
            Self::Roberta(roberta) => roberta.forward(&input_ids, &input_ids.ones_like()?, &token_type_ids)?,
        };
        logits.flatten_all()?.to_vec1()
    }
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
    Ok(tensors)
}

fn candle_name(architecture: Architecture, name: &str) -> String {
    match architecture {
        Architecture::Bert => name.into(),
        Architecture::Roberta if name.starts_with("classifier.") => name.into(),
        Architecture::Roberta => format!("roberta.{name}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_texts_of_many_lengths() {
        let texts = texts().unwrap();
        let lengths: Vec<usize> = texts.iter().map(|text| text.as_str().len()).collect();
        assert!(texts.len() > 40 && lengths.iter().any(|&length| length < 20));
        assert!(lengths.iter().any(|&length| length > 5_000));
    }

    #[test]
    fn a_label_may_differ_only_if_the_reference_has_a_small_margin() {
        let mut comparison = Comparison { bound: 0.1, largest_difference: 0.1, ..Comparison::default() };
        assert!(comparison.holds());
        comparison.wrong_label = 1;
        assert!(!comparison.holds());
        let comparison = Comparison { bound: 0.1, largest_difference: 0.11, ..Comparison::default() };
        assert!(!comparison.holds());
    }
}
