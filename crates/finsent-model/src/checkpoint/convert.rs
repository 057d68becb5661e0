//! A checkpoint becomes one safetensors file in another number format, a few megabytes at a time.
//!
//! The names are those of transformers' `save_pretrained` for the model's architecture; the order of the tensors
//! and the padding are those of the safetensors library, so that the file is the one that it writes, to the byte. int8 is the layout `int-quantized` of compressed-tensors: bytes
//! `[rows, columns]` under the tensor's name, and f32 scales `[rows, 1]` under that name and `_scale`.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::{fmt, io};

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};
use finsent_kernels::{WeightRows, quantize_weights};
use thiserror::Error;

use super::config_json::convert_config;
use super::narrow::{TooLarge, narrow};
use super::{Checkpoint, CheckpointError, StoredMatrix};

/// Numbers that are converted at a time.
const CHUNK_NUMBERS: usize = 1 << 20;
/// What the length of the header is a multiple of.
const HEADER_ALIGNMENT: usize = 8;

/// A number format of stored weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightFormat {
    /// 32-bit floats.
    F32,
    /// bfloat16.
    Bf16,
    /// 16-bit floats.
    F16,
    /// Bytes with a scale a row, for the tensors that [`Parameter::is_quantised`] says; f32 for the others.
    Int8,
}

impl WeightFormat {
    /// Type of the tensors that are no bytes.
    fn float(self) -> Dtype {
        match self {
            Self::F32 | Self::Int8 => Dtype::F32,
            Self::Bf16 => Dtype::BF16,
            Self::F16 => Dtype::F16,
        }
    }
}

impl fmt::Display for WeightFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        })
    }
}

/// A tensor of an architecture.
#[derive(Debug)]
pub struct Parameter {
    /// Plain name.
    pub name: String,
    /// What transformers' `save_pretrained` puts before the plain name.
    pub prefix: &'static str,
    /// `[len]` or `[rows, columns]`
    pub shape: Vec<usize>,
    /// Whether int8 has it as bytes; matrices only.
    pub is_quantised: bool,
}

/// Why weights cannot be converted.
#[derive(Debug, Error)]
pub enum ConvertError {
    /// A weight is beyond the range of the format.
    #[error("the tensor `{tensor}` holds {value}, which is too large for {format}; f32 has room for it")]
    TooLarge {
        /// Plain name.
        tensor: String,
        /// The weight.
        value: f32,
        /// The format.
        format: WeightFormat,
    },
    /// A weight that is to be quantised is NaN or infinite.
    #[error("the tensor `{tensor}` holds {value}, for which int8 has no number; its weights are damaged")]
    NotFinite {
        /// Plain name.
        tensor: String,
        /// The weight.
        value: f32,
    },
    /// The system refused.
    #[error("the weights cannot be written")]
    Io(#[from] io::Error),
}

/// A file of weights that is yet to be written: its tensors have been found, and their places in it are known.
#[derive(Debug)]
pub struct Conversion<'a> {
    format: WeightFormat,
    parts: Vec<Part<'a>>,
    metadata: Metadata,
    /// What stands before the data, the header's length included.
    head: Vec<u8>,
}

/// A tensor that is to be written.
#[derive(Debug)]
struct Part<'a> {
    parameter: Parameter,
    source: StoredMatrix<'a>,
    /// Type of its numbers in the new file.
    dtype: Dtype,
}

impl Checkpoint {
    /// Finds the tensors of an architecture; they are all of the checkpoint that is converted.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn conversion(
        &self,
        parameters: impl IntoIterator<Item = Parameter>,
        format: WeightFormat,
    ) -> Result<Conversion<'_>, CheckpointError> {
        let part = |parameter: Parameter| {
            let source = self.parameter(&parameter)?;
            let is_int8 = format == WeightFormat::Int8 && parameter.is_quantised;
            Ok(Part { parameter, source, dtype: if is_int8 { Dtype::I8 } else { format.float() } })
        };
        let parts: Vec<Part<'_>> = parameters.into_iter().map(part).collect::<Result<_, CheckpointError>>()?;
        let metadata = layout(&parts);
        Ok(Conversion { format, parts, head: head(&metadata), metadata })
    }

    /// A tensor of which parts can be read; a vector is a matrix of one column.
    fn parameter(&self, Parameter { name, shape, .. }: &Parameter) -> Result<StoredMatrix<'_>, CheckpointError> {
        if let [rows, columns] = **shape {
            return self.matrix(name, [rows, columns]);
        }
        let stored = self.stored(name, shape)?;
        stored.expect(&[Dtype::F32, Dtype::F16, Dtype::BF16])?;
        Ok(StoredMatrix { stored, columns: 1, scales: None })
    }
}

impl Conversion<'_> {
    /// config.json of the new file: `json` with what it says of the number format made true of this one; all else keeps
    /// its order and its bytes.
    ///
    /// # Errors
    /// When `json` is no JSON object.
    pub fn config(&self, json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let is_kept = |part: &&Part<'_>| part.parameter.shape.len() == 2 && !part.parameter.is_quantised;
        let module = |part: &Part<'_>| part.name().trim_end_matches(".weight").to_owned();
        let kept: Vec<String> = self.parts.iter().filter(is_kept).map(module).collect();
        convert_config(json, self.format, &kept)
    }

    /// Bytes of the file.
    pub fn file_len(&self) -> u64 {
        (self.head.len() + self.metadata.data_len()) as u64
    }

    /// Writes the file, which is empty, and calls `progress` now and then with the bytes that are written.
    ///
    /// # Errors
    /// [`ConvertError`] naming the tensor that the format has no room for, or saying what the system said.
    pub fn write(&self, file: &File, mut progress: impl FnMut(u64)) -> Result<(), ConvertError> {
        file.write_all_at(&self.head, 0)?;
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

    /// Gives the number of bytes that are written.
    fn write_floats(&self, part: &Part<'_>, rows: Range<usize>, file: &File) -> Result<u64, ConvertError> {
        let mut values = vec![0.0; rows.len() * part.source.columns];
        part.source.read(rows.clone(), &mut values);
        let too_large = |TooLarge(value)| ConvertError::TooLarge {
            tensor: part.parameter.name.clone(),
            value,
            format: self.format,
        };
        let bytes = narrow(part.dtype, &values).map_err(too_large)?;
        file.write_all_at(&bytes, self.place(&part.name(), rows.start))?;
        Ok(bytes.len() as u64)
    }

    /// Gives the number of bytes that are written.
    fn write_int8(&self, part: &Part<'_>, rows: Range<usize>, file: &File) -> Result<u64, ConvertError> {
        let mut bytes = vec![0; rows.len() * part.source.columns];
        let mut scales = vec![0.0; rows.len()];
        part.read_int8(rows.clone(), &mut bytes, &mut scales)?;
        let bytes: Vec<u8> = bytes.into_iter().map(i8::cast_unsigned).collect();
        let scales: Vec<u8> = scales.into_iter().flat_map(f32::to_le_bytes).collect();
        file.write_all_at(&bytes, self.place(&part.name(), rows.start))?;
        file.write_all_at(&scales, self.place(&part.scale_name(), rows.start))?;
        Ok((bytes.len() + scales.len()) as u64)
    }

    /// Where in the file the row of a tensor begins.
    fn place(&self, name: &str, row: usize) -> u64 {
        let info = self.metadata.info(name).expect("the layout has every tensor that is written");
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

    /// Rows that are converted at a time.
    fn chunks(&self) -> impl Iterator<Item = Range<usize>> {
        let (rows, at_a_time) = (self.parameter.shape[0], (CHUNK_NUMBERS / self.source.columns).max(1));
        (0..rows).step_by(at_a_time).map(move |start| start..rows.min(start + at_a_time))
    }

    /// Bytes are taken as they are stored; other numbers are quantised, which would hide one that is not finite.
    fn read_int8(&self, rows: Range<usize>, bytes: &mut [i8], scales: &mut [f32]) -> Result<(), ConvertError> {
        if self.source.scales.is_some() {
            self.source.read_int8(rows, bytes, scales);
            return Ok(());
        }
        let mut values = vec![0.0; bytes.len()];
        self.source.read(rows, &mut values);
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(ConvertError::NotFinite { tensor: self.parameter.name.clone(), value });
        }
        quantize_weights(&values, bytes, scales);
        Ok(())
    }

    /// The tensors that it becomes: name, type, shape.
    fn tensors(&self) -> impl Iterator<Item = (String, Dtype, Vec<usize>)> {
        let scales = || (self.scale_name(), Dtype::F32, vec![self.parameter.shape[0], 1]);
        let own = (self.name(), self.dtype, self.parameter.shape.clone());
        [own].into_iter().chain((self.dtype == Dtype::I8).then(scales))
    }
}

/// The order of the safetensors library: the types of the largest numbers first, then by name.
fn layout(parts: &[Part<'_>]) -> Metadata {
    let mut tensors: Vec<_> = parts.iter().flat_map(Part::tensors).collect();
    tensors.sort_by(|(name, dtype, _), (other, other_dtype, _)| {
        (Reverse(dtype), name).cmp(&(Reverse(other_dtype), other))
    });
    let mut end = 0;
    let place = |(name, dtype, shape): (String, Dtype, Vec<usize>)| {
        let start = end;
        end += shape.iter().product::<usize>() * dtype.bitsize() / 8;
        (name, TensorInfo { dtype, shape, data_offsets: (start, end) })
    };
    let tensors = tensors.into_iter().map(place).collect();
    // transformers refuses a file that does not say by what library it is to be read.
    let written_for = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    Metadata::new(Some(written_for), tensors).expect("each tensor begins where the one before it ends")
}

/// The header, its length before it, and spaces behind it.
fn head(metadata: &Metadata) -> Vec<u8> {
    let mut header = serde_json::to_vec(metadata).expect("names and numbers are JSON");
    header.resize(header.len().next_multiple_of(HEADER_ALIGNMENT), b' ');
    [&(header.len() as u64).to_le_bytes(), header.as_slice()].concat()
}
