//! Widening: the numbers of a file become f32. Every conversion is exact.

use half::{bf16, f16};

/// Reads little-endian f32.
pub fn read_f32(bytes: &[u8], out: &mut [f32]) {
    set(out, arrays(bytes).map(f32::from_le_bytes));
}

/// Widens little-endian f16.
pub fn widen_f16(bytes: &[u8], out: &mut [f32]) {
    set(out, arrays(bytes).map(|number| f16::from_le_bytes(number).to_f32()));
}

/// Widens little-endian bfloat16.
pub fn widen_bf16(bytes: &[u8], out: &mut [f32]) {
    set(out, arrays(bytes).map(|number| bf16::from_le_bytes(number).to_f32()));
}

/// Widens signed bytes.
pub fn widen_i8(bytes: &[u8], out: &mut [f32]) {
    set(out, bytes.iter().map(|&byte| f32::from(byte.cast_signed())));
}

/// Multiplies each row of a row-major matrix by its scale, in f32 as compressed-tensors does.
pub fn scale_rows(values: &mut [f32], scales: &[f32]) {
    let columns = values.len() / scales.len().max(1);
    for (row, scale) in values.chunks_exact_mut(columns.max(1)).zip(scales) {
        for value in row {
            *value *= scale;
        }
    }
}

fn set(out: &mut [f32], values: impl Iterator<Item = f32>) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
}

fn arrays<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widened<const N: usize>(widen: fn(&[u8], &mut [f32]), bytes: &[u8]) -> [f32; N] {
        let mut out = [0.0; N];
        widen(bytes, &mut out);
        out
    }

    #[test]
    fn widening_is_exact_for_every_type() {
        assert_eq!(widened(read_f32, &[1.5f32, -0.1].map(f32::to_le_bytes).concat()), [1.5, -0.1]);
        assert_eq!(widened(widen_f16, &[0x00, 0x3c, 0x01, 0x00, 0xff, 0xfb]), [1.0, 2f32.powi(-24), -65504.0]);
        assert_eq!(widened(widen_bf16, &[0x80, 0x3f, 0x49, 0xc0]), [1.0, -3.140625]);
        assert_eq!(widened(widen_i8, &[0, 127, 0x81, 0xff]), [0.0, 127.0, -127.0, -1.0]);
    }

    #[test]
    fn each_row_has_its_scale() {
        let mut values = [1.0, 2.0, 3.0, 4.0];
        scale_rows(&mut values, &[0.5, -2.0]);
        assert_eq!(values, [0.5, 1.0, -6.0, -8.0]);
        scale_rows(&mut [], &[]);
    }
}
