//! Folders of parts as one input.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::finsent::{Run, assert_fails, parse_csv, parse_json_lines, run};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match name.ends_with(".parquet") {
            true => write_parquet(&path, content),
            false => fs::write(path, content).unwrap(),
        }
    }
    dir
}

/// A Parquet file with one column `text`.
fn write_parquet(path: &Path, text: &str) {
    let schema = Arc::new(parse_message_type("message row { required binary text (utf8); }").unwrap());
    let file = File::create(path).unwrap();
    let mut file = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&[ByteArray::from(text)], None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.close().unwrap();
}

fn classify(dir: &Path, input: &str, args: &[&str]) -> Run {
    run(&[&["classify", "--input", dir.join(input).to_str().unwrap()], args].concat())
}

fn values(run: &Run, field: &str) -> Vec<serde_json::Value> {
    parse_json_lines(&run.stdout).iter().map(|row| row[field].clone()).collect()
}

#[test]
fn parts_are_read_in_order_and_other_files_are_left_out() {
    let dir = folder(&[
        ("news.parquet/part-1.parquet", "Loss widened"),
        ("news.parquet/part-0.parquet", "Profit rose"),
        ("news.parquet/_SUCCESS", ""),
        ("news.parquet/.part-0.parquet.crc", "crc"),
    ]);
    let run = classify(dir.path(), "news.parquet", &[]);
    assert_eq!(
        (run.code, values(&run, "text")),
        (Some(0), vec!["Profit rose".into(), "Loss widened".into()]),
        "{run:?}"
    );
}

#[test]
fn partitions_are_columns() {
    let dir = folder(&[
        ("n/date=2026-03-09/src=A%2FB/p.csv", "text\nProfit rose\n"),
        ("n/date=2026-03-10/src=__HIVE_DEFAULT_PARTITION__/p.csv", "text\nLoss widened\n"),
        ("n/date=2026-03-11/src=C/empty.csv", ""),
    ]);
    let run = classify(dir.path(), "n", &[]);
    assert_eq!(values(&run, "date"), ["2026-03-09", "2026-03-10"], "{run:?}");
    assert_eq!(values(&run, "src"), ["A/B".into(), serde_json::Value::Null]);
    let csv = classify(dir.path(), "n", &["--format", "csv"]);
    assert_eq!(parse_csv(&csv.stdout).0[..3], ["text", "date", "src"]);
    let summary = dir.path().join("s.csv");
    let grouped = ["--group-by", "date", "--summary", summary.to_str().unwrap()];
    assert_eq!(classify(dir.path(), "n", &grouped).code, Some(0));
    assert_eq!(parse_csv(&fs::read_to_string(summary).unwrap()).1.len(), 2);
}

#[test]
fn partitions_of_parquet_files_are_columns_of_the_output() {
    let dir =
        folder(&[("n/date=2026-03-09/p.parquet", "Profit rose"), ("n/date=2026-03-10/p.parquet", "Loss widened")]);
    let output = dir.path().join("out.parquet");
    let run = classify(dir.path(), "n", &["--output", output.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let file = SerializedFileReader::new(File::open(output).unwrap()).unwrap();
    let rows: Vec<String> = file.get_row_iter(None).unwrap().map(|row| row.unwrap().to_string()).collect();
    assert!(rows[0].starts_with("{text: \"Profit rose\", date: \"2026-03-09\", label: \"positive\""), "{rows:?}");
    assert!(rows[1].starts_with("{text: \"Loss widened\", date: \"2026-03-10\""), "{rows:?}");
}

#[test]
fn what_is_not_one_data_set_is_refused_by_name() {
    for (files, parts) in [
        (
            &[("n/a.csv", "text\nUp\n"), ("n/b.jsonl", "{\"text\":\"Up\"}\n")][..],
            &["a.csv", "b.jsonl", "different formats"][..],
        ),
        (&[("n/a.csv", "text\nUp\n"), ("n/README", "words")], &["README", "cannot tell the format", "*.csv"]),
        (&[("n/x=1/a.csv", "text\nUp\n"), ("n/b.csv", "text\nUp\n")], &["b.csv", "partitions"]),
        (&[("n/text=1/a.csv", "text\nUp\n")], &["column `text` of its own"]),
        (&[("n/a.parquet", "Up"), ("n/_delta_log/0.json", "{}")], &["Delta Lake"]),
    ] {
        let dir = folder(files);
        assert_fails(&classify(dir.path(), "n", &[]), 2, parts);
    }
    let empty = folder(&[("n/_SUCCESS", "")]);
    assert_fails(&classify(empty.path(), "n", &[]), 2, &["holds no files with rows"]);
}

#[test]
fn an_output_in_a_folder_that_is_read_is_refused() {
    let dir = folder(&[("n/a.csv", "text\nUp\n"), ("n/sub/b.csv", "text\nDown\n")]);
    std::os::unix::fs::symlink("n/sub", dir.path().join("link")).unwrap();
    for output in ["n/out.csv", "n/sub/out.csv", "link/out.csv"] {
        let run = classify(dir.path(), "n", &["--output", dir.path().join(output).to_str().unwrap()]);
        assert_fails(&run, 2, &["is in the folder", "write to another folder"]);
    }
    let existing = classify(dir.path(), "n", &["--output", dir.path().join("n/a.csv").to_str().unwrap()]);
    assert_fails(&existing, 2, &["a.csv"]);
    assert_eq!(fs::read_to_string(dir.path().join("n/a.csv")).unwrap(), "text\nUp\n");
}

#[test]
fn eval_reads_a_folder() {
    let dir = folder(&[
        ("n/label=positive/a.csv", "text\nProfit rose\n"),
        ("n/label=negative/b.csv", "text\nLoss widened\n"),
    ]);
    let folder = dir.path().join("n");
    let run = run(&["eval", folder.to_str().unwrap(), "--precisions", "int8"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}
