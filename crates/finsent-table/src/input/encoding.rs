//! Encodings of text files.

use crate::error::TableError;

/// The encoding of a text file.
pub type Encoding = &'static encoding_rs::Encoding;

/// The encoding with this name, as browsers know it; `latin-1` and the like are accepted too.
///
/// # Errors
/// [`TableError::UnknownEncoding`].
pub fn encoding(name: &str) -> Result<Encoding, TableError> {
    let label = name.to_ascii_lowercase().replace("latin-", "latin");
    encoding_rs::Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or_else(|| TableError::UnknownEncoding { name: name.to_owned() })
}
