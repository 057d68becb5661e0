//! Packed weights: a file that the kernels read where it is mapped.
//!
//! It is one of safetensors. What is packed comes first, in the order in which a pass reads it, and begins on cache lines; the
//! other tensors follow, those with the larger types first, so that each is aligned for its type.

use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorInfo;
use finsent_kernels::{
    ComputeThreads, EmbeddingTable, PackedParts, PackedWeights, Precision, SharedBytes, TableNumbers, WeightRows,
};
use serde_json::{Map, Value};

use super::config_json::packed_config;
use super::narrow::{TooLarge, narrow};
use super::{ConvertError, Part, WeightFormat, padded_head};
use crate::checkpoint::{
    ALIGNMENT, Checkpoint, CheckpointError, MatrixHeader, MatrixKey, PackedHeader, SCALE, TensorPart,
};
use crate::encoder::{Config, Encoder, Recording};
use crate::json_error::JsonError;
use crate::platform::write_all_at;

/// Bytes to write at a time.
const CHUNK_BYTES: usize = 4 << 20;

/// A conversion to packed weights that is ready to be written. It holds the weights in memory, as a loaded model does.
#[derive(Debug)]
pub struct PackedConversion {
    head: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A tensor to write.
#[derive(Debug)]
struct Piece {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// What the kernels read from a cache line on.
    Lines(SharedBytes),
    Shared(SharedBytes),
    Own(Vec<u8>),
}

impl PackedConversion {
    /// Packs the tensors that `config` describes for this CPU, or for the instruction set that `FINSENT_ISA` names.
    ///
    /// # Errors
    /// [`ConvertError`] if nothing computes in the format, or if it cannot represent a weight; if a tensor is missing, or has
    /// another shape or an unsupported type.
    pub fn new(
        config: &Config,
        checkpoint: &Checkpoint,
        format: WeightFormat,
        threads: Arc<ComputeThreads>,
    ) -> Result<Self, ConvertError> {
        let precision = format.precision().ok_or(ConvertError::NotComputed(format))?;
        check_weights(config, checkpoint, format)?;
        let recording = Encoder::record(config, checkpoint, precision, threads)?;
        let (header, pieces) = pieces(precision, recording);
        Ok(Self { head: head(&header, &pieces), pieces })
    }

    /// The config.json of the new file: `json` with the fields for the number format changed, so that other programs see that
    /// they do not know it. All other fields keep their order and their bytes.
    ///
    /// # Errors
    /// If `json` is not a JSON object.
    pub fn config(&self, json: &[u8]) -> Result<Vec<u8>, JsonError> {
        packed_config(json).map_err(JsonError::new)
    }

    /// The size of the new file in bytes.
    pub fn file_len(&self) -> u64 {
        (self.head.len() + self.pieces.iter().map(|piece| piece.content.bytes().len()).sum::<usize>()) as u64
    }

    /// Writes the weights to an empty file. Calls `progress` from time to time with the number of bytes written so far.
    ///
    /// # Errors
    /// [`ConvertError::Io`]
    pub fn write(&self, file: &File, mut progress: impl FnMut(u64)) -> Result<(), ConvertError> {
        let pieces = self.pieces.iter().map(|piece| piece.content.bytes());
        let mut written = 0;
        for bytes in [self.head.as_slice()].into_iter().chain(pieces).flat_map(|bytes| bytes.chunks(CHUNK_BYTES)) {
            write_all_at(file, bytes, written)?;
            written += bytes.len() as u64;
            progress(written);
        }
        Ok(())
    }
}

/// Checks that the format can represent all weights, as an unpacked conversion does.
fn check_weights(config: &Config, checkpoint: &Checkpoint, format: WeightFormat) -> Result<(), ConvertError> {
    for parameter in config.parameters(checkpoint).map_err(load_error)? {
        let source = checkpoint.rows(&parameter.name, &parameter.shape).map_err(load_error)?;
        if !parameter.is_quantized || format == WeightFormat::F32 || source.are_int8() {
            continue;
        }
        let part = Part { parameter, source, dtype: Dtype::BF16 };
        for rows in part.chunks() {
            part.check(rows, format)?;
        }
    }
    Ok(())
}

fn load_error(error: CheckpointError) -> ConvertError {
    ConvertError::Encoder(error.into())
}

impl Part<'_> {
    fn check(&self, rows: Range<usize>, format: WeightFormat) -> Result<(), ConvertError> {
        let tensor = || self.parameter.name.clone();
        let mut values = vec![0.0; rows.len() * self.columns()];
        self.source.read(rows, &mut values);
        let not_finite = values.iter().copied().find(|value: &f32| !value.is_finite());
        if let Some(value) = not_finite.filter(|_| format == WeightFormat::Int8) {
            return Err(ConvertError::NotFinite { tensor: tensor(), value });
        }
        // Tables are bf16 in a model of int8 too.
        narrow(Dtype::BF16, &values).map(drop).map_err(|TooLarge(value)| ConvertError::TooLarge {
            tensor: tensor(),
            value,
            format,
        })
    }
}

/// The tensors of the file in its order, and what its header says about the packed ones.
fn pieces(precision: Precision, recording: Recording) -> (PackedHeader, Vec<Piece>) {
    let Recording { matrices, tables, floats, .. } = recording;
    let mut pieces = Vec::new();
    let mut headers = Vec::new();
    for (parts, weights) in matrices {
        pieces.extend(of_matrix(&parts, &weights));
        headers.push(MatrixHeader::new(parts, &weights));
    }
    pieces.extend(tables.into_iter().flat_map(|(name, table)| of_table(&name, &table)));
    pieces.extend(floats.into_iter().map(|(name, shape, values)| Piece::floats(name, shape, &values)));
    // The sort is stable.
    pieces.sort_by_key(|piece| match piece.content {
        Content::Lines(_) => 0,
        _ => ALIGNMENT - piece.dtype.bitsize() / 8,
    });
    (PackedHeader { precision, matrices: headers }, pieces)
}

fn of_matrix(parts: &[TensorPart], weights: &PackedWeights) -> Vec<Piece> {
    let key = MatrixKey::new(weights.layout().precision(), parts);
    let PackedParts { lanes, scales, sums, low_bits } = weights.to_parts();
    let mut pieces = vec![Piece::lines(key.lanes(), lanes)];
    pieces.extend(low_bits.map(|low_bits| Piece::lines(key.low_bits(), low_bits)));
    if !scales.is_empty() {
        pieces.push(Piece::floats(key.scales(), vec![scales.len()], &scales));
        let bytes = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        pieces.push(Piece {
            name: key.sums(),
            dtype: Dtype::I32,
            shape: vec![sums.len()],
            content: Content::Own(bytes),
        });
    }
    pieces
}

fn of_table(name: &str, table: &EmbeddingTable) -> Vec<Piece> {
    let shape = vec![table.rows(), table.columns()];
    let piece = |dtype, numbers: &SharedBytes| Piece {
        name: name.into(),
        dtype,
        shape,
        content: Content::Shared(numbers.clone()),
    };
    match table.numbers() {
        TableNumbers::F32(numbers) => vec![piece(Dtype::F32, numbers)],
        TableNumbers::Bf16(numbers) => vec![piece(Dtype::BF16, numbers)],
        TableNumbers::Int8(numbers, scales) => {
            let scales = Piece::floats(format!("{name}{SCALE}"), vec![scales.len(), 1], scales);
            vec![piece(Dtype::I8, numbers), scales]
        }
    }
}

impl Piece {
    /// Whole cache lines of packed weights.
    fn lines(name: String, bytes: SharedBytes) -> Self {
        let shape = vec![bytes.as_bytes().len() / size_of::<i32>()];
        Self { name, dtype: Dtype::I32, shape, content: Content::Lines(bytes) }
    }

    fn floats(name: String, shape: Vec<usize>, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name, dtype: Dtype::F32, shape, content: Content::Own(bytes) }
    }
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Lines(bytes) | Self::Shared(bytes) => bytes.as_bytes(),
            Self::Own(bytes) => bytes,
        }
    }
}

/// The length of the header and the header, padded so that the data begin on a cache line. The same weights have the same
/// header.
fn head(header: &PackedHeader, pieces: &[Piece]) -> Vec<u8> {
    let mut end = 0;
    let metadata: Map<String, Value> =
        header.to_metadata().map(|(name, value)| (name.to_owned(), value.into())).into_iter().collect();
    let mut json = Map::from_iter([("__metadata__".to_owned(), metadata.into())]);
    for piece in pieces {
        let start = end;
        end += piece.content.bytes().len();
        let info = TensorInfo { dtype: piece.dtype, shape: piece.shape.clone(), data_offsets: (start, end) };
        json.insert(piece.name.clone(), serde_json::to_value(info).expect("numbers can be JSON"));
    }
    padded_head(serde_json::to_vec(&json).expect("names and numbers can be JSON"), ALIGNMENT)
}

#[cfg(test)]
mod tests;
