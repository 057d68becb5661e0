//! Widening: the numbers of a file become f32.

use ::safetensors::Dtype;
use half::{bf16, f16};

/// Converts `bytes`, little-endian numbers of the type `dtype`, to as many f32 in `out`. The conversion is exact.
///
/// Returns `None` if the type is not f32, f16, bf16 or int8.
pub(super) fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> Option<()> {
    match dtype {
        Dtype::F32 => set(out, arrays(bytes).map(f32::from_le_bytes)),
        Dtype::F16 => set(out, arrays(bytes).map(|b| f16::from_le_bytes(b).to_f32())),
        Dtype::BF16 => set(out, arrays(bytes).map(|b| bf16::from_le_bytes(b).to_f32())),
        Dtype::I8 => set(out, bytes.iter().map(|&b| f32::from(b.cast_signed()))),
        _ => return None,
    }
    Some(())
}

fn set(out: &mut [f32], values: impl Iterator<Item = f32>) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = value);
}

fn arrays<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.as_chunks::<N>().0.iter().copied()
}

/// Multiplies each row of a row-major matrix by its scale, in f32 as compressed-tensors does.
pub(super) fn scale_rows(values: &mut [f32], scales: &[f32]) {
    let columns = values.len() / scales.len().max(1);
    for (row, scale) in values.chunks_exact_mut(columns.max(1)).zip(scales) {
        for value in row {
            *value *= scale;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widened(dtype: Dtype, bytes: &[u8]) -> Vec<f32> {
        let mut out = vec![0.0; bytes.len() * 8 / dtype.bitsize()];
        widen(dtype, bytes, &mut out).unwrap();
        out
    }

    #[test]
    fn widening_is_exact_for_every_type() {
        assert_eq!(widened(Dtype::F32, &[1.5f32, -0.1].map(f32::to_le_bytes).concat()), [1.5, -0.1]);
        assert_eq!(widened(Dtype::F16, &[0x00, 0x3c, 0x01, 0x00, 0xff, 0xfb]), [1.0, 2f32.powi(-24), -65504.0]);
        assert_eq!(widened(Dtype::BF16, &[0x80, 0x3f, 0x49, 0xc0]), [1.0, -3.140625]);
        assert_eq!(widened(Dtype::I8, &[0, 127, 0x81, 0xff]), [0.0, 127.0, -127.0, -1.0]);
        assert_eq!(widen(Dtype::I64, &[0; 8], &mut []), None);
    }

    #[test]
    fn each_row_has_its_scale() {
        let mut values = [1.0, 2.0, 3.0, 4.0];
        scale_rows(&mut values, &[0.5, -2.0]);
        assert_eq!(values, [0.5, 1.0, -6.0, -8.0]);
        scale_rows(&mut [], &[]);
    }
}
