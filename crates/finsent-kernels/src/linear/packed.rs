//! The packed weights of a layer, without its bias: as they were packed here, or as a file has them.
#![expect(unsafe_code, reason = "threads write the panels of one buffer at the same time")]

use std::ops::Range;

use thiserror::Error;

use super::layout::WeightLayout;
use super::low_bits::{LowBits, NewLowBits};
use super::pack::{pack_bf16, pack_f32, pack_int8};
use super::quantize::LANE_BYTES;
use super::weights::WeightRows;
use crate::aligned::CACHE_LINE;
use crate::isa::Isa;
use crate::precision::Precision;
use crate::shared::SharedSlice;
use crate::shared_bytes::SharedBytes;
use crate::thread_pool::ThreadPool;
use crate::weight_memory::{WeightMemory, WeightStore};

/// The packed weights of a layer. A copy shares the largest part of them.
#[derive(Debug, Clone)]
pub struct PackedWeights {
    pub(super) layout: WeightLayout,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[panels, steps, width, lanes of a column]`
    pub(super) lanes: SharedBytes,
    /// The scale of each column's weights, for whole panels. Empty unless the weights are bytes.
    pub(super) scales: Vec<f32>,
    /// The sum of each column's weights, for whole panels. Empty unless the weights are bytes.
    pub(super) sums: Vec<i32>,
    /// What bytes lack of the weights that they were rounded from.
    pub(super) low_bits: Option<LowBits>,
}

/// The parts of [`PackedWeights`] that a file has.
#[derive(Debug, Clone)]
pub struct PackedParts {
    /// The weights, from a cache line on.
    pub lanes: SharedBytes,
    /// The scale of each column, for whole panels. Empty unless the weights are int8.
    pub scales: Vec<f32>,
    /// The sum of each column's weights, for whole panels. Empty unless the weights are int8.
    pub sums: Vec<i32>,
    /// Four more bits of each int8 weight, from a cache line on.
    pub low_bits: Option<SharedBytes>,
}

/// Why the parts are not those of packed weights.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PackedError {
    /// A part has another length than the shape asks for.
    #[error("{part} should have {expected} bytes by its shape, but have {found}")]
    Length {
        /// The part.
        part: &'static str,
        /// The bytes by the shape.
        expected: u128,
        /// The bytes of the part.
        found: usize,
    },
    /// The sum of a column is not one of bytes.
    #[error("the sum of output {output} is {found}, which no {inputs} bytes have")]
    Sum {
        /// The output.
        output: usize,
        /// The sum in the file.
        found: i32,
        /// The number of weights of an output.
        inputs: usize,
    },
    /// Weights that are not int8 have low bits.
    #[error("only int8 weights have low bits")]
    LowBits,
    /// The matrix has no rows or no columns.
    #[error("the matrix is empty")]
    Empty,
}

impl PackedWeights {
    /// Reads weights `[outputs, inputs]` and packs them in `precision`, for the products of `isa`.
    pub fn pack(
        store: &WeightStore,
        isa: Isa,
        pool: &ThreadPool,
        precision: Precision,
        weights: &dyn WeightRows,
        [outputs, inputs]: [usize; 2],
    ) -> Self {
        let layout = WeightLayout::of(isa, precision);
        let (columns, steps) = (layout.columns(outputs), layout.steps(inputs));
        let byte_columns = if precision == Precision::Int8 { columns } else { 0 };
        let mut new = New {
            layout,
            inputs,
            outputs,
            panel_len: steps * layout.step_lanes(),
            lanes: store.zeros::<i32>(columns * layout.column_lanes() * steps),
            scales: vec![1.0; byte_columns],
            sums: vec![0; byte_columns],
            low_bits: (byte_columns > 0 && !weights.are_int8())
                .then(|| NewLowBits::zeros(store, columns, inputs.div_ceil(LANE_BYTES), layout.width())),
        };
        match precision {
            Precision::Int8 => new.fill_int8(pool, weights),
            _ => new.fill_floats(pool, weights),
        }
        new.finish()
    }

    /// Puts together the parts of weights `[outputs, inputs]`. All bounds are checked here, so that no content of the
    /// parts can make a product read beyond them.
    ///
    /// # Errors
    /// [`PackedError`] if a part does not belong to such weights.
    pub fn from_parts(
        layout: WeightLayout,
        [outputs, inputs]: [usize; 2],
        parts: PackedParts,
    ) -> Result<Self, PackedError> {
        let PackedParts { lanes, scales, sums, low_bits } = parts;
        let is_int8 = layout.precision() == Precision::Int8;
        if outputs == 0 || inputs == 0 {
            return Err(PackedError::Empty);
        }
        if low_bits.is_some() && !is_int8 {
            return Err(PackedError::LowBits);
        }
        let columns = (outputs as u128).next_multiple_of(layout.width() as u128);
        let (lanes_len, low_bits_steps) = (layout.steps(inputs) * layout.column_lanes(), inputs.div_ceil(LANE_BYTES));
        let of_columns = if is_int8 { 4 * columns } else { 0 };
        check("its weights", lanes.as_bytes().len(), padded(columns, lanes_len))?;
        check("its scales", size_of_val(scales.as_slice()), of_columns)?;
        check("its sums", size_of_val(sums.as_slice()), of_columns)?;
        if let Some(low_bits) = &low_bits {
            check("its low bits", low_bits.as_bytes().len(), padded(columns, low_bits_steps.div_ceil(2)))?;
        }
        let is_possible = |sum: i32| u64::from(sum.unsigned_abs()) <= 128_u64.saturating_mul(inputs as u64);
        if let Some((output, &found)) = sums.iter().enumerate().find(|(_, sum)| !is_possible(**sum)) {
            return Err(PackedError::Sum { output, found, inputs });
        }
        let low_bits = low_bits.map(|low_bits| LowBits::new(low_bits, low_bits_steps, layout.width()));
        Ok(Self { layout, inputs, outputs, lanes, scales, sums, low_bits })
    }

    /// The parts to write to a file: whole cache lines of weights and of low bits.
    pub fn to_parts(&self) -> PackedParts {
        PackedParts {
            lanes: self.lanes.clone(),
            scales: self.scales.clone(),
            sums: self.sums.clone(),
            low_bits: self.low_bits.as_ref().map(|low_bits| low_bits.lanes().clone()),
        }
    }

    /// The order of the weights in memory.
    pub fn layout(&self) -> WeightLayout {
        self.layout
    }

    /// `[outputs, inputs]`
    pub fn shape(&self) -> [usize; 2] {
        [self.outputs, self.inputs]
    }

    /// Whether int8 weights have four more bits each, for texts in doubt.
    pub fn has_low_bits(&self) -> bool {
        self.low_bits.is_some()
    }

    pub(super) fn width(&self) -> usize {
        self.layout.width()
    }

    pub(super) fn steps(&self) -> usize {
        self.layout.steps(self.inputs)
    }
}

/// The bytes of columns of so many lanes each, in whole cache lines. What is beyond any memory is the largest number.
fn padded(columns: u128, lanes: usize) -> u128 {
    let bytes = columns.saturating_mul(lanes as u128).saturating_mul(size_of::<i32>() as u128);
    bytes.checked_next_multiple_of(CACHE_LINE as u128).unwrap_or(u128::MAX)
}

fn check(part: &'static str, found: usize, expected: u128) -> Result<(), PackedError> {
    if found as u128 == expected { Ok(()) } else { Err(PackedError::Length { part, expected, found }) }
}

/// Weights that are being packed.
struct New {
    layout: WeightLayout,
    inputs: usize,
    outputs: usize,
    /// Lanes of a panel.
    panel_len: usize,
    lanes: WeightMemory,
    scales: Vec<f32>,
    sums: Vec<i32>,
    low_bits: Option<NewLowBits>,
}

impl New {
    fn finish(self) -> PackedWeights {
        let Self { layout, inputs, outputs, lanes, scales, sums, low_bits, .. } = self;
        let (lanes, low_bits) = (SharedBytes::of_memory(lanes), low_bits.map(NewLowBits::finish));
        PackedWeights { layout, inputs, outputs, lanes, scales, sums, low_bits }
    }

    fn fill_floats(&mut self, pool: &ThreadPool, weights: &dyn WeightRows) {
        let &mut Self { layout, inputs, outputs, panel_len, .. } = self;
        let width = layout.width();
        let lanes = SharedSlice::new(self.lanes.as_mut_slice::<i32>());
        pool.run(outputs.div_ceil(width), |_, panel| {
            let columns = panel * width..outputs.min((panel + 1) * width);
            // SAFETY: each panel is one task.
            let lanes = unsafe { lanes.slice(panel * panel_len..(panel + 1) * panel_len) };
            let values = read(weights, columns, inputs);
            match layout.precision() {
                Precision::F32 => pack_f32(values.chunks_exact(inputs), width, lanes),
                _ => pack_bf16(values.chunks_exact(inputs), layout, lanes),
            }
        });
    }

    fn fill_int8(&mut self, pool: &ThreadPool, weights: &dyn WeightRows) {
        let &mut Self { layout, inputs, outputs, panel_len, .. } = self;
        let width = layout.width();
        let (scales, sums) = (SharedSlice::new(&mut self.scales), SharedSlice::new(&mut self.sums));
        let lanes = SharedSlice::new(self.lanes.as_mut_slice::<i32>());
        let low_bits = self.low_bits.as_mut().map(NewLowBits::share);
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
}

fn read(weights: &dyn WeightRows, rows: Range<usize>, inputs: usize) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * inputs];
    weights.read(rows, &mut values);
    values
}
