//! Weights in the order in which the product reads them.
//!
//! The memory of a panel is a sequence of steps along k, each of `width` times one or two lanes of 32 bits. A lane holds one
//! f32, two bfloat16 or four bytes of one column. What the last panel and the last step lack is zero.

use half::bf16;

use super::layout::WeightLayout;

/// Packs a panel whose columns are `rows`.
pub(super) fn pack_f32<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, width: usize, lanes: &mut [i32]) {
    pack::<_, i32, 1>(rows, width, lanes, |[value]| value.to_bits().cast_signed());
}

pub(super) fn pack_bf16<'a>(rows: impl Iterator<Item = &'a [f32]> + Clone, layout: WeightLayout, lanes: &mut [i32]) {
    let bits = |value: f32| bf16::from_f32(value).to_bits();
    match layout.group() {
        2 => pack::<_, [u16; 2], 2>(rows, layout.width(), bytemuck::cast_slice_mut(lanes), |two| two.map(bits)),
        4 => pack::<_, [u16; 4], 4>(rows, layout.width(), bytemuck::cast_slice_mut(lanes), |four| four.map(bits)),
        group => unreachable!("groups of {group} bfloat16"),
    }
}

pub(super) fn pack_int8<'a>(rows: impl Iterator<Item = &'a [i8]> + Clone, layout: WeightLayout, lanes: &mut [i32]) {
    match layout.group() {
        4 => pack::<_, [i8; 4], 4>(rows, layout.width(), bytemuck::cast_slice_mut(lanes), |four| four),
        8 => pack::<_, [i8; 8], 8>(rows, layout.width(), bytemuck::cast_slice_mut(lanes), |eight| eight),
        group => unreachable!("groups of {group} bytes"),
    }
}

/// Transposes `rows` into a panel, a step after the other. `lanes` makes the lanes of a column of `GROUP` numbers.
fn pack<'a, T: Copy + Default + 'a, L, const GROUP: usize>(
    rows: impl Iterator<Item = &'a [T]> + Clone,
    width: usize,
    panel: &mut [L],
    lanes: impl Fn([T; GROUP]) -> L,
) {
    /// Steps to write before the next row is read: half a cache line of an f32 row.
    const STEPS: usize = 8;
    for (block, columns) in panel.chunks_mut(STEPS * width).enumerate() {
        for (column, row) in rows.clone().enumerate() {
            let row = &row[block * STEPS * GROUP..];
            let (groups, rest) = row[..row.len().min(STEPS * GROUP)].as_chunks::<GROUP>();
            for (step, group) in groups.iter().enumerate() {
                columns[step * width + column] = lanes(*group);
            }
            if !rest.is_empty() {
                let mut last = [T::default(); GROUP];
                last[..rest.len()].copy_from_slice(rest);
                columns[groups.len() * width + column] = lanes(last);
            }
        }
    }
}
