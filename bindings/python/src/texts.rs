//! Texts out of Python objects.

use finsent_model::Text;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyByteArray, PyBytes, PyDict, PyFloat, PyMapping, PyString};

use crate::arrow_texts::ArrowTexts;
use crate::text_result::TextResult;

/// Where texts come from.
pub(crate) enum Texts<'py> {
    /// A single `str`.
    One(Bound<'py, PyString>),
    /// An iterable of `str`.
    Many(Bound<'py, PyAny>),
    /// A column of strings of Arrow, whose texts are not copied into Python objects.
    Arrow(ArrowTexts),
}

impl<'py> Texts<'py> {
    /// Decides how an object is read.
    ///
    /// # Errors
    /// TypeError for what is neither a `str` nor several of them.
    pub(crate) fn of(texts: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = texts.cast::<PyString>() {
            return Ok(Self::One(text.clone()));
        }
        if let Some(column) = ArrowTexts::import(texts, None)? {
            return Ok(Self::Arrow(column));
        }
        let kind = texts.get_type().name()?;
        if texts.is_instance_of::<PyBytes>() || texts.is_instance_of::<PyByteArray>() {
            return Err(PyTypeError::new_err(format!("expected str, found {kind}; decode it first, as in b.decode()")));
        }
        if texts.is_instance_of::<PyDict>() || texts.cast::<PyMapping>().is_ok() {
            return Err(PyTypeError::new_err(format!(
                "expected str or several of them, found {kind}; pass its values"
            )));
        }
        if texts.hasattr("columns")? && texts.hasattr("shape")? {
            return Err(PyTypeError::new_err(format!(
                "expected a column of texts, found a {kind}; choose one as in df[\"headline\"], or use finsent.score(df)"
            )));
        }
        let is_iterable = texts.hasattr("__iter__")? || texts.hasattr("__getitem__")?;
        if is_iterable { Ok(Self::Many(texts.clone())) } else { Err(PyTypeError::new_err(not_a_text(texts))) }
    }
}

/// The text in a Python object, or why it has none.
pub(crate) fn text_of(object: &Bound<'_, PyAny>) -> TextResult {
    let Ok(text) = object.cast::<PyString>() else { return Err(not_a_text(object)) };
    let text = text.to_cow().map_err(|_| {
        "the text has half of a surrogate pair, which is not valid Unicode; \
         text.encode(\"utf-16\", \"surrogatepass\").decode(\"utf-16\", \"replace\") repairs it"
            .to_owned()
    })?;
    Text::parse(text.into_owned()).map_err(|error| error.to_string())
}

fn not_a_text(object: &Bound<'_, PyAny>) -> String {
    if object.is_none() {
        return "expected str, found None".into();
    }
    if object.cast::<PyFloat>().is_ok_and(|number| number.extract::<f64>().is_ok_and(f64::is_nan)) {
        return "expected str, found NaN, which pandas writes for a missing value".into();
    }
    let kind = object.get_type().name().map_or_else(|_| "another type".into(), |name| name.to_string());
    format!("expected str, found {kind}")
}
