//! What int8 weights are short of, in 4 bits: `w ≈ scale (byte + nibble / 16)`.
//!
//! The product of bytes does not read it. A text whose verdict is in doubt is run with f32 operands, and for it a panel is
//! unpacked to f32 with its residue, so that its weights have 12 bits. That is half of what a second copy in bf16 would take.

use super::pack::{STEP, nearest};
use crate::matrix::{Lines, Shared};
use crate::simd::{Kernel, NV, Simd};

/// Nibbles of a byte's unit.
const NIBBLES: f32 = 16.0;

/// `[panels, steps / 2, width]` lanes of 32 bits: the 4 nibbles of a column for a step, and those for the next.
#[derive(Debug)]
pub(super) struct Residue {
    lanes: Lines,
    steps: usize,
}

impl Residue {
    pub(super) fn new(columns: usize, steps: usize) -> Self {
        Self { lanes: Lines::zeros::<i32>(columns * steps.div_ceil(2)), steps }
    }

    fn panel_len(&self, width: usize) -> usize {
        self.steps.div_ceil(2) * width
    }

    pub(super) fn panel(&self, panel: usize, width: usize) -> &[i32] {
        &self.lanes.as_slice()[panel * self.panel_len(width)..][..self.panel_len(width)]
    }

    /// All panels, to be filled by several threads.
    pub(super) fn share(&mut self, width: usize) -> SharedResidue<'_> {
        let panel_len = self.panel_len(width);
        SharedResidue { lanes: Shared::new(self.lanes.as_mut_slice()), panel_len, width }
    }
}

/// The panels of a [`Residue`], shared.
#[derive(Debug)]
pub(super) struct SharedResidue<'a> {
    lanes: Shared<'a, i32>,
    panel_len: usize,
    width: usize,
}

impl SharedResidue<'_> {
    /// Fills a panel of which the rows of `values` are the columns, and `bytes` with `scales` what is kept of them.
    /// Panels are filled by one thread each.
    pub(super) fn fill(&self, panel: usize, values: &[f32], bytes: &[i8], scales: &[f32]) {
        // SAFETY: a panel is one thread's.
        let lanes = unsafe { self.lanes.slice(panel * self.panel_len..(panel + 1) * self.panel_len) };
        let inputs = values.len() / scales.len();
        let rows = values.chunks_exact(inputs).zip(bytes.chunks_exact(inputs)).zip(scales);
        for (column, ((values, bytes), scale)) in rows.enumerate() {
            let (inverse, lanes) = (NIBBLES / scale, &mut lanes[column..]);
            let values = values.chunks(2 * STEP).zip(bytes.chunks(2 * STEP));
            for ((values, bytes), lane) in values.zip(lanes.iter_mut().step_by(self.width)) {
                for (k, (value, &byte)) in values.iter().zip(bytes).enumerate() {
                    let nibble = nearest(value * inverse - NIBBLES * f32::from(byte)).clamp(-8, 7);
                    *lane |= (nibble & 0xf) << (4 * k);
                }
            }
        }
    }
}

/// Turns a panel of bytes, and its residue if it has one, into `[steps * 4, width]` f32.
pub(super) struct Unpack<'a> {
    pub(super) bytes: &'a [i32],
    pub(super) residue: Option<&'a [i32]>,
    pub(super) to: &'a mut [f32],
}

impl Kernel for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let steps = self.bytes.chunks_exact(S::NR).zip(self.to.chunks_exact_mut(STEP * S::NR)).enumerate();
        for (step, (bytes, to)) in steps {
            let residue = self.residue.map(|residue| &residue[step / 2 * S::NR..][..S::NR]);
            for v in 0..NV {
                let at = v * S::LANES;
                let lanes = load(s, &bytes[at..]);
                let mut four = [
                    s.to_f32(field::<S, 0, 8>(s, lanes)),
                    s.to_f32(field::<S, 8, 8>(s, lanes)),
                    s.to_f32(field::<S, 16, 8>(s, lanes)),
                    s.to_f32(field::<S, 24, 8>(s, lanes)),
                ];
                if let Some(residue) = residue {
                    let nibbles = nibbles(s, load(s, &residue[at..]), step);
                    for (value, nibble) in four.iter_mut().zip(nibbles) {
                        *value = s.mul_add(s.to_f32(nibble), s.splat(1.0 / NIBBLES), *value);
                    }
                }
                for (k, value) in four.into_iter().enumerate() {
                    s.store(value, &mut to[k * S::NR + at..]);
                }
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(s: S, lanes: &[i32]) -> S::I32 {
    s.bits(s.load(bytemuck::cast_slice(lanes)))
}

/// The 4 nibbles of a step.
#[inline(always)]
fn nibbles<S: Simd>(s: S, lanes: S::I32, step: usize) -> [S::I32; STEP] {
    if step.is_multiple_of(2) {
        [
            field::<S, 0, 4>(s, lanes),
            field::<S, 4, 4>(s, lanes),
            field::<S, 8, 4>(s, lanes),
            field::<S, 12, 4>(s, lanes),
        ]
    } else {
        [
            field::<S, 16, 4>(s, lanes),
            field::<S, 20, 4>(s, lanes),
            field::<S, 24, 4>(s, lanes),
            field::<S, 28, 4>(s, lanes),
        ]
    }
}

/// The signed number of `WIDTH` bits (4 or 8) from bit `FIRST` on of each lane.
#[inline(always)]
fn field<S: Simd, const FIRST: u32, const WIDTH: u32>(s: S, lanes: S::I32) -> S::I32 {
    let top = match FIRST + WIDTH {
        4 => s.shift_left::<28>(lanes),
        8 => s.shift_left::<24>(lanes),
        12 => s.shift_left::<20>(lanes),
        16 => s.shift_left::<16>(lanes),
        20 => s.shift_left::<12>(lanes),
        24 => s.shift_left::<8>(lanes),
        28 => s.shift_left::<4>(lanes),
        _ => lanes,
    };
    if WIDTH == 4 { s.shift_right::<28>(top) } else { s.shift_right::<24>(top) }
}
