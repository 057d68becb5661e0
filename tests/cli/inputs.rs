//! Several inputs, and patterns.

use std::fs;
use std::path::Path;

use crate::finsent::{Run, assert_fails, finsent, parse_csv, parse_json_lines, run, run_with_input, write_file};

/// Classifies these files of `dir`; `args` are more arguments.
fn run_in(dir: &Path, inputs: &[&str], args: &[&str]) -> Run {
    let mut command = finsent(&["classify"]);
    command.current_dir(dir).args(inputs.iter().flat_map(|input| ["--input", input])).args(args);
    command.output().unwrap().into()
}

fn texts(run: &Run) -> Vec<String> {
    let text = |row: &serde_json::Value| row.get("text").or(row.get("headline")).unwrap().as_str().unwrap().to_owned();
    parse_json_lines(&run.stdout).iter().map(text).collect()
}

/// Files of each format.
fn mixed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_file(dir.path(), "b.csv", "id,text\n1,Profit rose\n2,\"Loss\nfell\"\n");
    write_file(dir.path(), "a.jsonl", "{\"headline\":\"Flat\",\"n\":1.50}\n{\"headline\":\"Up\"}\n");
    write_file(dir.path(), "c.tsv", "id\ttext\n1\tOrders\n");
    write_file(dir.path(), "d.txt", "Down\n\nSales\n");
    dir
}

#[test]
fn files_of_mixed_formats_are_read_in_the_order_given() {
    let dir = mixed();
    let run = run_in(dir.path(), &["c.tsv", "b.csv", "a.jsonl"], &[]);
    assert_eq!(
        (run.code, texts(&run)),
        (Some(0), ["Orders", "Profit rose", "Loss\nfell", "Flat", "Up"].map(String::from).into())
    );
    assert!(run.stdout.contains("\"n\":1.50,\"label\":"), "{}", run.stdout);
    let twice = run_in(dir.path(), &["c.tsv", "c.tsv"], &[]);
    assert_eq!(texts(&twice), ["Orders", "Orders"]);
}

#[test]
fn a_pattern_is_replaced_by_its_files_sorted() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("news/2024")).unwrap();
    for name in ["news/c.csv", "news/a.csv", "news/b.csv", "news/2024/d.csv", "news/.e.csv"] {
        write_file(dir.path(), name, format!("text\nOf {name}\n"));
    }
    write_file(dir.path(), "news/f.txt", "Of f\n");
    let run = run_in(dir.path(), &["news/f.txt", "news/*.csv"], &[]);
    assert_eq!(texts(&run), ["Of f", "Of news/a.csv", "Of news/b.csv", "Of news/c.csv"]);
    let run = run_in(dir.path(), &["**/d.csv"], &[]);
    assert_eq!(texts(&run), ["Of news/2024/d.csv"]);
}

#[test]
fn a_name_that_exists_is_not_a_pattern() {
    let dir = tempfile::tempdir().unwrap();
    write_file(dir.path(), "[ab]*.txt", "Of the name\n");
    write_file(dir.path(), "a.txt", "Of the pattern\n");
    assert_eq!(texts(&run_in(dir.path(), &["[ab]*.txt"], &[])), ["Of the name"]);
}

#[test]
fn a_pattern_without_matches_and_inputs_that_exclude_each_other_are_refused() {
    let dir = mixed();
    assert_fails(&run_in(dir.path(), &["d.txt", "news/*.csv"], &[]), 2, &["no file matches `news/*.csv`"]);
    assert_fails(
        &run_in(dir.path(), &["d.txt", "-"], &[]),
        2,
        &["`-` (standard input) cannot be combined with other inputs"],
    );
    assert_fails(&run_in(dir.path(), &["d.txt"], &["Profit rose"]), 2, &["--input cannot be combined with TEXT"]);
    assert_eq!(run_with_input(&["classify", "--input", "-"], b"Profit rose\n").code, Some(0));
}

#[test]
fn an_error_in_a_later_file_comes_before_any_work() {
    let dir = mixed();
    write_file(dir.path(), "z.csv", "a,b\nx,y\n");
    let out = ["--output", "out.jsonl"];
    assert_fails(
        &run_in(dir.path(), &["d.txt", "z.csv"], &out),
        2,
        &["cannot tell which column of `z.csv` holds the texts", "--text-column"],
    );
    assert_fails(&run_in(dir.path(), &["d.txt", "x.csv"], &out), 1, &["cannot read `x.csv`: no such file"]);
    assert_fails(&run_in(dir.path(), &["d.txt", "."], &out), 2, &["the folder `.`", "different formats"]);
    let failed = run_in(dir.path(), &["d.txt", "z.csv"], &out);
    assert!(!failed.stderr.contains("model ") && !dir.path().join("out.jsonl").exists(), "{failed:?}");
}

#[test]
fn places_name_the_file_if_there_are_several() {
    let dir = mixed();
    assert_fails(&run_in(dir.path(), &["b.csv", "d.txt"], &[]), 5, &["d.txt line 2: the text is empty", "5 texts in"]);
    let alone = run_in(dir.path(), &["d.txt"], &[]);
    assert!(alone.stderr.lines().any(|line| line.ends_with("line 2: the text is empty")), "{alone:?}");
    assert!(!alone.stderr.contains("d.txt line 2"), "{alone:?}");
    write_file(dir.path(), "e.txt", b"up\n\xe9\n");
    assert_fails(&run_in(dir.path(), &["b.csv", "e.txt"], &[]), 1, &["line 2 of `e.txt` is not UTF-8", "--encoding"]);
}

#[test]
fn a_csv_has_the_columns_of_all_files() {
    let dir = mixed();
    write_file(dir.path(), "e.csv", "text,ticker\nSales,NOK\n");
    let run = run_in(dir.path(), &["b.csv", "c.tsv", "e.csv"], &["--format", "csv"]);
    let (header, records) = parse_csv(&run.stdout);
    let expected = ["id", "text", "ticker", "label"].map(String::from);
    assert_eq!((run.code, &header[..4], records.len()), (Some(0), &expected[..], 4), "{run:?}");
    assert_eq!(records[2][..3], ["1", "Orders", ""]);
    assert_eq!(records[3][..3], ["", "Sales", "NOK"]);
    let header_alone = write_file(dir.path(), "f.csv", "id,text\n");
    let run = run_in(dir.path(), &[&header_alone, "b.csv"], &["--format", "csv"]);
    assert_eq!((run.code, parse_csv(&run.stdout).1.len()), (Some(0), 2));
}

#[test]
fn the_shards_of_several_files_make_the_whole() {
    let dir = mixed();
    write_file(dir.path(), "none.csv", "id,text\n");
    let inputs = ["none.csv", "b.csv", "c.tsv", "none.csv", "d.txt"];
    for format in ["csv", "jsonl"] {
        let whole = run_in(dir.path(), &inputs, &["--format", format]);
        assert_eq!(json_lines_or_records(&whole.stdout, format), 6, "{whole:?}");
        for count in if format == "csv" { [1, 8] } else { [2, 4] } {
            let shard =
                |index| run_in(dir.path(), &inputs, &["--format", format, "--shard", &format!("{index}/{count}")]);
            let together: String = (0..count).map(|index| shard(index).stdout).collect();
            assert_eq!(together, whole.stdout, "{count} {format}");
        }
    }
}

fn json_lines_or_records(text: &str, format: &str) -> usize {
    if format == "csv" { parse_csv(text).1.len() } else { parse_json_lines(text).len() }
}

#[test]
fn a_shard_does_not_replace_any_of_its_inputs() {
    let dir = mixed();
    let args = ["--shard", "0/2", "--output", "c.tsv", "--format", "csv"];
    assert_fails(&run_in(dir.path(), &["b.csv", "c.tsv"], &args), 2, &["the output `c.tsv` is also an input"]);
    assert_fails(&run_in(dir.path(), &["*.tsv"], &args), 2, &["the output `c.tsv` is also an input"]);
    assert_eq!(fs::read_to_string(dir.path().join("c.tsv")).unwrap(), "id\ttext\n1\tOrders\n");
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let dir = mixed();
    let run = run_in(dir.path(), &["b.csv", "c.tsv"], &["--output", "/dev/full", "--format", "jsonl"]);
    assert_fails(&run, 1, &["cannot write `/dev/full`: the disk is full"]);
}

#[test]
fn help_explains_patterns() {
    let help = run(&["classify", "--help"]).stdout;
    for part in ["'news/*.csv'", ".gz", ".zst", "may be repeated", "added to a file after the start are ignored"] {
        assert!(help.split_whitespace().collect::<Vec<_>>().join(" ").contains(part), "{part}: {help}");
    }
}
