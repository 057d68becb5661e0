//! The network as one candle operation: token ids in, logits out.
//!
//! There are no tensors inside: the kernels work on the matrices of the arena.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape};

use super::engine::Operands;
use super::network::Network;
use super::worker::Worker;
use crate::batch::PackedBatch;

/// The classification of a packed batch.
pub(super) struct ClassifyPacked<'a> {
    pub(super) network: &'a Network,
    pub(super) worker: &'a Worker<'a>,
    pub(super) batch: &'a PackedBatch,
    pub(super) operands: Operands,
}

impl CustomOp1 for ClassifyPacked<'_> {
    fn name(&self) -> &'static str {
        "classify-packed"
    }

    /// `[total_tokens]`, the ids of the batch -> `[texts, num_labels]`
    fn cpu_fwd(&self, input_ids: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let total_tokens = layout.shape().elem_count();
        if !matches!(input_ids, CpuStorage::U32(_)) || total_tokens != self.batch.input_ids.len() {
            let expected = self.batch.input_ids.len();
            return Err(Error::Msg(format!("expected the {expected} ids of the batch as u32, got {total_tokens} ids")));
        }
        let logits = self.network.forward(self.worker, self.batch, self.operands);
        let texts = self.batch.cu_seqlens.len() - 1;
        Ok((CpuStorage::F32(logits), Shape::from((texts, self.network.num_labels()))))
    }
}
