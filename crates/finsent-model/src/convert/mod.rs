//! Conversion: writes a checkpoint as one safetensors file in another number format, a few megabytes at a time.
//!
//! The names are those of transformers' `save_pretrained` for the architecture. The order of the tensors and the
//! padding are those of the safetensors library, so that the file is byte for byte the one that it would write. int8 is
//! the layout `int-quantized` of compressed-tensors: bytes `[rows, columns]` under the tensor's name, and f32 scales
//! `[rows, 1]` under that name and `_scale`. [`PackedConversion`] writes weights as the kernels read them instead.

mod config_json;
mod narrow;
mod packed;
mod weight_format;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Range;

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};
use finsent_kernels::WeightRows;
use thiserror::Error;

use self::config_json::convert_config;
use self::narrow::{TooLarge, narrow};
pub use self::packed::PackedConversion;
pub use self::weight_format::WeightFormat;
use crate::checkpoint::{Checkpoint, CheckpointError, StoredMatrix};
use crate::encoder::{Config, EncoderError, Parameter};
use crate::io_error::IoError;
use crate::json_error::JsonError;
use crate::platform::write_all_at;

/// How many numbers to convert at a time.
const CHUNK_NUMBERS: usize = 1 << 20;
/// The length of the header is a multiple of this.
const HEADER_ALIGNMENT: usize = 8;

/// Why weights cannot be converted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A weight is outside the range of the format.
    #[error("the tensor `{tensor}` has the weight {value}, which is too large for {format}; convert to f32 or bf16")]
    TooLarge {
        /// The plain name.
        tensor: String,
        /// The weight.
        value: f32,
        /// The format.
        format: WeightFormat,
    },
    /// A weight to quantize is NaN or infinite.
    #[error("the tensor `{tensor}` has the weight {value}; its weights are damaged")]
    NotFinite {
        /// The plain name.
        tensor: String,
        /// The weight.
        value: f32,
    },
    /// The file could not be written.
    #[error(transparent)]
    Io(IoError),
    /// The weights could not be packed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The number format is one that nothing computes in.
    #[error("weights can be packed in int8, bf16 or f32, in which finsent computes, but not in {0}")]
    NotComputed(WeightFormat),
}

impl From<io::Error> for ConvertError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.into())
    }
}

/// A conversion that is ready to be written: the tensors are found, and the file is laid out.
#[derive(Debug)]
pub struct Conversion<'a> {
    format: WeightFormat,
    parts: Vec<Part<'a>>,
    metadata: Metadata,
    /// The bytes before the data: the length of the header, and the header.
    head: Vec<u8>,
}

/// A tensor to write.
#[derive(Debug)]
struct Part<'a> {
    parameter: Parameter,
    source: StoredMatrix<'a>,
    /// The type of its numbers in the new file.
    dtype: Dtype,
}

impl<'a> Conversion<'a> {
    /// Prepares to write `checkpoint` in another format: finds the tensors that `config` describes and lays out the
    /// file. Other tensors of the checkpoint are left out.
    ///
    /// # Errors
    /// [`CheckpointError`] if a tensor is missing, or has another shape or an unsupported type.
    pub fn new(config: &Config, checkpoint: &'a Checkpoint, format: WeightFormat) -> Result<Self, CheckpointError> {
        let part = |parameter: Parameter| {
            let source = checkpoint.rows(&parameter.name, &parameter.shape)?;
            let is_int8 = format == WeightFormat::Int8 && parameter.is_quantized;
            Ok(Part { parameter, source, dtype: if is_int8 { Dtype::I8 } else { format.float() } })
        };
        let parts: Vec<Part<'_>> = config.parameters(checkpoint)?.map(part).collect::<Result<_, CheckpointError>>()?;
        let metadata = layout(&parts);
        Ok(Self { format, parts, head: head(&metadata), metadata })
    }
}

impl Conversion<'_> {
    /// The config.json of the new file: `json` with the fields for the number format changed. All other fields keep
    /// their order and their bytes.
    ///
    /// # Errors
    /// If `json` is not a JSON object.
    pub fn config(&self, json: &[u8]) -> Result<Vec<u8>, JsonError> {
        let is_kept = |part: &&Part<'_>| part.parameter.shape.len() == 2 && !part.parameter.is_quantized;
        let module = |part: &Part<'_>| part.name().trim_end_matches(".weight").to_owned();
        let kept: Vec<String> = self.parts.iter().filter(is_kept).map(module).collect();
        convert_config(json, self.format, &kept).map_err(JsonError::new)
    }

    /// The size of the new file in bytes.
    pub fn file_len(&self) -> u64 {
        (self.head.len() + self.metadata.data_len()) as u64
    }

    /// Writes the weights to an empty file. Calls `progress` from time to time with the number of bytes written so far.
    ///
    /// # Errors
    /// [`ConvertError`] with the tensor that the format cannot represent, or the system's error.
    pub fn write(&self, file: &File, mut progress: impl FnMut(u64)) -> Result<(), ConvertError> {
        write_all_at(file, &self.head, 0)?;
        let mut written = self.head.len() as u64;
        for part in &self.parts {
            for rows in part.chunks() {
                written += match part.dtype {
                    Dtype::I8 => self.write_int8(part, rows, file)?,
                    _ => self.write_floats(part, rows, file)?,
                };
                progress(written);
            }
        }
        Ok(())
    }

    /// Returns the number of bytes written.
    fn write_floats(&self, part: &Part<'_>, rows: Range<usize>, file: &File) -> Result<u64, ConvertError> {
        let mut values = vec![0.0; rows.len() * part.columns()];
        part.source.read(rows.clone(), &mut values);
        let too_large = |TooLarge(value)| ConvertError::TooLarge {
            tensor: part.parameter.name.clone(),
            value,
            format: self.format,
        };
        let bytes = narrow(part.dtype, &values).map_err(too_large)?;
        write_all_at(file, &bytes, self.offset(&part.name(), rows.start))?;
        Ok(bytes.len() as u64)
    }

    /// Returns the number of bytes written.
    fn write_int8(&self, part: &Part<'_>, rows: Range<usize>, file: &File) -> Result<u64, ConvertError> {
        let mut bytes = vec![0; rows.len() * part.columns()];
        let mut scales = vec![0.0; rows.len()];
        part.read_int8(rows.clone(), &mut bytes, &mut scales)?;
        let bytes: Vec<u8> = bytes.into_iter().map(i8::cast_unsigned).collect();
        let scales: Vec<u8> = scales.into_iter().flat_map(f32::to_le_bytes).collect();
        write_all_at(file, &bytes, self.offset(&part.name(), rows.start))?;
        write_all_at(file, &scales, self.offset(&part.scale_name(), rows.start))?;
        Ok((bytes.len() + scales.len()) as u64)
    }

    /// The offset in the file of a row of a tensor.
    fn offset(&self, name: &str, row: usize) -> u64 {
        let info = self.metadata.info(name).expect("the layout has every tensor");
        let (start, end) = info.data_offsets;
        (self.head.len() + start + row * ((end - start) / info.shape[0])) as u64
    }
}

impl Part<'_> {
    /// The name under which transformers' `save_pretrained` saves the tensor.
    fn name(&self) -> String {
        format!("{}{}", self.parameter.prefix, self.parameter.name)
    }

    fn scale_name(&self) -> String {
        self.name() + "_scale"
    }

    fn columns(&self) -> usize {
        self.parameter.shape.get(1).copied().unwrap_or(1)
    }

    /// The rows in chunks to convert at a time.
    fn chunks(&self) -> impl Iterator<Item = Range<usize>> {
        let (rows, at_a_time) = (self.parameter.shape[0], (CHUNK_NUMBERS / self.columns()).max(1));
        (0..rows).step_by(at_a_time).map(move |start| start..rows.min(start + at_a_time))
    }

    /// Reads stored bytes as they are, and quantizes other numbers. Quantizing would hide a number that is not finite.
    fn read_int8(&self, rows: Range<usize>, bytes: &mut [i8], scales: &mut [f32]) -> Result<(), ConvertError> {
        self.source.read_int8(rows.clone(), bytes, scales);
        // If a number of a row is not finite, neither is its scale.
        if self.source.are_int8() || scales.iter().all(|scale| scale.is_finite()) {
            return Ok(());
        }
        let mut values = vec![0.0; bytes.len()];
        self.source.read(rows, &mut values);
        let value = values.into_iter().find(|value| !value.is_finite()).unwrap_or(f32::INFINITY);
        Err(ConvertError::NotFinite { tensor: self.parameter.name.clone(), value })
    }

    /// The tensors in the new file: name, type, shape.
    fn tensors(&self) -> impl Iterator<Item = (String, Dtype, Vec<usize>)> {
        let scales = || (self.scale_name(), Dtype::F32, vec![self.parameter.shape[0], 1]);
        let own = (self.name(), self.dtype, self.parameter.shape.clone());
        [own].into_iter().chain((self.dtype == Dtype::I8).then(scales))
    }
}

/// Lays out the tensors in the order of the safetensors library: larger types first, then by name.
fn layout(parts: &[Part<'_>]) -> Metadata {
    let mut tensors: Vec<_> = parts.iter().flat_map(Part::tensors).collect();
    tensors.sort_by(|(name, dtype, _), (other, other_dtype, _)| {
        (Reverse(dtype), name).cmp(&(Reverse(other_dtype), other))
    });
    let mut end = 0;
    let placed = |(name, dtype, shape): (String, Dtype, Vec<usize>)| {
        let start = end;
        end += shape.iter().product::<usize>() * dtype.bitsize() / 8;
        (name, TensorInfo { dtype, shape, data_offsets: (start, end) })
    };
    let tensors = tensors.into_iter().map(placed).collect();
    // transformers refuses a file without this field.
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Metadata::new(Some(format), tensors).expect("each tensor begins where the previous one ends")
}

fn head(metadata: &Metadata) -> Vec<u8> {
    let header = serde_json::to_vec(metadata).expect("names and numbers can be JSON");
    padded_head(header, HEADER_ALIGNMENT)
}

/// The length of the header, the header, and spaces up to a multiple of `alignment`.
fn padded_head(mut header: Vec<u8>, alignment: usize) -> Vec<u8> {
    let end = (size_of::<u64>() + header.len()).next_multiple_of(alignment);
    header.resize(end - size_of::<u64>(), b' ');
    [&(header.len() as u64).to_le_bytes(), header.as_slice()].concat()
}
