//! Whether the answers are right on this machine: against candle-transformers, and against published predictions.

use std::collections::HashMap;

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

/// What the comparison reads: sentences of many lengths and languages, a text a line.
const SENTENCES: &str = include_str!("verify.txt");

/// The comparison could not be made.
#[derive(Debug, Error)]
pub enum VerifyError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("candle's model failed: {0}")]
    Candle(#[from] candle_core::Error),
    #[error("`{text}` has no prediction")]
    Prediction { text: String, source: ClassifyError },
    #[error("`{text}` is no text")]
    Text { text: String, source: TextError },
}

/// Largest difference of a probability that is accepted.
fn bound(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::Bf16 => 0.05,
        Precision::Int8 => 0.15,
    }
}

/// How far a precision is from what was expected.
#[derive(Debug, Default)]
pub struct Comparison {
    pub texts: usize,
    pub same_label: usize,
    /// Labels that differ although the expected one was ahead by more than the bound.
    pub wrong_label: usize,
    pub largest_difference: f32,
    pub bound: f32,
}

impl Comparison {
    /// Whether all is within the bounds.
    pub fn holds(&self) -> bool {
        self.wrong_label == 0 && self.largest_difference <= self.bound
    }
}

/// Texts, and the probabilities of each by the reference.
pub struct Expected {
    texts: Vec<Text>,
    probabilities: Vec<Vec<f32>>,
}

impl Expected {
    /// Runs the reference over the built-in texts. `pipeline` says how a text becomes tokens and logits probabilities.
    pub fn compute(files: &ModelFiles, pipeline: &Pipeline) -> Result<Self, VerifyError> {
        let reference = Reference::load(files, pipeline.labels().labels().len())?;
        let texts = texts()?;
        let probabilities = texts
            .iter()
            .map(|text| {
                let encoding = pipeline.encode(text).map_err(|source| no_prediction(text, source))?;
                Ok(pipeline.activation().probabilities(&reference.logits(&encoding)?))
            })
            .collect::<Result<_, VerifyError>>()?;
        Ok(Self { texts, probabilities })
    }

    /// How far `pipeline` is from the reference.
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

/// How far `pipeline` is from the published predictions of its model.
pub fn compare_golden(pipeline: &Pipeline, golden: &[PublishedPrediction]) -> Result<Comparison, VerifyError> {
    let mut comparison = Comparison { bound: bound(pipeline.precision()), ..Comparison::default() };
    for PublishedPrediction { text, label, score } in golden {
        let parsed = Text::parse(text).map_err(|source| VerifyError::Text { text: text.clone(), source })?;
        let prediction = pipeline.classify(&[&parsed]).remove(0).map_err(|source| no_prediction(&parsed, source))?;
        let found = prediction.scores().find(|(name, _)| name == label).map_or(f32::NAN, |(_, score)| score);
        let is_same = prediction.label() == label;
        comparison.texts += 1;
        comparison.same_label += usize::from(is_same);
        comparison.wrong_label += usize::from(!is_same);
        // A label that the model does not have is as far off as can be.
        comparison.largest_difference = comparison.largest_difference.max((found - score).abs().min(1.0));
    }
    Ok(comparison)
}

/// The sentences, and all of them in one: longer than any window.
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

/// candle-transformers' model of the architecture, in f32, one text at a time.
enum Reference {
    /// BERT with a head on it; DistilBERT as well, whose GELU candle-transformers has in the tanh form only: a BERT without
    /// segments, with another activation in its head.
    Bert { bert: BertModel, dense: Linear, activation: fn(&Tensor) -> candle_core::Result<Tensor>, classifier: Linear },
    /// XLM-RoBERTa, which is RoBERTa but for the tokeniser.
    Roberta(XLMRobertaForSequenceClassification),
}

impl Reference {
    fn load(files: &ModelFiles, num_labels: usize) -> Result<Self, VerifyError> {
        let config = Config::parse(&files.config.read()?)?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        let tensors = tensors(&config, &checkpoint)?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let (hidden_size, names) = (config.hidden_size, config.architecture.names());
        if config.architecture == Architecture::Roberta {
            let config = candle_roberta_config(&config);
            return Ok(Self::Roberta(XLMRobertaForSequenceClassification::new(num_labels, &config, weights)?));
        }
        let is_distil_bert = config.architecture == Architecture::DistilBert;
        Ok(Self::Bert {
            bert: BertModel::load(weights.clone(), &candle_config(&config))?,
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

/// The checkpoint's tensors under the names that candle-transformers' model asks for.
fn tensors(config: &Config, checkpoint: &Checkpoint) -> Result<HashMap<String, Tensor>, VerifyError> {
    let mut tensors = HashMap::new();
    for name in checkpoint.float_names() {
        let tensor = checkpoint.tensor(name, checkpoint.shape(name).unwrap_or_default())?;
        tensors.insert(candle_name(config.architecture, name), tensor);
    }
    if config.architecture == Architecture::DistilBert {
        let no_segments = Tensor::zeros((1, config.hidden_size), DType::F32, &Device::Cpu)?;
        tensors.insert("embeddings.token_type_embeddings.weight".into(), no_segments);
    }
    Ok(tensors)
}

fn candle_name(architecture: Architecture, name: &str) -> String {
    match architecture {
        Architecture::Bert => name.into(),
        Architecture::Roberta if name.starts_with("classifier.") => name.into(),
        Architecture::Roberta => format!("roberta.{name}"),
        Architecture::DistilBert => as_in_bert(name).unwrap_or_else(|| name.into()),
    }
}

/// What BERT calls a tensor of a DistilBERT's layer.
fn as_in_bert(name: &str) -> Option<String> {
    let [own, bert] = [Architecture::DistilBert, Architecture::Bert].map(Architecture::names);
    let (index, tensor) = name.strip_prefix(own.layers)?.strip_prefix('.')?.split_once('.')?;
    let (module, kind) = tensor.rsplit_once('.')?;
    let place = own.of_layer().iter().position(|name| *name == module)?;
    Some(format!("{}.{index}.{}.{kind}", bert.layers, bert.of_layer()[place]))
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
        // Where there are no segments, there is one of zeros.
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
        // The erf form.
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
    fn a_label_may_differ_only_where_the_reference_hesitates() {
        let mut comparison = Comparison { bound: 0.1, largest_difference: 0.1, ..Comparison::default() };
        assert!(comparison.holds());
        comparison.wrong_label = 1;
        assert!(!comparison.holds());
        let comparison = Comparison { bound: 0.1, largest_difference: 0.11, ..Comparison::default() };
        assert!(!comparison.holds());
    }
}
