//! The weights of a file of torch.save, from either container, and the layout of their tensors.

use std::collections::HashMap;
use std::ops::Range;

use super::error::PickleError;
use super::machine::Pickled;
use super::values::{Id, Storage, Tensor, Value};
use crate::checkpoint::layout::{ByteOrder, TensorLayout};

/// The most axes of a tensor.
const MAX_AXES: usize = 8;
/// Keys under which training scripts save the weights along with other values.
const WRAPPERS: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// A file of torch.save, unpickled.
pub(super) struct TorchFile<'a> {
    pub(super) weights: Pickled<'a>,
    /// The bytes of each storage in the file, by its key.
    pub(super) storages: HashMap<String, Range<usize>>,
    pub(super) order: ByteOrder,
}

impl TorchFile<'_> {
    /// The pickled dict, or the dict in it under the key of a wrapper.
    pub(super) fn state_dict(&self) -> Result<&[(Id, Id)], PickleError> {
        let values = &self.weights.values;
        let Value::Dict(outer) = values.at(self.weights.root) else {
            return Err(values.at(self.weights.root).is_not("a dict of tensors", self.weights.end));
        };
        let is_wrapped = |&&(key, value): &&(Id, Id)| match (values.at(key), values.at(value)) {
            (Value::Text(key), Value::Dict(_)) => WRAPPERS.contains(key),
            _ => false,
        };
        let holds_tensors = outer.iter().any(|&(_, value)| matches!(values.at(value), Value::Tensor(_)));
        let wrapped = outer.iter().rfind(is_wrapped).filter(|_| !holds_tensors).map(|&(_, value)| values.at(value));
        match wrapped {
            Some(Value::Dict(inner)) => Ok(inner),
            _ => Ok(outer),
        }
    }

    /// The layout of a tensor in the file, which has `file_len` bytes; or what is wrong with the tensor.
    pub(super) fn layout(&self, tensor: &Tensor<'_>, file_len: usize) -> Result<TensorLayout, String> {
        let storage = &tensor.storage;
        let numbers = self.numbers(storage)?;
        let (shape, strides) = (self.axes(tensor.shape)?, self.axes(tensor.strides)?);
        if shape.len() != strides.len() {
            return Err(format!("has {} axes and {} strides", shape.len(), strides.len()));
        }
        let count = shape.iter().try_fold(1usize, |count, &len| count.checked_mul(len.max(1)));
        if count.is_none_or(|count| count > file_len) {
            return Err(format!("of the shape {shape:?} has more numbers than the file has bytes"));
        }
        let end = match shape.contains(&0) {
            true => Some(0),
            false => end(tensor.offset, &shape, &strides),
        };
        if end.is_none_or(|end| end > storage.len) {
            let (key, len) = (storage.key, storage.len);
            return Err(format!("is not within its storage `{key}` of {len} numbers"));
        }
        let first = if shape.contains(&0) { 0 } else { storage.first + tensor.offset };
        // No overflow: both are bounded by the numbers of the storage, which is within the file.
        let start = numbers.start + first as usize * storage.number_bytes();
        Ok(TensorLayout::strided(storage.dtype, shape, strides, start, self.order))
    }

    /// The bytes of a storage in the file.
    fn numbers(&self, storage: &Storage<'_>) -> Result<&Range<usize>, String> {
        let key = storage.key;
        let found =
            self.storages.get(key).ok_or_else(|| format!("has the storage `{key}`, which is not in the file"))?;
        match storage.bytes() {
            Some(bytes) if bytes == found.len() => Ok(found),
            _ => {
                let (numbers, dtype, bytes) = (storage.numbers, storage.dtype, found.len());
                Err(format!(
                    "has the storage `{key}` of {numbers} numbers of the type {dtype}, but the storage has {bytes} bytes"
                ))
            }
        }
    }

    /// The numbers of a shape or of strides.
    fn axes(&self, tuple: Id) -> Result<Vec<usize>, String> {
        let values = &self.weights.values;
        let Value::Tuple(ids) = values.at(tuple) else { return Err("has no shape".into()) };
        if ids.len() > MAX_AXES {
            return Err(format!("has {} axes", ids.len()));
        }
        let number = |&id: &Id| match values.at(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        };
        ids.iter()
            .map(number)
            .collect::<Option<_>>()
            .ok_or_else(|| "has a shape that does not consist of numbers".into())
    }
}

/// The end of a tensor in its storage, in numbers. No axis is empty.
fn end(offset: u64, shape: &[usize], strides: &[usize]) -> Option<u64> {
    let mut last = offset;
    for (&len, &stride) in shape.iter().zip(strides) {
        last = last.checked_add((len as u64 - 1).checked_mul(stride as u64)?)?;
    }
    last.checked_add(1)
}
