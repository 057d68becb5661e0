//! A loaded model.

use std::collections::BTreeMap;
use std::path::PathBuf;

use finsent::{
    Aggregate, ExplainMethod, ExplainOptions, Model as Loaded, ModelBuilder, Precision, Prediction as Scores, TextError,
};
use finsent_model::{Activation, ClassifyError, Encoding, Text, suggest};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use crate::arrow_batch::ArrowBatch;
use crate::arrow_texts::ArrowTexts;
use crate::document::{Document, Sentence};
use crate::error;
use crate::explanation::Explanation;
use crate::prediction::Prediction;
use crate::process::Process;
use crate::text_result::TextResult;
use crate::texts::{Texts, text_of};

/// Texts that are classified before Python may handle signals such as Ctrl-C.
const CHUNK: usize = 512;

/// A model that classifies texts.
#[pyclass(frozen, module = "finsent", subclass)]
pub(crate) struct Model {
    model: Loaded,
    name: String,
    /// What it was loaded with, so that pickle can load it again elsewhere.
    settings: Py<PyDict>,
    process: Process,
}

#[pymethods]
impl Model {
    #[new]
    #[pyo3(signature = (model=PathBuf::from("mini"), **settings))]
    fn new(py: Python<'_>, model: PathBuf, settings: Option<Bound<'_, PyDict>>) -> PyResult<Self> {
        let settings = settings.unwrap_or_else(|| PyDict::new(py));
        let name = model.to_string_lossy().into_owned();
        let builder = with_settings(Loaded::builder().catalog(&name), &settings)?;
        let model = py.detach(|| builder.build()).map_err(|error| error::of_build(&error))?;
        Ok(Self { model, name, settings: settings.unbind(), process: Process::current() })
    }

    /// For pickle: the model is loaded again, in the process that needs it.
    fn __getnewargs_ex__(&self, py: Python<'_>) -> ((&str,), Py<PyDict>) {
        ((&self.name,), self.settings.clone_ref(py))
    }

    /// The name or directory that the model was loaded by.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// The labels, in the order of `scores`.
    #[getter]
    fn labels(&self) -> Vec<String> {
        self.model.labels().to_vec()
    }

    /// The model's window: the most tokens of a text that are read at once.
    #[getter]
    fn max_length(&self) -> usize {
        self.model.max_length()
    }

    /// The number format that the model computes in.
    #[getter]
    fn precision(&self) -> String {
        self.model.precision().to_string()
    }

    /// How many threads compute.
    #[getter]
    fn threads(&self) -> usize {
        self.model.pipeline().encoder().threads()
    }

    /// Classifies one text, or several.
    #[pyo3(signature = (texts, *, errors="raise"))]
    fn classify<'py>(&self, texts: &Bound<'py, PyAny>, errors: &str) -> PyResult<Bound<'py, PyAny>> {
        self.process.check()?;
        let py = texts.py();
        let coerce = coerces(errors)?;
        let texts = match Texts::of(texts)? {
            Texts::One(text) => return self.classify_one(&text, coerce),
            texts => texts,
        };
        let predictions = PyList::empty(py);
        self.in_chunks(py, texts, |index, result| match result {
            Ok(prediction) => predictions.append(Prediction::new(py, prediction)?),
            Err(_) if coerce => predictions.append(py.None()),
            Err(message) => Err(error::of_text(Some(index), &message)),
        })?;
        Ok(predictions.into_any())
    }

    /// Classifies all of a text of any length, from its sentences.
    #[pyo3(signature = (text, *, aggregate="tokens"))]
    fn classify_document<'py>(&self, text: &Bound<'py, PyString>, aggregate: &str) -> PyResult<Bound<'py, Document>> {
        self.process.check()?;
        let (py, aggregate) = (text.py(), parse_aggregate(aggregate)?);
        let text = text_of(text).map_err(|message| error::of_text(None, &message))?;
        let document = py.detach(|| self.model.classify_document_by(text.as_str(), aggregate));
        Document::new(py, text.as_str(), document.map_err(|error| error::of_one(&error))?)
    }

    /// Splits a text into sentences and classifies each.
    fn classify_sentences(&self, text: &Bound<'_, PyString>) -> PyResult<Vec<Py<Sentence>>> {
        self.process.check()?;
        let py = text.py();
        let text = text_of(text).map_err(|message| error::of_text(None, &message))?;
        let sentences = py.detach(|| self.model.classify_sentences(text.as_str()));
        Sentence::all(py, text.as_str(), sentences.map_err(|error| error::of_one(&error))?)
    }

    /// Says which words made a prediction, and of a document which sentences.
    #[pyo3(signature = (text, *, method="shapley", label=None, passes=None, granularity="text"))]
    fn explain(
        &self,
        text: &Bound<'_, PyString>,
        method: &str,
        label: Option<String>,
        passes: Option<usize>,
        granularity: &str,
    ) -> PyResult<Explanation> {
        self.process.check()?;
        let py = text.py();
        let passes = passes.unwrap_or(ExplainOptions::PASSES);
        let options = ExplainOptions { method: parse_method(method)?, label, passes };
        let is_document = match granularity {
            "text" => false,
            "document" => true,
            other => {
                return Err(PyValueError::new_err(format!("granularity is \"text\" or \"document\", not {other:?}")));
            }
        };
        let text = text_of(text).map_err(|message| error::of_text(None, &message))?;
        let explanation = py.detach(|| match is_document {
            false => self.model.explain_by(text.as_str(), &options),
            true => self.model.explain_document(text.as_str(), Aggregate::default(), &options),
        });
        Explanation::new(py, text.as_str(), explanation.map_err(|error| error::of_one(&error))?)
    }

    /// Classifies a column of texts, or that column of a table, into columns of Arrow. A text that fails has its `error`.
    #[pyo3(signature = (texts, column=None))]
    fn classify_arrow<'py>(&self, texts: &Bound<'py, PyAny>, column: Option<&str>) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let batch = Bound::new(py, self._columns(texts, column)?)?;
        // Who has pyarrow wants its type. Others can import the batch into what they have.
        match py.import("pyarrow") {
            Ok(pyarrow) => pyarrow.call_method1("record_batch", (batch,)),
            Err(_) => Ok(batch.into_any()),
        }
    }

    /// As `classify_arrow`, for `finsent.score`.
    #[pyo3(signature = (texts, column=None))]
    fn _columns(&self, texts: &Bound<'_, PyAny>, column: Option<&str>) -> PyResult<ArrowBatch> {
        self.process.check()?;
        let source = match ArrowTexts::import(texts, column)? {
            Some(column) => Texts::Arrow(column),
            None => Texts::of(texts)?,
        };
        let mut results = Vec::new();
        self.in_chunks(texts.py(), source, |_, result| {
            results.push(result);
            Ok(())
        })?;
        let has_sentiment_score = self.model.pipeline().labels().has_sentiment_score();
        Ok(ArrowBatch::new(self.model.labels(), has_sentiment_score, &results))
    }

    /// The scores of each label for some texts, in the model's order, for `finsent.pipeline`. `activation` is "softmax",
    /// "sigmoid", "none", or None for the model's own.
    #[pyo3(signature = (texts, activation, truncation))]
    fn _label_scores(
        &self,
        py: Python<'_>,
        texts: Vec<Bound<'_, PyAny>>,
        activation: Option<&str>,
        truncation: bool,
    ) -> PyResult<Vec<Vec<f32>>> {
        self.process.check()?;
        let activation = match activation {
            None => self.model.pipeline().activation(),
            Some("softmax") => Activation::Softmax,
            Some("sigmoid") => Activation::Sigmoid,
            Some("none") => Activation::Identity,
            Some(other) => {
                let message = format!("no function `{other}` to apply; choose softmax, sigmoid or none");
                return Err(PyValueError::new_err(message));
            }
        };
        let texts: Vec<TextResult> = texts.iter().map(text_of).collect();
        let scores = py.detach(|| self.label_scores(&texts, activation, truncation));
        scores.map_err(|(index, message)| error::of_text(Some(index), &message))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name = PyString::new(py, &self.name).repr()?;
        let precision = PyString::new(py, &self.precision()).repr()?;
        let labels = PyList::new(py, self.model.labels())?.repr()?;
        Ok(format!("Model({name}, labels={labels}, precision={precision}, threads={})", self.threads()))
    }
}

impl Model {
    fn classify_one<'py>(&self, text: &Bound<'py, PyString>, coerce: bool) -> PyResult<Bound<'py, PyAny>> {
        let py = text.py();
        let result = text_of(text).and_then(|text| py.detach(|| self.classify_texts(vec![Ok(text)])).remove(0));
        match result {
            Ok(prediction) => Ok(Prediction::new(py, prediction)?.into_any()),
            Err(_) if coerce => Ok(py.None().into_bound(py)),
            Err(message) => Err(error::of_text(None, &message)),
        }
    }

    /// Classifies texts, some at a time, and hands over each result with its place. Other threads of Python run meanwhile,
    /// and Ctrl-C ends it.
    fn in_chunks(
        &self,
        py: Python<'_>,
        texts: Texts<'_>,
        mut each: impl FnMut(usize, Result<Scores, String>) -> PyResult<()>,
    ) -> PyResult<()> {
        let mut texts: Box<dyn Iterator<Item = PyResult<TextResult>>> = match &texts {
            Texts::One(text) => Box::new(std::iter::once(Ok(text_of(text)))),
            Texts::Many(iterable) => Box::new(iterable.try_iter()?.map(|text| Ok(text_of(&text?)))),
            Texts::Arrow(column) => Box::new(column.iter().map(Ok)),
        };
        let mut index = 0;
        loop {
            let chunk = texts.by_ref().take(CHUNK).collect::<PyResult<Vec<TextResult>>>()?;
            if chunk.is_empty() {
                return Ok(());
            }
            py.check_signals()?;
            for result in py.detach(|| self.classify_texts(chunk)) {
                each(index, result)?;
                index += 1;
            }
        }
    }

    /// The prediction or the message of each text, in order.
    fn classify_texts(&self, texts: Vec<TextResult>) -> Vec<Result<Scores, String>> {
        let valid: Vec<&Text> = texts.iter().flatten().collect();
        let mut predictions = self.model.pipeline().classify(&valid).into_iter();
        let mut next = || predictions.next().expect("there is a prediction for each valid text");
        let of_error = |error: ClassifyError| error::message(&TextError::from(error));
        texts.iter().map(|text| text.as_ref().map_err(String::clone).and_then(|_| next().map_err(of_error))).collect()
    }

    fn label_scores(
        &self,
        texts: &[TextResult],
        activation: Activation,
        truncation: bool,
    ) -> Result<Vec<Vec<f32>>, (usize, String)> {
        let pipeline = self.model.pipeline();
        let mut encodings: Vec<Encoding> = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let text = text.as_ref().map_err(|message| (index, message.clone()))?;
            let encoding = pipeline.encode(text).map_err(|error| (index, error::message(&error)))?;
            if encoding.truncated && !truncation {
                let window = pipeline.max_length();
                let message = format!(
                    "it is longer than the model's window of {window} tokens; \
                     pass truncation=True to cut it, or use Model.classify_document to read all of it"
                );
                return Err((index, message));
            }
            encodings.push(encoding);
        }
        let logits = pipeline.logits(&encodings.iter().collect::<Vec<_>>());
        let scores = logits.into_iter().enumerate().map(|(index, logits)| match logits {
            Ok(logits) => Ok(activation.probabilities(&logits)),
            Err(error) => Err((index, error::message(&error))),
        });
        scores.collect()
    }
}

/// Whether a text that fails becomes None.
fn coerces(errors: &str) -> PyResult<bool> {
    match errors {
        "raise" => Ok(false),
        "coerce" => Ok(true),
        other => Err(PyValueError::new_err(format!("errors is \"raise\" or \"coerce\", not {other:?}"))),
    }
}

fn parse_aggregate(aggregate: &str) -> PyResult<Aggregate> {
    match aggregate {
        "tokens" => Ok(Aggregate::TokenWeighted),
        "mean" => Ok(Aggregate::Mean),
        "polar" => Ok(Aggregate::Polar),
        other => Err(PyValueError::new_err(format!("aggregate is \"tokens\", \"mean\" or \"polar\", not {other:?}"))),
    }
}

/// Applies the keyword arguments of `Model(...)`. One that is None is as if it were left out.
fn with_settings(mut builder: ModelBuilder, settings: &Bound<'_, PyDict>) -> PyResult<ModelBuilder> {
    for (name, value) in settings.iter() {
        let name: String = name.extract()?;
        if value.is_none() {
            continue;
        }
        let wrong_type = |error: PyErr| {
            let message = format!("{name}: {}", error.value(settings.py()));
            if error.is_instance_of::<PyTypeError>(settings.py()) {
                PyTypeError::new_err(message)
            } else {
                PyValueError::new_err(message)
            }
        };
        builder = match name.as_str() {
            "precision" => builder.precision(parse_precision(&value.extract::<String>().map_err(wrong_type)?)?),
            "threads" => builder.threads(value.extract().map_err(wrong_type)?),
            "max_length" => builder.max_length(value.extract().map_err(wrong_type)?),
            "int8_margin" => builder.int8_margin(value.extract().map_err(wrong_type)?),
            "model_dir" => builder.model_dir(value.extract::<PathBuf>().map_err(wrong_type)?),
            "offline" => builder.offline(value.extract().map_err(wrong_type)?),
            "label_aliases" => {
                let aliases: BTreeMap<String, String> = value.extract().map_err(wrong_type)?;
                aliases.into_iter().fold(builder, |builder, (from, to)| builder.label_alias(from, to))
            }
            _ => return Err(PyTypeError::new_err(unknown_setting(&name))),
        };
    }
    Ok(builder)
}

fn unknown_setting(name: &str) -> String {
    const SETTINGS: [&str; 7] =
        ["precision", "threads", "max_length", "int8_margin", "label_aliases", "model_dir", "offline"];
    match suggest(name, SETTINGS.into_iter()) {
        Some(nearest) => format!("Model() has no argument `{name}`. Did you mean `{nearest}`?"),
        None => format!("Model() has no argument `{name}`; it has {}", SETTINGS.join(", ")),
    }
}

fn parse_method(method: &str) -> PyResult<ExplainMethod> {
    let found = ExplainMethod::ALL.into_iter().find(|known| known.name() == method);
    found.ok_or_else(|| PyValueError::new_err(format!("method is \"shapley\" or \"occlusion\", not {method:?}")))
}

fn parse_precision(precision: &str) -> PyResult<Precision> {
    let found = Precision::ALL.into_iter().find(|known| known.to_string() == precision);
    let message = || format!("no precision {precision:?}; choose \"f32\", \"bf16\" or \"int8\"");
    found.ok_or_else(|| PyValueError::new_err(message()))
}
