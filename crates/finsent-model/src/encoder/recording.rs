//! What loading a model makes of its weights: what a file of packed weights has to hold so that loading finds it.

use std::collections::HashSet;

use finsent_kernels::{EmbeddingTable, PackedWeights, Precision};

use crate::checkpoint::{MatrixKey, TensorPart};

/// The weights of a model in the form in which the engine reads them, each once, in the order in which they are loaded.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) matrices: Vec<(Vec<TensorPart>, PackedWeights)>,
    /// Tables by plain name.
    pub(crate) tables: Vec<(String, EmbeddingTable)>,
    /// Other tensors by plain name, with their shapes.
    pub(crate) floats: Vec<(String, Vec<usize>, Vec<f32>)>,
    keys: HashSet<MatrixKey>,
    names: HashSet<String>,
}

impl Recording {
    pub(super) fn matrix(&mut self, precision: Precision, parts: Vec<TensorPart>, weights: &PackedWeights) {
        if self.keys.insert(MatrixKey::new(precision, &parts)) {
            self.matrices.push((parts, weights.clone()));
        }
    }

    pub(super) fn table(&mut self, name: String, table: &EmbeddingTable) {
        if self.names.insert(name.clone()) {
            self.tables.push((name, table.clone()));
        }
    }

    pub(super) fn floats(&mut self, name: String, shape: Vec<usize>, values: &[f32]) {
        if self.names.insert(name.clone()) {
            self.floats.push((name, shape, values.to_vec()));
        }
    }
}
