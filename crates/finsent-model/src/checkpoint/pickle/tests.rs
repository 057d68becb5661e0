//! Files of torch.save: those that torch wrote, in `tests/golden/pickles`, and those that it would not write.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zip::write::SimpleFileOptions;

use super::tensors;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::shard::{self, Shard};
use crate::model_files::ModelFile;

const MAGIC: &[u8] = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.";
const VERSION: &[u8] = b"\x80\x02M\xe9\x03.";
const SYSTEM: &[u8] = b"\x80\x02}.";

const CONTAINERS: [&str; 4] = ["tiny.bin", "tiny.legacy.bin", "tiny.protocol4.bin", "tiny.big_endian.bin"];

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/pickles").join(name)
}

fn open(bytes: &[u8]) -> Result<Shard, CheckpointError> {
    shard::table("pytorch_model.bin", bytes).map(|table| Shard::from_bytes(bytes.to_vec().leak(), table.tensors))
}

#[track_caller]
fn assert_refused(bytes: &[u8], part: &str) {
    let message = tensors(bytes).unwrap_err().to_string();
    assert!(message.contains(part), "expected {part:?} in: {message}");
}

/// A legacy file with this pickle of weights, and storages of bytes.
fn legacy(weights: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = [MAGIC, VERSION, SYSTEM, weights, b"\x80\x02]("].concat();
    for (key, _) in storages {
        file.extend(text(key));
    }
    file.extend(b"e.");
    for (_, numbers) in storages {
        file.extend((numbers.len() as u64).to_le_bytes());
        file.extend(*numbers);
    }
    file
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn number(number: u64) -> Vec<u8> {
    [b"\x8a\x09".as_slice(), &number.to_le_bytes(), b"\0"].concat()
}

fn tuple(numbers: &[u64]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().copied().flat_map(number).collect(), b"t".to_vec()].concat()
}

/// The pickle of a dict with one tensor `a` of bytes. `view` is the pickle of the last item of the persistent id.
fn one_tensor(numbers: u64, view: &[u8], offset: u64, shape: &[u64], strides: &[u64]) -> Vec<u8> {
    let name = [b"(".to_vec(), text("storage"), b"ctorch\nByteStorage\n".to_vec(), text("7"), b"N".to_vec()].concat();
    let storage = [name.as_slice(), &number(numbers), view].concat();
    [
        b"\x80\x02}".as_slice(),
        &text("a"),
        b"ctorch._utils\n_rebuild_tensor_v2\n(",
        &storage,
        b"tQ",
        &number(offset),
        &tuple(shape),
        &tuple(strides),
        b"\x89NtRs.",
    ]
    .concat()
}

fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, contents) in entries {
        writer.start_file(*name, stored).unwrap();
        writer.write_all(contents).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[derive(Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<usize>,
    values: Vec<f64>,
}

#[test]
fn every_container_has_the_numbers_that_torch_reads() {
    let described: BTreeMap<String, Described> =
        serde_json::from_slice(&fs::read(reference("tiny.json")).unwrap()).unwrap();
    for container in CONTAINERS {
        let shard = Shard::open(&ModelFile::Disk(reference(container))).unwrap();
        assert_eq!(shard.names().count(), described.len(), "{container}");
        for (name, Described { dtype, shape, values }) in &described {
            let tensor = shard.tensor(name).unwrap();
            assert_eq!((tensor.shape(), tensor.file().ends_with(container)), (shape.as_slice(), true), "{name}");
            let short = dtype.replace("float", "f").replace("uint", "u").replace("int", "i");
            assert_eq!(tensor.dtype().to_string().to_lowercase(), short, "{container}: {name}");
            if ["float32", "float16", "bfloat16", "int8"].contains(&dtype.as_str()) {
                let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
                assert_eq!(tensor.to_f32(), values, "{container}: {name}");
            }
        }
    }
}

#[test]
fn tensors_of_any_layout_are_read_as_bytes() {
    for container in CONTAINERS {
        let shard = Shard::open(&ModelFile::Disk(reference(container))).unwrap();
        shard.tensor("i8").unwrap().with_bytes(0..2, |bytes| assert_eq!(bytes, [0x81, 5]));
        shard.tensor("transposed").unwrap().with_bytes(1..2, |bytes| assert_eq!(bytes, 4f32.to_le_bytes()));
    }
}

#[test]
fn a_file_truncated_anywhere_is_an_error_that_says_so() {
    for container in CONTAINERS {
        let whole = fs::read(reference(container)).unwrap();
        for length in 0..whole.len() {
            let message = open(&whole[..length]).unwrap_err().to_string();
            assert!(message.contains("damaged or half copied"), "{container} of {length} bytes: {message}");
        }
    }
}

#[test]
fn a_file_changed_anywhere_is_refused_or_its_tensors_are_within_it() {
    let mut state = 1u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for container in CONTAINERS {
        let whole = fs::read(reference(container)).unwrap();
        for _ in 0..4_000 {
            let mut changed = whole.clone();
            for _ in 0..1 + random(3) {
                let at = random(changed.len());
                changed[at] = if random(2) == 0 { random(256) as u8 } else { changed[at].wrapping_add(1) };
            }
            let Ok(tensors) = tensors(&changed) else { continue };
            let shard = Shard::from_bytes(changed.leak(), tensors);
            for name in shard.names() {
                let tensor = shard.tensor(name).unwrap();
                tensor.with_bytes(0..tensor.shape().iter().product(), |_| ());
            }
        }
    }
}

#[derive(Deserialize)]
struct Exploits {
    marker: String,
    exploits: Vec<Exploit>,
}

#[derive(Deserialize)]
struct Exploit {
    name: String,
    class: Option<String>,
    pickle: String,
}

#[test]
fn an_exploit_is_refused_with_the_name_of_what_it_asks_for_and_is_not_run() {
    let Exploits { marker, exploits } = serde_json::from_slice(&fs::read(reference("exploits.json")).unwrap()).unwrap();
    assert!(exploits.len() > 30);
    for Exploit { name, class, pickle } in exploits {
        let pickle: Vec<u8> =
            (0..pickle.len()).step_by(2).map(|at| u8::from_str_radix(&pickle[at..at + 2], 16).unwrap()).collect();
        let valid: [&[u8]; 5] = [MAGIC, VERSION, SYSTEM, b"\x80\x02}.", b"\x80\x02]."];
        let legacy = (0..5).map(|place| {
            let mut pickles = valid;
            pickles[place] = &pickle;
            pickles.concat()
        });
        let archive = archive(&[("archive/data.pkl", &pickle), ("archive/data/0", &[0; 4])]);
        for (place, file) in legacy.chain([archive]).enumerate() {
            // A legacy file is recognized by its first pickle, which has to begin with its protocol.
            if place == 0 && !pickle.starts_with(b"\x80") {
                assert!(!super::is_torch_file(&file), "{name}");
            }
            let message = open(&file).unwrap_err().to_string();
            let is_named = match &class {
                Some(class) => message.contains(&format!("asks for `{class}`")),
                None => message.contains("the pickle instruction 0x"),
            };
            let is_refused = is_named && message.contains("Nothing in it was run");
            let is_unknown_container =
                place == 0 && message.contains("neither a safetensors file nor one of torch.save");
            assert!(is_refused || is_unknown_container, "{name} at {place}: {message}");
            assert!(!Path::new(&marker).exists() && !std::env::temp_dir().join(&marker).exists(), "{name} was run");
        }
    }
}

#[test]
fn in_legacy_files_a_storage_can_be_a_part_of_another() {
    let bytes: Vec<u8> = (0..10).collect();
    let view = |first, len| [b"(".to_vec(), text("9"), number(first), number(len), b"t".to_vec()].concat();
    let file = |view: &[u8]| legacy(&one_tensor(10, view, 1, &[2, 2], &[1, 2]), &[("7", &bytes)]);
    let shard = open(&file(&view(3, 6))).unwrap();
    shard.tensor("a").unwrap().with_bytes(0..4, |bytes| assert_eq!(bytes, [4, 6, 5, 7]));
    let shard = open(&file(b"N")).unwrap();
    shard.tensor("a").unwrap().with_bytes(0..4, |bytes| assert_eq!(bytes, [1, 3, 2, 4]));
    assert_refused(&file(&view(3, 4)), "is not within its storage `7` of 4 numbers");
    assert_refused(&file(&view(8, 3)), "the persistent id of a storage");
    assert_refused(&file(&view(u64::MAX, 3)), "the persistent id of a storage");
    assert_refused(&file(b"K\x01"), "the persistent id of a storage");
}

#[test]
fn a_tensor_outside_its_storage_is_refused() {
    const HUGE: u64 = i64::MAX as u64;
    for (offset, shape, strides, part) in [
        (0, &[3, 4][..], &[4, 1][..], "the tensor `a` is not within its storage `7` of 10 numbers"),
        (1, &[10], &[1], "is not within"),
        (HUGE, &[1], &[1], "is not within"),
        (u64::MAX, &[1], &[1], "is not within"),
        (0, &[2], &[HUGE], "is not within"),
        (0, &[3, 3], &[HUGE, HUGE], "is not within"),
        (0, &[HUGE], &[0], "more numbers than the file has bytes"),
        (0, &[HUGE, HUGE], &[0, 0], "more numbers than the file has bytes"),
        (0, &[1 << 20], &[0], "more numbers than the file has bytes"),
        (0, &[0, HUGE, HUGE], &[0, 0, 0], "more numbers than the file has bytes"),
        (0, &[2], &[1, 1], "1 axes and 2 strides"),
        (0, &[1; 9], &[1; 9], "has 9 axes"),
    ] {
        assert_refused(&legacy(&one_tensor(10, b"N", offset, shape, strides), &[("7", &[0; 10])]), part);
    }
    let file = |numbers| legacy(&one_tensor(numbers, b"N", 0, &[1], &[1]), &[("7", &[0; 10])]);
    for numbers in [9, 11, HUGE, u64::MAX] {
        assert_refused(&file(numbers), "but has 10");
    }
    assert!(tensors(&legacy(&one_tensor(10, b"N", 0, &[1], &[1]), &[])).is_err(), "the storage is missing");
    assert_refused(&legacy(&one_tensor(10, b"N", 0, &[1], &[1]), &[("8", &[0; 10])]), "keys of the storages");
    // A negative number in the shape.
    let negative = one_tensor(10, b"N", 0, &[1], &[1]);
    let at = negative.windows(11).rposition(|window| window == number(1)).unwrap();
    let negative = [&negative[..at], b"J\xff\xff\xff\xff", &negative[at + 11..]].concat();
    assert_refused(&legacy(&negative, &[("7", &[0; 10])]), "has a shape that does not consist of numbers");
}

#[test]
fn a_small_file_takes_little_time() {
    // Names and keys of a megabyte; the first one is used a thousand times.
    let long = "x".repeat(1 << 20);
    let named = [b"\x80\x02}(".as_slice(), &text(&long), b"q\x00N", &b"h\x00N".repeat(1_000), b"u."].concat();
    assert!(tensors(&legacy(&named, &[])).is_ok(), "the name belongs to no tensor");
    let key = [b"\x80\x02".as_slice(), b"(", &text("storage"), b"ctorch\nByteStorage\n", &text(&long), b"NK\x01tQ."];
    assert_refused(&legacy(&key.concat(), &[]), "the persistent id of a storage");
    let tensor = one_tensor(1, b"N", 0, &[], &[]);
    let named = [b"\x80\x02}".as_slice(), &text(&long), &tensor[9..]].concat();
    assert_refused(&legacy(&named, &[("7", &[0])]), "has a name of 1048576 bytes");
}

#[test]
fn an_archive_that_torch_did_not_write_is_refused() {
    let empty = b"\x80\x02}.".as_slice();
    for (entries, part) in [
        (&[("archive/other", empty)][..], "none of its folders has a data.pkl"),
        (&[("data.pkl", empty)], "none of its folders has a data.pkl"),
        (&[("a/b/data.pkl", empty)], "none of its folders has a data.pkl"),
        (&[("a/data.pkl", empty), ("b/data.pkl", empty)], "2 of its folders have a data.pkl"),
        (&[("a/data.pkl", empty), ("a/byteorder", b"middle")], "its byte order is `middle`"),
        (&[("a/data.pkl", b"\x80\x02]."), ("a/byteorder", b"big")], "expected a dict of tensors"),
        (&[("a/data.pkl", &empty[..2])], "damaged or half copied"),
        (&[("a/data.pkl", &one_tensor(4, b"", 0, &[4], &[1]))], "storage `7`, which is not in the file"),
        (&[("a/data.pkl", &one_tensor(4, b"", 0, &[4], &[1])), ("a/data/7", b"123")], "but the storage has 3 bytes"),
        (&[("a/data.pkl", &one_tensor(4, b"", 0, &[4], &[1])), ("b/data/7", b"1234")], "storage `7`, which is not"),
    ] {
        assert_refused(&archive(entries), part);
    }
    assert_eq!(tensors(&archive(&[("any name/data.pkl", empty)])).unwrap().len(), 0);
}

#[test]
fn an_entry_that_is_compressed_or_outside_the_file_is_refused() {
    let valid = archive(&[("a/data.pkl", b"\x80\x02}.")]);
    let directory = valid.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = valid.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    assert_refused(&with(directory + 10, &[8, 0]), "compressed or encrypted");
    assert_refused(&with(directory + 8, &[1, 0]), "compressed or encrypted");
    assert_refused(&with(directory + 24, &[0xff, 0xff, 0, 0]), "damaged or half copied");
    assert_refused(&with(directory + 20, &[0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0]), "is not within the file");
    assert_refused(&with(directory + 42, &[0xff, 0xff, 0, 0]), "damaged or half copied");
}

#[test]
fn a_file_that_torch_did_not_write_is_refused() {
    assert_refused(&[MAGIC, b"\x80\x02K\x07."].concat(), "expected version 1001 of the format");
    assert_refused(b"\x80\x02}q\x00.", "expected the magic number of torch.save at byte 0, found a dict");
    // A safetensors file with a header of 640 bytes.
    assert!(!super::is_torch_file(b"\x80\x02\0\0\0\0\0\0{"));
}
