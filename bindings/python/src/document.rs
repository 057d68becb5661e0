//! The predictions of a document and of its sentences.

use std::collections::BTreeMap;

use finsent::{Document as ScoredDocument, Sentence as ScoredSentence};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::characters::Characters;
use crate::prediction::{Scored, add_reading, add_scores};

/// A sentence of a text, with its prediction. `text[start:end]` is the sentence.
#[pyclass(frozen, extends = Scored, module = "finsent")]
pub(crate) struct Sentence {
    sentence: ScoredSentence,
    start: usize,
    end: usize,
}

/// A document of any length: its scores are the mean of its sentences' scores.
#[pyclass(frozen, extends = Scored, module = "finsent")]
pub(crate) struct Document {
    document: ScoredDocument,
    sentences: Vec<Py<Sentence>>,
}

impl Sentence {
    /// The sentences of a text.
    pub(crate) fn all(py: Python<'_>, text: &str, sentences: Vec<ScoredSentence>) -> PyResult<Vec<Py<Self>>> {
        let mut characters = Characters::of(text);
        let at = |sentence: ScoredSentence| {
            let place = characters.range(sentence.bytes());
            let scored = PyClassInitializer::from(Scored(sentence.prediction().clone()));
            Py::new(py, scored.add_subclass(Self { start: place.start, end: place.end, sentence }))
        };
        sentences.into_iter().map(at).collect()
    }
}

#[pymethods]
impl Sentence {
    /// Where the sentence starts, in characters of the text.
    #[getter]
    fn start(&self) -> usize {
        self.start
    }

    /// Where the sentence ends, in characters of the text.
    #[getter]
    fn end(&self) -> usize {
        self.end
    }

    /// The sentence.
    #[getter]
    fn text(&self) -> &str {
        self.sentence.text()
    }

    /// How many tokens the model read.
    #[getter]
    fn tokens(&self) -> usize {
        self.sentence.prediction().tokens()
    }

    /// How many overlapping windows it was read in: more than 1 if it is longer than the model's window.
    #[getter]
    fn windows(&self) -> usize {
        self.sentence.windows()
    }

    /// The sentence and its prediction as a dict. `start` and `end` count characters.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("start", self.start)?;
        dict.set_item("end", self.end)?;
        dict.set_item("text", self.sentence.text())?;
        add_scores(&dict, self.sentence.prediction())?;
        add_reading(&dict, self.sentence.prediction())?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let prediction = self.sentence.prediction();
        format!("Sentence({}:{}, {}, {:.4})", self.start, self.end, prediction.label(), prediction.score())
    }
}

impl Document {
    pub(crate) fn new<'py>(py: Python<'py>, text: &str, document: ScoredDocument) -> PyResult<Bound<'py, Self>> {
        let sentences = Sentence::all(py, text, document.sentences().to_vec())?;
        let scored = PyClassInitializer::from(Scored(document.prediction().clone()));
        Bound::new(py, scored.add_subclass(Self { document, sentences }))
    }
}

#[pymethods]
impl Document {
    /// The sentences, in order.
    #[getter]
    fn sentences(&self, py: Python<'_>) -> Vec<Py<Sentence>> {
        self.sentences.iter().map(|sentence| sentence.clone_ref(py)).collect()
    }

    /// How many sentences have each label.
    #[getter]
    fn label_counts(&self) -> BTreeMap<String, usize> {
        self.document.label_counts().map(|(label, count)| (label.to_owned(), count)).collect()
    }

    /// How many windows the model read.
    #[getter]
    fn windows(&self) -> usize {
        self.document.windows()
    }

    /// The document and its sentences as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        add_scores(&dict, self.document.prediction())?;
        dict.set_item("label_counts", self.label_counts())?;
        let sentences =
            self.sentences.iter().map(|sentence| sentence.get().to_dict(py)).collect::<PyResult<Vec<_>>>()?;
        dict.set_item("sentences", sentences)?;
        dict.set_item("windows", self.document.windows())?;
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let (prediction, sentences) = (self.document.prediction(), self.sentences.len());
        let plural = if sentences == 1 { "" } else { "s" };
        format!("Document({}, {:.4}, {sentences} sentence{plural})", prediction.label(), prediction.score())
    }
}
