//! The types of numbers that a file may hold.

use ::safetensors::Dtype;
use finsent_kernels::{read_f32, widen_bf16, widen_f16, widen_i8};

/// Converts `bytes`, little-endian numbers of the type `dtype`, to as many f32 in `out`. The conversion is exact.
///
/// Returns `None` if the type is not f32, f16, bf16 or int8.
pub(super) fn widen(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> Option<()> {
    match dtype {
        Dtype::F32 => read_f32(bytes, out),
        Dtype::F16 => widen_f16(bytes, out),
        Dtype::BF16 => widen_bf16(bytes, out),
        Dtype::I8 => widen_i8(bytes, out),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_is_read_as_itself() {
        let mut one = [0.0];
        for (dtype, bytes) in [
            (Dtype::F32, &1f32.to_le_bytes()[..]),
            (Dtype::F16, &[0x00, 0x3c]),
            (Dtype::BF16, &[0x80, 0x3f]),
            (Dtype::I8, &[1]),
        ] {
            one[0] = 0.0;
            widen(dtype, bytes, &mut one).unwrap();
            assert_eq!(one, [1.0], "{dtype:?}");
        }
        assert_eq!(widen(Dtype::I64, &[0; 8], &mut []), None);
    }
}
