//! The container before torch 1.6, which `_use_new_zipfile_serialization=False` still writes: pickles of a magic
//! number, a version, the system, the weights and the keys of the storages; then for each key the number of numbers and
//! the numbers.
//!
//! The pickle of the system has a field `little_endian`, but torch ignores it: it writes and reads numbers in
//! little-endian order on every system (`THPStorage_writeFileRaw` and `THPStorage_readFileRaw` in
//! torch/csrc/serialization.cpp).

use std::collections::HashMap;
use std::ops::Range;

use super::error::PickleError;
use super::machine::{Pickled, load};
use super::torch_file::TorchFile;
use super::values::{Storage, Value};
use crate::checkpoint::layout::ByteOrder;

const MAGIC_NUMBER: i128 = 0x1950_a86a_20f9_469c_fc6c;
const VERSION: i128 = 1001;

pub(super) fn read(bytes: &[u8]) -> Result<TorchFile<'_>, PickleError> {
    let magic = load(bytes, 0)?;
    expect(&magic, MAGIC_NUMBER, 0, "the magic number of torch.save")?;
    let version = load(bytes, magic.end)?;
    expect(&version, VERSION, magic.end, "version 1001 of the format")?;
    let system = load(bytes, version.end)?;
    let weights = load(bytes, system.end)?;
    let keys = load(bytes, weights.end)?;
    let storages = storages(bytes, &weights, &keys)?;
    Ok(TorchFile { weights, storages, order: ByteOrder::Little })
}

fn expect(pickled: &Pickled<'_>, number: i128, at: usize, expected: &'static str) -> Result<(), PickleError> {
    match pickled.values.at(pickled.root) {
        Value::Int(found) if *found == number => Ok(()),
        other => Err(other.is_not(expected, at)),
    }
}

/// The bytes of each storage in the file, by its key.
fn storages(
    bytes: &[u8],
    weights: &Pickled<'_>,
    keys: &Pickled<'_>,
) -> Result<HashMap<String, Range<usize>>, PickleError> {
    let mut named: HashMap<&str, &Storage<'_>> = HashMap::new();
    for storage in weights.values.storages() {
        named.entry(storage.key).or_insert(storage);
    }
    let list = keys.values.at(keys.root);
    let Value::List(ids) = list else { return Err(list.is_not("a list of storages", weights.end)) };
    let mut at = keys.end;
    let mut storages = HashMap::new();
    for &id in ids {
        let storage = match keys.values.at(id) {
            Value::Text(key) => named.get(key),
            _ => None,
        };
        let storage = storage.ok_or(PickleError::Unexpected {
            at: weights.end,
            expected: "the keys of the storages that the tensors use",
            found: "another key",
        })?;
        let range = numbers(bytes, at, storage)?;
        at = range.end;
        storages.insert(storage.key.to_owned(), range);
    }
    Ok(storages)
}

/// The bytes of a storage whose count is at byte `at`.
fn numbers(bytes: &[u8], at: usize, storage: &Storage<'_>) -> Result<Range<usize>, PickleError> {
    let key = storage.key;
    let truncated = || PickleError::Damaged(format!("it ends after {} bytes, within the storage `{key}`", bytes.len()));
    let count = u64::from_le_bytes(*bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(truncated)?);
    if count != storage.numbers {
        let expected = storage.numbers;
        return Err(PickleError::Damaged(format!(
            "the storage `{key}` at byte {at} should have {expected} numbers, but has {count}"
        )));
    }
    let start = at + size_of::<u64>();
    let len = storage.bytes().ok_or_else(truncated)?;
    let end = start.checked_add(len).filter(|&end| end <= bytes.len()).ok_or_else(truncated)?;
    Ok(start..end)
}
