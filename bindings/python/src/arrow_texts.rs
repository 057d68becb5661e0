//! Columns of texts through the C interface of Arrow, which pyarrow, polars, pandas, DuckDB and others speak.
#![expect(unsafe_code, reason = "the C interface of Arrow passes pointers")]

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayRef, make_array};
use arrow_schema::{ArrowError, DataType};
use finsent_model::Text;
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::text_result::TextResult;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// A column of strings, in one or several arrays. The buffers are those of the library that made them.
pub(crate) struct ArrowTexts {
    chunks: Vec<ArrayRef>,
}

impl ArrowTexts {
    /// The column of strings in an object with Arrow's C interface; `None` if it has none. `column` names it in a table.
    ///
    /// # Errors
    /// TypeError or KeyError if the object holds no such column of strings.
    pub(crate) fn import(object: &Bound<'_, PyAny>, column: Option<&str>) -> PyResult<Option<Self>> {
        let arrays = if object.hasattr("__arrow_c_array__")? {
            vec![import_array(object)?]
        } else if object.hasattr("__arrow_c_stream__")? {
            import_stream(object)?
        } else {
            return Ok(None);
        };
        let chunks = arrays.into_iter().map(|array| strings(array, column)).collect::<PyResult<_>>()?;
        Ok(Some(Self { chunks }))
    }

    /// All texts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TextResult> {
        self.chunks.iter().flat_map(|chunk| (0..chunk.len()).map(move |row| text_at(chunk, row)))
    }
}

/// Whether text can be read from a type. The texts of a dictionary are the values of its keys. A column whose texts are all
/// missing may have no other type than null.
fn is_strings(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => true,
        DataType::Dictionary(_, values) => is_strings(values),
        _ => false,
    }
}

fn text_at(array: &ArrayRef, row: usize) -> TextResult {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Err("expected a string, found null".into());
    }
    let text = match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row),
        DataType::Utf8View => array.as_string_view().value(row),
        _ => {
            let dictionary = array.as_any_dictionary();
            return text_at(dictionary.values(), dictionary.normalized_keys()[row]);
        }
    };
    Text::parse(text).map_err(|error| error.to_string())
}

/// The array itself, or its column of this name if it is a table.
fn strings(array: ArrayRef, column: Option<&str>) -> PyResult<ArrayRef> {
    let found = match (array.data_type(), column) {
        (DataType::Struct(fields), Some(column)) => {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            let place = names.iter().position(|name| *name == column);
            let message = || format!("no column `{column}`; the columns are {}", names.join(", "));
            Arc::clone(array.as_struct().column(place.ok_or_else(|| PyKeyError::new_err(message()))?))
        }
        (DataType::Struct(_), None) => {
            return Err(PyTypeError::new_err(
                "expected a column of strings, found a table; choose a column as in df[\"headline\"], or use finsent.score(df)",
            ));
        }
        _ => array,
    };
    if is_strings(found.data_type()) {
        return Ok(found);
    }
    let name = column.map(|column| format!("`{column}` ")).unwrap_or_default();
    Err(PyTypeError::new_err(format!("the column {name}holds {}, not strings", found.data_type())))
}

fn import_array(object: &Bound<'_, PyAny>) -> PyResult<ArrayRef> {
    let capsules = object.call_method0("__arrow_c_array__")?.cast_into::<PyTuple>()?;
    let (schema, array) = (capsules.get_item(0)?, capsules.get_item(1)?);
    let schema = schema.cast::<PyCapsule>()?.pointer_checked(Some(SCHEMA))?;
    let array = array.cast::<PyCapsule>()?.pointer_checked(Some(ARRAY))?;
    // SAFETY: a capsule of this name holds an `ArrowSchema`, which lives as long as the capsule.
    let schema = unsafe { schema.cast::<FFI_ArrowSchema>().as_ref() };
    // SAFETY: a capsule of this name holds an `ArrowArray`. It is moved out, and the capsule keeps a released one.
    let array = unsafe { FFI_ArrowArray::from_raw(array.cast().as_ptr()) };
    // SAFETY: the two are of one export, so that the array has the layout that the schema says.
    let data = unsafe { from_ffi(array, schema) }.map_err(|error| invalid(&error))?;
    Ok(make_array(data))
}

fn import_stream(object: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let capsule = object.call_method0("__arrow_c_stream__")?.cast_into::<PyCapsule>()?;
    let stream = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name holds an `ArrowArrayStream`. It is moved out, and the capsule keeps a released one.
    let reader = unsafe { ArrayStreamReader::from_raw(stream.as_ptr()) };
    reader.and_then(Iterator::collect).map_err(|error| invalid(&error))
}

fn invalid(error: &ArrowError) -> PyErr {
    PyValueError::new_err(format!("cannot read the column: {error}"))
}
