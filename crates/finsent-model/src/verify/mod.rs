//! Verification on this machine: compares the predictions with candle-transformers and with published ones.

#[cfg(feature = "verify")]
mod candle_deberta;
#[cfg_attr(not(feature = "verify"), path = "no_candle_model.rs")]
mod candle_model;
#[cfg(feature = "verify")]
mod electra;
mod error;

use finsent_kernels::Precision;

use self::candle_model::CandleModel;
pub use self::error::VerifyError;
use crate::model_files::ModelFiles;
use crate::pipeline::{ClassifyError, Pipeline};
use crate::prediction::Prediction;
use crate::published::PublishedPrediction;
use crate::text::Text;

/// The texts to compare, one per line: sentences of many lengths, in several languages.
const SENTENCES: &str = include_str!("texts.txt");

/// Whether this build can compare with candle-transformers: whether it has the feature `verify`.
pub const HAS_CANDLE_TRANSFORMERS: bool = cfg!(feature = "verify");

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
    /// [`VerifyError`] if the model cannot be loaded or run, or if [`HAS_CANDLE_TRANSFORMERS`] is false.
    pub fn compute(files: &ModelFiles, pipeline: &Pipeline) -> Result<Self, VerifyError> {
        let reference = CandleModel::load(files, pipeline.labels().labels().len())?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// candle-transformers is right about these, so that it can be the reference of a model of this kind.
    #[cfg(feature = "verify")]
    #[test]
    fn candle_transformers_agrees_about_every_architecture() {
        use std::sync::Arc;

        use finsent_kernels::ComputeThreads;

        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
        let pool = Arc::new(ComputeThreads::new(None).unwrap());
        for name in ["distilbert", "roberta", "xlm-roberta", "camembert", "electra"] {
            let files = ModelFiles::in_dir(&golden.join(name), &[]).unwrap();
            let pipeline = Pipeline::load(&files, &crate::ModelOptions::default(), &pool).unwrap();
            let comparison = Expected::compute(&files, &pipeline).unwrap().compare(&pipeline).unwrap();
            let difference = comparison.largest_difference;
            assert!(comparison.holds() && difference < 1e-5, "{name}: {difference:e}");
        }
    }

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
