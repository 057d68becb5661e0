//! Errors of finsent as exceptions of Python. The classes are in `python/finsent/_errors.py`, because pyo3 cannot give an
//! exception two bases for every version of Python.

use std::error::Error;

use finsent::{BuildError, ResolveError, TextError};
use pyo3::exceptions::PyValueError;
use pyo3::{PyErr, import_exception};

mod classes {
    use super::import_exception;

    import_exception!(finsent._errors, ModelError);
    import_exception!(finsent._errors, NetworkError);
    import_exception!(finsent._errors, TextError);
}

/// The message of an error with its causes.
pub(crate) fn message(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors repeat their cause.
        let words = error.to_string();
        if !message.ends_with(&words) {
            message = format!("{message}: {words}");
        }
        cause = error.source();
    }
    message
}

/// The exception for a model that cannot be loaded.
pub(crate) fn of_build(error: &BuildError) -> PyErr {
    let message = message(error);
    match error {
        BuildError::NoThreads => PyValueError::new_err(message),
        BuildError::Resolve(error) if is_network(error) => classes::NetworkError::new_err(message),
        _ => classes::ModelError::new_err(message),
    }
}

fn is_network(error: &ResolveError) -> bool {
    matches!(error, ResolveError::Hub(error) if error.is_network())
}

/// The exception for a text without a prediction; `index` is its place if there are several.
pub(crate) fn of_text(index: Option<usize>, message: &str) -> PyErr {
    let message = match index {
        Some(index) => format!("text {index}: {message}"),
        None => message.to_owned(),
    };
    classes::TextError::new_err((message, index))
}

/// The exception for one text.
pub(crate) fn of_one(error: &TextError) -> PyErr {
    of_text(None, &message(error))
}
