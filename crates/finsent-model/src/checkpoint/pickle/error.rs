//! Why a file of torch.save is refused. Each message goes on from the name of the file.

use thiserror::Error;

/// What is wrong with a file of torch.save.
#[derive(Debug, Error)]
pub enum PickleError {
    /// The file ends too early, or its parts do not fit together.
    #[error("is damaged or half copied: {0}")]
    Damaged(String),
    /// The pickle asks for something of Python that weights do not need.
    #[error(
        "asks for `{class}`, of which no weights are made: the file is refused, and nothing in it was run; \
         take model.safetensors from a source that you trust"
    )]
    Class {
        /// Module and name.
        class: String,
    },
    /// The pickle has an instruction that torch.save does not write.
    #[error(
        "has the pickle instruction {opcode:#04x} at byte {at}, which torch.save does not write: the file is refused, \
         and nothing in it was run"
    )]
    Opcode {
        /// The instruction.
        opcode: u8,
        /// Where it stands in the file.
        at: usize,
    },
    /// The pickle does something that torch.save does not do.
    #[error("is damaged, or not of torch.save: at byte {at} {expected} was expected, and {found} was found")]
    Unexpected {
        /// Where in the file.
        at: usize,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The pickle is larger than that of any model.
    #[error("describes its tensors by more than {limit} instructions, too many for a model that finsent runs")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The archive is not one of torch.save.
    #[error("is no archive of torch.save: {0}")]
    Archive(String),
    /// A tensor cannot be what it is said to be.
    #[error("is damaged, or not of torch.save: the tensor `{tensor}` {reason}")]
    Tensor {
        /// Name as stored.
        tensor: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Text of a file for a message: short, and without control characters.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 100;
    let mut shown: String = text.chars().take(MOST).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push_str("...");
    }
    shown
}
