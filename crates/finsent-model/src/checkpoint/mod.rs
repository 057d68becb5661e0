//! Named tensors from files of safetensors or torch.save: a single file or shards; f32, f16, bf16, or int8 with a scale
//! per row.
//!
//! Opening a checkpoint checks its tables of tensors. Each tensor is then read by its plain name
//! (`encoder.layer.0.output.dense.weight`), whatever the prefix or spelling in the file. Reading widens to f32 straight
//! from the mapped file and then releases the pages, so that the weights are in memory only once.

mod error;
mod index;
mod layout;
mod mapped;
mod matrix;
mod names;
mod packed;
mod pickle;
mod safetensors;
mod shard;
mod table;
mod widen;

use std::collections::HashMap;

use ::safetensors::Dtype;
use finsent_kernels::{Precision, WeightRows};

pub use self::error::CheckpointError;
pub use self::index::weight_files;
pub(crate) use self::matrix::StoredMatrix;
pub use self::packed::packed_precision;
pub(crate) use self::packed::{ALIGNMENT, MatrixHeader, MatrixKey, PackedFile, PackedHeader, TensorPart};
pub use self::pickle::PickleError;

use self::index::ShardIndex;
use self::matrix::PlainMatrix;
use self::names::plain_name;
use self::packed::PackedRows;
use self::shard::{Shard, StoredTensor};
use crate::model_files::WeightFiles;

/// The element types of matrices that are read.
const MATRIX_TYPES: [Dtype; 4] = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8];
/// The element types of vectors that are read.
const FLOAT_TYPES: [Dtype; 3] = [Dtype::F32, Dtype::F16, Dtype::BF16];
/// The suffix of the name of int8 weights that names their scales.
pub(crate) const SCALE: &str = "_scale";

/// The tensors of a model, by plain name.
#[derive(Debug)]
pub struct Checkpoint {
    /// The file, or the index of the shards, for errors about the whole.
    name: String,
    shards: Vec<Shard>,
    /// The shard and the stored name of each plain name.
    tensors: HashMap<String, (usize, String)>,
}

impl Checkpoint {
    /// Opens the files and checks their tables of tensors. Reads no weights yet.
    ///
    /// # Errors
    /// [`CheckpointError`] with the file and what is wrong with it.
    pub fn open(files: &WeightFiles) -> Result<Self, CheckpointError> {
        match files {
            WeightFiles::Single(file) => Self::from_shards(file.to_string(), vec![Shard::open(file)?]),
            WeightFiles::Sharded(index) => Self::open_sharded(&ShardIndex::read(index)?),
        }
    }

    fn open_sharded(index: &ShardIndex) -> Result<Self, CheckpointError> {
        let file = index.file().to_string();
        let names = index.shards();
        let shards: Vec<Shard> = names.iter().map(|name| Shard::open(&index.shard(name))).collect::<Result<_, _>>()?;
        let shard_of: HashMap<&String, &Shard> = names.into_iter().zip(&shards).collect();
        if let Some((tensor, shard)) = index.tensors().find(|(tensor, shard)| shard_of[shard].tensor(tensor).is_none())
        {
            let reason = format!("the tensor `{tensor}` is not in the shard `{shard}`");
            return Err(CheckpointError::Index { file, reason });
        }
        if let Some(shard) = shards.iter().find(|shard| shard.packed().is_some()) {
            let reason =
                format!("the weights of the shard `{}` are packed, but packed weights have no shards", shard.name());
            return Err(CheckpointError::Index { file, reason });
        }
        Self::from_shards(file, shards)
    }

    fn from_shards(name: String, shards: Vec<Shard>) -> Result<Self, CheckpointError> {
        let mut tensors: HashMap<String, (usize, String)> = HashMap::new();
        for (index, shard) in shards.iter().enumerate() {
            for stored in shard.names() {
                if let Some((_, first)) = tensors.insert(plain_name(stored), (index, stored.to_owned())) {
                    let (file, second) = (shard.name().into(), stored.into());
                    return Err(CheckpointError::Duplicate { file, first, second });
                }
            }
            let mut packed = shard.packed().into_iter().flat_map(PackedFile::names);
            if let Some(twice) = packed.find(|name| tensors.contains_key(*name)) {
                let reason = format!("the tensor `{twice}` is there twice, packed and as it is");
                return Err(CheckpointError::Packed { file: shard.name().into(), reason });
            }
        }
        Ok(Self { name, shards, tensors })
    }

    /// The size of the files of weights in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.shards.iter().map(Shard::len).sum()
    }

    /// The packed weights, if the file has some.
    pub(crate) fn packed(&self) -> Option<&PackedFile> {
        self.shards.iter().find_map(Shard::packed)
    }

    /// The precision that the weights are packed in. `None` if they are not packed.
    pub fn packed_precision(&self) -> Option<Precision> {
        self.packed().map(PackedFile::precision)
    }

    /// The file, or the index of the shards.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The plain names of all tensors, in no particular order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str).chain(self.packed_names())
    }

    fn packed_names(&self) -> impl Iterator<Item = &str> {
        self.packed().into_iter().flat_map(PackedFile::names)
    }

    /// The shape of the tensor with this plain name, if there is one.
    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        let Some((shard, stored)) = self.tensors.get(tensor) else {
            return self.packed().and_then(|packed| packed.shape(tensor));
        };
        self.shards[*shard].tensor(stored).map(|tensor| tensor.shape())
    }

    /// The plain names of the tensors that [`Checkpoint::tensor`] can read, without the scales of int8 weights.
    pub fn readable_names(&self) -> impl Iterator<Item = &str> {
        let is_read = |(shard, stored): &(usize, String)| {
            self.shards[*shard].tensor(stored).is_some_and(|tensor| tensor.expect(&MATRIX_TYPES).is_ok())
        };
        let names = self.tensors.iter().filter(move |(_, stored)| is_read(stored)).map(|(name, _)| name.as_str());
        names.filter(|name| !name.ends_with(SCALE)).chain(self.packed_names())
    }

    /// Reads a tensor as f32, in row-major order.
    ///
    /// int8 weights are multiplied by the scale of their row, the tensor `tensor` + `_scale` of the shape `[rows, 1]`.
    ///
    /// # Errors
    /// [`CheckpointError`] if the tensor is missing, or has another shape or an unsupported type.
    pub fn tensor(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let &[rows, columns] = shape else { return self.floats(tensor, shape) };
        let matrix = self.matrix(tensor, [rows, columns])?;
        let mut values = vec![0.0; rows * columns];
        matrix.read(0..rows, &mut values);
        Ok(values)
    }

    /// Reads a vector as f32.
    ///
    /// # Errors
    /// See [`Checkpoint::tensor`].
    pub(crate) fn vector(&self, tensor: &str, len: usize) -> Result<Vec<f32>, CheckpointError> {
        self.floats(tensor, &[len])
    }

    /// Finds a matrix, of which some rows can be read at a time. int8 weights include their scales.
    ///
    /// # Errors
    /// See [`Checkpoint::tensor`].
    pub(crate) fn matrix(
        &self,
        tensor: &str,
        [rows, columns]: [usize; 2],
    ) -> Result<StoredMatrix<'_>, CheckpointError> {
        if let Some(packed) = self.packed_rows(tensor, [rows, columns])? {
            return Ok(StoredMatrix::Packed(packed));
        }
        let stored = self.stored(tensor, &[rows, columns])?;
        stored.expect(&MATRIX_TYPES)?;
        let is_int8 = stored.dtype() == Dtype::I8;
        let scales = is_int8.then(|| self.floats(&format!("{tensor}{SCALE}"), &[rows, 1])).transpose()?;
        Ok(StoredMatrix::Plain(PlainMatrix { stored, columns, scales }))
    }

    fn packed_rows(&self, tensor: &str, shape: [usize; 2]) -> Result<Option<PackedRows<'_>>, CheckpointError> {
        let Some(packed) = self.packed() else { return Ok(None) };
        match packed.shape(tensor) {
            Some(found) if found != shape => Err(CheckpointError::Shape {
                file: self.name.clone(),
                tensor: tensor.into(),
                expected: shape.into(),
                found: found.into(),
            }),
            _ => Ok(packed.rows(tensor)),
        }
    }

    /// Finds a tensor of which some rows can be read at a time; a vector is a matrix of one column.
    ///
    /// # Errors
    /// See [`Checkpoint::tensor`].
    pub(crate) fn rows(&self, tensor: &str, shape: &[usize]) -> Result<StoredMatrix<'_>, CheckpointError> {
        if let [rows, columns] = *shape {
            return self.matrix(tensor, [rows, columns]);
        }
        let stored = self.stored(tensor, shape)?;
        stored.expect(&FLOAT_TYPES)?;
        Ok(StoredMatrix::Plain(PlainMatrix { stored, columns: 1, scales: None }))
    }

    fn floats(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let stored = self.stored(tensor, shape)?;
        stored.expect(&FLOAT_TYPES)?;
        Ok(stored.to_f32())
    }

    fn stored(&self, tensor: &str, shape: &[usize]) -> Result<StoredTensor<'_>, CheckpointError> {
        let found = self.tensors.get(tensor).and_then(|(shard, stored)| self.shards[*shard].tensor(stored));
        let found = found.ok_or_else(|| CheckpointError::MissingTensor {
            file: self.name.clone(),
            tensor: tensor.into(),
            expected: shape.into(),
        })?;
        if found.shape() != shape {
            return Err(CheckpointError::Shape {
                file: found.file().into(),
                tensor: found.name().into(),
                expected: shape.into(),
                found: found.shape().into(),
            });
        }
        Ok(found)
    }
}
