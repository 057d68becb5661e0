//! One file of weights, in either container: its bytes and the layouts of its tensors.

use std::collections::HashMap;
use std::ops::Range;

use ::safetensors::Dtype;

use super::error::CheckpointError;
use super::layout::TensorLayout;
use super::mapped::Bytes;
use super::widen::widen;
use super::{pickle, safetensors};
use crate::model_files::ModelFile;

/// Bytes to widen before their pages are released; a multiple of the size of every type.
const CHUNK_BYTES: usize = 4 << 20;

/// An open file. All tensors in its table lie within the file.
#[derive(Debug)]
pub(super) struct Shard {
    name: String,
    bytes: Bytes,
    tensors: HashMap<String, TensorLayout>,
}

/// A tensor of a [`Shard`].
#[derive(Debug)]
pub(super) struct StoredTensor<'a> {
    shard: &'a Shard,
    name: &'a str,
    layout: &'a TensorLayout,
}

impl Shard {
    /// Opens the file and checks its table of tensors.
    pub(super) fn open(file: &ModelFile) -> Result<Self, CheckpointError> {
        let name = file.to_string();
        let bytes = match file {
            ModelFile::Disk(path) => {
                Bytes::map(path).map_err(|error| CheckpointError::Io { file: name.clone(), source: error.into() })?
            }
            ModelFile::Embedded { bytes, .. } => Bytes::Embedded(bytes),
        };
        let tensors = tensors(&name, bytes.as_slice())?;
        bytes.release(0, bytes.as_slice().len());
        Ok(Self { name, bytes, tensors })
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: &'static [u8], tensors: HashMap<String, TensorLayout>) -> Self {
        Self { name: "w".into(), bytes: Bytes::Embedded(bytes), tensors }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The size of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.bytes.as_slice().len() as u64
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn tensor<'a>(&'a self, name: &'a str) -> Option<StoredTensor<'a>> {
        self.tensors.get(name).map(|layout| StoredTensor { shard: self, name, layout })
    }
}

/// The tensors of a file by name. The first bytes decide the container, not the name of the file.
pub(super) fn tensors(file: &str, bytes: &[u8]) -> Result<HashMap<String, TensorLayout>, CheckpointError> {
    match pickle::is_torch_file(bytes) {
        true => pickle::tensors(bytes).map_err(|reason| CheckpointError::Pickle { file: file.into(), reason }),
        false => safetensors::tensors(file, bytes),
    }
}

impl<'a> StoredTensor<'a> {
    pub(super) fn file(&self) -> &'a str {
        &self.shard.name
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn shape(&self) -> &'a [usize] {
        &self.layout.shape
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.layout.dtype
    }

    /// Checks that the numbers have one of the `accepted` types.
    ///
    /// # Errors
    /// [`CheckpointError::Dtype`]
    pub(super) fn expect(&self, accepted: &[Dtype]) -> Result<(), CheckpointError> {
        match accepted.contains(&self.dtype()) {
            true => Ok(()),
            false => Err(CheckpointError::Dtype {
                file: self.file().into(),
                tensor: self.name.into(),
                expected: accepted.iter().map(Dtype::to_string).collect::<Vec<_>>().join(" or "),
                found: self.dtype().to_string(),
            }),
        }
    }

    /// All values as f32. Call [`StoredTensor::expect`] first.
    pub(super) fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.shape().iter().product()];
        self.read(0..values.len(), &mut values);
        values
    }

    /// Reads `numbers`, which count in row-major order, as f32. Call [`StoredTensor::expect`] first.
    pub(super) fn read(&self, numbers: Range<usize>, to: &mut [f32]) {
        let chunk = CHUNK_BYTES * 8 / self.dtype().bitsize();
        for (index, to) in to.chunks_mut(chunk).enumerate() {
            let start = numbers.start + index * chunk;
            self.with_bytes(start..start + to.len(), |bytes| {
                widen(self.dtype(), bytes, to).expect("the caller has checked the type");
            });
        }
    }

    /// Calls `read` with `numbers`, which count in row-major order, in the stored type and little-endian. Then releases
    /// the pages of the file.
    pub(super) fn with_bytes(&self, numbers: Range<usize>, read: impl FnOnce(&[u8])) {
        let bytes = self.layout.bytes(numbers.clone());
        let stored = &self.shard.bytes.as_slice()[bytes.clone()];
        match self.layout.is_in_order() {
            true => read(stored),
            false => read(&self.layout.in_order(numbers, stored)),
        }
        self.shard.bytes.release(bytes.start, bytes.len());
    }
}
