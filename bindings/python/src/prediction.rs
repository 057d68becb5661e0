//! The prediction of a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use finsent::Prediction as Scores;
use finsent_model::LabelMap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// What the predictions of texts, sentences and documents have in common.
#[pyclass(frozen, subclass, module = "finsent._finsent")]
pub(crate) struct Scored(pub(crate) Scores);

#[pymethods]
impl Scored {
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
}

/// The prediction for a text: its label and the score of each label.
#[pyclass(frozen, extends = Scored, module = "finsent")]
pub(crate) struct Prediction;

impl Prediction {
    pub(crate) fn new(py: Python<'_>, scores: Scores) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, PyClassInitializer::from(Scored(scores)).add_subclass(Self))
    }

    fn scores<'a>(slf: &'a Bound<'_, Self>) -> &'a Scores {
        &slf.as_super().get().0
    }
}

#[pymethods]
impl Prediction {
    /// How many tokens the model read.
    #[getter]
    fn tokens(slf: &Bound<'_, Self>) -> usize {
        Self::scores(slf).tokens()
    }

    /// Whether the text was longer than the model's window, so that only its start was read.
    #[getter]
    fn truncated(slf: &Bound<'_, Self>) -> bool {
        Self::scores(slf).truncated()
    }

    /// The prediction as a dict, as `finsent classify` writes it in JSON.
    fn to_dict<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(slf.py());
        add_scores(&dict, Self::scores(slf))?;
        add_reading(&dict, Self::scores(slf))?;
        Ok(dict)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let prediction = Self::scores(slf);
        let truncated = if prediction.truncated() { ", truncated" } else { "" };
        format!("Prediction({}, {:.4}{truncated})", prediction.label(), prediction.score())
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> bool {
        Self::scores(slf) == Self::scores(other)
    }

    fn __hash__(slf: &Bound<'_, Self>) -> u64 {
        let prediction = Self::scores(slf);
        let bits = |score: &f32| u64::from(score.to_bits());
        prediction
            .probabilities()
            .iter()
            .map(bits)
            .fold(prediction.tokens() as u64, |hash, bits| hash.rotate_left(13) ^ bits)
    }

    /// For pickle.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Parts)> {
        let prediction = Self::scores(slf);
        let restore = slf.py().import("finsent._finsent")?.getattr("restore_prediction")?;
        let labels = prediction.scores().map(|(label, _)| label.to_owned()).collect();
        let has_sentiment_score = prediction.sentiment_score().is_some();
        let probabilities = prediction.probabilities().to_vec();
        Ok((restore, (labels, has_sentiment_score, probabilities, prediction.tokens(), prediction.truncated())))
    }
}

/// Labels, whether there is a sentiment score, probabilities, tokens, truncated.
type Parts = (Vec<String>, bool, Vec<f32>, usize, bool);

/// Makes a prediction from its parts, for pickle.
#[pyfunction]
pub(crate) fn restore_prediction(
    py: Python<'_>,
    labels: Vec<String>,
    has_sentiment_score: bool,
    probabilities: Vec<f32>,
    tokens: usize,
    truncated: bool,
) -> PyResult<Bound<'_, Prediction>> {
    let count = labels.len();
    let ids: BTreeMap<String, String> = labels.into_iter().enumerate().map(|(id, l)| (id.to_string(), l)).collect();
    let map = LabelMap::new(Some(&ids), count, &BTreeMap::new());
    let map = map.map_err(|error| PyValueError::new_err(error.to_string()))?;
    if probabilities.len() != count {
        return Err(PyValueError::new_err("a prediction has one probability per label"));
    }
    let map = if has_sentiment_score { map } else { map.without_sentiment_score() };
    Prediction::new(py, Scores::new(Arc::new(map), probabilities, tokens, truncated))
}

fn scores<'py>(py: Python<'py>, prediction: &Scores) -> PyResult<Bound<'py, PyDict>> {
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
