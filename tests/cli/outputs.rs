//! Where outputs go: two on one path, links, what killed runs leave, full devices.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use finsent_testing::{wait_for_exit, wait_until};

use crate::finsent::{FINSENT, Run, assert_fails, finsent, parse_json_lines, run, write_file};

const CSV: &str = "ticker,text\nACME,Profit rose\nBOLT,Loss widened\n";

/// A folder with `news.csv`, in which the command runs.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_file(dir.path(), "news.csv", CSV);
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = finsent(&[&["classify", "--quiet"], args].concat());
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn two_outputs_on_one_path_are_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    fs::write(folder.path("old.csv"), "precious").unwrap();
    symlink("old.csv", folder.path("link.csv")).unwrap();
    symlink("new.csv", folder.path("dangling.csv")).unwrap();
    symlink(".", folder.path("here")).unwrap();
    let absolute = folder.path("new.csv");
    let before = folder.names();
    for (output, summary) in [
        ("new.csv", "new.csv"),
        ("new.csv", "./sub/../new.csv"),
        ("new.csv", absolute.to_str().unwrap()),
        ("new.csv", "dangling.csv"),
        ("here/new.csv", "new.csv"),
        ("old.csv", "link.csv"),
    ] {
        let args = ["--input", "news.csv", "--group-by", "ticker", "--output", output, "--summary", summary];
        assert_fails(&folder.run(&args), 2, &["would be the same file", output, summary]);
    }
    assert_eq!((folder.names(), folder.read("old.csv").as_str()), (before, "precious"));
}

#[test]
fn an_output_on_an_input_is_refused() {
    let folder = Folder::new();
    symlink("news.csv", folder.path("link.csv")).unwrap();
    fs::write(folder.path("news.summary.csv"), CSV).unwrap();
    fs::write(folder.path("texts.txt"), "Profit rose\n").unwrap();
    let before = folder.names();
    for args in [
        &["--input", "news.csv", "--output", "news.csv"][..],
        &["--input", "link.csv", "--output", "news.csv"],
        &["--input", "news.csv", "--output", "link.csv"],
        &["--input", "texts.txt", "--input", "news.csv", "--output", "./news.csv", "--format", "csv"],
        &["--input", "news.csv", "--output", "x.csv", "--group-by", "ticker", "--summary", "news.csv"],
        &["--input", "news.summary.csv", "--output", "news.csv", "--group-by", "ticker"],
        &["--input", "news.csv", "--output", "news.csv", "--resume"],
    ] {
        assert_fails(&folder.run(args), 2, &["is also an input"]);
    }
    let stdin = File::open(folder.path("texts.txt")).unwrap();
    let of_stdin: Run = folder.command(&["--output", "texts.txt"]).stdin(stdin).output().unwrap().into();
    assert_fails(&of_stdin, 2, &["is also an input"]);
    let stdout = File::options().append(true).open(folder.path("news.csv")).unwrap();
    let to_stdout: Run = folder.command(&["--input", "news.csv"]).stdout(stdout).output().unwrap().into();
    assert_fails(&to_stdout, 2, &["is also an input"]);
    assert_eq!((folder.names(), folder.read("news.csv").as_str()), (before, CSV));
}

#[test]
fn links_are_followed_whether_or_not_they_lead_to_a_file() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    fs::write(folder.path("sub/old.jsonl"), "old").unwrap();
    symlink("sub/old.jsonl", folder.path("live.jsonl")).unwrap();
    symlink("sub/new.jsonl", folder.path("dangling.jsonl")).unwrap();
    symlink("nowhere/new.jsonl", folder.path("lost.jsonl")).unwrap();
    for (link, file) in [("live.jsonl", "sub/old.jsonl"), ("dangling.jsonl", "sub/new.jsonl")] {
        assert_eq!(folder.run(&["--input", "news.csv", "--text-column", "text", "--output", link]).code, Some(0));
        assert_eq!(parse_json_lines(&folder.read(file)).len(), 2);
        assert!(folder.path(link).is_symlink());
    }
    let lost = folder.run(&["--input", "news.csv", "--output", "lost.jsonl"]);
    assert_fails(&lost, 1, &["`lost.jsonl`", "nowhere` does not exist"]);
}

/// Starts a run that waits for more texts, and waits until its output is begun.
fn waiting(folder: &Folder, output: &str) -> std::process::Child {
    let before = folder.names().len();
    let mut child = folder.command(&["--output", output]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"Profit rose\n").unwrap();
    wait_until("the output is begun", || folder.names().len() > before);
    child
}

#[test]
fn what_a_killed_run_left_is_removed_and_what_a_live_one_writes_is_not() {
    let folder = Folder::new();
    let mut killed = waiting(&folder, "killed.jsonl");
    let mut live = waiting(&folder, "live.jsonl");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(folder.names().len(), 3, "{:?}", folder.names());
    assert_eq!(folder.run(&["--output", "other.jsonl", "Profit rose"]).code, Some(0));
    let names = folder.names();
    assert_eq!((names.len(), &names[1..]), (3, &["news.csv".to_owned(), "other.jsonl".into()][..]), "{names:?}");
    drop(live.stdin.take());
    assert!(wait_for_exit(&mut live).success());
    assert_eq!(folder.names(), ["live.jsonl", "news.csv", "other.jsonl"]);
}

#[test]
fn a_folder_of_a_killed_conversion_is_removed_by_the_next_run() {
    let folder = Folder::new();
    fs::create_dir(folder.path(".finsent-Ab12cD.unfinished")).unwrap();
    fs::write(folder.path(".finsent-Ab12cD.unfinished/config.json"), "{}").unwrap();
    let destination = folder.path("model");
    let converted = run(&["convert", "mini", destination.to_str().unwrap(), "--precision", "bf16"]);
    assert_eq!((converted.code, folder.names()), (Some(0), vec!["model".into(), "news.csv".into()]), "{converted:?}");
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_that_leaves_nothing() {
    let folder = Folder::new();
    let rows: String = (0..400).map(|row| format!("{row},Profit rose\n")).collect();
    fs::write(folder.path("many.csv"), format!("id,text\n{rows}")).unwrap();
    let before = folder.names();
    // Blocks of 512 bytes in POSIX, of 1,024 in some shells.
    let script = "ulimit -f 8; exec \"$0\" classify --quiet --input many.csv --text-column text --output out.jsonl";
    let limited: Run = FINSENT.shell(script).current_dir(folder.0.path()).output().unwrap().into();
    assert_fails(&limited, 1, &["`out.jsonl`", "the file would exceed the limit on the size of files"]);
    assert_eq!(folder.names(), before);
}

#[test]
fn a_full_device_is_an_error_for_everything_that_is_printed() {
    for args in [
        &["--help"][..],
        &["--version"],
        &["-h"],
        &["classify", "--help"],
        &["completions", "bash"],
        &["man"],
        &["man", "classify"],
        &["models"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let printed: Run = finsent(args).stdout(full).output().unwrap().into();
        assert_fails(&printed, 1, &["cannot write to standard output: the disk is full"]);
    }
}

#[test]
fn a_reader_that_has_gone_is_not_an_error_for_help() {
    for args in [&["--help"][..], &["--version"], &["completions", "bash"]] {
        let mut child = finsent(args).spawn().unwrap();
        drop(child.stdout.take());
        assert!(wait_for_exit(&mut child).success(), "{args:?}");
    }
}

#[test]
fn csv_safe_puts_an_apostrophe_before_formulas() {
    let folder = Folder::new();
    let rows =
        "=id,note,text\n=1+1,+1,-Profit rose\n-2,@x,Loss widened\n\"\tx\",\"\rx\",=cmd|' /C calc'!A0\nplain,a-b,\n";
    fs::write(folder.path("formulas.csv"), rows).unwrap();
    let classify = |args: &[&str]| {
        let args = [&["--input", "formulas.csv", "--text-column", "text", "--format", "csv"], args].concat();
        folder.run(&args).stdout
    };
    let cells = |csv: &str| -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv.as_bytes());
        reader.records().map(|record| record.unwrap().iter().map(String::from).collect()).collect()
    };
    let (plain, safe) = (cells(&classify(&[])), cells(&classify(&["--csv-safe"])));
    assert_eq!(plain[0][0], "=id");
    assert_eq!(safe[0][0], "'=id");
    let first_three = |rows: &[Vec<String>]| rows[1..].iter().map(|row| row[..3].join(" ")).collect::<Vec<_>>();
    assert_eq!(
        first_three(&safe),
        ["'=1+1 '+1 '-Profit rose", "'-2 '@x Loss widened", "'\tx '\rx '=cmd|' /C calc'!A0", "plain a-b "]
    );
    // The prediction's own cells are the same, negative numbers included.
    let own = |rows: &[Vec<String>]| rows.iter().map(|row| row[3..].to_vec()).collect::<Vec<_>>();
    assert_eq!(own(&plain), own(&safe));
    assert!(own(&safe).concat().iter().any(|cell| cell.starts_with('-')), "{safe:?}");
}

#[test]
fn csv_safe_is_for_summaries_and_sentences_too_and_for_csv_only() {
    let folder = Folder::new();
    fs::write(folder.path("formulas.csv"), "ticker,text\n=A1,Profit rose\n").unwrap();
    let input = ["--input", "formulas.csv", "--text-column", "text", "--csv-safe"];
    let grouped = ["--group-by", "ticker", "--format", "jsonl", "--summary", "groups.csv"];
    assert_eq!(folder.run(&[&input[..], &grouped].concat()).code, Some(0));
    assert!(folder.read("groups.csv").lines().nth(1).unwrap().starts_with("'=A1,"), "{}", folder.read("groups.csv"));
    let sentences = folder.run(&["--csv-safe", "--format", "finbert-csv", "--", "=Profit rose."]);
    assert!(sentences.stdout.lines().nth(1).unwrap().starts_with("'=Profit rose."), "{sentences:?}");
    assert_fails(
        &folder.run(&[&input[..], &["--format", "jsonl"]].concat()),
        2,
        &["--csv-safe is for CSV and TSV output"],
    );
}

#[test]
fn an_error_does_not_leave_a_summary_or_an_output() {
    let folder = Folder::new();
    let before = folder.names();
    let args = ["--input", "news.csv", "--text-column", "text", "--group-by", "ticker", "--summary", "s.csv"];
    let run = folder.run(&[&args[..], &["--output", "out.csv", "--model", "nothing"]].concat());
    assert_ne!(run.code, Some(0), "{run:?}");
    assert_eq!(folder.names(), before);
    assert!(Path::new(&folder.path("news.csv")).is_file());
}
