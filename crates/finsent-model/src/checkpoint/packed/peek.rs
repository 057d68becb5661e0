//! The precision of packed weights, before the model is loaded.

use std::fs::File;
use std::io::Read;

use finsent_kernels::Precision;

use super::super::safetensors;
use super::header::FORMAT;
use crate::model_files::{ModelFile, WeightFiles};
use crate::regular_file::open_regular;

/// The precision that the weights are packed in. `None` if they are not packed, or if the file cannot be read, which loading
/// it will tell.
pub fn packed_precision(files: &WeightFiles) -> Option<Precision> {
    let header = match files {
        WeightFiles::Single(ModelFile::Disk(path)) => header(&mut open_regular(path).ok()?)?,
        WeightFiles::Single(ModelFile::Embedded { .. }) | WeightFiles::Sharded(_) => return None,
    };
    // Most files are not packed, and then the header is not parsed.
    let is_packed = header.windows(FORMAT.len()).any(|bytes| bytes == FORMAT.as_bytes());
    let metadata = is_packed.then(|| safetensors::metadata(&header))??;
    let precision = metadata.get("format").filter(|format| **format == FORMAT).and(metadata.get("precision"))?;
    Precision::ALL.into_iter().find(|known| known.to_string() == *precision)
}

/// The header of a file of safetensors.
fn header(file: &mut File) -> Option<Vec<u8>> {
    let mut length = [0; safetensors::LENGTH_BYTES];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    let is_header = length <= safetensors::MAX_HEADER_BYTES;
    let read = is_header.then(|| file.take(length).read_to_end(&mut header))?;
    (read.ok()? as u64 == length).then_some(header)
}
