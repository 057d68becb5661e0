//! `act(x Wᵀ + b)`: weights that are packed once, and their product with activations.
//!
//! A panel is `NR` columns of the result. A task of the pool multiplies all rows by some panels; [`Gemm`] says how.
//! int8 weights keep what they lost in rounding as low bits, for operands of f32.
#![expect(unsafe_code, reason = "threads write the panels of one matrix at the same time")]

mod layout;
mod low_bits;
mod pack;
mod packed;
mod quantize;
mod rows;
mod unpack;
mod weights;

use std::cell::RefCell;
use std::ops::Range;

pub use self::layout::WeightLayout;
pub use self::packed::{PackedError, PackedParts, PackedWeights};
use self::quantize::LANE_BYTES;
pub use self::quantize::quantize_weights;
use self::unpack::{Unpack, split_groups, widen_groups};
pub use self::weights::WeightRows;
use crate::aligned::AlignedBuffer;
use crate::gemm::{Activation, Epilogue, Gemm};
use crate::isa::Isa;
use crate::matrix::Matrix;
use crate::operand::Operand;
use crate::operand_format::OperandFormat;
use crate::partition::chunk_len;
use crate::precision::Precision;
use crate::product::{Bf16Weights, F32Weights, ProductKernel};
use crate::shared::Block;
use crate::thread_pool::ThreadPool;
use crate::weight_memory::WeightStore;

/// `act(x Wᵀ + b)` with packed weights.
#[derive(Debug)]
pub struct Linear {
    isa: Isa,
    weights: PackedWeights,
    /// One number per column, for whole panels.
    bias: Vec<f32>,
}

thread_local! {
    /// Working memory of [`Linear::forward`]: the weights of one panel as f32. A new one for each product would cost as much
    /// time as the system takes to clear it.
    static UNPACKED: RefCell<AlignedBuffer> = RefCell::default();
}

/// The format of an operand in which its product with weights of `precision` is fastest.
pub fn operand_format(isa: Isa, precision: Precision) -> OperandFormat {
    match precision {
        Precision::F32 => OperandFormat::F32,
        Precision::Bf16 => isa.bf16_operand(),
        Precision::Int8 => isa.byte_operand(),
    }
}

impl Linear {
    /// Reads weights `[bias.len(), inputs]` and packs them in `precision`, in memory of their own.
    pub fn pack(
        isa: Isa,
        pool: &ThreadPool,
        precision: Precision,
        weights: &dyn WeightRows,
        inputs: usize,
        bias: Vec<f32>,
    ) -> Self {
        let store = WeightStore::default();
        Self::new(isa, PackedWeights::pack(&store, isa, pool, precision, weights, [bias.len(), inputs]), bias)
    }

    /// A layer with weights that are packed already. The bias has one number per output.
    ///
    /// # Panics
    /// If the layout of the weights is not the one of the instruction set, or if the bias has another length.
    pub fn new(isa: Isa, weights: PackedWeights, mut bias: Vec<f32>) -> Self {
        let layout = weights.layout();
        assert_eq!(layout, WeightLayout::of(isa, layout.precision()), "layout of the weights");
        assert_eq!(bias.len(), weights.outputs, "length of the bias");
        bias.resize(layout.columns(weights.outputs), 0.0);
        Self { isa, weights, bias }
    }

    /// Returns the packed weights.
    pub fn weights(&self) -> &PackedWeights {
        &self.weights
    }

    fn precision(&self) -> Precision {
        self.weights.layout.precision()
    }

    /// Returns the format of an operand in which [`Linear::forward`] is fastest. It also accepts f32.
    pub fn operand_format(&self) -> OperandFormat {
        operand_format(self.isa, self.precision())
    }

    /// Computes `[rows, inputs]` -> `[rows, outputs]`.
    ///
    /// # Panics
    /// If the shapes do not match, or if the format of the operand is neither f32 nor [`Linear::operand_format`].
    pub fn forward(&self, pool: &ThreadPool, x: Operand<'_>, activation: Activation, out: &mut Matrix) {
        let &PackedWeights { inputs, outputs, .. } = &self.weights;
        assert_eq!((x.columns(), out.columns()), (inputs, outputs), "columns");
        out.set_rows(x.rows());
        let unpacks = x.format() == OperandFormat::F32 && self.must_unpack();
        let width = self.weights.width();
        let (rows, panels) = (x.rows(), self.bias.len() / width);
        let out = out.share();
        let chunk = chunk_len(pool, panels);
        pool.run(panels.div_ceil(chunk), |_, index| {
            let panels = index * chunk..panels.min((index + 1) * chunk);
            let columns = |panels: Range<usize>| panels.start * width..outputs.min(panels.end * width);
            if unpacks {
                UNPACKED.with_borrow_mut(|unpacked| {
                    for panel in panels {
                        // SAFETY: each panel is in exactly one chunk.
                        let out = unsafe { out.block(0..rows, columns(panel..panel + 1)) };
                        self.multiply_unpacked(panel, x, activation, out, unpacked);
                    }
                });
            } else {
                // SAFETY: each panel is in exactly one chunk.
                let out = unsafe { out.block(0..rows, columns(panels.clone())) };
                self.multiply(panels, x, activation, out);
            }
        });
    }

    /// Whether a product with f32 needs the weights in another order, or with their low bits.
    fn must_unpack(&self) -> bool {
        match self.precision() {
            Precision::F32 => false,
            Precision::Bf16 => self.weights.layout.column_lanes() > 1,
            Precision::Int8 => true,
        }
    }

    /// Multiplies by some panels.
    fn multiply(&self, panels: Range<usize>, x: Operand<'_>, activation: Activation, out: Block<'_, f32>) {
        let (operand, operand_stride) = x.bytes();
        let gemm = Gemm {
            operand,
            operand_stride,
            lanes: self.weights.lanes.as_slice(),
            first_panel: 0,
            panel_steps: self.weights.steps(),
            steps: self.weights.steps(),
            panels,
            out,
            epilogue: Some(self.epilogue(&x, activation)),
        };
        self.run(x.format(), gemm);
    }

    /// Multiplies an operand of f32 by one panel, which is unpacked before, with its low bits. `unpacked` is working memory.
    fn multiply_unpacked(
        &self,
        panel: usize,
        x: Operand<'_>,
        activation: Activation,
        out: Block<'_, f32>,
        unpacked: &mut AlignedBuffer,
    ) {
        let (operand, operand_stride) = x.bytes();
        let gemm = Gemm {
            operand,
            operand_stride,
            lanes: self.unpack(panel, unpacked),
            first_panel: panel,
            panel_steps: self.weights.inputs,
            steps: self.weights.inputs,
            panels: panel..panel + 1,
            out,
            epilogue: Some(self.epilogue(&x, activation)),
        };
        self.isa.run_widening(F32Weights, gemm);
    }

    fn epilogue<'a>(&'a self, x: &'a Operand<'_>, activation: Activation) -> Epilogue<'a> {
        let PackedWeights { scales, sums, .. } = &self.weights;
        Epilogue { rows: x.row_scales(), bias: &self.bias, scales, sums, activation }
    }

    /// The weights of a panel as f32, with their low bits and without their scales: `[inputs, width]`.
    fn unpack<'a>(&self, panel: usize, to: &'a mut AlignedBuffer) -> &'a [i32] {
        let layout = self.weights.layout;
        let (width, panel_len) = (layout.width(), self.weights.steps() * layout.step_lanes());
        let packed = &self.weights.lanes.as_slice()[panel * panel_len..][..panel_len];
        let len = self.weights.steps() * layout.group() * width;
        to.grow::<f32>(len + panel_len);
        let (to_f32, fours) = to.as_mut_slice().split_at_mut(len);
        match layout.precision() {
            Precision::Int8 => {
                let bytes = if layout.group() == LANE_BYTES {
                    packed
                } else {
                    let fours = bytemuck::cast_slice_mut(fours);
                    split_groups(packed, width, fours);
                    &fours[..panel_len]
                };
                let low_bits = self.weights.low_bits.as_ref().map(|low_bits| low_bits.panel(panel));
                self.isa.run(Unpack { bytes, low_bits, to: to_f32 });
            }
            _ => widen_groups(packed, width, to_f32),
        }
        &to.as_slice()[..len]
    }

    /// Runs a kernel with products of an operand in this format and these weights.
    fn run(&self, format: OperandFormat, kernel: impl ProductKernel) {
        match (self.precision(), format) {
            (Precision::F32, OperandFormat::F32) => self.isa.run_widening(F32Weights, kernel),
            (Precision::Bf16, OperandFormat::F32) if !self.must_unpack() => self.isa.run_widening(Bf16Weights, kernel),
            (precision, format) => {
                assert_eq!(format, self.operand_format(), "format of the operand");
                match precision {
                    Precision::Bf16 => self.isa.run_bf16(kernel),
                    _ => self.isa.run_bytes(kernel),
                }
            }
        }
    }
}
