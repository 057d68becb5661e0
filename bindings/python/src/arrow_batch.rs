//! Predictions as columns of Arrow.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema};
use arrow_array::{Array, ArrayRef, BooleanArray, Float32Array, StringArray, StructArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use finsent::Prediction;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// Columns of predictions, one row per text: `label`, `score`, one per label, `sentiment_score`, `tokens`, `truncated`,
/// `error`. Any library that speaks the C interface of Arrow takes it, as in `pyarrow.record_batch(batch)`.
#[pyclass(frozen, module = "finsent")]
pub(crate) struct ArrowBatch {
    columns: StructArray,
}

impl ArrowBatch {
    /// The columns for the results of some texts, for a model with these labels.
    pub(crate) fn new(labels: &[String], has_sentiment_score: bool, results: &[Result<Prediction, String>]) -> Self {
        let predictions = || results.iter().map(|result| result.as_ref().ok());
        let number = |value: &dyn Fn(&Prediction) -> f32| -> ArrayRef {
            Arc::new(predictions().map(|prediction| prediction.map(value)).collect::<Float32Array>())
        };
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("label", Arc::new(predictions().map(|p| p.map(Prediction::label)).collect::<StringArray>())),
            ("score", number(&Prediction::score)),
        ];
        for (id, label) in labels.iter().enumerate() {
            columns.push((label, number(&|prediction| prediction.probabilities()[id])));
        }
        if has_sentiment_score {
            columns.push(("sentiment_score", number(&|prediction| prediction.sentiment_score().unwrap_or(f32::NAN))));
        }
        let tokens = predictions().map(|prediction| prediction.map(|prediction| prediction.tokens() as u32));
        let truncated = predictions().map(|prediction| prediction.map(Prediction::truncated));
        let errors = results.iter().map(|result| result.as_ref().err().map(String::as_str));
        columns.push(("tokens", Arc::new(tokens.collect::<UInt32Array>())));
        columns.push(("truncated", Arc::new(truncated.collect::<BooleanArray>())));
        columns.push(("error", Arc::new(errors.collect::<StringArray>())));
        let field = |(name, column): &(&str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
        let fields: Fields = columns.iter().map(field).collect();
        let columns = columns.into_iter().map(|(_, column)| column).collect();
        Self { columns: StructArray::new(fields, columns, None) }
    }
}

#[pymethods]
impl ArrowBatch {
    fn __len__(&self) -> usize {
        self.columns.len()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<&str> {
        self.columns.column_names()
    }

    /// Each column as a list, by name; what is missing is None.
    fn to_pydict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, column) in self.columns.column_names().into_iter().zip(self.columns.columns()) {
            match column.data_type() {
                DataType::Float32 => dict.set_item(name, values::<Float32Array, _>(column))?,
                DataType::UInt32 => dict.set_item(name, values::<UInt32Array, _>(column))?,
                DataType::Boolean => dict.set_item(name, values::<BooleanArray, _>(column))?,
                _ => dict.set_item(name, values::<StringArray, _>(column))?,
            }
        }
        Ok(dict)
    }

    /// The schema, for the C interface of Arrow.
    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        PyCapsule::new_with_value(py, self.schema()?, SCHEMA)
    }

    /// The schema and the columns, for the C interface of Arrow.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A producer may ignore the request, and the consumer converts.
        drop(requested_schema);
        let array = FFI_ArrowArray::new(&self.columns.to_data());
        Ok((PyCapsule::new_with_value(py, self.schema()?, SCHEMA)?, PyCapsule::new_with_value(py, array, ARRAY)?))
    }
}

impl ArrowBatch {
    fn schema(&self) -> PyResult<FFI_ArrowSchema> {
        let of_error = |error: ArrowError| PyRuntimeError::new_err(error.to_string());
        FFI_ArrowSchema::try_from(self.columns.data_type()).map_err(of_error)
    }
}

/// The values of a column that is known to be of this type.
fn values<'a, T, V>(column: &'a ArrayRef) -> Vec<Option<V>>
where
    T: 'static,
    &'a T: IntoIterator<Item = Option<V>>,
{
    let column = column.as_any().downcast_ref::<T>().expect("the type was looked at");
    column.into_iter().collect()
}
