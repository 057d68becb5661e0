//! One file of weights, whatever its container: its bytes, and where among them each tensor lies.

use std::collections::HashMap;
use std::ops::Range;

use ::safetensors::Dtype;

use super::mapped::Bytes;
use super::widen::widen;
use super::{CheckpointError, pickle, safetensors};
use crate::model_files::ModelFile;

/// Bytes that are widened before their pages are given back; a multiple of every element's size.
const CHUNK_BYTES: usize = 4 << 20;

/// An open file whose table of tensors has been checked: every tensor lies within it.
#[derive(Debug)]
pub(super) struct Shard {
    name: String,
    bytes: Bytes,
    tensors: HashMap<String, Place>,
}

/// Order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// Where the numbers of a tensor lie in a file, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    dtype: Dtype,
    shape: Vec<usize>,
    /// How many numbers lie between neighbours along each axis; none when the numbers lie in row-major order.
    strides: Option<Vec<usize>>,
    /// Byte of the file where the first number begins.
    start: usize,
    order: ByteOrder,
}

impl Place {
    /// Numbers in row-major order without gaps, little-endian.
    pub(super) fn contiguous(dtype: Dtype, shape: Vec<usize>, start: usize) -> Self {
        Self { dtype, shape, strides: None, start, order: ByteOrder::Little }
    }

    /// Numbers that lie `strides` numbers apart, one stride an axis. A tensor without numbers has no strides.
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

    fn lies_as_it_is_read(&self) -> bool {
        self.strides.is_none() && (self.order == ByteOrder::Little || self.dtype.bitsize() <= 8)
    }

    /// Copies numbers of `size` bytes out of `stored`: just these numbers, or with strides all from the tensor's first on.
    fn in_order(&self, numbers: Range<usize>, size: usize, stored: &[u8]) -> Vec<u8> {
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
}

/// Strides of axes with one index are never used, and may be anything.
fn is_row_major(shape: &[usize], strides: &[usize]) -> bool {
    let mut next = 1;
    shape.iter().zip(strides).rev().all(|(&len, &stride)| {
        let fits = len == 1 || stride == next;
        next *= len;
        fits
    })
}

/// A tensor of a [`Shard`].
#[derive(Debug)]
pub(super) struct StoredTensor<'a> {
    shard: &'a Shard,
    name: &'a str,
    place: &'a Place,
}

impl Shard {
    /// Opens the file and checks its table of tensors.
    pub(super) fn open(file: &ModelFile) -> Result<Self, CheckpointError> {
        let name = file.to_string();
        let bytes = match file {
            ModelFile::Disk(path) => {
                Bytes::map(path).map_err(|source| CheckpointError::Io { file: name.clone(), source })?
            }
            ModelFile::Embedded { bytes, .. } => Bytes::Embedded(bytes),
        };
        let tensors = table(&name, bytes.as_slice())?;
        bytes.release(0, bytes.as_slice().len());
        Ok(Self { name, bytes, tensors })
    }

    /// Bytes of a test.
    #[cfg(test)]
    pub(super) fn over(bytes: &'static [u8], tensors: HashMap<String, Place>) -> Self {
        Self { name: "w".into(), bytes: Bytes::Embedded(bytes), tensors }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the file.
    pub(super) fn len(&self) -> u64 {
        self.bytes.as_slice().len() as u64
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn tensor<'a>(&'a self, name: &'a str) -> Option<StoredTensor<'a>> {
        self.tensors.get(name).map(|place| StoredTensor { shard: self, name, place })
    }
}

/// The tensors of a file by name. Its container is known by its first bytes, and not by the name of the `file`.
pub(super) fn table(file: &str, bytes: &[u8]) -> Result<HashMap<String, Place>, CheckpointError> {
    match pickle::is_torch_file(bytes) {
        true => pickle::places(bytes).map_err(|reason| CheckpointError::Pickle { file: file.into(), reason }),
        false => safetensors::places(file, bytes),
    }
}

impl<'a> StoredTensor<'a> {
    pub(super) fn file(&self) -> &'a str {
        &self.shard.name
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn shape(&self) -> &'a [usize] {
        &self.place.shape
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.place.dtype
    }

    /// Whether the numbers are of one of the `accepted` types.
    ///
    /// # Errors
    /// [`CheckpointError::Dtype`]
    pub(super) fn expect(&self, accepted: &[Dtype]) -> Result<(), CheckpointError> {
        match accepted.contains(&self.dtype()) {
            true => Ok(()),
            false => Err(CheckpointError::Dtype {
                file: self.file().into(),
                tensor: self.name.into(),
                expected: accepted.iter().map(Dtype::to_string).collect::<Vec<_>>().join(" or "),
                found: self.dtype().to_string(),
            }),
        }
    }

    /// All values as f32. The caller has found by [`StoredTensor::expect`] that they can be read.
    pub(super) fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.place.shape.iter().product()];
        self.read(0..values.len(), &mut values);
        values
    }

    /// Some of the values, counted in row-major order, as f32. The file's pages are given back as they are read.
    pub(super) fn read(&self, numbers: Range<usize>, to: &mut [f32]) {
        let chunk = CHUNK_BYTES * 8 / self.dtype().bitsize();
        for (index, to) in to.chunks_mut(chunk).enumerate() {
            let start = numbers.start + index * chunk;
            self.with_bytes(start..start + to.len(), |bytes| {
                widen(self.dtype(), bytes, to).expect("the type was accepted when the tensor was opened");
            });
        }
    }

    /// Some of the values, counted in row-major order, in the stored type and little-endian. The file's pages are given
    /// back when they are read.
    pub(super) fn with_bytes(&self, numbers: Range<usize>, read: impl FnOnce(&[u8])) {
        let size = self.dtype().bitsize() / 8;
        let span = match &self.place.strides {
            None => numbers.start * size..numbers.end * size,
            Some(strides) => 0..extent(&self.place.shape, strides) * size,
        };
        let bytes = self.place.start + span.start..self.place.start + span.end;
        let stored = &self.shard.bytes.as_slice()[bytes.clone()];
        match self.place.lies_as_it_is_read() {
            true => read(stored),
            false => read(&self.place.in_order(numbers, size, stored)),
        }
        self.shard.bytes.release(bytes.start, bytes.len());
    }
}

/// From the first number of a tensor to behind its last, in numbers. Each axis has an index.
fn extent(shape: &[usize], strides: &[usize]) -> usize {
    1 + shape.iter().zip(strides).map(|(len, stride)| (len - 1) * stride).sum::<usize>()
}

/// Where numbers, taken in row-major order, lie behind the first one of their tensor, in numbers.
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

    /// A tensor over the numbers 0, 1, 2, ... as f32.
    fn shard(place: Place) -> Shard {
        let number = |n: u8| match place.order {
            ByteOrder::Little => f32::from(n).to_le_bytes(),
            ByteOrder::Big => f32::from(n).to_be_bytes(),
        };
        let bytes: Vec<u8> = (0..24).flat_map(number).collect();
        Shard::over(bytes.leak(), HashMap::from([("t".to_owned(), place)]))
    }

    fn values(shape: &[usize], strides: &[usize], start: usize, order: ByteOrder) -> Vec<f32> {
        let shard = shard(Place::strided(Dtype::F32, shape.into(), strides.into(), 4 * start, order));
        let tensor = shard.tensor("t").unwrap();
        let whole = tensor.to_f32();
        // Any part is the same part of the whole.
        for from in 0..=whole.len() {
            for to in from..=whole.len() {
                let mut part = vec![f32::NAN; to - from];
                tensor.read(from..to, &mut part);
                assert_eq!(part, whole[from..to], "{shape:?} {strides:?} {from}..{to}");
            }
        }
        whole
    }

    #[test]
    fn numbers_are_read_through_their_strides_in_either_byte_order() {
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
    fn numbers_that_lie_in_order_are_not_copied() {
        let place = |shape: &[usize], strides: &[usize], order| {
            Place::strided(Dtype::F32, shape.into(), strides.into(), 0, order).lies_as_it_is_read()
        };
        assert!(place(&[2, 1, 3], &[3, 77, 1], ByteOrder::Little));
        assert!(!place(&[2, 3], &[3, 1], ByteOrder::Big));
        assert!(!place(&[3, 2], &[1, 3], ByteOrder::Little));
        let bytes = Place::strided(Dtype::I8, vec![4], vec![1], 0, ByteOrder::Big);
        assert!(bytes.lies_as_it_is_read());
    }
}
