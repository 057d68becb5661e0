//! The container safetensors: an 8-byte length, a JSON header, the data.

use std::collections::{HashMap, HashSet};
use std::fmt;

use ::safetensors::tensor::{Metadata, TensorInfo};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::error::CheckpointError;
use super::layout::TensorLayout;
use super::table::Table;

/// The bytes of the length before the header.
pub(super) const LENGTH_BYTES: usize = 8;
/// The largest accepted header in bytes. BERT-large has 400 tensors and a header of 45 kB.
pub(super) const MAX_HEADER_BYTES: u64 = 4 << 20;

/// The table of a file: its tensors by name, and what else its header says.
///
/// # Errors
/// [`CheckpointError`] if the header does not describe exactly the bytes of the file.
pub(super) fn table(file: &str, bytes: &[u8]) -> Result<Table, CheckpointError> {
    let (data, metadata) = parse_header(file, bytes)?;
    let layout =
        |info: &TensorInfo| TensorLayout::contiguous(info.dtype, info.shape.clone(), data + info.data_offsets.0);
    let tensors = metadata.tensors().into_iter().map(|(name, info)| (name, layout(info))).collect();
    Ok(Table { tensors, metadata: metadata.metadata().clone().unwrap_or_default() })
}

/// The metadata of a header, without a check of its tensors.
pub(super) fn metadata(header: &[u8]) -> Option<HashMap<String, String>> {
    #[derive(serde::Deserialize)]
    struct Json {
        #[serde(rename = "__metadata__")]
        metadata: HashMap<String, String>,
    }
    serde_json::from_slice(header).ok().map(|Json { metadata }| metadata)
}

/// The offset of the data, and its tensors.
fn parse_header(name: &str, bytes: &[u8]) -> Result<(usize, Metadata), CheckpointError> {
    let file = || name.to_owned();
    let found = bytes.len() as u64;
    let cut_off = |expected| CheckpointError::Length { file: file(), expected, found };

    if bytes.starts_with(b"version https://git-lfs") {
        let reason = "it is a Git LFS pointer instead of the file; run `git lfs pull`".into();
        return Err(CheckpointError::Header { file: file(), reason });
    }
    let length = *bytes.first_chunk::<LENGTH_BYTES>().ok_or_else(|| cut_off(LENGTH_BYTES as u128))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(CheckpointError::HeaderSize { file: file(), found: length, limit: MAX_HEADER_BYTES });
    }
    let data = LENGTH_BYTES + length as usize;
    let header = bytes.get(LENGTH_BYTES..data).ok_or_else(|| cut_off(data as u128))?;
    let invalid = |error: serde_json::Error| CheckpointError::Header { file: file(), reason: error.to_string() };
    // The library keeps the last of several tensors with the same name.
    let _: UniqueNames = serde_json::from_slice(header).map_err(invalid)?;
    let metadata: Metadata = serde_json::from_slice(header).map_err(invalid)?;
    let expected = data as u128 + metadata.data_len() as u128;
    if expected != u128::from(found) {
        return Err(cut_off(expected));
    }
    Ok((data, metadata))
}

/// An object in which each name occurs once.
struct UniqueNames;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = UniqueNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UniqueNames, A::Error> {
                let mut names: HashSet<String> = HashSet::new();
                while let Some(name) = map.next_key()? {
                    map.next_value::<IgnoredAny>()?;
                    if let Some(twice) = names.replace(name) {
                        return Err(A::Error::custom(format!("it has `{twice}` twice")));
                    }
                }
                Ok(UniqueNames)
            }
        }
        deserializer.deserialize_map(Names)
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
    fn a_valid_header_is_read() {
        let (data, metadata) = parse_header("w", &file_with(TWO, &[0; 11])).unwrap();
        assert_eq!((data, metadata.data_len()), (8 + TWO.len(), 11));
    }

    #[test]
    fn a_file_of_another_length_is_an_error_with_both_lengths() {
        let whole = file_with(TWO, &[0; 11]);
        for length in 0..whole.len() {
            let message = refusal(&whole[..length]);
            assert!(message.contains("half copied") && message.contains(&format!("but has {length}.")), "{message}");
        }
        assert!(refusal(&[whole, vec![0]].concat()).contains("half copied"));
    }

    #[test]
    fn a_header_that_contradicts_the_file_is_an_error() {
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
            (
                r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
                "it has `a` twice",
            ),
            (r#"{"a":{"dtype":"F32","dtype":"I32","shape":[3],"data_offsets":[0,12]}}"#, "duplicate field `dtype`"),
            (r#"{"__metadata__":{},"\u005f_metadata__":{}}"#, "it has `__metadata__` twice"),
            ("[]", "sequence"),
            ("", "EOF"),
            ("\u{fffd}", "expected value"),
        ] {
            let message = refusal(&file_with(header, &[0; 12]));
            assert!(message.contains(complaint), "{header}: {message}");
        }
    }

    #[test]
    fn a_huge_header_is_refused_before_it_is_parsed() {
        let message = refusal(&[&100_000_000u64.to_le_bytes()[..], b"{"].concat());
        assert!(message.contains("header would have 100000000 bytes"), "{message}");
        assert!(refusal(&[0xff; 64]).contains("neither a safetensors file"));
        assert!(refusal(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n").contains("git lfs pull"));
    }
}
