//! What is compared: a model in a number format.

use std::sync::Arc;

use finsent_model::{LabelMap, Pipeline, Prediction};

use super::error::EvaluationError;
use super::label_matcher::LabelMatcher;

/// A model in a number format, whose predictions are those of the labels of the first one.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub(super) pipeline: Arc<Pipeline>,
    /// Its labels as those of the first model.
    relabel: Option<Relabel>,
}

/// The labels of the first model, and for each of them the id of the same label of another model.
#[derive(Debug, Clone)]
struct Relabel {
    labels: Arc<LabelMap>,
    ids: Vec<Option<usize>>,
}

impl Candidate {
    /// The first model, whose labels are those of the evaluation, in one of its number formats.
    pub fn first(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline, relabel: None }
    }

    /// Another model, with other tokens, and with labels that mean the same as some of the first one's.
    ///
    /// # Errors
    /// [`EvaluationError::OtherLabels`] if a label of it is none of the first model's.
    pub fn other(names: [&str; 2], first: &Pipeline, pipeline: Arc<Pipeline>) -> Result<Self, EvaluationError> {
        let other_labels = || EvaluationError::OtherLabels {
            models: names.map(String::from),
            labels: [first, &pipeline].map(|pipeline| pipeline.labels().labels().to_vec()),
        };
        let matcher = LabelMatcher::new(first.labels().labels(), &[])?;
        let mut ids = vec![None; first.labels().labels().len()];
        for (id, label) in pipeline.labels().labels().iter().enumerate() {
            let same = matcher.by_name_or_alias(label).map_err(|_| other_labels())?;
            if ids[same.id].replace(id).is_some() {
                return Err(other_labels());
            }
        }
        Ok(Self { relabel: Some(Relabel { labels: first.shared_labels(), ids }), pipeline })
    }

    /// Its model.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// Whether it reads the tokens of the first model.
    pub(super) fn is_first_model(&self) -> bool {
        self.relabel.is_none()
    }

    /// A prediction of its model, in the labels of the first one. A label that it does not have has the probability 0.
    pub(super) fn relabeled(&self, prediction: Prediction) -> Prediction {
        let Some(Relabel { labels, ids }) = &self.relabel else { return prediction };
        let own = prediction.probabilities();
        let probabilities = ids.iter().map(|id| id.map_or(0.0, |id| own[id])).collect();
        Prediction::new(Arc::clone(labels), probabilities, prediction.tokens(), prediction.truncated())
    }
}
