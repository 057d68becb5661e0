//! The fields of a JSON file that belongs to a tokenizer.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::TokenizerError;
use crate::json_error::JsonError;
use crate::model_files::ModelFile;

/// The fields of a JSON object, with the name of its file.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) file: String,
    pub(super) fields: Map<String, Value>,
}

impl Fields {
    /// No fields.
    pub(super) fn absent(name: &str) -> Self {
        Self { file: name.into(), fields: Map::new() }
    }

    /// No fields if there is no file.
    pub(super) fn read(file: Option<&ModelFile>, name: &str) -> Result<Self, TokenizerError> {
        let Some(file) = file else { return Ok(Self::absent(name)) };
        let fields = serde_json::from_slice(&file.read_settings()?)
            .map_err(|source| TokenizerError::Json { file: file.to_string(), source: JsonError::new(source) })?;
        Ok(Self { file: file.to_string(), fields })
    }

    /// Whether the field is present, even as `null`.
    pub(super) fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// The value of a field; `None` if it is absent or `null`.
    pub(super) fn get<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>, TokenizerError> {
        match self.fields.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::deserialize(value).map(Some).map_err(|error| self.error(field, &error.to_string())),
        }
    }

    pub(super) fn error(&self, field: &str, reason: &str) -> TokenizerError {
        TokenizerError::Field { file: self.file.clone(), field: field.into(), reason: reason.into() }
    }
}
