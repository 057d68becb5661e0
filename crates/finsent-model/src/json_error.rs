//! The error of invalid JSON.

use std::error::Error;
use std::fmt;

/// Why a file is not the JSON that was expected, with line and column.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

impl JsonError {
    pub(crate) fn new(error: serde_json::Error) -> Self {
        Self(error)
    }

    /// The line of the error, from 1; 0 if a value has the wrong type.
    pub fn line(&self) -> usize {
        self.0.line()
    }

    /// The column of the error, from 1; 0 if a value has the wrong type.
    pub fn column(&self) -> usize {
        self.0.column()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for JsonError {}
