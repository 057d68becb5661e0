//! Weights in the order in which the product reads them.
//!
//! The memory of a panel is a sequence of steps along k, each of `width` lanes of 32 bits. A lane holds one f32, two
//! bfloat16 or four bytes of one column. What the last panel and the last step lack is zero.

use half::bf16;

use super::quantize::LANE_BYTES;
use crate::precision::Precision;

/// Numbers along k in a lane.
pub(super) fn group(precision: Precision) -> usize {
    match precision {
        Precision::F32 => 1,
        Precision::Bf16 => 2,
        Precision::Int8 => LANE_BYTES,
    }
}

/// Packs a panel whose columns are `rows`.
pub(super) fn pack_f32<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, 1>(rows, width, lanes, |[value]| value.to_bits().cast_signed());
}

pub(super) fn pack_bf16<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, 2>(rows, width, lanes, |two| {
        let [low, high] = two.map(|value: f32| u32::from(bf16::from_f32(value).to_bits()));
        (low | high << 16).cast_signed()
    });
}

pub(super) fn pack_int8<'a>(rows: impl Iterator<Item = &'a [i8]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, LANE_BYTES>(rows, width, lanes, |four| i32::from_le_bytes(four.map(|byte: i8| byte.cast_unsigned())));
}

/// Transposes `rows` into the lanes of a panel. `lane` makes a lane of `GROUP` numbers.
fn pack<'a, T: Copy + Default + 'a, const GROUP: usize>(
    rows: impl Iterator<Item = &'a [T]> + Clone,
    width: usize,
    lanes: &mut [i32],
    lane: impl Fn([T; GROUP]) -> i32,
) {
    /// Steps to write before the next row is read: half a cache line of an f32 row.
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
