//! Loads the tensors of a checkpoint into the types of the kernels.

use std::cell::RefCell;
use std::ops::Range;

use finsent_kernels::{
    EmbeddingTable, LayerNorm, Linear, Matrix, PackedWeights, Precision, WeightLayout, WeightRows, WeightStore,
};

use super::engine::Engine;
use super::recording::Recording;
use crate::checkpoint::{Checkpoint, CheckpointError, StoredMatrix, TensorPart};

/// A path in the tree of tensor names of a [`Checkpoint`], and the engine that its weights are packed for.
#[derive(Debug)]
pub(super) struct Weights<'a> {
    checkpoint: &'a Checkpoint,
    engine: Engine<'a>,
    store: &'a WeightStore,
    path: String,
    /// Keeps all that is read.
    recording: Option<&'a RefCell<Recording>>,
}

impl<'a> Weights<'a> {
    pub(super) fn root(
        checkpoint: &'a Checkpoint,
        engine: Engine<'a>,
        store: &'a WeightStore,
        recording: Option<&'a RefCell<Recording>>,
    ) -> Self {
        tell_about_packed(checkpoint, engine);
        Self { checkpoint, engine, store, path: String::new(), recording }
    }

    pub(super) fn at(&self, name: &str) -> Self {
        Self { path: self.full_name(name), ..*self }
    }

    /// The same path, for weights that are always f32.
    pub(super) fn in_f32(&self) -> Self {
        let engine = Engine { precision: Precision::F32, ..self.engine };
        Self { engine, path: self.path.clone(), ..*self }
    }

    /// Modules with the same input as one layer, with their outputs side by side.
    pub(super) fn linear(&self, parts: &[Part], inputs: usize, has_bias: bool) -> Result<Linear, CheckpointError> {
        // config.json may claim any size; the tensors are compared with it next.
        let outputs = parts.iter().fold(0usize, |outputs, part| outputs.saturating_add(part.rows.len()));
        let weights = self.packed(parts, [outputs, inputs])?;
        let mut bias = Vec::with_capacity(outputs);
        for Part { name, rows, outputs } in parts {
            match has_bias {
                true => bias.extend(&self.at(name).vector("bias", *outputs)?[rows.clone()]),
                false => bias.resize(bias.len() + rows.len(), 0.0),
            }
        }
        Ok(Linear::new(self.engine.isa, weights, bias))
    }

    /// The weights of modules with the same input: mapped, if the file has them as this CPU reads them.
    fn packed(&self, parts: &[Part], shape: [usize; 2]) -> Result<PackedWeights, CheckpointError> {
        let Engine { isa, pool, precision } = self.engine;
        let tensors: Vec<TensorPart> = parts.iter().map(|part| part.of_tensor(self)).collect();
        let found = self.checkpoint.packed().and_then(|packed| packed.find(precision, &tensors));
        let packed = match found.filter(|found| found.shape() == shape) {
            Some(found) if found.layout() == WeightLayout::of(isa, precision) => PackedWeights::clone(found),
            Some(found) => PackedWeights::pack(self.store, isa, pool, precision, &**found, shape),
            None => PackedWeights::pack(self.store, isa, pool, precision, &self.stack(parts, shape[1])?, shape),
        };
        if let Some(recording) = self.recording {
            recording.borrow_mut().matrix(precision, tensors, &packed);
        }
        Ok(packed)
    }

    fn stack(&self, parts: &[Part], inputs: usize) -> Result<Stack<'a>, CheckpointError> {
        let matrix = |Part { name, rows, outputs }: &Part| {
            let matrix = self.checkpoint.matrix(&self.at(name).full_name("weight"), [*outputs, inputs])?;
            Ok((matrix, rows.clone()))
        };
        Ok(Stack { parts: parts.iter().map(matrix).collect::<Result<_, CheckpointError>>()?, inputs })
    }

    /// The vector `name` of this module.
    fn vector(&self, name: &str, len: usize) -> Result<Vec<f32>, CheckpointError> {
        let name = self.full_name(name);
        let vector = self.checkpoint.vector(&name, len)?;
        if let Some(recording) = self.recording {
            recording.borrow_mut().floats(name, vec![len], &vector);
        }
        Ok(vector)
    }

    pub(super) fn layer_norm(
        &self,
        name: &str,
        size: usize,
        eps: f64,
        has_bias: bool,
    ) -> Result<LayerNorm, CheckpointError> {
        let at = self.at(name);
        let weight = at.vector("weight", size)?;
        let bias = if has_bias { at.vector("bias", size)? } else { vec![0.0; size] };
        Ok(LayerNorm { weight, bias, eps: eps as f32 })
    }

    pub(super) fn table(&self, name: &str, rows: usize, columns: usize) -> Result<EmbeddingTable, CheckpointError> {
        let Engine { pool, precision, .. } = self.engine;
        let name = self.at(name).full_name("weight");
        let matrix = self.checkpoint.matrix(&name, [rows, columns])?;
        let mapped = matrix.mapped_table(precision, rows);
        let load = || EmbeddingTable::load(self.store, pool, precision, &matrix, [rows, columns]);
        let table = mapped.unwrap_or_else(load);
        if let Some(recording) = self.recording {
            recording.borrow_mut().table(name, &table);
        }
        Ok(table)
    }

    /// A table in f32, whatever the precision of the model.
    pub(super) fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, CheckpointError> {
        let name = self.at(name).full_name("weight");
        let stored = self.checkpoint.matrix(&name, [rows, columns])?;
        let mut values = vec![0.0; rows * columns];
        stored.read(0..rows, &mut values);
        let mut matrix = Matrix::new(columns);
        matrix.set_rows(rows);
        (0..rows).zip(values.chunks(columns)).for_each(|(row, values)| matrix.row_mut(row).copy_from_slice(values));
        if let Some(recording) = self.recording {
            recording.borrow_mut().floats(name, vec![rows, columns], &values);
        }
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

/// Says so if packed weights are not in the form that this process reads.
fn tell_about_packed(checkpoint: &Checkpoint, Engine { isa, precision, .. }: Engine<'_>) {
    let Some(packed) = checkpoint.packed() else { return };
    let (file, stored) = (checkpoint.name(), packed.precision());
    if stored != precision {
        tracing::warn!(
            "`{file}` has weights packed in {stored}: in {precision} they are unpacked when the model is loaded, which \
             takes longer, and they stay as exact as {stored} has them"
        );
    } else if let Some(other) = packed.other_layout(|precision| WeightLayout::of(isa, precision)) {
        let (name, width) = (other.name(), other.width());
        tracing::warn!(
            "`{file}` has weights packed for another kind of CPU ({name}, {width} columns) than this one ({isa}): they are \
             packed again when the model is loaded. Convert the model on this kind of CPU to start faster"
        );
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

impl Part {
    /// The same outputs by the name of their tensor. `at` is where the module is.
    fn of_tensor(&self, at: &Weights<'_>) -> TensorPart {
        let Self { name, rows, outputs } = self;
        TensorPart { tensor: at.at(name).full_name("weight"), rows: rows.clone(), of: *outputs }
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
