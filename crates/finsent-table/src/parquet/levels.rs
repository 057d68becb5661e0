//! Levels of a page: numbers in runs, either of the same number or bit-packed.

use parquet::basic::Encoding;
use parquet::errors::{ParquetError, Result};

/// Bits of a level that is at most `max`.
fn width(max: i16) -> usize {
    (u16::BITS - max.unsigned_abs().leading_zeros()) as usize
}

/// Levels at the start of `bytes` of a page of version 1, and the bytes after them. There are none if `max` is 0.
///
/// # Errors
/// If they end early.
pub(super) fn split_v1(bytes: &[u8], encoding: Encoding, count: usize, max: i16) -> Result<(Levels<'_>, &[u8])> {
    if max == 0 {
        return Ok((Levels::new(&[], Form::Runs, count, max), bytes));
    }
    let (form, start, length) = match encoding {
        Encoding::RLE => {
            let length = bytes.first_chunk::<4>().ok_or_else(early)?;
            (Form::Runs, 4, u32::from_le_bytes(*length) as usize)
        }
        _ => (Form::Packed, 0, (count * width(max)).div_ceil(8)),
    };
    let (levels, rest) = bytes[start..].split_at_checked(length).ok_or_else(early)?;
    Ok((Levels::new(levels, form, count, max), rest))
}

fn early() -> ParquetError {
    ParquetError::General("the levels of a page end early".into())
}

/// How levels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Runs of the same level, or of packed ones.
    Runs,
    /// All of them packed. Only old files have it.
    Packed,
}

/// The levels of a page.
pub(super) struct Levels<'a> {
    bytes: &'a [u8],
    form: Form,
    /// Levels still to come.
    left: usize,
    /// Groups of eight packed levels that are left of a run.
    groups: usize,
    width: usize,
}

/// Consecutive levels.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// One level, so many times.
    Same(u16, usize),
    /// Several.
    Each(Vec<u16>),
}

/// Packed levels that are returned at once.
const PACKED_AT_ONCE: usize = 1024;

impl<'a> Levels<'a> {
    pub(super) fn new(bytes: &'a [u8], form: Form, count: usize, max: i16) -> Self {
        Self { bytes, form, left: count, groups: 0, width: width(max) }
    }

    /// A number of variable length.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(first & 0x7f) << shift;
            if *first < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn run(&mut self) -> Option<Run> {
        if self.groups == 0 {
            let header = self.varint()?;
            let count = usize::try_from(header >> 1).ok()?;
            if header & 1 == 0 {
                let (level, rest) = self.bytes.split_at_checked(self.width.div_ceil(8))?;
                self.bytes = rest;
                let level = level.iter().rev().fold(0, |level: u16, &byte| level.wrapping_shl(8) | u16::from(byte));
                return Some(Run::Same(level, count));
            }
            self.groups = count;
        }
        let groups = self.groups.min(PACKED_AT_ONCE / 8);
        self.groups -= groups;
        // The last group may be cut off.
        let (packed, rest) = self.bytes.split_at((groups * self.width).min(self.bytes.len()));
        self.bytes = rest;
        let levels = (groups * 8).min(packed.len() * 8 / self.width).min(self.left);
        let each = (0..levels).map(|index| bits(packed, index * self.width, self.width)).collect();
        (levels > 0 || groups == 0).then_some(Run::Each(each))
    }

    fn packed(&mut self) -> Option<Run> {
        let levels = self.left.min(PACKED_AT_ONCE).min(self.bytes.len() * 8 / self.width);
        let each = (0..levels).map(|index| bits(self.bytes, index * self.width, self.width)).collect();
        // A multiple of eight levels ends at a byte.
        self.bytes = self.bytes.get(PACKED_AT_ONCE * self.width / 8..).unwrap_or_default();
        (levels > 0).then_some(Run::Each(each))
    }
}

/// The runs, up to where the bytes end.
impl Iterator for Levels<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        if self.left == 0 || self.width == 0 {
            return None;
        }
        let run = match self.form {
            Form::Runs => self.run()?,
            Form::Packed => self.packed()?,
        };
        let run = match run {
            Run::Same(level, count) => Run::Same(level, count.min(self.left)),
            each @ Run::Each(_) => each,
        };
        self.left -= match &run {
            Run::Same(_, count) => *count,
            Run::Each(levels) => levels.len(),
        };
        Some(run)
    }
}

/// The number of `width` bits at a bit, counted from the lowest of each byte.
fn bits(bytes: &[u8], at: usize, width: usize) -> u16 {
    (0..width).fold(0, |number, bit| number | u16::from(bytes[(at + bit) / 8] >> ((at + bit) % 8) & 1) << bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(bytes: &[u8], form: Form, count: usize, max: i16) -> Vec<u16> {
        let runs = Levels::new(bytes, form, count, max);
        runs.flat_map(|run| match run {
            Run::Same(level, count) => vec![level; count],
            Run::Each(levels) => levels,
        })
        .collect()
    }

    #[test]
    fn runs_of_one_level_and_packed_levels_are_read() {
        // Three times 2, then eight packed levels: 0 to 3 and again.
        let bytes = [3 << 1, 2, 1 << 1 | 1, 0b1110_0100, 0b1110_0100];
        assert_eq!(levels(&bytes, Form::Runs, 11, 3), [2, 2, 2, 0, 1, 2, 3, 0, 1, 2, 3]);
        assert_eq!(levels(&bytes, Form::Runs, 5, 3), [2, 2, 2, 0, 1]);
        assert_eq!(levels(&bytes[..4], Form::Runs, 11, 3), [2, 2, 2, 0, 1, 2, 3]);
    }

    #[test]
    fn a_run_of_millions_is_one_item() {
        let bytes = [0x80, 0x80, 0x80, 0x80, 0x01, 1];
        let runs: Vec<Run> = Levels::new(&bytes, Form::Runs, 150_000_000, 1).collect();
        assert_eq!(runs, [Run::Same(1, 1 << 27)]);
    }

    #[test]
    fn old_levels_are_all_packed() {
        assert_eq!(levels(&[0b1110_0100], Form::Packed, 4, 3), [0, 1, 2, 3]);
        let many = levels(&[0b0101_0101; 300], Form::Packed, 2400, 1);
        assert_eq!((many.len(), many.iter().sum::<u16>()), (2400, 1200));
    }

    #[test]
    fn the_levels_of_a_page_are_split_off() {
        let bytes = [2, 0, 0, 0, 3 << 1, 1, 9, 9];
        let (levels, rest) = split_v1(&bytes, Encoding::RLE, 3, 1).unwrap();
        assert_eq!((levels.collect::<Vec<_>>(), rest), (vec![Run::Same(1, 3)], &[9, 9][..]));
        assert_eq!(split_v1(&bytes, Encoding::RLE, 3, 0).unwrap().1, bytes);
        assert!(split_v1(&[9, 0, 0, 0, 1], Encoding::RLE, 3, 1).is_err());
    }
}
