//! Weights in the order in which the product reads them.

use std::ops::Range;

use half::bf16;

use super::residue::{Residue, Unpack};
use super::tile::{Activation, Epilogue, Product2d};
use crate::isa::{Isa, OperandFormat};
use crate::matrix::{Lines, Matrix, Shared};
use crate::operand::Operand;
use crate::precision::Precision;
use crate::product::{Bf16Weights, F32Weights, ProductKernel};
use crate::rows::chunk_len;
use crate::thread_pool::ThreadPool;

/// A matrix of weights, row-major `[outputs, inputs]` as checkpoints store it, that can be read in parts.
pub trait WeightRows: Sync {
    /// Writes the given rows to `to`, one after the other.
    fn read(&self, rows: Range<usize>, to: &mut [f32]);

    /// Whether the matrix is stored as bytes, so that [`WeightRows::read_int8`] loses nothing.
    fn are_int8(&self) -> bool;

    /// Writes the given rows as bytes, with the scale of each: as they are stored, or by [`quantise_weights`].
    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]);
}

/// Quantises each row of a matrix by itself: `scale = max |w| / 127`, `byte = round(w / scale)`, ties to even, in f32. A
/// row of zeros has the scale 1. A row with a number that is not finite has a scale that is not, so that it shows.
pub fn quantise_weights(values: &[f32], bytes: &mut [i8], scales: &mut [f32]) {
    let columns = values.len() / scales.len().max(1);
    let rows = values.chunks_exact(columns.max(1)).zip(bytes.chunks_exact_mut(columns.max(1)));
    for ((values, bytes), scale) in rows.zip(scales) {
        // Magnitudes are ordered as their bits are, infinity and NaN behind all others.
        let largest = values.iter().map(|value| value.abs().to_bits().cast_signed()).max().unwrap_or(0);
        let largest = f32::from_bits(largest.cast_unsigned());
        *scale = if largest == 0.0 { 1.0 } else { largest / 127.0 };
        for (byte, value) in bytes.iter_mut().zip(values) {
            *byte = nearest(value / *scale) as i8;
        }
    }
}

/// The nearest integer of a number below 4 million, ties to even. Unlike the library's, it needs no instruction that the
/// oldest x86-64 lacks, and so it is vectorised.
pub(super) fn nearest(x: f32) -> i32 {
    /// From here to twice as much, floats are the integers.
    const INTEGERS: f32 = 12_582_912.0;
    (x + INTEGERS).to_bits().wrapping_sub(INTEGERS.to_bits()).cast_signed()
}

/// `act(x Wᵀ + b)` with packed weights.
///
/// A panel is `NR` columns of the result. Its memory is a sequence of steps along k, each of `NR` lanes of 32 bits; a lane
/// holds one f32, two bfloat16 or four bytes of one column. What is missing in the last panel and the last step is zero.
#[derive(Debug)]
pub struct Linear {
    isa: Isa,
    precision: Precision,
    inputs: usize,
    outputs: usize,
    /// Steps along k.
    steps: usize,
    /// Columns of a panel.
    width: usize,
    /// `[panels, steps, width]`
    lanes: Lines,
    /// A number a column, for whole panels.
    bias: Vec<f32>,
    /// Scale of each column's weights; none where the weights are no bytes.
    scales: Vec<f32>,
    /// Sum of each column's weights; none where the weights are no bytes.
    sums: Vec<i32>,
    /// What bytes are short of the weights; none where the weights are no bytes, or were bytes already.
    residue: Option<Residue>,
}

impl Linear {
    /// Reads and packs weights `[bias.len(), inputs]` in `precision`.
    pub fn pack(
        isa: Isa,
        pool: &ThreadPool,
        precision: Precision,
        weights: &dyn WeightRows,
        inputs: usize,
        mut bias: Vec<f32>,
    ) -> Self {
        let (outputs, width) = (bias.len(), isa.panel_width());
        let steps = inputs.div_ceil(group(precision));
        let columns = outputs.next_multiple_of(width);
        bias.resize(columns, 0.0);
        let byte_columns = if precision == Precision::Int8 { columns } else { 0 };
        let mut linear = Self {
            isa,
            precision,
            inputs,
            outputs,
            steps,
            width,
            lanes: Lines::zeros::<i32>(columns * steps),
            bias,
            scales: vec![1.0; byte_columns],
            sums: vec![0; byte_columns],
            residue: (byte_columns > 0 && !weights.are_int8()).then(|| Residue::new(columns, steps)),
        };
        linear.fill(pool, weights);
        linear
    }

    fn fill(&mut self, pool: &ThreadPool, weights: &dyn WeightRows) {
        let (precision, inputs, outputs, width) = (self.precision, self.inputs, self.outputs, self.width);
        let panel_len = self.steps * width;
        let (scales, sums) = (Shared::new(&mut self.scales), Shared::new(&mut self.sums));
        let lanes = Shared::new(&mut self.lanes.as_mut_slice::<i32>()[..self.bias.len() * self.steps]);
        let residue = self.residue.as_mut().map(|residue| residue.share(width));
        pool.run(outputs.div_ceil(width), |_, panel| {
            let columns = panel * width..outputs.min((panel + 1) * width);
            // SAFETY: a panel is one task's.
            let lanes = unsafe { lanes.slice(panel * panel_len..(panel + 1) * panel_len) };
            match precision {
                Precision::F32 => pack_f32(read(weights, columns, inputs).chunks_exact(inputs), width, lanes),
                Precision::Bf16 => pack_bf16(read(weights, columns, inputs).chunks_exact(inputs), width, lanes),
                Precision::Int8 => {
                    // SAFETY: as above.
                    let (scales, sums) = unsafe { (scales.slice(columns.clone()), sums.slice(columns.clone())) };
                    let mut bytes = vec![0; columns.len() * inputs];
                    weights.read_int8(columns.clone(), &mut bytes, scales);
                    for (sum, row) in sums.iter_mut().zip(bytes.chunks_exact(inputs)) {
                        *sum = row.iter().map(|&byte| i32::from(byte)).sum();
                    }
                    if let Some(residue) = &residue {
                        residue.fill(panel, &read(weights, columns, inputs), &bytes, scales);
                    }
                    pack_int8(bytes.chunks_exact(inputs), width, lanes);
                }
            }
        });
    }

    /// The form in which [`Linear::forward`] takes its operand at its fastest; f32 is taken too.
    pub fn operand_format(&self) -> OperandFormat {
        operand_format(self.isa, self.precision)
    }

    /// `[rows, inputs]` -> `[rows, outputs]`
    ///
    /// # Panics
    /// When the shapes do not fit, or the operand is of a form that is neither f32 nor [`Linear::operand_format`].
    pub fn forward(&self, pool: &ThreadPool, x: Operand<'_>, activation: Activation, out: &mut Matrix) {
        assert_eq!((x.columns(), out.columns()), (self.inputs, self.outputs), "columns");
        out.set_rows(x.rows());
        let is_exact = self.precision == Precision::Int8 && x.form() == OperandFormat::F32;
        let (rows, panels) = (x.rows(), self.bias.len() / self.width);
        let out = out.share();
        let chunk = chunk_len(pool, panels);
        pool.run(panels.div_ceil(chunk), |_, index| {
            let (operand, operand_stride) = x.bytes();
            let panels = index * chunk..panels.min((index + 1) * chunk);
            let product = Product2d {
                operand,
                operand_stride,
                rows,
                lanes: self.lanes.as_slice(),
                first_panel: 0,
                steps: self.steps,
                panels: panels.clone(),
                columns: self.outputs,
                out: out.at(0, 0),
                out_stride: out.stride,
                epilogue: Some(Epilogue {
                    rows: x.row_scales(),
                    bias: &self.bias,
                    scales: &self.scales,
                    sums: &self.sums,
                    activation,
                }),
            };
            if !is_exact {
                return self.run(x.form(), product);
            }
            let mut unpacked = Lines::default();
            for panel in panels {
                let lanes = self.unpack(panel, &mut unpacked);
                let product = Product2d {
                    lanes,
                    first_panel: panel,
                    steps: self.inputs,
                    panels: panel..panel + 1,
                    ..product.clone()
                };
                self.isa.run_widening(F32Weights, product);
            }
        });
    }

    /// The weights of a panel, residue included, as f32 and without their scales: `[inputs, width]`.
    fn unpack<'a>(&self, panel: usize, to: &'a mut Lines) -> &'a [i32] {
        let len = self.steps * group(Precision::Int8) * self.width;
        to.grow::<f32>(len);
        self.isa.run(Unpack {
            bytes: &self.lanes.as_slice()[panel * self.steps * self.width..][..self.steps * self.width],
            residue: self.residue.as_ref().map(|residue| residue.panel(panel, self.width)),
            to: &mut to.as_mut_slice()[..len],
        });
        to.as_slice()
    }

    /// Runs a routine over the product of these weights with an operand of this form.
    fn run(&self, form: OperandFormat, routine: impl ProductKernel) {
        match (self.precision, form) {
            (Precision::F32, OperandFormat::F32) => self.isa.run_widening(F32Weights, routine),
            (Precision::Bf16, OperandFormat::F32) => self.isa.run_widening(Bf16Weights, routine),
            (precision, form) => {
                assert_eq!(form, self.operand_format(), "form of the operand");
                match precision {
                    Precision::Bf16 => self.isa.run_bf16(routine),
                    _ => self.isa.run_bytes(routine),
                }
            }
        }
    }
}

/// The form in which an operand meets weights of this precision at its fastest.
pub fn operand_format(isa: Isa, precision: Precision) -> OperandFormat {
    match precision {
        Precision::F32 => OperandFormat::F32,
        Precision::Bf16 => isa.bf16_operand(),
        Precision::Int8 => isa.byte_operand(),
    }
}

/// Bytes along k in a lane.
pub(super) const STEP: usize = 4;

/// Numbers along k in a lane.
fn group(precision: Precision) -> usize {
    match precision {
        Precision::F32 => 1,
        Precision::Bf16 => 2,
        Precision::Int8 => STEP,
    }
}

fn read(weights: &dyn WeightRows, rows: Range<usize>, inputs: usize) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * inputs];
    weights.read(rows, &mut values);
    values
}

/// Packs a panel of which `rows` are the columns.
fn pack_f32<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, 1>(rows, width, lanes, |[value]| value.to_bits().cast_signed());
}

fn pack_bf16<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, 2>(rows, width, lanes, |two| {
        let [low, high] = two.map(|value: f32| u32::from(bf16::from_f32(value).to_bits()));
        (low | high << 16).cast_signed()
    });
}

fn pack_int8<'a>(rows: impl Iterator<Item = &'a [i8]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, STEP>(rows, width, lanes, |four| i32::from_le_bytes(four.map(|byte: i8| byte.cast_unsigned())));
}

/// Transposes `rows` into the lanes of a panel. `lane` makes one of `GROUP` numbers.
fn pack<'a, T: Copy + Default + 'a, const GROUP: usize>(
    rows: impl Iterator<Item = &'a [T]> + Clone,
    width: usize,
    lanes: &mut [i32],
    lane: impl Fn([T; GROUP]) -> i32,
) {
    /// Steps that are written before the next row is read: half a cache line of an f32 row.
    const STEPS: usize = 8;
    for (block, lanes) in lanes.chunks_mut(STEPS * width).enumerate() {
        for (column, row) in rows.clone().enumerate() {
            let row = &row[block * STEPS * GROUP..];
            let (groups, rest) = row[..row.len().min(STEPS * GROUP)].as_chunks::<GROUP>();
            for (step, group) in groups.iter().enumerate() {
                lanes[step * width + column] = lane(*group);
            }
            if !rest.is_empty() {
                let mut last = [T::default(); GROUP];
                last[..rest.len()].copy_from_slice(rest);
                lanes[groups.len() * width + column] = lane(last);
            }
        }
    }
}
