//! One file of weights, in either container: its bytes and the layouts of its tensors.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ::safetensors::Dtype;
use finsent_kernels::SharedBytes;

use super::error::CheckpointError;
use super::layout::TensorLayout;
use super::mapped::Bytes;
use super::packed::{self, PackedFile};
use super::table::Table;
use super::widen::widen;
use super::{pickle, safetensors};
use crate::model_files::ModelFile;

/// Bytes to widen before their pages are released; a multiple of the size of every type.
const CHUNK_BYTES: usize = 4 << 20;

/// An open file. All tensors in its table lie within the file.
#[derive(Debug)]
pub(super) struct Shard {
    name: String,
    bytes: Arc<Bytes>,
    /// Those that are not packed.
    tensors: HashMap<String, TensorLayout>,
    packed: Option<PackedFile>,
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
        let Table { mut tensors, metadata } = table(&name, bytes.as_slice())?;
        let bytes = Arc::new(bytes);
        let packed = PackedFile::open(&name, &bytes, &mut tensors, &metadata)?;
        if packed.is_none() {
            bytes.release(0, bytes.as_slice().len());
        }
        Ok(Self { name, bytes, tensors, packed })
    }

    #[cfg(test)]
    pub(super) fn from_bytes(bytes: &'static [u8], tensors: HashMap<String, TensorLayout>) -> Self {
        Self { name: "w".into(), bytes: Arc::new(Bytes::Embedded(bytes)), tensors, packed: None }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The size of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.bytes.as_slice().len() as u64
    }

    pub(super) fn packed(&self) -> Option<&PackedFile> {
        self.packed.as_ref()
    }

    /// The stored names of the tensors that are not packed.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn tensor<'a>(&'a self, name: &'a str) -> Option<StoredTensor<'a>> {
        self.tensors.get(name).map(|layout| StoredTensor { shard: self, name, layout })
    }
}

/// The table of a file. The first bytes decide the container, not the name of the file.
pub(super) fn table(file: &str, bytes: &[u8]) -> Result<Table, CheckpointError> {
    if !pickle::is_torch_file(bytes) {
        return safetensors::table(file, bytes);
    }
    let tensors = pickle::tensors(bytes).map_err(|reason| CheckpointError::Pickle { file: file.into(), reason })?;
    Ok(Table { tensors, metadata: HashMap::new() })
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
        // The pages of packed weights stay: they are what the kernels read.
        if self.shard.packed.is_none() {
            self.shard.bytes.release(bytes.start, bytes.len());
        }
    }

    /// All numbers where they are, in row-major order and little-endian, aligned for their type. `None` unless they are a
    /// part of the program or of packed weights: other files are not kept.
    pub(super) fn shared(&self) -> Option<SharedBytes> {
        let is_kept = (self.shard.packed.is_some() || self.shard.bytes.are_embedded())
            && self.layout.is_in_order()
            && cfg!(target_endian = "little");
        is_kept.then(|| packed::shared(&self.shard.bytes, self.layout, self.dtype().bitsize() / 8))
    }
}
