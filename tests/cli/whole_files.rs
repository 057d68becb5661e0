//! `--whole-file`: each file is one text.

use finsent_testing::Finsent;

use crate::finsent::{FINSENT, Run, assert_fails, parse_csv, parse_json_lines, run_with_input, write_file};

const ARTICLE: &str = "Acme Corp. reported record sales.\n\nNet profit fell 8 % because\ncosts rose.\n";

fn run_in(dir: &tempfile::TempDir, args: &[&str]) -> Run {
    let finsent: Finsent = FINSENT;
    finsent.command(&[&["classify"], args].concat()).current_dir(dir.path()).output().unwrap().into()
}

fn articles() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_file(dir.path(), "a.txt", ARTICLE);
    write_file(dir.path(), "b.txt", "Shares plunged.");
    write_file(dir.path(), "c.md", b"\xff");
    write_file(dir.path(), "d.html", "");
    dir
}

#[test]
fn files_and_patterns_are_one_text_each_with_the_name_as_id() {
    let dir = articles();
    let run = run_in(&dir, &["--whole-file", "-i", "*.txt", "-i", "c.md", "-i", "d.html", "--granularity", "document"]);
    assert_fails(&run, 5, &["c.md: not UTF-8", "d.html: the text is empty"]);
    let lines = parse_json_lines(&run.stdout);
    let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a.txt", "b.txt", "c.md", "d.html"]);
    assert_eq!(lines[0]["sentences"][1]["text"], "Net profit fell 8 % because\ncosts rose.");
    assert_eq!(lines[0].get("text"), None);
    let csv = run_in(&dir, &["--whole-file", "-i", "a.txt", "--format", "csv"]);
    let (header, records) = parse_csv(&csv.stdout);
    assert_eq!((&*header[0], &*header[1], &*records[0][0]), ("id", "label", "a.txt"));
}

#[test]
fn standard_input_is_one_text() {
    let run = run_with_input(&["classify", "--whole-file", "--granularity", "document"], ARTICLE.as_bytes());
    let lines = parse_json_lines(&run.stdout);
    assert_eq!((lines.len(), &lines[0]["id"], lines[0]["sentences"].as_array().unwrap().len()), (1, &"-".into(), 2));
}

#[test]
fn a_shard_has_some_of_the_files_and_options_of_tables_are_refused() {
    let dir = articles();
    let shard = run_in(&dir, &["--whole-file", "-i", "a.txt", "-i", "b.txt", "--shard", "1/2", "--format", "jsonl"]);
    assert_eq!(parse_json_lines(&shard.stdout)[0]["id"], "b.txt", "{shard:?}");
    assert_fails(&run_in(&dir, &["--whole-file", "-i", "a.txt", "--text-column", "x"]), 2, &["--text-column"]);
    assert_fails(&run_in(&dir, &["--whole-file", "Shares plunged"]), 2, &["--whole-file"]);
}

#[test]
fn a_text_that_is_too_large_fails_alone() {
    let dir = articles();
    write_file(dir.path(), "large.txt", "profit rose ".repeat(3 << 20));
    let run = run_in(&dir, &["--whole-file", "-i", "large.txt", "-i", "b.txt", "--format", "jsonl"]);
    assert_fails(&run, 5, &["large.txt: the text has 37748736 bytes; the limit is 33554432"]);
    assert_eq!(parse_json_lines(&run.stdout)[1]["label"], "negative");
}
