//! The explanation of a prediction.

use finsent::{ExplainedPart as Part, Explanation as Weights};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::characters::Characters;

/// A word or a sentence, and what it adds to the probability of the label. `text[start:end]` is the part.
#[pyclass(frozen, module = "finsent")]
pub(crate) struct ExplainedPart {
    part: Part,
    start: usize,
    end: usize,
}

/// Which words of a text, and which sentences of a document, made a prediction.
#[pyclass(frozen, module = "finsent")]
pub(crate) struct Explanation {
    explanation: Weights,
    words: Vec<Py<ExplainedPart>>,
    sentences: Option<Vec<Py<ExplainedPart>>>,
}

#[pymethods]
impl ExplainedPart {
    /// Where it starts, in characters of the text.
    #[getter]
    fn start(&self) -> usize {
        self.start
    }

    /// Where it ends, in characters of the text.
    #[getter]
    fn end(&self) -> usize {
        self.end
    }

    /// The word or the sentence.
    #[getter]
    fn text(&self) -> &str {
        self.part.text()
    }

    /// What it adds to the probability of the label, -1 to 1.
    #[getter]
    fn weight(&self) -> f32 {
        self.part.weight()
    }

    /// The part as a dict. `start` and `end` count characters.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("start", self.start)?;
        dict.set_item("end", self.end)?;
        dict.set_item("text", self.part.text())?;
        dict.set_item("weight", self.part.weight())?;
        Ok(dict)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let text = pyo3::types::PyString::new(py, self.part.text()).repr()?;
        Ok(format!("ExplainedPart({text}, {:+.4})", self.part.weight()))
    }
}

impl Explanation {
    pub(crate) fn new(py: Python<'_>, text: &str, explanation: Weights) -> PyResult<Self> {
        let words = parts(py, text, explanation.words())?;
        let sentences = explanation.sentences().map(|sentences| parts(py, text, sentences)).transpose()?;
        Ok(Self { explanation, words, sentences })
    }
}

fn parts(py: Python<'_>, text: &str, parts: &[Part]) -> PyResult<Vec<Py<ExplainedPart>>> {
    let mut characters = Characters::of(text);
    let mut at = |part: &Part| {
        let place = characters.range(part.bytes());
        Py::new(py, ExplainedPart { part: part.clone(), start: place.start, end: place.end })
    };
    parts.iter().map(&mut at).collect()
}

fn dicts<'py>(py: Python<'py>, parts: &[Py<ExplainedPart>]) -> PyResult<Vec<Bound<'py, PyDict>>> {
    parts.iter().map(|part| part.get().to_dict(py)).collect()
}

#[pymethods]
impl Explanation {
    /// The label whose probability is explained.
    #[getter]
    fn label(&self) -> &str {
        self.explanation.label()
    }

    /// How the weights were computed: "shapley" or "occlusion".
    #[getter]
    fn method(&self) -> &str {
        self.explanation.method().name()
    }

    /// The probability of the label for the text.
    #[getter]
    fn score(&self) -> f32 {
        self.explanation.score()
    }

    /// The probability of the label for an empty text.
    #[getter]
    fn base(&self) -> f32 {
        self.explanation.base()
    }

    /// The words in their order; those of a document are of its strongest sentences.
    #[getter]
    fn words(&self, py: Python<'_>) -> Vec<Py<ExplainedPart>> {
        self.words.iter().map(|word| word.clone_ref(py)).collect()
    }

    /// The sentences of a document in their order; None for a text that was read as a whole.
    #[getter]
    fn sentences(&self, py: Python<'_>) -> Option<Vec<Py<ExplainedPart>>> {
        self.sentences.as_ref().map(|sentences| sentences.iter().map(|sentence| sentence.clone_ref(py)).collect())
    }

    /// How many token sequences the model read for it.
    #[getter]
    fn passes(&self) -> usize {
        self.explanation.passes()
    }

    /// The largest standard error of the words' weights; None if they are exact.
    #[getter]
    fn standard_error(&self) -> Option<f32> {
        self.explanation.standard_error()
    }

    /// The explanation as a dict.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("label", self.label())?;
        dict.set_item("method", self.method())?;
        dict.set_item("base", self.base())?;
        if let Some(sentences) = &self.sentences {
            dict.set_item("sentences", dicts(py, sentences)?)?;
        }
        dict.set_item("words", dicts(py, &self.words)?)?;
        dict.set_item("passes", self.passes())?;
        if let Some(standard_error) = self.standard_error() {
            dict.set_item("standard_error", standard_error)?;
        }
        Ok(dict)
    }

    fn __repr__(&self) -> String {
        let (label, method, words) = (self.label(), self.method(), self.words.len());
        let plural = if words == 1 { "" } else { "s" };
        format!("Explanation({label}, {words} word{plural}, {method})")
    }
}
