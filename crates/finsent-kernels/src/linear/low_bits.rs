//! The low-bits correction of int8 weights: 4 more bits for each, `w ≈ scale (byte + nibble / 16)`.
//!
//! The product of bytes does not read them. A text whose prediction is in doubt is run again with operands of f32; for
//! these, a panel is unpacked to f32 with its low bits, so that the weights have 12 bits. That takes half the memory of a
//! second copy in bfloat16.
#![expect(unsafe_code, reason = "threads fill the panels of one buffer at the same time")]

use super::quantize::{LANE_BYTES, round};
use crate::shared::SharedSlice;
use crate::shared_bytes::SharedBytes;
use crate::weight_memory::{WeightMemory, WeightStore};

/// Units of a nibble in the unit of a byte.
pub(super) const NIBBLES: f32 = 16.0;

/// `[panels, steps / 2, width]` lanes of 32 bits: the four nibbles of a column for one step, and those for the next.
#[derive(Debug, Clone)]
pub(super) struct LowBits {
    lanes: SharedBytes,
    panel_len: usize,
}

impl LowBits {
    /// The low bits of panels of `steps` steps and `width` columns.
    pub(super) fn new(lanes: SharedBytes, steps: usize, width: usize) -> Self {
        Self { lanes, panel_len: steps.div_ceil(2) * width }
    }

    pub(super) fn lanes(&self) -> &SharedBytes {
        &self.lanes
    }

    pub(super) fn panel(&self, panel: usize) -> &[i32] {
        &self.lanes.as_slice()[panel * self.panel_len..][..self.panel_len]
    }
}

/// Low bits that are being filled.
#[derive(Debug)]
pub(super) struct NewLowBits {
    lanes: WeightMemory,
    steps: usize,
    width: usize,
}

impl NewLowBits {
    pub(super) fn zeros(store: &WeightStore, columns: usize, steps: usize, width: usize) -> Self {
        Self { lanes: store.zeros::<i32>(columns * steps.div_ceil(2)), steps, width }
    }

    pub(super) fn finish(self) -> LowBits {
        LowBits::new(SharedBytes::of_memory(self.lanes), self.steps, self.width)
    }

    /// Shares all panels among threads that fill them.
    pub(super) fn share(&mut self) -> SharedLowBits<'_> {
        let panel_len = self.steps.div_ceil(2) * self.width;
        SharedLowBits { lanes: SharedSlice::new(self.lanes.as_mut_slice()), panel_len, width: self.width }
    }
}

/// The panels of [`NewLowBits`], of which several threads may fill their own.
#[derive(Debug)]
pub(super) struct SharedLowBits<'a> {
    lanes: SharedSlice<'a, i32>,
    panel_len: usize,
    width: usize,
}

impl SharedLowBits<'_> {
    /// Fills a panel whose columns are the rows of `values`, which were rounded to `bytes` with `scales`. The panel must
    /// still be zero.
    ///
    /// # Safety
    /// Nothing else uses this panel during the call.
    pub(super) unsafe fn fill(&self, panel: usize, values: &[f32], bytes: &[i8], scales: &[f32]) {
        // SAFETY: the caller vouches for the panel.
        let lanes = unsafe { self.lanes.slice(panel * self.panel_len..(panel + 1) * self.panel_len) };
        let inputs = values.len() / scales.len();
        let rows = values.chunks_exact(inputs).zip(bytes.chunks_exact(inputs)).zip(scales);
        for (column, ((values, bytes), scale)) in rows.enumerate() {
            let (inverse, lanes) = (NIBBLES / scale, &mut lanes[column..]);
            let values = values.chunks(2 * LANE_BYTES).zip(bytes.chunks(2 * LANE_BYTES));
            for ((values, bytes), lane) in values.zip(lanes.iter_mut().step_by(self.width)) {
                for (k, (value, &byte)) in values.iter().zip(bytes).enumerate() {
                    let nibble = round(value * inverse - NIBBLES * f32::from(byte)).clamp(-8, 7);
                    *lane |= (nibble & 0xf) << (4 * k);
                }
            }
        }
    }
}
