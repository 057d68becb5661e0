//! What a file of weights holds.

use std::collections::HashMap;

use super::layout::TensorLayout;

/// The table of a file: its tensors by name, and the metadata of safetensors.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) tensors: HashMap<String, TensorLayout>,
    pub(super) metadata: HashMap<String, String>,
}
