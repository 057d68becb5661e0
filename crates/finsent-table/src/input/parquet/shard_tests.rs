//! What the shards of Parquet files read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;

use crate::input::{ColumnChoice, Input, Reading, Shard};
use crate::parquet::{BYTES_READ, ParquetFile};

const GROUPS: usize = 8;
const ROWS: usize = 500;
const TEXT_BYTES: usize = 400;
/// What a buffered reader takes beyond what it is asked for, for each of two columns.
const BEYOND: u64 = 2 * 8192;

/// A file of row groups of 200 kB: strings of many different letters, and their numbers.
fn write(path: &Path, groups: usize) {
    let schema = "message row { required int32 number; required binary text (utf8); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_dictionary_enabled(false).build();
    let file = std::fs::File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for group in 0..groups {
        let numbers: Vec<i32> = (0..ROWS).map(|row| (group * ROWS + row) as i32).collect();
        let letters = |number: i32| (0..TEXT_BYTES as i32).map(move |at| b'a' + ((number * 31 + at * 7) % 26) as u8);
        let texts: Vec<ByteArray> = numbers.iter().map(|&number| letters(number).collect::<Vec<u8>>().into()).collect();
        let mut to = file.next_row_group().unwrap();
        let mut column = to.next_column().unwrap().unwrap();
        column.typed::<Int32Type>().write_batch(&numbers, None, None).unwrap();
        column.close().unwrap();
        let mut column = to.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&texts, None, None).unwrap();
        column.close().unwrap();
        to.close().unwrap();
    }
    file.close().unwrap();
}

/// The numbers of a shard's rows, and the bytes that were read for them: once to count the rows, and once to read its own.
fn read(paths: &[PathBuf], shard: Shard) -> (Vec<String>, u64) {
    let columns = ColumnChoice { text: Some("text".into()), ..ColumnChoice::default() };
    let reading = Reading { columns, ..Reading::default() };
    let before = BYTES_READ.get();
    let all = Input::files(paths, &reading).unwrap().rows.count_rows().unwrap();
    let mut rows = Input::files(paths, &reading).unwrap().only(shard, all).rows;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next_row().unwrap() {
        numbers.push(row.cell("number").unwrap());
    }
    (numbers, BYTES_READ.get() - before)
}

/// The bytes that opening files reads.
fn bytes_to_open(paths: &[PathBuf]) -> u64 {
    let before = BYTES_READ.get();
    paths.iter().for_each(|path| drop(ParquetFile::open(path).unwrap()));
    BYTES_READ.get() - before
}

fn shards(count: usize) -> impl Iterator<Item = Shard> {
    (0..count).map(move |index| format!("{index}/{count}").parse().unwrap())
}

#[test]
fn a_shard_reads_only_the_row_groups_that_hold_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("news.parquet");
    write(&path, GROUPS);
    let group = ParquetFile::open(&path).unwrap().group(0).unwrap().bytes();
    let paths = [path];
    let footers = 2 * bytes_to_open(&paths);
    assert!(group > 4 * (footers + BEYOND), "the groups are too small to tell: {group}, {footers}");

    // Each shard is a row group; each is two; three shards share groups at their ends.
    for (count, groups) in [(GROUPS, 1), (GROUPS / 2, 2), (3, 4)] {
        let read: Vec<_> = shards(count).map(|shard| read(&paths, shard)).collect();
        for (_, bytes) in &read {
            assert!(*bytes <= groups * (group + BEYOND) + footers, "{bytes} of {groups} groups of {group}");
        }
        let numbers: Vec<String> = read.into_iter().flat_map(|(numbers, _)| numbers).collect();
        assert_eq!(numbers, (0..GROUPS * ROWS).map(|row| row.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn of_the_files_without_its_rows_a_shard_reads_the_ends_only() {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..4).map(|file| dir.path().join(format!("{file}.parquet"))).collect();
    paths.iter().for_each(|path| write(path, 1));
    let group = ParquetFile::open(&paths[0]).unwrap().group(0).unwrap().bytes();
    // They are opened to learn their columns, and again to count and to skip their rows.
    let footers = 4 * bytes_to_open(&paths);
    for shard in shards(4) {
        let (numbers, bytes) = read(&paths, shard);
        assert_eq!(numbers.len(), ROWS);
        assert!(bytes <= group + BEYOND + footers, "{bytes} of a group of {group}");
    }
}
