//! `--shard`: parts of a file, whose concatenated outputs are the output of the whole.

use std::fs;
use std::process::Command;

use crate::finsent::{Run, assert_fails, classify_file, run, run_with_input, write_file};

/// Rows 2 and 4 have failing cells, row 3 a line break.
const CSV: &str = "\u{feff}id,text\r\n1,Profit rose\r\n2\r\n\r\n3,\"Net loss\nwidened, again\"\r\n4,\r\n5,\"Orders\"\n";

fn shard(path: &str, part: &str, args: &[&str]) -> Run {
    run(&[&["classify", "--input", path, "--shard", part], args].concat())
}

/// Compares the shards' outputs, for each number of shards, with the output of the whole.
#[track_caller]
fn assert_shards_make_the_whole(name: &str, contents: impl AsRef<[u8]>, args: &[&str], counts: &[usize]) {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), name, contents);
    let whole = run(&[&["classify", "--input", &path], args].concat());
    assert!(!whole.stdout.is_empty(), "{whole:?}");
    for count in counts {
        let shards: Vec<Run> = (0..*count).map(|index| shard(&path, &format!("{index}/{count}"), args)).collect();
        let together: String = shards.iter().map(|shard| shard.stdout.as_str()).collect();
        assert_eq!(together, whole.stdout, "{count} shards of {name} {args:?}");
        let worst = shards.iter().map(|shard| shard.code).max().unwrap();
        assert_eq!(worst, whole.code, "{shards:?}");
    }
}

#[test]
fn the_shards_of_a_csv_with_quoted_line_breaks_make_the_whole() {
    assert_shards_make_the_whole("n.csv", CSV, &["--format", "csv"], &[1, 2, 3, 7]);
    assert_shards_make_the_whole("n.csv", CSV, &["--id-column", "id"], &[2]);
}

#[test]
fn the_shards_of_json_lines_make_the_whole() {
    let lines = "\n{\"text\":\"Profit rose\",\"n\":1.50}\n \n{\"text\":\"Loss\",\"label\":\"x\"}\nnonsense\n\n{\"text\":5}\n{\"text\":\"Flat\"}\n\n";
    assert_shards_make_the_whole("n.jsonl", lines, &[], &[2, 3, 7]);
    assert_shards_make_the_whole("n.jsonl", lines, &["--format", "csv"], &[3]);
    // The first object, which names the columns, is not in the first shard.
    assert_shards_make_the_whole("n.jsonl", "x\ny\n{\"text\":\"Profit rose\"}", &["--format", "csv"], &[3]);
}

#[test]
fn the_shards_of_text_lines_make_the_whole() {
    assert_shards_make_the_whole("n.txt", "Profit rose\n\n\nLoss\r\nFlat", &[], &[2, 3, 7]);
}

#[test]
fn the_shards_of_a_tsv_and_of_other_encodings_make_the_whole() {
    let tsv = "id\ttext\n1\tProfit, rose\n\n2\t\"Loss\nfell\"\n3\tFlat\n";
    assert_shards_make_the_whole("n.tsv", tsv, &["--format", "csv"], &[2]);
    let latin1 = b"id,text\n1,Profit\n2,Erl\xf6se steigen\n3,\"Gewinn\nf\xe4llt\"\n";
    assert_shards_make_the_whole("n.csv", latin1, &["--encoding", "latin1", "--format", "csv"], &[3]);
    let utf16: Vec<u8> = "\u{feff}Gewinn fällt\nProfit\n\nLoss\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_shards_make_the_whole("n.txt", utf16, &[], &[3]);
}

#[test]
fn a_shard_without_rows_is_an_empty_file_and_only_the_first_has_the_header() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", "text\nProfit rose\n");
    for (part, output) in [("0/3", "text,label,"), ("1/3", ""), ("2/3", "Profit rose,")] {
        let out = write_file(dir.path(), "out.csv", "old");
        let run = shard(&path, part, &["--output", &out]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let written = fs::read_to_string(out).unwrap();
        assert!(written.starts_with(output) && written.is_empty() == output.is_empty(), "{part}: {written}");
        assert_eq!(written.contains("text,label,"), part == "0/3", "{written}");
    }
    let header_alone = write_file(dir.path(), "empty.csv", "text\n");
    let [first, second] = ["0/2", "1/2"].map(|part| shard(&header_alone, part, &["--format", "csv"]));
    assert!(first.stdout.starts_with("text,label,") && first.stdout.lines().count() == 1, "{first:?}");
    assert_eq!((first.code, second.code, second.stdout.as_str()), (Some(0), Some(0), ""));
}

#[test]
fn a_shard_reports_its_own_failures_with_their_places_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", CSV);
    let first = shard(&path, "0/5", &[]);
    assert_eq!((first.code, first.stderr.contains("line 3")), (Some(0), false), "{first:?}");
    assert!(first.stderr.contains("shard 0/5: row 1 of 5") && first.stderr.contains("1 text in"), "{first:?}");
    assert_fails(&shard(&path, "1/5", &[]), 5, &["line 3: 1 field", "1 text in", "1 failed"]);
    assert_eq!(shard(&path, "2/5", &[]).code, Some(0));
    let whole = classify_file("n.csv", CSV, &[]);
    let place = whole.stderr.lines().find(|line| line.contains("the text is empty")).unwrap().to_owned();
    assert_fails(&shard(&path, "3/5", &[]), 5, &[&place]);
}

#[test]
fn an_unclosed_quote_fails_every_shard() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", "text\nFlat\n\"Profit rose\nLoss fell\nup\n");
    for part in ["0/2", "1/2"] {
        assert_fails(&shard(&path, part, &[]), 1, &["line 3", "never closed"]);
    }
}

#[test]
fn other_texts_than_shards_are_refused() {
    for (part, says) in [
        ("8/8", "shards are numbered from 0: the last of 8 is 7/8"),
        ("1/0", "N must be at least 1"),
        ("a/b", "expected I/N"),
        ("3", "expected I/N"),
        ("$(JOB_COMPLETION_INDEX)/8", "expected I/N"),
    ] {
        assert_fails(&run(&["classify", "--input", "n.csv", "--shard", part]), 2, &[says, part]);
    }
}

#[test]
fn only_files_can_be_split() {
    let part = ["classify", "--shard", "0/2"];
    let twice = "reads its input twice";
    assert_fails(&run_with_input(&part, b"Profit rose\n"), 2, &[twice, "standard input", "--input FILE"]);
    assert_fails(&run_with_input(&[&part[..], &["-"]].concat(), b"Profit rose\n"), 2, &[twice, "standard input"]);
    assert_fails(
        &run_with_input(&[&part[..], &["--input", "-"]].concat(), b"Profit rose\n"),
        2,
        &[twice, "standard input"],
    );
    assert_fails(&run(&[&part[..], &["Profit rose"]].concat()), 2, &["--input FILE", "TEXT"]);

    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("n.csv");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert_fails(&shard(fifo.to_str().unwrap(), "0/2", &[]), 2, &[twice, "n.csv", "is not a regular file"]);
    assert_fails(&shard("/nowhere/n.csv", "0/2", &[]), 1, &["cannot read `/nowhere/n.csv`: no such file"]);
}

#[test]
fn a_format_that_cannot_be_joined_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", "text\nProfit rose\n");
    for args in [["--format", "json"], ["--format", "text"], ["--output", "out.json"], ["--output", "out.txt"]] {
        assert_fails(&shard(&path, "0/2", &args), 2, &["jsonl", "csv", "cannot be joined"]);
    }
}

#[test]
fn a_shard_does_not_replace_the_input_of_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", "text\nProfit rose\nLoss\n");
    assert_fails(&shard(&path, "0/2", &["--output", &path]), 2, &["is also an input, which must not change"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "text\nProfit rose\nLoss\n");
}
