//! Rounding of weights to int8.

/// Bytes along k in a lane of packed weights.
pub(super) const LANE_BYTES: usize = 4;

/// Quantizes each row of a matrix on its own: `scale = max |w| / 127`, `byte = round(w / scale)`, ties to even, in f32.
/// The scale of a row of zeros is 1. If a number of a row is not finite, neither is its scale, so that the results show
/// it.
pub fn quantize_weights(values: &[f32], bytes: &mut [i8], scales: &mut [f32]) {
    let columns = values.len() / scales.len().max(1);
    let rows = values.chunks_exact(columns.max(1)).zip(bytes.chunks_exact_mut(columns.max(1)));
    for ((values, bytes), scale) in rows.zip(scales) {
        // Magnitudes compare like their bits, with infinity and NaN above all others.
        let largest = values.iter().map(|value| value.abs().to_bits().cast_signed()).max().unwrap_or(0);
        let largest = f32::from_bits(largest.cast_unsigned());
        *scale = if largest == 0.0 { 1.0 } else { largest / 127.0 };
        for (byte, value) in bytes.iter_mut().zip(values) {
            *byte = round(value / *scale) as i8;
        }
    }
}

/// The nearest integer of a number below 4 million, ties to even. Unlike the standard library's, it needs no instruction
/// that the oldest x86-64 lacks, so the compiler vectorizes it.
pub(super) fn round(x: f32) -> i32 {
    /// From this number to twice its value, consecutive floats are consecutive integers.
    const INTEGERS: f32 = 12_582_912.0;
    (x + INTEGERS).to_bits().wrapping_sub(INTEGERS.to_bits()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest_integer_and_ties_to_even() {
        let mut values: Vec<f32> = (-1000..=1000).map(|eighths| eighths as f32 / 8.0).collect();
        values.extend([3_999_999.0, -3_999_999.0, 1e-30, -0.0]);
        for value in values {
            assert_eq!(round(value), value.round_ties_even() as i32, "{value}");
        }
    }
}
