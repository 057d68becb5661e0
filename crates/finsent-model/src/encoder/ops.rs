//! The encoder as one operation of candle: token ids in, logits out.
//!
//! Within it there are no tensors: the kernels work on the matrices of the arena.

use candle_core::{CpuStorage, CustomOp1, Error, Layout, Result, Shape};

use super::{Encoder, Operands};
use crate::batch::PackedBatch;

/// One pass over a packed batch.
pub(super) struct Pass<'a> {
    pub(super) encoder: &'a Encoder,
    pub(super) batch: &'a PackedBatch,
    pub(super) operands: Operands,
}

impl CustomOp1 for Pass<'_> {
    fn name(&self) -> &'static str {
        "sequence-classification"
    }

    /// `[total_tokens]`, the input ids of the batch -> `[texts, num_labels]`
    fn cpu_fwd(&self, input_ids: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let total_tokens = layout.shape().elem_count();
        if !matches!(input_ids, CpuStorage::U32(_)) || total_tokens != self.batch.input_ids.len() {
            return Err(Error::Msg(format!(
                "the input is not the ids of the batch, but {total_tokens} of another kind"
            )));
        }
        let logits = self.encoder.run(self.batch, self.operands);
        let texts = self.batch.cu_seqlens.len() - 1;
        Ok((CpuStorage::F32(logits), Shape::from((texts, self.encoder.num_labels()))))
    }
}
