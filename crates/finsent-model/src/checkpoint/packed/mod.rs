//! Files of packed weights, which the kernels read where they are mapped.
//!
//! [`PackedFile::open`] checks all sizes once. Each tensor can also be read by its plain name, row by row, whatever layout it is
//! packed in.

mod header;
mod peek;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use ::safetensors::Dtype;
use finsent_kernels::{PackedParts, PackedWeights, Precision, SharedBytes, WeightLayout};

use self::header::{FORMAT, VERSION};
pub(crate) use self::header::{MatrixHeader, MatrixKey, PackedHeader, TensorPart};
pub use self::peek::packed_precision;
pub(crate) use self::rows::PackedRows;
use self::rows::Segment;
use super::error::CheckpointError;
use super::layout::TensorLayout;
use super::mapped::Bytes;

/// The alignment of packed weights: a cache line.
pub(crate) const ALIGNMENT: usize = 64;

/// The packed matrices of a file.
#[derive(Debug)]
pub(crate) struct PackedFile {
    precision: Precision,
    matrices: HashMap<MatrixKey, Arc<PackedWeights>>,
    tensors: HashMap<String, PackedTensor>,
}

/// A tensor that is packed, as a whole.
#[derive(Debug)]
struct PackedTensor {
    shape: [usize; 2],
    /// Its rows, in order.
    segments: Vec<Segment>,
}

impl PackedFile {
    /// Takes the packed tensors out of `tensors`. `None` if the file is not one of packed weights.
    ///
    /// # Errors
    /// [`CheckpointError`] if the metadata contradicts the tensors, or is of another version.
    pub(super) fn open(
        file: &str,
        bytes: &Arc<Bytes>,
        tensors: &mut HashMap<String, TensorLayout>,
        metadata: &HashMap<String, String>,
    ) -> Result<Option<Self>, CheckpointError> {
        if metadata.get("format").is_none_or(|format| format != FORMAT) {
            return Ok(None);
        }
        let version = metadata.get("version").map_or("", String::as_str);
        if version != VERSION {
            let (file, found) = (file.into(), version.into());
            return Err(CheckpointError::PackedVersion { file, found, known: VERSION });
        }
        let invalid = |reason| CheckpointError::Packed { file: file.into(), reason };
        if cfg!(target_endian = "big") {
            return Err(invalid("it is little-endian, and this CPU is not".into()));
        }
        let PackedHeader { precision, matrices } = PackedHeader::parse(metadata).map_err(invalid)?;
        let mut tensors = Tensors { bytes, tensors };
        let mut packed = Self { precision, matrices: HashMap::new(), tensors: HashMap::new() };
        let mut segments = Segments::default();
        for matrix in matrices {
            let layout = WeightLayout::named(&matrix.layout, matrix.precision, matrix.width);
            let layout = layout.ok_or_else(|| CheckpointError::PackedLayout {
                file: file.into(),
                layout: matrix.layout.clone(),
                width: matrix.width,
            })?;
            let key = matrix.key();
            let of_matrix = |reason: String| invalid(format!("the matrix `{key}`: {reason}"));
            matrix.check_parts().map_err(of_matrix)?;
            let weights = Arc::new(tensors.weights(&key, layout, &matrix).map_err(of_matrix)?);
            segments.add(&matrix, &weights).map_err(of_matrix)?;
            if packed.matrices.insert(key.clone(), weights).is_some() {
                return Err(of_matrix("it is described twice".into()));
            }
        }
        packed.tensors = segments.tensors();
        match tensors.rest() {
            Some(name) => Err(invalid(format!("no matrix of its metadata has the tensor `{name}`"))),
            None => Ok(Some(packed)),
        }
    }

    /// The precision of the model.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// The matrix with exactly these outputs, in this precision.
    pub(crate) fn find(&self, precision: Precision, parts: &[TensorPart]) -> Option<&Arc<PackedWeights>> {
        self.matrices.get(&MatrixKey::new(precision, parts))
    }

    /// A layout of a matrix that is not the one for its precision in `layout`.
    pub(crate) fn other_layout(&self, layout: impl Fn(Precision) -> WeightLayout) -> Option<WeightLayout> {
        let mut layouts = self.matrices.values().map(|weights| weights.layout());
        layouts.find(|found| *found != layout(found.precision()))
    }

    /// The plain names of the tensors that are packed.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.tensors.get(tensor).map(|tensor| &tensor.shape[..])
    }

    /// All rows of a tensor.
    pub(super) fn rows(&self, tensor: &str) -> Option<PackedRows<'_>> {
        let tensor = self.tensors.get(tensor)?;
        Some(PackedRows::new(&tensor.segments, tensor.shape[1]))
    }
}

/// The tensors of a file, from which those of packed matrices are taken.
struct Tensors<'a> {
    bytes: &'a Arc<Bytes>,
    tensors: &'a mut HashMap<String, TensorLayout>,
}

impl Tensors<'_> {
    fn weights(
        &mut self,
        key: &MatrixKey,
        layout: WeightLayout,
        matrix: &MatrixHeader,
    ) -> Result<PackedWeights, String> {
        let is_int8 = matrix.precision == Precision::Int8;
        let parts = PackedParts {
            lanes: self.take(&key.lanes(), Dtype::I32, ALIGNMENT)?,
            scales: if is_int8 { self.numbers(&key.scales(), Dtype::F32, f32::from_le_bytes)? } else { Vec::new() },
            sums: if is_int8 { self.numbers(&key.sums(), Dtype::I32, i32::from_le_bytes)? } else { Vec::new() },
            low_bits: matrix.low_bits.then(|| self.take(&key.low_bits(), Dtype::I32, ALIGNMENT)).transpose()?,
        };
        PackedWeights::from_parts(layout, matrix.shape, parts).map_err(|error| error.to_string())
    }

    /// Takes a tensor whose address is a multiple of `alignment`.
    fn take(&mut self, name: &str, dtype: Dtype, alignment: usize) -> Result<SharedBytes, String> {
        let layout = self.tensors.remove(name).ok_or_else(|| format!("the tensor `{name}` is missing"))?;
        if layout.dtype != dtype {
            return Err(format!("the tensor `{name}` has the type {}; expected {dtype}", layout.dtype));
        }
        Ok(shared(self.bytes, &layout, alignment))
    }

    fn numbers<T>(&mut self, name: &str, dtype: Dtype, number: fn([u8; 4]) -> T) -> Result<Vec<T>, String> {
        let bytes = self.take(name, dtype, 1)?;
        Ok(bytes.as_bytes().as_chunks().0.iter().copied().map(number).collect())
    }

    /// A packed tensor that is left.
    fn rest(&self) -> Option<&String> {
        self.tensors.keys().find(|name| MatrixKey::is_packed(name))
    }
}

/// The bytes of a tensor, where they are mapped.
pub(super) fn shared(bytes: &Arc<Bytes>, layout: &TensorLayout, alignment: usize) -> SharedBytes {
    let numbers = layout.shape.iter().product();
    SharedBytes::new(Arc::clone(bytes) as Arc<_>, layout.bytes(0..numbers), alignment)
}

/// The rows of tensors that packed matrices have.
#[derive(Default)]
struct Segments {
    /// The shape of each tensor.
    shapes: HashMap<String, [usize; 2]>,
    segments: HashMap<(String, Precision), Vec<Segment>>,
}

impl Segments {
    /// The caller has checked the parts.
    fn add(&mut self, matrix: &MatrixHeader, weights: &Arc<PackedWeights>) -> Result<(), String> {
        let mut first = 0;
        for TensorPart { tensor, rows, of } in &matrix.parts {
            let shape = [*of, matrix.shape[1]];
            let known = self.shapes.entry(tensor.clone()).or_insert(shape);
            if *known != shape {
                return Err(format!("the tensor `{tensor}` has the shape {known:?} and the shape {shape:?}"));
            }
            let segment = Segment { rows: rows.clone(), weights: Arc::clone(weights), first };
            self.segments.entry((tensor.clone(), matrix.precision)).or_default().push(segment);
            first += rows.len();
        }
        Ok(())
    }

    /// The tensors of which all rows are there, each in its most exact precision.
    fn tensors(mut self) -> HashMap<String, PackedTensor> {
        let mut tensors = HashMap::new();
        for (tensor, shape) in self.shapes {
            for precision in Precision::ALL {
                let segments = self.segments.remove(&(tensor.clone(), precision)).unwrap_or_default();
                if let Some(segments) = cover(segments, shape[0]) {
                    tensors.insert(tensor, PackedTensor { shape, segments });
                    break;
                }
            }
        }
        tensors
    }
}

/// Segments that together are all rows, each once. `None` if some are missing.
fn cover(mut segments: Vec<Segment>, rows: usize) -> Option<Vec<Segment>> {
    segments.sort_by_key(|segment| segment.rows.start);
    let mut end = 0;
    segments.retain(|segment| {
        let follows = segment.rows.start == end;
        end = if follows { segment.rows.end } else { end };
        follows
    });
    (end == rows).then_some(segments)
}
