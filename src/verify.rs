//! Whether the answers are right on this machine: against candle-transformers' BERT, and against published predictions.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use candle_nn::{Linear, Module, VarBuilder, linear};
use candle_transformers::models::bert::{self, BertModel, HiddenAct, PositionEmbeddingType};
use thiserror::Error;

use crate::catalog::Golden;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::encoder::{Config, ConfigError};
use crate::files::{FilesError, ModelFiles};
use crate::pipeline::{ClassifyError, Pipeline};
use crate::precision::Precision;
use crate::text::{Text, TextError};
use crate::tokens::Encoding;
use crate::verdict::Verdict;

/// What the comparison reads: sentences of many lengths and languages, a text a line.
const SENTENCES: &str = include_str!("verify.txt");

/// The comparison could not be made.
#[derive(Debug, Error)]
pub(crate) enum VerifyError {
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("candle's BERT failed: {0}")]
    Candle(#[from] candle_core::Error),
    #[error("`{text}` has no verdict")]
    Verdict { text: String, source: ClassifyError },
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
pub(crate) struct Comparison {
    pub(crate) texts: usize,
    pub(crate) same_label: usize,
    /// Labels that differ although the expected one was ahead by more than the bound.
    pub(crate) wrong_label: usize,
    pub(crate) largest_difference: f32,
    pub(crate) bound: f32,
}

impl Comparison {
    /// Whether all is within the bounds.
    pub(crate) fn holds(&self) -> bool {
        self.wrong_label == 0 && self.largest_difference <= self.bound
    }
}

/// Texts, and the probabilities of each by the reference.
pub(crate) struct Expected {
    texts: Vec<Text>,
    probabilities: Vec<Vec<f32>>,
}

impl Expected {
    /// Runs the reference over the built-in texts. `pipeline` says how a text becomes tokens and logits probabilities.
    pub(crate) fn compute(files: &ModelFiles, pipeline: &Pipeline) -> Result<Self, VerifyError> {
        let reference = Reference::load(files, pipeline.labels().labels().len())?;
        let texts = texts()?;
        let probabilities = texts
            .iter()
            .map(|text| {
                let encoding = pipeline.encode(text).map_err(|source| no_verdict(text, source))?;
                Ok(pipeline.activation().probabilities(&reference.logits(&encoding)?))
            })
            .collect::<Result<_, VerifyError>>()?;
        Ok(Self { texts, probabilities })
    }

    /// How far `pipeline` is from the reference.
    pub(crate) fn compare(&self, pipeline: &Pipeline) -> Result<Comparison, VerifyError> {
        let texts: Vec<&Text> = self.texts.iter().collect();
        let mut comparison = Comparison { bound: bound(pipeline.precision()), ..Comparison::default() };
        for ((text, expected), verdict) in self.texts.iter().zip(&self.probabilities).zip(pipeline.classify(&texts)) {
            let verdict = verdict.map_err(|source| no_verdict(text, source))?;
            comparison.add(&expected_verdict(pipeline, expected, &verdict), &verdict);
        }
        Ok(comparison)
    }
}

impl Comparison {
    fn add(&mut self, expected: &Verdict, found: &Verdict) {
        let differences = expected.scores().zip(found.scores()).map(|((_, a), (_, b))| (a - b).abs());
        self.largest_difference = differences.fold(self.largest_difference, f32::max);
        let is_same = expected.label() == found.label();
        self.texts += 1;
        self.same_label += usize::from(is_same);
        self.wrong_label += usize::from(!is_same && expected.margin() > self.bound);
    }
}

/// How far `pipeline` is from the published predictions of its model.
pub(crate) fn compare_golden(pipeline: &Pipeline, golden: &[Golden]) -> Result<Comparison, VerifyError> {
    let mut comparison = Comparison { bound: bound(pipeline.precision()), ..Comparison::default() };
    for Golden { text, label, score } in golden {
        let parsed = Text::parse(text).map_err(|source| VerifyError::Text { text: text.clone(), source })?;
        let verdict = pipeline.classify(&[&parsed]).remove(0).map_err(|source| no_verdict(&parsed, source))?;
        let found = verdict.scores().find(|(name, _)| name == label).map_or(f32::NAN, |(_, score)| score);
        let is_same = verdict.label() == label;
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

fn no_verdict(text: &Text, source: impl Into<ClassifyError>) -> VerifyError {
    VerifyError::Verdict { text: text.as_str().into(), source: source.into() }
}

fn expected_verdict(pipeline: &Pipeline, probabilities: &[f32], like: &Verdict) -> Verdict {
    Verdict::new(pipeline.shared_labels(), probabilities.to_vec(), like.tokens(), like.truncated())
}

/// candle-transformers' encoder with BERT's head on it, in f32, one text at a time.
struct Reference {
    bert: BertModel,
    pooler: Linear,
    classifier: Linear,
}

impl Reference {
    fn load(files: &ModelFiles, num_labels: usize) -> Result<Self, VerifyError> {
        let config = Config::parse(&files.config.read()?)?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        let tensors: HashMap<String, Tensor> = checkpoint
            .float_names()
            .map(|name| {
                let shape = checkpoint.shape(name).unwrap_or_default();
                Ok((name.to_owned(), checkpoint.tensor(name, shape)?))
            })
            .collect::<Result<_, CheckpointError>>()?;
        let weights = VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu);
        let hidden_size = config.hidden_size;
        Ok(Self {
            bert: BertModel::load(weights.clone(), &candle_config(&config))?,
            pooler: linear(hidden_size, hidden_size, weights.pp("pooler.dense"))?,
            classifier: linear(hidden_size, num_labels, weights.pp("classifier"))?,
        })
    }

    fn logits(&self, encoding: &Encoding) -> Result<Vec<f32>, candle_core::Error> {
        let one = |ids: &[u32]| Tensor::new(ids, &Device::Cpu)?.unsqueeze(0);
        let hidden_states = self.bert.forward(&one(&encoding.input_ids)?, &one(&encoding.token_type_ids)?, None)?;
        let first_token = hidden_states.narrow(1, 0, 1)?.squeeze(1)?;
        let pooled_output = self.pooler.forward(&first_token)?.tanh()?;
        self.classifier.forward(&pooled_output)?.flatten_all()?.to_vec1()
    }
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
        type_vocab_size: config.type_vocab_size,
        layer_norm_eps: config.layer_norm_eps,
        position_embedding_type: PositionEmbeddingType::Absolute,
        ..bert::Config::default()
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
