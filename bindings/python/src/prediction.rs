//! The prediction of a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use finsent::Prediction as Scores;
use finsent_model::LabelMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The prediction for a text: its label and the score of each label.
#[pyclass(frozen, eq, module = "finsent")]
#[derive(PartialEq)]
pub(crate) struct Prediction(pub(crate) Scores);

#[pymethods]
impl Prediction {
    /// The label with the highest score.
    #[getter]
    fn label(&self) -> &str {
        self.0.label()
    }

    /// The score of `label`: a probability, 0 to 1.
    #[getter]
    fn score(&self) -> f32 {
        self.0.score()
    }

    /// The score of each label, in the model's order.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        scores(py, &self.0)
    }

    /// P(positive) - P(negative), -1 to 1; None if the model lacks either label.
    #[getter]
    fn sentiment_score(&self) -> Option<f32> {
        self.0.sentiment_score()
    }

    /// How many tokens the model read.
    #[getter]
    fn tokens(&self) -> usize {
        self.0.tokens()
    }

    /// Whether the text was longer than the model's window, so that only its start was read.
    #[getter]
    fn truncated(&self) -> bool {
        self.0.truncated()
    }

    /// The prediction as a dict, as `finsent classify` writes it in JSON.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        add_scores(&dict, &self.0)?;
        add_reading(&dict, &self.0)?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let Self(prediction) = self;
        let truncated = if prediction.truncated() { ", truncated" } else { "" };
        format!("Prediction({}, {:.4}{truncated})", prediction.label(), prediction.score())
    }

    fn __hash__(&self) -> u64 {
        let bits = |score: &f32| u64::from(score.to_bits());
        self.0.probabilities().iter().map(bits).fold(self.0.tokens() as u64, |hash, bits| hash.rotate_left(13) ^ bits)
    }

    /// For pickle.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Parts)> {
        let restore = py.import("finsent._finsent")?.getattr("restore_prediction")?;
        let labels = self.0.scores().map(|(label, _)| label.to_owned()).collect();
        let has_sentiment_score = self.0.sentiment_score().is_some();
        let probabilities = self.0.probabilities().to_vec();
        Ok((restore, (labels, has_sentiment_score, probabilities, self.0.tokens(), self.0.truncated())))
    }
}

/// Labels, whether there is a sentiment score, probabilities, tokens, truncated.
type Parts = (Vec<String>, bool, Vec<f32>, usize, bool);

/// Makes a prediction from its parts, for pickle.
#[pyfunction]
pub(crate) fn restore_prediction(
    labels: Vec<String>,
    has_sentiment_score: bool,
    probabilities: Vec<f32>,
    tokens: usize,
    truncated: bool,
) -> PyResult<Prediction> {
    let count = labels.len();
    let ids: BTreeMap<String, String> = labels.into_iter().enumerate().map(|(id, l)| (id.to_string(), l)).collect();
    let map = LabelMap::new(Some(&ids), count, &BTreeMap::new());
    let map = map.map_err(|error| PyValueError::new_err(error.to_string()))?;
    if probabilities.len() != count {
        return Err(PyValueError::new_err("a prediction has one probability per label"));
    }
    let map = if has_sentiment_score { map } else { map.without_sentiment_score() };
    Ok(Prediction(Scores::new(Arc::new(map), probabilities, tokens, truncated)))
}

pub(crate) fn scores<'py>(py: Python<'py>, prediction: &Scores) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (label, score) in prediction.scores() {
        dict.set_item(label, score)?;
    }
    Ok(dict)
}

/// Adds `label`, `score`, `scores` and `sentiment_score`.
pub(crate) fn add_scores(dict: &Bound<'_, PyDict>, prediction: &Scores) -> PyResult<()> {
    dict.set_item("label", prediction.label())?;
    dict.set_item("score", prediction.score())?;
    dict.set_item("scores", scores(dict.py(), prediction)?)?;
    if let Some(sentiment_score) = prediction.sentiment_score() {
        dict.set_item("sentiment_score", sentiment_score)?;
    }
    Ok(())
}

/// Adds `tokens` and `truncated`.
pub(crate) fn add_reading(dict: &Bound<'_, PyDict>, prediction: &Scores) -> PyResult<()> {
    dict.set_item("tokens", prediction.tokens())?;
    dict.set_item("truncated", prediction.truncated())
}
