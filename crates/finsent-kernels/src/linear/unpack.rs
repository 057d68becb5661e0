//! Packed weights as f32, for operands of f32.

use super::low_bits::NIBBLES;
use super::quantize::LANE_BYTES;
use crate::simd::{Kernel, NV, Simd};

/// Reorders bytes in groups of eight, `[steps, width, 8]`, to groups of four: `[2 steps, width, 4]`.
pub(super) fn split_groups(eights: &[i32], width: usize, fours: &mut [i32]) {
    for (from, to) in eights.chunks_exact(2 * width).zip(fours.chunks_exact_mut(2 * width)) {
        let (first, second) = to.split_at_mut(width);
        for (([a, b], first), second) in from.as_chunks().0.iter().zip(first).zip(second) {
            (*first, *second) = (*a, *b);
        }
    }
}

/// Converts bfloat16 in groups of four, `[steps, width, 4]`, to f32: `[4 steps, width]`.
pub(super) fn widen_groups(groups: &[i32], width: usize, to: &mut [f32]) {
    for (from, to) in groups.chunks_exact(2 * width).zip(to.chunks_exact_mut(4 * width)) {
        for (column, &lanes) in from.as_chunks::<2>().0.iter().enumerate() {
            let four: [u16; 4] = bytemuck::cast(lanes);
            for (k, bits) in four.into_iter().enumerate() {
                to[k * width + column] = f32::from_bits(u32::from(bits) << 16);
            }
        }
    }
}

/// Converts a panel of bytes, with its low bits if it has them, to f32: `[4 steps, width]`.
pub(super) struct Unpack<'a> {
    pub(super) bytes: &'a [i32],
    pub(super) low_bits: Option<&'a [i32]>,
    pub(super) to: &'a mut [f32],
}

impl Kernel for Unpack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let steps = self.bytes.chunks_exact(S::NR).zip(self.to.chunks_exact_mut(LANE_BYTES * S::NR)).enumerate();
        for (step, (bytes, to)) in steps {
            let low_bits = self.low_bits.map(|low_bits| &low_bits[step / 2 * S::NR..][..S::NR]);
            for v in 0..NV {
                let at = v * S::LANES;
                let lanes = load(s, &bytes[at..]);
                let mut four = [
                    s.to_f32(field::<S, 0, 8>(s, lanes)),
                    s.to_f32(field::<S, 8, 8>(s, lanes)),
                    s.to_f32(field::<S, 16, 8>(s, lanes)),
                    s.to_f32(field::<S, 24, 8>(s, lanes)),
                ];
                if let Some(low_bits) = low_bits {
                    let nibbles = nibbles(s, load(s, &low_bits[at..]), step);
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
    s.f32_to_bits(s.load(bytemuck::cast_slice(lanes)))
}

/// The four nibbles of a step.
#[inline(always)]
fn nibbles<S: Simd>(s: S, lanes: S::I32, step: usize) -> [S::I32; LANE_BYTES] {
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

/// The signed number in `WIDTH` bits (4 or 8) of each lane, from bit `FIRST` on.
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
