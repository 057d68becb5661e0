//! What the header of a file of packed weights says about them.
//!
//! The file is one of safetensors. Its metadata has the [`FORMAT`], the [`VERSION`] and a description of each packed matrix.
//! A packed matrix has the outputs of one or several tensors, or of a part of one. Its numbers are tensors of their own,
//! whose names begin with [`PREFIX`]. All tensors that are not packed are stored as in any file, under their plain names.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use finsent_kernels::{PackedWeights, Precision};
use serde::{Deserialize, Serialize};

/// `format` in the metadata, which is `pt` in files of PyTorch.
pub(crate) const FORMAT: &str = "finsent-packed";
/// `version` in the metadata: it changes if older programs would misread the file.
pub(crate) const VERSION: &str = "1";
/// The names of packed tensors begin with this.
const PREFIX: &str = "packed:";

/// The description of all packed matrices, in the metadata.
#[derive(Debug)]
pub(crate) struct PackedHeader {
    /// The precision of the model. Some matrices are always f32.
    pub(crate) precision: Precision,
    pub(crate) matrices: Vec<MatrixHeader>,
}

/// The description of a packed matrix.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatrixHeader {
    pub(crate) precision: Precision,
    /// The name of the order of its numbers.
    pub(crate) layout: String,
    /// Columns of a panel.
    pub(crate) width: usize,
    /// `[outputs, inputs]`
    pub(crate) shape: [usize; 2],
    /// Whether int8 weights have four more bits each.
    pub(crate) low_bits: bool,
    /// Which tensors its outputs are, in order.
    pub(crate) parts: Vec<TensorPart>,
}

/// Some rows of a tensor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TensorPart {
    /// The plain name.
    pub(crate) tensor: String,
    pub(crate) rows: Range<usize>,
    /// All rows of the tensor.
    pub(crate) of: usize,
}

impl PackedHeader {
    /// The metadata of a file with these matrices.
    pub(crate) fn to_metadata(&self) -> [(&'static str, String); 4] {
        let matrices = serde_json::to_string(&self.matrices).expect("names and numbers can be JSON");
        [
            ("format", FORMAT.into()),
            ("version", VERSION.into()),
            ("precision", self.precision.to_string()),
            ("matrices", matrices),
        ]
    }

    /// Reads the metadata of a file.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub(super) fn parse(metadata: &HashMap<String, String>) -> Result<Self, String> {
        let field = |name: &str| metadata.get(name).ok_or_else(|| format!("its metadata has no `{name}`"));
        let precision = field("precision")?;
        let known = Precision::ALL.into_iter().find(|known| known.to_string() == *precision);
        let precision = known.ok_or_else(|| format!("its metadata has the precision `{precision}`"))?;
        let matrices =
            serde_json::from_str(field("matrices")?).map_err(|error| format!("`matrices` of its metadata: {error}"))?;
        Ok(Self { precision, matrices })
    }
}

impl MatrixHeader {
    pub(crate) fn new(parts: Vec<TensorPart>, weights: &PackedWeights) -> Self {
        let layout = weights.layout();
        Self {
            precision: layout.precision(),
            layout: layout.name().into(),
            width: layout.width(),
            shape: weights.shape(),
            low_bits: weights.has_low_bits(),
            parts,
        }
    }

    /// Checks that the parts are as many rows as the matrix has.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn check_parts(&self) -> Result<(), String> {
        if let Some(TensorPart { tensor, rows, of }) = self.parts.iter().find(|part| !part.is_possible()) {
            return Err(format!("it has the rows {rows:?} of {of} of the tensor `{tensor}`"));
        }
        let rows = self.parts.iter().fold(0usize, |rows, part| rows.saturating_add(part.rows.len()));
        match rows == self.shape[0] {
            true => Ok(()),
            false => Err(format!("its parts have {rows} rows, but its shape is {:?}", self.shape)),
        }
    }

    pub(super) fn key(&self) -> MatrixKey {
        MatrixKey::new(self.precision, &self.parts)
    }
}

/// What a packed matrix is found by: its precision, and the outputs that it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct MatrixKey {
    precision: Precision,
    parts: String,
}

impl MatrixKey {
    pub(crate) fn new(precision: Precision, parts: &[TensorPart]) -> Self {
        let parts: Vec<String> = parts.iter().map(TensorPart::to_string).collect();
        Self { precision, parts: parts.join("+") }
    }

    /// The name of the tensor with the weights.
    pub(crate) fn lanes(&self) -> String {
        self.of("weights")
    }

    pub(crate) fn scales(&self) -> String {
        self.of("scales")
    }

    pub(crate) fn sums(&self) -> String {
        self.of("sums")
    }

    pub(crate) fn low_bits(&self) -> String {
        self.of("low_bits")
    }

    fn of(&self, part: &str) -> String {
        format!("{PREFIX}{self}.{part}")
    }

    pub(super) fn is_packed(name: &str) -> bool {
        name.starts_with(PREFIX)
    }
}

impl fmt::Display for MatrixKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.parts, self.precision)
    }
}

impl TensorPart {
    fn is_possible(&self) -> bool {
        !self.rows.is_empty() && self.rows.end <= self.of
    }
}

impl fmt::Display for TensorPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tensor, rows, of } = self;
        match *rows == (0..*of) {
            true => f.write_str(tensor),
            false => write!(f, "{tensor}[{}:{}]", rows.start, rows.end),
        }
    }
}
