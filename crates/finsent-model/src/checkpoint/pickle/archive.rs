//! The container since torch 1.6: a zip archive with one folder, which has the pickle, each storage as an entry, and
//! their byte order. The entries are not compressed, so that numbers can be read in place.

use std::collections::HashMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use zip::read::{ArchiveOffset, Config};
use zip::{CompressionMethod, ZipArchive};

use super::error::{PickleError, printable};
use super::machine::load;
use super::torch_file::TorchFile;
use crate::checkpoint::layout::ByteOrder;

/// The most bytes of the archive's directory. That of BERT-large has 60 kB. The limit bounds memory.
const MAX_DIRECTORY_BYTES: usize = 4 << 20;

pub(super) fn read(bytes: &[u8]) -> Result<TorchFile<'_>, PickleError> {
    let mut entries = entries(bytes)?;
    let folder = folder(&entries)?;
    let pickle = entries.remove(&format!("{folder}data.pkl")).expect("the folder has the pickle");
    let order = match entries.remove(&format!("{folder}byteorder")).map(|entry| &bytes[entry]) {
        None | Some(b"little") => ByteOrder::Little,
        Some(b"big") => ByteOrder::Big,
        Some(other) => {
            let other = printable(&String::from_utf8_lossy(&other[..other.len().min(100)]));
            return Err(PickleError::Archive(format!("its byte order is `{other}`; expected `little` or `big`")));
        }
    };
    let prefix = format!("{folder}data/");
    let storage = |(name, entry): (String, Range<usize>)| Some((name.strip_prefix(&prefix)?.to_owned(), entry));
    let storages = entries.into_iter().filter_map(storage).collect();
    Ok(TorchFile { weights: load(&bytes[..pickle.end], pickle.start)?, storages, order })
}

/// The folder of the pickle; `archive/` or another name.
fn folder(entries: &HashMap<String, Range<usize>>) -> Result<String, PickleError> {
    let folder = |name: &String| {
        let folder = name.strip_suffix("data.pkl")?;
        folder.find('/').is_some_and(|at| at + 1 == folder.len()).then(|| folder.to_owned())
    };
    let folders: Vec<String> = entries.keys().filter_map(folder).collect();
    match folders.as_slice() {
        [folder] => Ok(folder.clone()),
        [] => Err(PickleError::Archive("none of its folders has a data.pkl".into())),
        _ => Err(PickleError::Archive(format!("{} of its folders have a data.pkl", folders.len()))),
    }
}

/// The bytes of each entry in the file.
fn entries(bytes: &[u8]) -> Result<HashMap<String, Range<usize>>, PickleError> {
    let damaged =
        |reason: String| PickleError::Damaged(format!("the directory of the zip archive is not valid ({reason})"));
    let reader = LimitedReader { bytes: Cursor::new(bytes), left: MAX_DIRECTORY_BYTES };
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, reader).map_err(|error| damaged(error.to_string()))?;
    if archive.has_duplicate_names() {
        return Err(PickleError::Archive("two entries have the same name".into()));
    }
    let mut entries = HashMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| damaged(error.to_string()))?;
        let name = entry.name().map_err(|error| damaged(error.to_string()))?.into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            let reason = format!("the entry `{}` is compressed or encrypted", printable(&name));
            return Err(PickleError::Archive(reason));
        }
        let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
        let len = Some(entry.size()).filter(|&size| size == entry.compressed_size());
        let end = start.zip(len).and_then(|(start, len)| start.checked_add(usize::try_from(len).ok()?));
        match start.zip(end) {
            Some((start, end)) if end <= bytes.len() => entries.insert(name, start..end),
            _ => return Err(damaged(format!("the entry `{}` is not within the file", printable(&name)))),
        };
    }
    Ok(entries)
}

/// A reader that fails after a number of bytes.
struct LimitedReader<'a> {
    bytes: Cursor<&'a [u8]>,
    left: usize,
}

impl Read for LimitedReader<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(to)?;
        self.left = self
            .left
            .checked_sub(read)
            .ok_or_else(|| io::Error::other(format!("it is longer than {MAX_DIRECTORY_BYTES} bytes")))?;
        Ok(read)
    }
}

impl Seek for LimitedReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}
