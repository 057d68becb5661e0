//! Narrowing: f32 becomes the numbers of a file.

use ::safetensors::Dtype;
use half::{bf16, f16};

/// A finite number that a type can only represent as infinity.
#[derive(Debug, PartialEq)]
pub(super) struct TooLarge(pub(super) f32);

/// Rounds `values` to little-endian numbers of the type `dtype`, ties to even.
///
/// # Panics
/// If the type is not f32, f16 or bf16.
pub(super) fn narrow(dtype: Dtype, values: &[f32]) -> Result<Vec<u8>, TooLarge> {
    match dtype {
        Dtype::F32 => Ok(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Dtype::F16 => halves(values, |value| {
            let half = f16::from_f32(value);
            (half.to_le_bytes(), half.is_infinite())
        }),
        Dtype::BF16 => halves(values, |value| {
            let half = bf16::from_f32(value);
            (half.to_le_bytes(), half.is_infinite())
        }),
        _ => unreachable!("weights are never written as {dtype}"),
    }
}

/// `half` returns the bytes of a number, and whether it has become infinite.
fn halves(values: &[f32], half: impl Fn(f32) -> ([u8; 2], bool)) -> Result<Vec<u8>, TooLarge> {
    let mut bytes = Vec::with_capacity(2 * values.len());
    for &value in values {
        let (half, is_infinite) = half(value);
        if is_infinite && value.is_finite() {
            return Err(TooLarge(value));
        }
        bytes.extend(half);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_round_to_even() {
        let ulp = 2f32.powi(-7);
        assert_eq!(narrow(Dtype::BF16, &[1.0 + 0.5 * ulp, 1.0 + 1.5 * ulp]).unwrap(), [0x80, 0x3f, 0x82, 0x3f]);
        let ulp = 2f32.powi(-10);
        assert_eq!(narrow(Dtype::F16, &[1.0 + 0.5 * ulp, 1.0 + 1.5 * ulp]).unwrap(), [0x00, 0x3c, 0x02, 0x3c]);
        assert_eq!(narrow(Dtype::F32, &[-0.1]).unwrap(), (-0.1f32).to_le_bytes());
    }

    #[test]
    fn a_number_that_would_become_infinite_is_an_error() {
        assert_eq!(narrow(Dtype::F16, &[65_519.0]).unwrap(), [0xff, 0x7b]);
        assert_eq!(narrow(Dtype::F16, &[1.0, -65_520.0]), Err(TooLarge(-65_520.0)));
        assert_eq!(narrow(Dtype::BF16, &[f32::MAX]), Err(TooLarge(f32::MAX)));
        assert_eq!(narrow(Dtype::F16, &[f32::INFINITY]).unwrap(), [0x00, 0x7c]);
        assert!(narrow(Dtype::BF16, &[f32::NAN]).is_ok());
    }
}
