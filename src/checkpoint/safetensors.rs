//! One safetensors file: an 8-byte length, a JSON header, the data.

use std::collections::HashMap;
use std::ops::Range;

use ::safetensors::Dtype;
use ::safetensors::tensor::{Metadata, TensorInfo};

use super::CheckpointError;
use super::mapped::Bytes;
use super::widen::widen;
use crate::files::ModelFile;

/// Bytes of the length in front of the header.
const LENGTH_BYTES: usize = 8;
/// Largest header in bytes: BERT-large has 400 tensors and a header of 45 kB.
const MAX_HEADER_BYTES: u64 = 4 << 20;
/// Bytes that are widened before their pages are given back; a multiple of every element's size.
const CHUNK_BYTES: usize = 4 << 20;

/// An open file whose header has been checked: every tensor lies within it.
#[derive(Debug)]
pub(super) struct Shard {
    name: String,
    bytes: Bytes,
    tensors: HashMap<String, TensorInfo>,
    /// Where the data begins.
    data: usize,
}

/// A tensor of a [`Shard`].
#[derive(Debug)]
pub(super) struct StoredTensor<'a> {
    shard: &'a Shard,
    name: &'a str,
    info: &'a TensorInfo,
}

impl Shard {
    pub(super) fn open(file: &ModelFile) -> Result<Self, CheckpointError> {
        let name = file.to_string();
        let bytes = match file {
            ModelFile::Disk(path) => {
                Bytes::map(path).map_err(|source| CheckpointError::Io { file: name.clone(), source })?
            }
            ModelFile::Embedded { bytes, .. } => Bytes::Embedded(bytes),
        };
        let (data, metadata) = parse_header(&name, bytes.as_slice())?;
        let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect();
        Ok(Self { name, bytes, tensors, data })
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
        self.tensors.get(name).map(|info| StoredTensor { shard: self, name, info })
    }
}

/// Where the data begins, and what it holds.
fn parse_header(name: &str, bytes: &[u8]) -> Result<(usize, Metadata), CheckpointError> {
    let file = || name.to_owned();
    let found = bytes.len() as u64;
    let cut_off = |expected| CheckpointError::Length { file: file(), expected, found };

    if bytes.starts_with(b"version https://git-lfs") {
        let reason = "it is a Git LFS pointer in place of the file; `git lfs pull` fetches the file".into();
        return Err(CheckpointError::Header { file: file(), reason });
    }
    let length = *bytes.first_chunk::<LENGTH_BYTES>().ok_or_else(|| cut_off(LENGTH_BYTES as u128))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(CheckpointError::HeaderSize { file: file(), found: length, limit: MAX_HEADER_BYTES });
    }
    let data = LENGTH_BYTES + length as usize;
    let header = bytes.get(LENGTH_BYTES..data).ok_or_else(|| cut_off(data as u128))?;
    let metadata: Metadata = serde_json::from_slice(header)
        .map_err(|error| CheckpointError::Header { file: file(), reason: error.to_string() })?;
    let expected = data as u128 + metadata.data_len() as u128;
    if expected != u128::from(found) {
        return Err(cut_off(expected));
    }
    Ok((data, metadata))
}

impl<'a> StoredTensor<'a> {
    pub(super) fn file(&self) -> &'a str {
        &self.shard.name
    }

    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn shape(&self) -> &'a [usize] {
        &self.info.shape
    }

    pub(super) fn dtype(&self) -> Dtype {
        self.info.dtype
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
        let mut values = vec![0.0; self.info.shape.iter().product()];
        let chunk = CHUNK_BYTES * 8 / self.dtype().bitsize();
        for (index, to) in values.chunks_mut(chunk).enumerate() {
            self.read(index * chunk..index * chunk + to.len(), to);
        }
        values
    }

    /// Some of the values as f32. The file's pages are given back when they are read.
    pub(super) fn read(&self, numbers: Range<usize>, to: &mut [f32]) {
        self.with_bytes(numbers, |bytes| {
            widen(self.dtype(), bytes, to).expect("the type was accepted when the tensor was opened");
        });
    }

    /// Some of the values, as they are stored. The file's pages are given back when they are read.
    pub(super) fn with_bytes(&self, numbers: Range<usize>, read: impl FnOnce(&[u8])) {
        let size = self.dtype().bitsize() / 8;
        let start = self.shard.data + self.info.data_offsets.0;
        let bytes = start + numbers.start * size..start + numbers.end * size;
        read(&self.shard.bytes.as_slice()[bytes.clone()]);
        self.shard.bytes.release(bytes.start, bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(header: &str, data: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn refusal(bytes: &[u8]) -> String {
        parse_header("w.safetensors", bytes).unwrap_err().to_string()
    }

    const TWO: &str = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[3],"data_offsets":[8,11]}}"#;

    #[test]
    fn a_sound_header_is_read() {
        let (data, metadata) = parse_header("w", &file_with(TWO, &[0; 11])).unwrap();
        assert_eq!((data, metadata.data_len()), (8 + TWO.len(), 11));
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_says_so() {
        let whole = file_with(TWO, &[0; 11]);
        for length in 0..whole.len() {
            let message = refusal(&whole[..length]);
            assert!(
                message.contains("half copied") && message.contains(&format!("the file has {length}")),
                "{message}"
            );
        }
        assert!(refusal(&[whole, vec![0]].concat()).contains("half copied"));
    }

    #[test]
    fn headers_that_lie_are_refused() {
        for (header, complaint) in [
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, "invalid offset for tensor `a`"),
            (r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "invalid offset for tensor `a`"),
            (r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "invalid shape"),
            (r#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#, "overflow"),
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
                "invalid offset for tensor `b`",
            ),
            (r#"{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}"#, "F31"),
            (r#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "-2"),
            ("[]", "sequence"),
            ("", "EOF"),
            ("\u{fffd}", "expected value"),
        ] {
            let message = refusal(&file_with(header, &[0; 12]));
            assert!(message.contains(complaint), "{header}: {message}");
        }
    }

    #[test]
    fn an_absurd_header_is_refused_before_it_is_parsed() {
        let message = refusal(&[&100_000_000u64.to_le_bytes()[..], b"{"].concat());
        assert!(message.contains("a header of 100000000 bytes"), "{message}");
        assert!(refusal(&[0xff; 64]).contains("no safetensors file"));
        assert!(refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n").contains("git lfs pull"));
    }
}
