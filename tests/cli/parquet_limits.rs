//! Small Parquet files that would take gigabytes, and damage in columns that are copied.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::finsent::{FINSENT, Run, assert_fails, run};

const SCHEMA: &str = "message row {
    required binary text (utf8);
    optional group tags (list) { repeated group list { optional int32 element; } }
}";

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A field of a Thrift struct: a 32-bit integer whose id is one more than that of the field before.
fn integer(value: u32) -> Vec<u8> {
    [vec![0x15], varint(2 * u64::from(value))].concat()
}

/// A header of a page of this type, with the fields of its part `part` and a body.
fn page(page_type: u32, part: u8, fields: &[u32], body: &[u8]) -> Vec<u8> {
    let size = integer(body.len() as u32);
    let fields: Vec<u8> = fields.iter().flat_map(|&field| integer(field)).collect();
    // The part is a struct, whose id is so many more than that of the size.
    [&integer(page_type)[..], &size, &size, &[(part - 3) << 4 | 12], &fields[..], &[0, 0], body].concat()
}

/// A run of the same level.
fn run_of(level: u8, count: u32) -> Vec<u8> {
    [varint(u64::from(count) << 1), vec![level]].concat()
}

fn with_length(levels: &[u8]) -> Vec<u8> {
    [&(levels.len() as u32).to_le_bytes(), levels].concat()
}

/// The pages of the column `tags`: a list of as many zeros in the only row.
fn zeros(count: u32) -> Vec<u8> {
    let dictionary = page(2, 7, &[1, 0], &[0, 0, 0, 0]);
    let repetition = with_length(&[run_of(0, 1), run_of(1, count - 1)].concat());
    let definition = with_length(&run_of(3, count));
    // Numbers of the dictionary, of one bit each.
    let values = [vec![1], run_of(0, count)].concat();
    let body = [repetition, definition, values].concat();
    [dictionary, page(0, 5, &[count, Encoding::RLE_DICTIONARY as u32, 3, 3], &body)].concat()
}

/// A file of one row, whose column `tags` has these pages and this number of values.
fn file(dir: &Path, tags: Vec<u8>, values: u32) -> String {
    let path = dir.join("rows.parquet");
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut file = SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties).unwrap();
    let descriptor = file.schema_descr().column(1);
    let mut group = file.next_row_group().unwrap();
    let mut text = group.next_column().unwrap().unwrap();
    text.typed::<ByteArrayType>().write_batch(&[ByteArray::from("Profit rose")], None, None).unwrap();
    text.close().unwrap();
    let dictionary_bytes = page(2, 7, &[1, 0], &[0, 0, 0, 0]).len() as i64;
    let metadata = ColumnChunkMetaData::builder(descriptor)
        .set_encodings(vec![Encoding::PLAIN, Encoding::RLE_DICTIONARY])
        .set_compression(Compression::UNCOMPRESSED)
        .set_num_values(values.into())
        .set_total_compressed_size(tags.len() as i64)
        .set_total_uncompressed_size(tags.len() as i64)
        .set_dictionary_page_offset(Some(0))
        .set_data_page_offset(dictionary_bytes)
        .build()
        .unwrap();
    let close = ColumnCloseResult {
        bytes_written: tags.len() as u64,
        rows_written: 1,
        metadata,
        bloom_filter: None,
        column_index: None,
        offset_index: None,
    };
    let pages = dir.join("pages");
    fs::write(&pages, tags).unwrap();
    group.append_column(&File::open(&pages).unwrap(), close).unwrap();
    fs::remove_file(pages).unwrap();
    group.close().unwrap();
    file.close().unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Runs with two gigabytes of address space, of which a run without such a file takes about one.
fn bounded(input: &str, args: &str) -> Run {
    let script =
        format!("ulimit -v 2000000; exec \"$0\" classify --threads 1 --input '{input}' --text-column text {args}");
    FINSENT.shell(&script).output().unwrap().into()
}

#[test]
fn a_short_list_is_read_and_copied() {
    let dir = tempfile::tempdir().unwrap();
    let input = file(dir.path(), zeros(3), 3);
    let json = bounded(&input, "--format jsonl");
    assert!(json.code == Some(0) && json.stdout.contains(r#""tags":[0,0,0]"#), "{json:?}");
    let output = dir.path().join("out.parquet");
    assert_eq!(bounded(&input, &format!("--output {}", output.display())).code, Some(0));
    let again = bounded(output.to_str().unwrap(), "--format jsonl");
    assert!(again.stdout.contains(r#""tags":[0,0,0]"#), "{again:?}");
}

#[test]
fn a_list_of_150_million_values_is_an_error_in_bounded_memory() {
    let dir = tempfile::tempdir().unwrap();
    for count in [150_000_000, 60_000_000] {
        let input = file(dir.path(), zeros(count), count);
        assert!(fs::metadata(&input).unwrap().len() < 1000);
        let output = dir.path().join("out.parquet");
        for args in [
            "--format jsonl".to_owned(),
            "--format csv".into(),
            format!("--output {}", output.display()),
            format!("--output {} --group-by tags", dir.path().join("out.txt").display()),
            format!("--output {} --granularity sentence", output.display()),
        ] {
            assert_fails(&bounded(&input, &args), 1, &["rows.parquet", "values"]);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn damage_in_a_copied_column_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("out.parquet");
    let copy = |pages: Vec<u8>, values: u32| {
        let input = file(dir.path(), pages, values);
        run(&["classify", "--quiet", "--input", &input, "--output", output.to_str().unwrap()])
    };
    assert_eq!(copy(zeros(3), 3).code, Some(0));
    fs::remove_file(&output).unwrap();
    let dictionary = page(2, 7, &[1, 0], &[0, 0, 0, 0]);
    let body = |index: u8| {
        let repetition = with_length(&[run_of(0, 1), run_of(1, 2)].concat());
        [repetition, with_length(&run_of(3, 3)), vec![1], run_of(index, 3)].concat()
    };
    let with_sizes = |compressed: u32, decompressed: u32| {
        let head = [integer(0), integer(decompressed), integer(compressed), vec![0x2c]].concat();
        let fields = [3, Encoding::RLE_DICTIONARY as u32, 3, 3].into_iter().flat_map(integer).collect();
        [dictionary.clone(), head, fields, vec![0, 0], body(0)].concat()
    };
    let size = body(0).len() as u32;
    assert_eq!(copy(with_sizes(size, size), 3).code, Some(0));
    fs::remove_file(&output).unwrap();
    let data = |body: &[u8], values: u32| page(0, 5, &[values, Encoding::RLE_DICTIONARY as u32, 3, 3], body);
    let nulls = {
        let repetition = with_length(&[run_of(0, 1), run_of(1, 2)].concat());
        [repetition, with_length(&run_of(2, 3)), vec![1], run_of(0, 0)].concat()
    };
    for (pages, values, what) in [
        (with_sizes(size, size + 1), 3, "another length after decompression"),
        (with_sizes(size - 1, size - 1), 3, "a page that ends early"),
        (with_sizes(size + 1, size + 1), 3, "a page that is longer than its column"),
        ([dictionary.clone(), data(&body(1), 3)].concat(), 3, "a value that is not in the dictionary"),
        ([dictionary.clone(), data(&body(0), 4)].concat(), 4, "more values than levels"),
        ([dictionary.clone(), data(&body(0), 3)].concat(), 4, "another number of values in the footer"),
        ([dictionary.clone(), data(&body(0), 3), data(&body(0), 3)].concat(), 6, "more rows than the group"),
        ([data(&body(0), 3), dictionary.clone()].concat(), 3, "a dictionary after the values"),
        (data(&body(0), 3), 3, "no dictionary"),
        ([dictionary.clone(), dictionary.clone(), data(&body(0), 3)].concat(), 3, "two dictionaries"),
    ] {
        let damaged = copy(pages, values);
        assert_eq!(damaged.code, Some(1), "{what}: {damaged:?}");
        assert!(damaged.stderr.contains("rows.parquet"), "{what}: {damaged:?}");
        assert!(!output.exists(), "{what}");
    }
    assert_eq!(copy([dictionary, data(&nulls, 3)].concat(), 3).code, Some(0), "a list of nulls is not damage");
}
