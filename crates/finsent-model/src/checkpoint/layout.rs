//! The layout of a tensor in a file: type, shape, strides, byte order.

use std::ops::Range;

use ::safetensors::Dtype;

/// The byte order of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// Where the numbers of a tensor are in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorLayout {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// The distance of neighbors along each axis, in numbers. `None` if the numbers are in row-major order.
    strides: Option<Vec<usize>>,
    /// The offset of the first number in the file, in bytes.
    start: usize,
    order: ByteOrder,
}

impl TensorLayout {
    /// Numbers in row-major order without gaps, little-endian.
    pub(super) fn contiguous(dtype: Dtype, shape: Vec<usize>, start: usize) -> Self {
        Self { dtype, shape, strides: None, start, order: ByteOrder::Little }
    }

    /// Numbers that are `strides` numbers apart, one stride per axis.
    pub(super) fn strided(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        start: usize,
        order: ByteOrder,
    ) -> Self {
        let strides = (!shape.contains(&0) && !is_row_major(&shape, &strides)).then_some(strides);
        Self { dtype, shape, strides, start, order }
    }

    /// Whether the bytes in the file are those that [`TensorLayout::in_order`] would return.
    pub(super) fn is_in_order(&self) -> bool {
        self.strides.is_none() && (self.order == ByteOrder::Little || self.dtype.bitsize() <= 8)
    }

    /// The bytes of the file to read for `numbers`, which count in row-major order. With strides, these are the bytes
    /// of the whole tensor.
    pub(super) fn bytes(&self, numbers: Range<usize>) -> Range<usize> {
        let size = self.number_bytes();
        let span = match &self.strides {
            None => numbers.start * size..numbers.end * size,
            Some(strides) => 0..extent(&self.shape, strides) * size,
        };
        self.start + span.start..self.start + span.end
    }

    /// Copies `numbers` in row-major order and little-endian out of `stored`, the bytes of [`TensorLayout::bytes`].
    pub(super) fn in_order(&self, numbers: Range<usize>, stored: &[u8]) -> Vec<u8> {
        let size = self.number_bytes();
        let mut bytes = Vec::with_capacity(numbers.len() * size);
        match &self.strides {
            None => bytes.extend_from_slice(stored),
            Some(strides) => {
                for offset in Offsets::new(&self.shape, strides, numbers) {
                    bytes.extend_from_slice(&stored[offset * size..][..size]);
                }
            }
        }
        if self.order == ByteOrder::Big {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        bytes
    }

    fn number_bytes(&self) -> usize {
        self.dtype.bitsize() / 8
    }
}

/// The stride of an axis of length 1 is never used and may be anything.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut next = 1;
    shape.iter().zip(strides).rev().all(|(&len, &stride)| {
        let fits = len == 1 || stride == next;
        next *= len;
        fits
    })
}

/// The distance from the first number of a tensor to the end of its last, in numbers. No axis is empty.
fn extent(shape: &[usize], strides: &[usize]) -> usize {
    1 + shape.iter().zip(strides).map(|(len, stride)| (len - 1) * stride).sum::<usize>()
}

/// The offsets of numbers from the first number of their tensor, in row-major order.
struct Offsets<'a> {
    shape: &'a [usize],
    strides: &'a [usize],
    index: Vec<usize>,
    offset: usize,
    left: usize,
}

impl<'a> Offsets<'a> {
    fn new(shape: &'a [usize], strides: &'a [usize], numbers: Range<usize>) -> Self {
        let mut rest = numbers.start;
        let mut index = vec![0; shape.len()];
        for (index, &len) in index.iter_mut().zip(shape).rev() {
            *index = rest % len;
            rest /= len;
        }
        let offset = index.iter().zip(strides).map(|(index, stride)| index * stride).sum();
        Self { shape, strides, index, offset, left: numbers.len() }
    }
}

impl Iterator for Offsets<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let offset = self.offset;
        for ((index, &len), &stride) in self.index.iter_mut().zip(self.shape).zip(self.strides).rev() {
            *index += 1;
            self.offset += stride;
            if *index < len {
                break;
            }
            self.offset -= *index * stride;
            *index = 0;
        }
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a tensor over the numbers 0, 1, 2, ... as f32; `start` counts numbers.
    fn values(shape: &[usize], strides: &[usize], start: usize, order: ByteOrder) -> Vec<f32> {
        let number = |n: u8| match order {
            ByteOrder::Little => f32::from(n).to_le_bytes(),
            ByteOrder::Big => f32::from(n).to_be_bytes(),
        };
        let file: Vec<u8> = (0..24).flat_map(number).collect();
        let layout = TensorLayout::strided(Dtype::F32, shape.into(), strides.into(), 4 * start, order);
        let read = |numbers: Range<usize>| -> Vec<f32> {
            let bytes = layout.in_order(numbers.clone(), &file[layout.bytes(numbers)]);
            bytes.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
        };
        let whole = read(0..shape.iter().product());
        for from in 0..=whole.len() {
            for to in from..=whole.len() {
                assert_eq!(read(from..to), whole[from..to], "{shape:?} {strides:?} {from}..{to}");
            }
        }
        whole
    }

    #[test]
    fn numbers_are_read_by_their_strides_in_either_byte_order() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            assert_eq!(values(&[2, 3], &[3, 1], 1, order), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            assert_eq!(values(&[3, 2], &[1, 3], 1, order), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
            assert_eq!(values(&[2, 2], &[8, 2], 0, order), [0.0, 2.0, 8.0, 10.0]);
            assert_eq!(values(&[2, 3], &[0, 1], 5, order), [5.0, 6.0, 7.0, 5.0, 6.0, 7.0]);
            assert_eq!(values(&[2, 1, 2], &[1, 99, 4], 0, order), [0.0, 4.0, 1.0, 5.0]);
            assert_eq!(values(&[3], &[0], 2, order), [2.0, 2.0, 2.0]);
            assert_eq!(values(&[], &[], 3, order), [3.0]);
            assert_eq!(values(&[0, 4], &[1, 7], 24, order), [0.0; 0]);
        }
    }

    #[test]
    fn row_major_little_endian_numbers_are_not_copied() {
        let is_in_order = |shape: &[usize], strides: &[usize], order| {
            TensorLayout::strided(Dtype::F32, shape.into(), strides.into(), 0, order).is_in_order()
        };
        assert!(is_in_order(&[2, 1, 3], &[3, 77, 1], ByteOrder::Little));
        assert!(!is_in_order(&[2, 3], &[3, 1], ByteOrder::Big));
        assert!(!is_in_order(&[3, 2], &[1, 3], ByteOrder::Little));
        assert!(TensorLayout::strided(Dtype::I8, vec![4], vec![1], 0, ByteOrder::Big).is_in_order());
    }
}
