//! `act(x Wᵀ + b)`: weights that are packed once, and their product with activations.
//!
//! A panel is `NR` columns of the result. A task of the pool multiplies all rows by some panels; [`Gemm`] says how.
//! int8 weights keep what they lost in rounding as [`LowBits`], for operands of f32.
#![expect(unsafe_code, reason = "threads write the panels of one matrix at the same time")]

mod low_bits;
mod pack;
mod quantize;
mod unpack;
mod weights;

use std::cell::RefCell;
use std::ops::Range;

use self::low_bits::LowBits;
use self::pack::{pack_bf16, pack_f32, pack_int8};
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
use crate::panel_layout::PanelLayout;
use crate::partition::chunk_len;
use crate::precision::Precision;
use crate::product::{Bf16Weights, F32Weights, ProductKernel};
use crate::shared::{Block, SharedSlice};
use crate::thread_pool::ThreadPool;

/// `act(x Wᵀ + b)` with packed weights.
#[derive(Debug)]
pub struct Linear {
    isa: Isa,
    precision: Precision,
    inputs: usize,
    outputs: usize,
    /// Steps along k.
    steps: usize,
    layout: PanelLayout,
    /// `[panels, steps, width, group]`
    lanes: AlignedBuffer,
    /// One number per column, for whole panels.
    bias: Vec<f32>,
    /// The scale of each column's weights. Empty unless the weights are bytes.
    scales: Vec<f32>,
    /// The sum of each column's weights. Empty unless the weights are bytes.
    sums: Vec<i32>,
    /// What bytes lack of the weights that they were rounded from.
    low_bits: Option<LowBits>,
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
    /// Reads weights `[bias.len(), inputs]` and packs them in `precision`.
    pub fn pack(
        isa: Isa,
        pool: &ThreadPool,
        precision: Precision,
        weights: &dyn WeightRows,
        inputs: usize,
        mut bias: Vec<f32>,
    ) -> Self {
        let (outputs, layout) = (bias.len(), isa.panel_layout(precision));
        let steps = layout.steps(inputs);
        let columns = outputs.next_multiple_of(layout.width);
        bias.resize(columns, 0.0);
        let byte_columns = if precision == Precision::Int8 { columns } else { 0 };
        let mut linear = Self {
            isa,
            precision,
            inputs,
            outputs,
            steps,
            layout,
            lanes: AlignedBuffer::zeros::<i32>(columns * layout.column_lanes() * steps),
            bias,
            scales: vec![1.0; byte_columns],
            sums: vec![0; byte_columns],
            low_bits: (byte_columns > 0 && !weights.are_int8())
                .then(|| LowBits::new(columns, inputs.div_ceil(LANE_BYTES))),
        };
        match precision {
            Precision::Int8 => linear.fill_int8(pool, weights),
            _ => linear.fill_floats(pool, weights),
        }
        linear
    }

    fn fill_floats(&mut self, pool: &ThreadPool, weights: &dyn WeightRows) {
        let (precision, inputs, outputs, layout) = (self.precision, self.inputs, self.outputs, self.layout);
        let (width, panel_len) = (layout.width, self.steps * layout.step_lanes());
        let lanes = SharedSlice::new(self.lanes.as_mut_slice::<i32>());
        pool.run(outputs.div_ceil(width), |_, panel| {
            let columns = panel * width..outputs.min((panel + 1) * width);
            // SAFETY: each panel is one task.
            let lanes = unsafe { lanes.slice(panel * panel_len..(panel + 1) * panel_len) };
            let values = read(weights, columns, inputs);
            match precision {
                Precision::F32 => pack_f32(values.chunks_exact(inputs), width, lanes),
                _ => pack_bf16(values.chunks_exact(inputs), layout, lanes),
            }
        });
    }

    fn fill_int8(&mut self, pool: &ThreadPool, weights: &dyn WeightRows) {
        let (inputs, outputs, layout) = (self.inputs, self.outputs, self.layout);
        let (width, panel_len) = (layout.width, self.steps * layout.step_lanes());
        let (scales, sums) = (SharedSlice::new(&mut self.scales), SharedSlice::new(&mut self.sums));
        let lanes = SharedSlice::new(self.lanes.as_mut_slice::<i32>());
        let low_bits = self.low_bits.as_mut().map(|low_bits| low_bits.share(width));
        pool.run(outputs.div_ceil(width), |_, panel| {
            let columns = panel * width..outputs.min((panel + 1) * width);
            // SAFETY: each panel is one task, here and below.
            let lanes = unsafe { lanes.slice(panel * panel_len..(panel + 1) * panel_len) };
            // SAFETY: as above.
            let scales = unsafe { scales.slice(columns.clone()) };
            // SAFETY: as above.
            let sums = unsafe { sums.slice(columns.clone()) };
            let mut bytes = vec![0; columns.len() * inputs];
            weights.read_int8(columns.clone(), &mut bytes, scales);
            for (sum, row) in sums.iter_mut().zip(bytes.chunks_exact(inputs)) {
                *sum = row.iter().map(|&byte| i32::from(byte)).sum();
            }
            if let Some(low_bits) = &low_bits {
                // SAFETY: as above.
                unsafe { low_bits.fill(panel, &read(weights, columns, inputs), &bytes, scales) };
            }
            pack_int8(bytes.chunks_exact(inputs), layout, lanes);
        });
    }

    /// Returns the format of an operand in which [`Linear::forward`] is fastest. It also accepts f32.
    pub fn operand_format(&self) -> OperandFormat {
        operand_format(self.isa, self.precision)
    }

    /// Computes `[rows, inputs]` -> `[rows, outputs]`.
    ///
    /// # Panics
    /// If the shapes do not match, or if the format of the operand is neither f32 nor [`Linear::operand_format`].
    pub fn forward(&self, pool: &ThreadPool, x: Operand<'_>, activation: Activation, out: &mut Matrix) {
        assert_eq!((x.columns(), out.columns()), (self.inputs, self.outputs), "columns");
        out.set_rows(x.rows());
        let unpacks = x.format() == OperandFormat::F32 && self.must_unpack();
        let (width, rows) = (self.layout.width, x.rows());
        let panels = self.bias.len() / width;
        let out = out.share();
        let chunk = chunk_len(pool, panels);
        pool.run(panels.div_ceil(chunk), |_, index| {
            let panels = index * chunk..panels.min((index + 1) * chunk);
            let columns = |panels: Range<usize>| panels.start * width..self.outputs.min(panels.end * width);
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
        match self.precision {
            Precision::F32 => false,
            Precision::Bf16 => self.layout.column_lanes() > 1,
            Precision::Int8 => true,
        }
    }

    /// Multiplies by some panels.
    fn multiply(&self, panels: Range<usize>, x: Operand<'_>, activation: Activation, out: Block<'_, f32>) {
        let (operand, operand_stride) = x.bytes();
        let gemm = Gemm {
            operand,
            operand_stride,
            lanes: self.lanes.as_slice(),
            first_panel: 0,
            panel_steps: self.steps,
            steps: self.steps,
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
            panel_steps: self.inputs,
            steps: self.inputs,
            panels: panel..panel + 1,
            out,
            epilogue: Some(self.epilogue(&x, activation)),
        };
        self.isa.run_widening(F32Weights, gemm);
    }

    fn epilogue<'a>(&'a self, x: &'a Operand<'_>, activation: Activation) -> Epilogue<'a> {
        Epilogue { rows: x.row_scales(), bias: &self.bias, scales: &self.scales, sums: &self.sums, activation }
    }

    /// The weights of a panel as f32, with their low bits and without their scales: `[inputs, width]`.
    fn unpack<'a>(&self, panel: usize, to: &'a mut AlignedBuffer) -> &'a [i32] {
        let (width, panel_len) = (self.layout.width, self.steps * self.layout.step_lanes());
        let packed = &self.lanes.as_slice()[panel * panel_len..][..panel_len];
        let len = self.steps * self.layout.group * width;
        to.grow::<f32>(len + panel_len);
        let (to_f32, fours) = to.as_mut_slice().split_at_mut(len);
        match self.precision {
            Precision::Int8 => {
                let bytes = if self.layout.group == LANE_BYTES {
                    packed
                } else {
                    let fours = bytemuck::cast_slice_mut(fours);
                    split_groups(packed, width, fours);
                    &fours[..panel_len]
                };
                let low_bits = self.low_bits.as_ref().map(|low_bits| low_bits.panel(panel, width));
                self.isa.run(Unpack { bytes, low_bits, to: to_f32 });
            }
            _ => widen_groups(packed, width, to_f32),
        }
        &to.as_slice()[..len]
    }

    /// Runs a kernel with products of an operand in this format and these weights.
    fn run(&self, format: OperandFormat, kernel: impl ProductKernel) {
        match (self.precision, format) {
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

fn read(weights: &dyn WeightRows, rows: Range<usize>, inputs: usize) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * inputs];
    weights.read(rows, &mut values);
    values
}
