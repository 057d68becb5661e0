//! Files of torch.save, in both containers: the zip archive, and the sequence of pickles of older versions.
//!
//! A pickle is a program that can call anything in Python. Nothing is called here: a small machine runs only the
//! instructions that describe tensors, over a closed list of classes. A file that asks for anything else is refused,
//! and the error names it. The numbers stay in the mapped file; only their layout is read.

mod archive;
mod error;
mod legacy;
mod machine;
mod opcode;
#[cfg(test)]
mod tests;
mod torch_file;
mod values;

use std::collections::HashMap;

pub use error::PickleError;
use error::printable;
use values::Value;

use super::layout::TensorLayout;

/// The longest name of a tensor in bytes.
const MAX_NAME: usize = 1_000;

/// Whether the file is an archive or begins with a pickle. A safetensors file never does: its first four bytes would be
/// part of a length that is larger than the limit.
pub(super) fn is_torch_file(bytes: &[u8]) -> bool {
    is_archive(bytes) || matches!(bytes, [opcode::PROTO, 2..=5, _, 1..=u8::MAX, ..])
}

fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The tensors of a file by name. Other values are ignored.
///
/// # Errors
/// [`PickleError`] if the file is truncated or damaged, or asks for something that is not on the closed lists.
pub(super) fn tensors(bytes: &[u8]) -> Result<HashMap<String, TensorLayout>, PickleError> {
    let file = if is_archive(bytes) { archive::read(bytes)? } else { legacy::read(bytes)? };
    let mut tensors = HashMap::new();
    for &(name, value) in file.state_dict()? {
        let (Value::Text(name), Value::Tensor(tensor)) = (file.weights.values.at(name), file.weights.values.at(value))
        else {
            continue;
        };
        let invalid = |reason: String| PickleError::Tensor { tensor: printable(name), reason };
        if name.len() > MAX_NAME {
            return Err(invalid(format!("has a name of {} bytes", name.len())));
        }
        tensors.insert((*name).to_owned(), file.layout(tensor, bytes.len()).map_err(invalid)?);
    }
    Ok(tensors)
}
