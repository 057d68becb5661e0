//! Lengths in the encoding DELTA_BINARY_PACKED: differences, in blocks of bit-packed numbers.

/// Most bits of a difference between two lengths.
const MAX_WIDTH: usize = 32;

/// Calls `visit` with each length at the start of `bytes`, and returns the bytes after them. `None` if they are damaged, or
/// more than `most`: the library allocates memory for as many as there are said to be.
pub(super) fn lengths(bytes: &[u8], most: usize, mut visit: impl FnMut(i32)) -> Option<&[u8]> {
    let mut rest = bytes;
    let block = varint(&mut rest)?;
    let parts = varint(&mut rest)?;
    let count = varint(&mut rest)?;
    let mut length = zigzag(varint(&mut rest)?);
    // Lengths of a part, which is of whole bytes.
    let of_part = block.checked_div(parts).filter(|of_part| of_part * parts == block && of_part % 8 == 0)?;
    if count > most || of_part == 0 {
        return None;
    }
    if count > 0 {
        visit(length);
    }
    let mut left = count.saturating_sub(1);
    while left > 0 {
        let least = zigzag(varint(&mut rest)?);
        let (widths, packed) = rest.split_at_checked(parts)?;
        rest = packed;
        for width in widths.iter().map(|&width| usize::from(width)) {
            // A part without lengths has a width, and no bytes.
            let lengths = left.min(of_part);
            if lengths == 0 {
                break;
            }
            if width > MAX_WIDTH {
                return None;
            }
            let (part, after) = rest.split_at_checked(width.checked_mul(of_part / 8)?)?;
            rest = after;
            for index in 0..lengths {
                let difference = bits(part, index * width, width).cast_signed();
                length = length.wrapping_add(least).wrapping_add(difference);
                visit(length);
            }
            left -= lengths;
        }
    }
    Some(rest)
}

fn varint(bytes: &mut &[u8]) -> Option<usize> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return usize::try_from(number).ok();
        }
    }
    None
}

/// The signed number that `number` encodes, in 32 bits as the library has it.
fn zigzag(number: usize) -> i32 {
    let number = number as u64;
    ((number >> 1).cast_signed() ^ -(number & 1).cast_signed()) as i32
}

/// The number of `width` bits at a bit, counted from the lowest of each byte.
fn bits(bytes: &[u8], at: usize, width: usize) -> u32 {
    (0..width).fold(0, |number, bit| number | u32::from(bytes[(at + bit) / 8] >> ((at + bit) % 8) & 1) << bit)
}

#[cfg(test)]
mod tests {
    /// Blocks of 128 in four parts; five lengths: 3, then four differences, at least -1, of two bits each.
    fn encoded() -> Vec<u8> {
        let head = [128, 1, 4, 5, 6, 1, 2, 0, 0, 0];
        [&head[..], &[0b11_10_01_00, 0, 0, 0, 0, 0, 0, 0], b"rest"].concat()
    }

    fn read(bytes: &[u8], most: usize) -> Option<(Vec<i32>, Vec<u8>)> {
        let mut lengths = Vec::new();
        let rest = super::lengths(bytes, most, |length| lengths.push(length))?.to_vec();
        Some((lengths, rest))
    }

    #[test]
    fn lengths_are_sums_of_differences() {
        assert_eq!(read(&encoded(), 5).unwrap(), (vec![3, 2, 2, 3, 5], b"rest".to_vec()));
        assert_eq!(read(&[128, 1, 4, 0, 0], 0).unwrap(), (vec![], vec![]));
        assert_eq!(read(&[128, 1, 4, 1, 6], 1).unwrap(), (vec![3], vec![]));
    }

    #[test]
    fn more_lengths_than_a_page_has_values_are_refused() {
        assert_eq!(read(&encoded(), 4), None);
        // 2^40 lengths.
        assert_eq!(read(&[128, 1, 4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 6], 1 << 26), None);
    }

    #[test]
    fn lengths_that_end_early_are_refused() {
        for end in 0..18 {
            assert_eq!(read(&encoded()[..end], 5), None, "{end}");
        }
    }
}
