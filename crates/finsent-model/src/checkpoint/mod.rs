//! Named tensors from files of safetensors or of torch.save: one file or shards, f32, f16, bf16, or int8 with a scale a row.
//!
//! A checkpoint is opened once, its tables of tensors are checked, and each tensor is then read by its plain name
//! (`encoder.layer.0.output.dense.weight`), whatever prefix or spelling the file uses. Reading widens to f32 straight
//! from the mapped file and hands the pages back, so that the weights are in memory once. `convert` writes one in another
//! number format.

mod config_json;
mod convert;
mod mapped;
mod narrow;
mod pickle;
mod safetensors;
mod shard;
mod widen;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use ::safetensors::Dtype;
use candle_core::{Device, Tensor};
use serde::Deserialize;
use thiserror::Error;

use crate::model_files::{FilesError, ModelFile, WeightFiles};
pub(crate) use convert::Parameter;
pub use convert::{Conversion, WeightFormat};
use finsent_kernels::{WeightRows, quantize_weights};
pub use pickle::PickleError;
use shard::{Shard, StoredTensor};

/// Why a checkpoint cannot be read.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The file of weights could not be opened or mapped.
    #[error("cannot read `{file}`")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is shorter or longer than its header says.
    #[error("`{file}` is damaged or half copied: its header describes {expected} bytes, the file has {found}")]
    Length {
        /// The file.
        file: String,
        /// Bytes by the header, the header included.
        expected: u128,
        /// Bytes in the file.
        found: u64,
    },
    /// The header claims an absurd size.
    #[error(
        "`{file}` is no safetensors file, nor one of torch.save: a header of {found} bytes, at most {limit} are accepted"
    )]
    HeaderSize {
        /// The file.
        file: String,
        /// Size in the first 8 bytes.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The header is not what the format prescribes.
    #[error("`{file}` is no valid safetensors file: {reason}")]
    Header {
        /// The file.
        file: String,
        /// What the parser found.
        reason: String,
    },
    /// The file, one of torch.save, is not what that writes, or asks for what is not given.
    #[error("`{file}` {reason}")]
    Pickle {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: PickleError,
    },
    /// The index of the shards is not valid, or a shard lacks what the index promises.
    #[error("`{file}` is not a valid index: {reason}")]
    Index {
        /// The index.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Two tensors of the checkpoint have the same plain name.
    #[error("`{file}` holds both `{first}` and `{second}`, which name the same tensor")]
    NamedTwice {
        /// The file of the second.
        file: String,
        /// One name as stored.
        first: String,
        /// The other name as stored.
        second: String,
    },
    /// A tensor of the architecture is not in the checkpoint.
    #[error(
        "`{file}` lacks the tensor `{tensor}` of shape {expected:?} (also looked for under the prefixes {} and `module.`)",
        BASES.map(|base| format!("`{base}`")).join(", ")
    )]
    MissingTensor {
        /// The file or index.
        file: String,
        /// Plain name.
        tensor: String,
        /// Shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// A tensor has another shape than the configuration asks for.
    #[error("`{file}`: tensor `{tensor}` should have the shape {expected:?} by config.json, found {found:?}")]
    Shape {
        /// The file.
        file: String,
        /// Name as stored.
        tensor: String,
        /// Shape that the configuration asks for.
        expected: Vec<usize>,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// A tensor has an element type that is not read.
    #[error("`{file}`: tensor `{tensor}` has the type {found}, expected {expected}")]
    Dtype {
        /// The file.
        file: String,
        /// Name as stored.
        tensor: String,
        /// Types that are read.
        expected: String,
        /// Type in the file.
        found: String,
    },
    /// candle refused to make the tensor.
    #[error("tensor `{tensor}` cannot be made")]
    Tensor {
        /// Plain name.
        tensor: String,
        /// candle's words.
        source: candle_core::Error,
    },
}

/// Element types of matrices.
const READ_TYPES: [Dtype; 4] = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8];
/// What stands before the names of an encoder's tensors in the file of a whole model.
const BASES: [&str; 3] = ["bert.", "distilbert.", "roberta."];
/// What follows the name of int8 weights in the name of their scales.
const SCALE: &str = "_scale";

/// The tensors of a model, by plain name.
#[derive(Debug)]
pub struct Checkpoint {
    /// The file, or the index of the shards: what errors about the whole name.
    name: String,
    shards: Vec<Shard>,
    /// Plain name to shard and stored name.
    places: HashMap<String, (usize, String)>,
}

impl Checkpoint {
    /// Opens the files and checks their tables of tensors; no weight is read yet.
    ///
    /// # Errors
    /// [`CheckpointError`] naming the file and what is wrong with it.
    pub fn open(files: &WeightFiles) -> Result<Self, CheckpointError> {
        match files {
            WeightFiles::Single(file) => Self::from_shards(file.to_string(), vec![Shard::open(file)?]),
            WeightFiles::Sharded(index) => {
                let file = ModelFile::Disk(index.clone());
                let weight_map = weight_map(&file)?;
                let names = shard_names(&weight_map);
                let open = |name: &&String| Shard::open(&ModelFile::Disk(index.with_file_name(name)));
                let shards: Vec<Shard> = names.iter().map(open).collect::<Result<_, _>>()?;
                let shard_of: HashMap<&String, &Shard> = names.into_iter().zip(&shards).collect();
                if let Some((tensor, shard)) =
                    weight_map.iter().find(|(tensor, shard)| shard_of[shard].tensor(tensor).is_none())
                {
                    let reason = format!("the tensor `{tensor}` is not in the shard `{shard}`");
                    return Err(CheckpointError::Index { file: file.to_string(), reason });
                }
                Self::from_shards(file.to_string(), shards)
            }
        }
    }

    fn from_shards(name: String, shards: Vec<Shard>) -> Result<Self, CheckpointError> {
        let mut places: HashMap<String, (usize, String)> = HashMap::new();
        for (index, shard) in shards.iter().enumerate() {
            for stored in shard.names() {
                if let Some((_, first)) = places.insert(plain_name(stored), (index, stored.to_owned())) {
                    return Err(CheckpointError::NamedTwice {
                        file: shard.name().into(),
                        first,
                        second: stored.into(),
                    });
                }
            }
        }
        Ok(Self { name, shards, places })
    }

    /// Bytes of the files of weights.
    pub fn file_bytes(&self) -> u64 {
        self.shards.iter().map(Shard::len).sum()
    }

    /// Plain names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    /// Shape of the tensor with this plain name, if it is there.
    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        let (shard, stored) = self.places.get(tensor)?;
        self.shards[*shard].tensor(stored).map(|tensor| tensor.shape())
    }

    /// Plain names of the tensors that [`Checkpoint::tensor`] can read, the scales of int8 weights left out.
    pub fn float_names(&self) -> impl Iterator<Item = &str> {
        let is_read = |(shard, stored): &(usize, String)| {
            self.shards[*shard].tensor(stored).is_some_and(|tensor| tensor.expect(&READ_TYPES).is_ok())
        };
        let names = self.places.iter().filter(move |(_, place)| is_read(place)).map(|(name, _)| name.as_str());
        names.filter(|name| !name.ends_with(SCALE))
    }

    /// Reads a tensor as f32.
    ///
    /// int8 weights are multiplied by the scale of their row, `tensor` + `_scale` of shape `[rows, 1]`.
    ///
    /// # Errors
    /// [`CheckpointError`] when the tensor is missing, or has another shape or an unknown type.
    pub fn tensor(&self, tensor: &str, shape: &[usize]) -> Result<Tensor, CheckpointError> {
        let values = match *shape {
            [rows, columns] => {
                let matrix = self.matrix(tensor, [rows, columns])?;
                let mut values = vec![0.0; rows * columns];
                matrix.read(0..rows, &mut values);
                values
            }
            _ => self.floats(tensor, shape)?,
        };
        Tensor::from_vec(values, shape, &Device::Cpu)
            .map_err(|source| CheckpointError::Tensor { tensor: tensor.into(), source })
    }

    /// Reads a vector as f32.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn vector(&self, tensor: &str, len: usize) -> Result<Vec<f32>, CheckpointError> {
        self.floats(tensor, &[len])
    }

    /// A matrix `[rows, columns]`, of which parts can be read. int8 weights have their scales with them.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn matrix(&self, tensor: &str, [rows, columns]: [usize; 2]) -> Result<StoredMatrix<'_>, CheckpointError> {
        let stored = self.stored(tensor, &[rows, columns])?;
        stored.expect(&READ_TYPES)?;
        let is_int8 = stored.dtype() == Dtype::I8;
        let scales = is_int8.then(|| self.floats(&format!("{tensor}{SCALE}"), &[rows, 1])).transpose()?;
        Ok(StoredMatrix { stored, columns, scales })
    }

    fn floats(&self, tensor: &str, shape: &[usize]) -> Result<Vec<f32>, CheckpointError> {
        let stored = self.stored(tensor, shape)?;
        stored.expect(&[Dtype::F32, Dtype::F16, Dtype::BF16])?;
        Ok(stored.to_f32())
    }

    fn stored(&self, tensor: &str, shape: &[usize]) -> Result<StoredTensor<'_>, CheckpointError> {
        let found = self.places.get(tensor).and_then(|(shard, stored)| self.shards[*shard].tensor(stored));
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

/// A matrix of a [`Checkpoint`].
#[derive(Debug)]
pub struct StoredMatrix<'a> {
    stored: StoredTensor<'a>,
    columns: usize,
    /// Scale of each row, when the weights are int8.
    scales: Option<Vec<f32>>,
}

impl WeightRows for StoredMatrix<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        self.stored.read(rows.start * self.columns..rows.end * self.columns, to);
        if let Some(scales) = &self.scales {
            widen::scale_rows(to, &scales[rows]);
        }
    }

    fn are_int8(&self) -> bool {
        self.scales.is_some()
    }

    /// int8 weights are taken as they are stored.
    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], to_scales: &mut [f32]) {
        let numbers = rows.start * self.columns..rows.end * self.columns;
        match &self.scales {
            Some(scales) => {
                to_scales.copy_from_slice(&scales[rows]);
                self.stored.with_bytes(numbers, |bytes| {
                    to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte.cast_signed());
                });
            }
            None => {
                let mut values = vec![0.0; to.len()];
                self.stored.read(numbers, &mut values);
                quantize_weights(&values, to, to_scales);
            }
        }
    }
}

/// The name that the architecture gives a tensor, without the wrappers' prefixes and with today's LayerNorm names.
fn plain_name(stored: &str) -> String {
    let name = stored.strip_prefix("module.").unwrap_or(stored);
    let name = BASES.iter().find_map(|base| name.strip_prefix(base)).unwrap_or(name);
    match name.rsplit_once("LayerNorm.") {
        Some((path, "gamma")) => format!("{path}LayerNorm.weight"),
        Some((path, "beta")) => format!("{path}LayerNorm.bias"),
        _ => name.to_owned(),
    }
}

/// All files of the weights: the one, or the index and its shards.
///
/// # Errors
/// [`CheckpointError::Index`] when the index is not valid.
pub fn weight_files(files: &WeightFiles) -> Result<Vec<ModelFile>, CheckpointError> {
    match files {
        WeightFiles::Single(file) => Ok(vec![file.clone()]),
        WeightFiles::Sharded(index) => {
            let file = ModelFile::Disk(index.clone());
            let weight_map = weight_map(&file)?;
            let shard = |name: &String| ModelFile::Disk(index.with_file_name(name));
            let shards = shard_names(&weight_map).into_iter().map(shard).collect();
            Ok([vec![file], shards].concat())
        }
    }
}

fn shard_names(weight_map: &BTreeMap<String, String>) -> BTreeSet<&String> {
    weight_map.values().collect()
}

/// Which shard, beside the index, holds which tensor.
fn weight_map(file: &ModelFile) -> Result<BTreeMap<String, String>, CheckpointError> {
    #[derive(Deserialize)]
    struct ShardIndex {
        weight_map: BTreeMap<String, String>,
    }
    let invalid = |reason: String| CheckpointError::Index { file: file.to_string(), reason };
    let index: ShardIndex = serde_json::from_slice(&file.read()?).map_err(|error| invalid(error.to_string()))?;
    if index.weight_map.is_empty() {
        return Err(invalid("it names no shard".into()));
    }
    let beside = |name: &&String| Path::new(name).file_name() == Some(name.as_ref());
    if let Some(outside) = index.weight_map.values().find(|name| !beside(name)) {
        return Err(invalid(format!("the shard `{outside}` is not beside it")));
    }
    Ok(index.weight_map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_tensor_has_one_plain_name() {
        for stored in [
            "bert.embeddings.LayerNorm.weight",
            "module.bert.embeddings.LayerNorm.gamma",
            "embeddings.LayerNorm.gamma",
            "module.embeddings.LayerNorm.weight",
        ] {
            assert_eq!(plain_name(stored), "embeddings.LayerNorm.weight");
        }
        assert_eq!(plain_name("bert.encoder.layer.3.output.LayerNorm.beta"), "encoder.layer.3.output.LayerNorm.bias");
        assert_eq!(plain_name("classifier.weight"), "classifier.weight");
    }

    #[test]
    fn an_index_that_points_elsewhere_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors.index.json");
        for (shard, complaint) in
            [("../other.safetensors", "not beside it"), ("/etc/passwd", "not beside it"), ("..", "not beside it")]
        {
            std::fs::write(&path, format!(r#"{{"weight_map":{{"classifier.weight":"{shard}"}}}}"#)).unwrap();
            let message = weight_map(&ModelFile::Disk(path.clone())).unwrap_err().to_string();
            assert!(message.contains(complaint) && message.contains(shard), "{message}");
        }
        std::fs::write(&path, r#"{"weight_map":{}}"#).unwrap();
        assert!(weight_map(&ModelFile::Disk(path.clone())).unwrap_err().to_string().contains("names no shard"));
        std::fs::write(&path, "{").unwrap();
        assert!(weight_map(&ModelFile::Disk(path.clone())).is_err());
    }
}
