//! Loads the tensors of a checkpoint into the types of the kernels.

use std::ops::Range;

use finsent_kernels::{EmbeddingTable, LayerNorm, Linear, Matrix, Precision, WeightRows};

use super::engine::Engine;
use crate::checkpoint::{Checkpoint, CheckpointError, StoredMatrix};

/// A path in the tree of tensor names of a [`Checkpoint`], and the engine that its weights are packed for.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    engine: Engine<'a>,
    path: String,
}

impl<'a> Weights<'a> {
    pub(super) fn root(checkpoint: &'a Checkpoint, engine: Engine<'a>) -> Self {
        Self { checkpoint, engine, path: String::new() }
    }

    pub(super) fn at(&self, name: &str) -> Self {
        Self { checkpoint: self.checkpoint, engine: self.engine, path: self.full_name(name) }
    }

    /// The same path, for weights that are always f32.
    pub(super) fn in_f32(&self) -> Self {
        let engine = Engine { precision: Precision::F32, ..self.engine };
        Self { checkpoint: self.checkpoint, engine, path: self.path.clone() }
    }

    /// Modules with the same input as one layer, with their outputs side by side.
    pub(super) fn linear(&self, parts: &[Part], inputs: usize, has_bias: bool) -> Result<Linear, CheckpointError> {
        let mut stack = Stack { parts: Vec::new(), inputs };
        let mut bias = Vec::new();
        for Part { name, rows, outputs } in parts {
            let at = self.at(name);
            let matrix = at.checkpoint.matrix(&at.full_name("weight"), [*outputs, inputs])?;
            stack.parts.push((matrix, rows.clone()));
            match has_bias {
                true => bias.extend(&at.checkpoint.vector(&at.full_name("bias"), *outputs)?[rows.clone()]),
                false => bias.resize(bias.len() + rows.len(), 0.0),
            }
        }
        let Engine { isa, pool, precision } = self.engine;
        Ok(Linear::pack(isa, pool, precision, &stack, inputs, bias))
    }

    pub(super) fn layer_norm(
        &self,
        name: &str,
        size: usize,
        eps: f64,
        has_bias: bool,
    ) -> Result<LayerNorm, CheckpointError> {
        let at = self.at(name);
        let vector = |name| at.checkpoint.vector(&at.full_name(name), size);
        let weight = vector("weight")?;
        let bias = if has_bias { vector("bias")? } else { vec![0.0; size] };
        Ok(LayerNorm { weight, bias, eps: eps as f32 })
    }

    pub(super) fn table(&self, name: &str, rows: usize, columns: usize) -> Result<EmbeddingTable, CheckpointError> {
        let matrix = self.checkpoint.matrix(&self.at(name).full_name("weight"), [rows, columns])?;
        Ok(EmbeddingTable::load(self.engine.pool, self.engine.precision, &matrix, rows, columns))
    }

    /// A table in f32, whatever the precision of the model.
    pub(super) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, CheckpointError> {
        let stored = self.checkpoint.matrix(&self.at(name).full_name("weight"), [rows, columns])?;
        let mut matrix = Matrix::new(columns);
        matrix.set_rows(rows);
        (0..rows).for_each(|row| stored.read(row..row + 1, matrix.row_mut(row)));
        Ok(matrix)
    }

    pub(super) fn engine(&self) -> Engine<'a> {
        self.engine
    }

    fn full_name(&self, name: &str) -> String {
        match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        }
    }
}

/// Some outputs of a linear module.
#[derive(Debug, Clone)]
pub(super) struct Part {
    name: &'static str,
    rows: Range<usize>,
    /// All outputs of the module.
    outputs: usize,
}

impl Part {
    /// All outputs.
    pub(super) fn whole(name: &'static str, outputs: usize) -> Self {
        Self { name, rows: 0..outputs, outputs }
    }

    /// One of `parts` parts of a module, each of `outputs` outputs.
    pub(super) fn nth(name: &'static str, index: usize, parts: usize, outputs: usize) -> Self {
        let start = index.saturating_mul(outputs);
        Self { name, rows: start..start.saturating_add(outputs), outputs: outputs.saturating_mul(parts) }
    }
}

/// Rows of matrices, stacked.
struct Stack<'a> {
    /// The rows of each matrix.
    parts: Vec<(StoredMatrix<'a>, Range<usize>)>,
    /// The columns of each matrix.
    inputs: usize,
}

impl Stack<'_> {
    /// For each matrix with some of `rows`: the matrix, the range of its own rows, and their range within `rows`.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (&StoredMatrix<'_>, Range<usize>, Range<usize>)> {
        let mut first = 0;
        self.parts.iter().filter_map(move |(matrix, of_matrix)| {
            let (start, end) = (rows.start.max(first), rows.end.min(first + of_matrix.len()));
            let own = |row: usize| row - first + of_matrix.start;
            let part = (start < end).then(|| (matrix, own(start)..own(end), start - rows.start..end - rows.start));
            first += of_matrix.len();
            part
        })
    }
}

impl WeightRows for Stack<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        for (part, rows, at) in self.parts(rows) {
            part.read(rows, &mut to[at.start * self.inputs..at.end * self.inputs]);
        }
    }

    fn are_int8(&self) -> bool {
        self.parts.iter().all(|(matrix, _)| matrix.are_int8())
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        for (part, rows, at) in self.parts(rows) {
            part.read_int8(rows, &mut to[at.start * self.inputs..at.end * self.inputs], &mut scales[at]);
        }
    }
}
