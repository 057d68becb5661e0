//! Why a file of torch.save is refused. Each message continues a sentence that begins with the name of the file.

use thiserror::Error;

/// What is wrong with a file of torch.save. The message continues a sentence that begins with the name of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PickleError {
    /// The file is truncated, or its parts do not fit together.
    #[error("is damaged or half copied: {0}")]
    Damaged(String),
    /// The pickle asks for a class or function that weights do not need.
    #[error(
        "asks for `{class}`, which weights do not need; the file may be malicious. Nothing in it was run. \
         Use a model.safetensors from a source that you trust"
    )]
    Class {
        /// The module and the name.
        class: String,
    },
    /// The pickle has an instruction that torch.save does not write.
    #[error(
        "has the pickle instruction {opcode:#04x} at byte {at}, which torch.save does not write; the file may be malicious. \
         Nothing in it was run"
    )]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// The offset in the file.
        at: usize,
    },
    /// The pickle differs from what torch.save writes.
    #[error("is damaged, or was not written by torch.save: expected {expected} at byte {at}, found {found}")]
    Unexpected {
        /// The offset in the file.
        at: usize,
        /// The expected value.
        expected: &'static str,
        /// The value in the file.
        found: &'static str,
    },
    /// The pickle has more instructions than that of any supported model.
    #[error("has more than {limit} pickle instructions, too many for a model that finsent can run")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The zip archive was not written by torch.save.
    #[error("was not written by torch.save: {0}")]
    Archive(String),
    /// The description of a tensor contradicts the file.
    #[error("is damaged, or was not written by torch.save: the tensor `{tensor}` {reason}")]
    Tensor {
        /// The stored name.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Text of a file for a message: shortened, and without control characters.
pub(super) fn printable(text: &str) -> String {
    const MOST: usize = 100;
    let mut printable: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        printable.push_str("...");
    }
    printable
}
