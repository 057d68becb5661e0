//! `--resume`: continuing an interrupted run.

use std::collections::HashSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use finsent_testing::{send_signal, wait_until};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::finsent::{FINSENT, Run, assert_fails, finsent, parse_json_lines, run, write_file};

/// Bytes of an entry in the journal of a model of three labels.
const ENTRY_BYTES: usize = 8 + 4 * 3 + 4;

/// Texts that all differ; every 50th is empty.
fn csv(rows: usize) -> String {
    let row = |row| {
        let text = format!("Profit +{row}. Cut {}.", row * 7);
        format!("{row},{},{}\n", ["NOK", "AAA", "BBB"][row % 3], if row % 50 == 9 { "" } else { &text })
    };
    format!("id,ticker,text\n{}", (0..rows).map(row).collect::<String>())
}

fn gzip(contents: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(contents.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A run and its files in a folder of their own.
struct Work {
    dir: tempfile::TempDir,
    args: Vec<String>,
    output: &'static str,
}

impl Work {
    /// A run on `inputs` that writes `output` with --resume; `args` are more arguments.
    fn new(inputs: &[(&str, Vec<u8>)], output: &'static str, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut all: Vec<String> = Vec::new();
        for (name, contents) in inputs {
            write_file(dir.path(), name, contents);
            all.extend(["--input".into(), (*name).into()]);
        }
        all.extend(args.iter().map(ToString::to_string));
        Self { dir, args: all, output }
    }

    fn of_rows(rows: usize, output: &'static str, args: &[&str]) -> Self {
        Self::new(&[("n.csv", csv(rows).into_bytes())], output, args)
    }

    /// The command, in the fastest precision unless the arguments name another.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = finsent(&["classify"]);
        command.env("FINSENT_PRECISION", "int8").current_dir(self.dir.path()).args(&self.args).args(args);
        command
    }

    fn resume(&self, args: &[&str]) -> Run {
        self.resuming(args).output().unwrap().into()
    }

    fn resuming(&self, args: &[&str]) -> Command {
        self.command(&[&["--output", self.output, "--resume"], args].concat())
    }

    /// The output of an uninterrupted run.
    fn uninterrupted(&self) -> Vec<u8> {
        let mut args = vec!["--output", "whole"];
        // The name of this output does not say the format.
        if !self.args.iter().any(|arg| arg == "--format") {
            args.extend(["--format", self.output.rsplit_once('.').unwrap().1]);
        }
        if self.args.iter().any(|arg| arg == "--group-by") {
            args.extend(["--summary", "whole.summary.csv"]);
        }
        let run = Run::from(self.command(&args).output().unwrap());
        assert!(matches!(run.code, Some(0 | 5)), "{run:?}");
        self.read("whole")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn journal(&self) -> PathBuf {
        self.path(&format!("{}.journal", self.output))
    }

    fn unfinished(&self) -> String {
        format!("{}.unfinished", self.output)
    }

    /// The size of the journal; 0 if there is none.
    fn journaled(&self) -> u64 {
        fs::metadata(self.journal()).map_or(0, |metadata| metadata.len())
    }

    /// Starts a run, and returns it once its journal has this many bytes, or how it ended before that.
    fn start(&self, bytes: u64, args: &[&str]) -> Result<Child, Run> {
        let mut child = self.resuming(args).spawn().unwrap();
        let (mut reached, mut ended) = (false, false);
        wait_until("the journal is large enough, or the run ends", || {
            reached = self.journaled() >= bytes;
            ended = !reached && child.try_wait().unwrap().is_some();
            reached || ended
        });
        if ended { Err(child.wait_with_output().unwrap().into()) } else { Ok(child) }
    }

    /// Resumes again and again, and kills each run at a random moment, until one ends before that. Returns how it ended.
    fn killed_until_it_ends(&self, rng: &mut fastrand::Rng, args: &[&str]) -> Run {
        let mut journal = Vec::new();
        for kills in 0.. {
            // Some are killed before they have scored anything.
            let more = rng.u64(0..=150 * ENTRY_BYTES as u64);
            let run = self.start(journal.len() as u64 + more, args).map_or_else(
                |ended| ended,
                |mut child| {
                    // There is no condition to wait for: the kill can come at any moment, even between two writes.
                    std::thread::sleep(Duration::from_millis(rng.u64(0..30)));
                    child.kill().unwrap();
                    child.wait_with_output().unwrap().into()
                },
            );
            if run.code.is_some() {
                assert!(kills > 0, "the run ended before it could be killed: {run:?}");
                return run;
            }
            let Ok(now) = fs::read(self.journal()) else { continue };
            let whole = journal.len() - journal.len().saturating_sub(header(&journal)) % ENTRY_BYTES;
            assert!(now.starts_with(&journal[..whole]), "a resumed run must not score anything again");
            journal = now;
        }
        unreachable!("the loop ends with a run")
    }

    /// Asserts that the output is complete, and that no other file of the run is left.
    #[track_caller]
    fn assert_complete(&self, whole: &[u8]) {
        let written = self.read(self.output);
        assert!(written == whole, "{} bytes instead of {}", written.len(), whole.len());
        let left: Vec<String> = names(self.dir.path())
            .into_iter()
            .filter(|name| name.contains("journal") || name.contains("unfinished"))
            .collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

/// Bytes of the header of a journal: two lines.
fn header(journal: &[u8]) -> usize {
    journal.split_inclusive(|&byte| byte == b'\n').take(2).map(<[u8]>::len).sum()
}

/// The hashes of the entries.
fn hashes(journal: &[u8]) -> Vec<&[u8]> {
    let entries = &journal[header(journal)..];
    assert_eq!(entries.len() % ENTRY_BYTES, 0);
    entries.chunks(ENTRY_BYTES).map(|entry| &entry[..8]).collect()
}

#[test]
fn a_run_killed_at_random_scores_each_row_once_and_writes_the_same_output() {
    const ROWS: usize = 500;
    let work = Work::of_rows(ROWS, "out.csv", &["--group-by", "ticker"]);
    let whole = work.uninterrupted();
    // This run scores everything and then fails, so that its journal can be read.
    let failing = work.killed_until_it_ends(&mut fastrand::Rng::with_seed(1), &["--summary", "/dev/full"]);
    assert_fails(
        &failing,
        1,
        &[
            "the disk is full",
            "stopped after 490 texts. Progress is in ",
            "out.csv.journal; run the same command to continue",
        ],
    );
    let journal = fs::read(work.journal()).unwrap();
    let scored = hashes(&journal);
    assert_eq!(scored.len(), ROWS - ROWS / 50, "all but the empty ones");
    assert_eq!(scored.iter().collect::<HashSet<_>>().len(), scored.len(), "each is in it once");

    let run = work.resume(&[]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.stderr.contains("resuming: 490 texts were scored before"), "{}", run.stderr);
    work.assert_complete(&whole);
    assert_eq!(work.read("out.summary.csv"), work.read("whole.summary.csv"));
}

#[test]
#[ignore = "takes long"]
fn a_run_killed_at_random_writes_the_same_output_in_every_format() {
    let lines = |rows| {
        let row = |row: usize| format!("{{\"n\":{row},\"text\":\"Sales -{row}, {} shops closed.\"}}\n", row * 3);
        (0..rows).map(row).collect::<String>()
    };
    let table = |rows| vec![("n.csv", csv(rows).into_bytes())];
    let several =
        vec![("n.csv", csv(200).into_bytes()), ("m.jsonl.gz", gzip(&lines(200))), ("l.csv", csv(9).into_bytes())];
    for (seed, inputs, output, args) in [
        (2, table(200), "out.jsonl", &["--granularity", "sentence"][..]),
        (3, table(200), "out.json", &["--granularity", "document", "--group-by", "ticker"]),
        (4, table(200), "out.csv", &["--format", "finbert-csv"]),
        (8, table(200), "out.parquet", &[]),
        (5, several, "out.jsonl", &[]),
        (6, table(400), "out.csv", &["--shard", "1/2"]),
        (7, table(200), "out.txt", &["--format", "text", "--precision", "int8"]),
    ] {
        let work = Work::new(&inputs, output, args);
        let whole = work.uninterrupted();
        let run = work.killed_until_it_ends(&mut fastrand::Rng::with_seed(seed), &[]);
        assert_eq!(run.code, Some(5), "{run:?}");
        work.assert_complete(&whole);
    }
}

/// A run that was killed when it had scored some of the rows, and the output that it would have written.
fn killed(rows: usize, args: &[&str]) -> (Work, Vec<u8>) {
    let work = Work::of_rows(rows, "out.jsonl", args);
    let whole = work.uninterrupted();
    let mut child = work.start(1000, &[]).expect("it has scored some of the rows, and not all");
    child.kill().unwrap();
    child.wait().unwrap();
    (work, whole)
}

#[test]
fn an_interrupt_keeps_the_journal_and_removes_the_unfinished_output() {
    let work = Work::of_rows(400, "out.jsonl", &[]);
    let whole = work.uninterrupted();
    let mut so_far = 0;
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let child = work.start(so_far + 1000, &[]).unwrap();
        assert!(names(work.dir.path()).contains(&work.unfinished()));
        send_signal(child.id(), signal);
        let run = Run::from(child.wait_with_output().unwrap());
        assert_fails(
            &run,
            code,
            &["stopped after ", " texts. Progress is in ", "out.jsonl.journal; run the same command to continue"],
        );
        assert_eq!(names(work.dir.path()), ["n.csv", "out.jsonl.journal", "whole"]);
        so_far = work.journaled();
    }
    let run = work.resume(&[]);
    assert!(run.code == Some(5) && run.stderr.contains(" texts were scored before"), "{run:?}");
    work.assert_complete(&whole);
}

#[test]
fn a_successful_run_leaves_only_its_output() {
    let work = Work::of_rows(3, "out.jsonl", &[]);
    let whole = work.uninterrupted();
    for _ in 0..2 {
        let run = work.resume(&["--verbose"]);
        assert!(run.code == Some(0) && !run.stderr.contains("before"), "{run:?}");
        work.assert_complete(&whole);
    }
    // A run that fails before it has scored anything leaves nothing either.
    assert_fails(&work.resume(&["--model", "nonsense"]), 3, &["nonsense"]);
    work.assert_complete(&whole);
}

#[test]
fn a_changed_input_is_an_error_and_appended_rows_are_scored() {
    let (work, _) = killed(300, &[]);
    let input = csv(300);
    let journal = fs::read(work.journal()).unwrap();

    write_file(work.dir.path(), "n.csv", input.replace("+5.", "+V."));
    let run = work.resume(&[]);
    assert_fails(
        &run,
        1,
        &["line 7 is not what the interrupted run read there: the input has changed", "remove `", "out.jsonl.journal`"],
    );
    assert!(!run.stderr.contains("to continue"), "{}", run.stderr);
    write_file(work.dir.path(), "n.csv", csv(4));
    assert_fails(&work.resume(&[]), 1, &["the input has fewer texts than the interrupted run", "remove `"]);
    let whole = journal.len() - (journal.len() - header(&journal)) % ENTRY_BYTES;
    assert_eq!(fs::read(work.journal()).unwrap()[..whole], journal[..whole]);

    // Columns beside the text may change, and rows may follow.
    write_file(work.dir.path(), "n.csv", csv(310).replace("NOK", "FI0009"));
    let whole = work.uninterrupted();
    let run = work.resume(&[]);
    assert!(run.code == Some(5) && run.stderr.contains("310 texts in"), "{run:?}");
    work.assert_complete(&whole);
}

#[test]
fn other_settings_are_refused_but_not_another_output_format() {
    let (work, whole) = killed(300, &[]);
    for (args, says) in [
        (&["--precision", "bf16"][..], "its precision was `int8` and is now `bf16`"),
        (&["--precision", "f32"], "its precision was `int8` and is now `f32`"),
        (&["--int8-margin", "0.1"], "its int8 margin was `0.13` and is now `0.1`"),
        (&["--granularity", "document"], "its granularity was `text` and is now `sentence`"),
        (&["--quote", "none"], "its reading of the input was none and is now `n.csv: not quoted`"),
    ] {
        assert_fails(
            &work.resume(args),
            2,
            &["the run of `out.jsonl.journal` cannot be resumed", says, "remove the journal"],
        );
    }
    let args = ["--format", "csv", "--threads", "1"];
    let run = work.resume(&args);
    assert!(run.code == Some(5) && run.stderr.contains(" texts were scored before"), "{run:?}");
    assert_ne!(work.read("out.jsonl"), whole);
    let as_csv = Run::from(work.command(&args).output().unwrap());
    work.assert_complete(as_csv.stdout.as_bytes());
}

#[test]
fn another_model_of_the_same_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = crate::finsent::small_model(dir.path(), "model");
    let work = Work::of_rows(40, "out.jsonl", &["--model", model.to_str().unwrap()]);
    assert_fails(&work.resume(&["--group-by", "id", "--summary", "/dev/full"]), 1, &["stopped after 39 texts"]);
    let weights = model.join("model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    // The last weight's sign and exponent.
    *bytes.last_mut().unwrap() ^= 0x40;
    fs::write(&weights, bytes).unwrap();
    assert_fails(&work.resume(&[]), 2, &["its logits of a test text was"]);
}

#[test]
fn two_runs_cannot_write_the_same_file_at_once() {
    let work = Work::of_rows(400, "out.jsonl", &[]);
    let whole = work.uninterrupted();
    let mut first = work.start(1000, &[]).unwrap();
    send_signal(first.id(), "STOP");
    let second = work.resume(&[]);
    send_signal(first.id(), "CONT");
    assert_fails(&second, 1, &["another run is writing `", "out.jsonl`"]);
    assert_eq!(first.wait().unwrap().code(), Some(5));
    work.assert_complete(&whole);
}

#[test]
fn a_link_to_the_output_has_its_journal_beside_the_file() {
    let work = Work::of_rows(400, "link.jsonl", &[]);
    let real = tempfile::tempdir().unwrap();
    fs::write(real.path().join("real.jsonl"), "old").unwrap();
    std::os::unix::fs::symlink(real.path().join("real.jsonl"), work.path("link.jsonl")).unwrap();
    let mut child = work.resuming(&[]).spawn().unwrap();
    let scored = |name| fs::metadata(real.path().join(name)).is_ok_and(|metadata| metadata.len() > 1000);
    wait_until("the journal holds a text", || {
        assert!(child.try_wait().unwrap().is_none());
        scored("real.jsonl.journal")
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(real.path()), ["real.jsonl", "real.jsonl.journal", "real.jsonl.unfinished"]);
    assert_eq!(work.resume(&[]).code, Some(5));
    assert_eq!(names(real.path()), ["real.jsonl"]);
    assert_eq!(parse_json_lines(&String::from_utf8(work.read("link.jsonl")).unwrap()).len(), 400);
    assert!(work.path("link.jsonl").is_symlink());
}

/// A limit on the size of files, in blocks of 512 bytes, has the effect of a full disk.
#[test]
fn a_full_disk_keeps_what_was_scored() {
    let work = Work::of_rows(400, "out.jsonl", &[]);
    let whole = work.uninterrupted();
    let limited = |blocks: usize| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = FINSENT.shell(&script);
        command.env("FINSENT_PRECISION", "int8").current_dir(work.dir.path()).args(work.resuming(&[]).get_args());
        Run::from(command.output().unwrap())
    };
    assert_fails(&limited(20), 1, &["the file would exceed the limit on the size of files", "stopped after "]);
    let scored = work.journaled();
    assert!(scored > 1000);
    // The journal is as large as files may be: nothing can be added to it.
    let blocks = usize::try_from(scored).unwrap() / 512;
    fs::write(work.journal(), &fs::read(work.journal()).unwrap()[..blocks * 512]).unwrap();
    assert_fails(&limited(blocks), 1, &["the file would exceed the limit on the size of files"]);
    assert_eq!(work.resume(&[]).code, Some(5));
    work.assert_complete(&whole);
}

#[test]
fn another_file_with_the_journals_name_is_left_alone() {
    let work = Work::of_rows(3, "out.jsonl", &[]);
    fs::write(work.journal(), "Dear diary,\n").unwrap();
    assert_fails(&work.resume(&[]), 2, &["out.jsonl.journal` is not the journal of an interrupted run"]);
    assert_eq!(fs::read_to_string(work.journal()).unwrap(), "Dear diary,\n");
    assert_eq!(names(work.dir.path()), ["n.csv", "out.jsonl.journal"]);
}

#[test]
fn only_files_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv", csv(3));
    let fifo = dir.path().join("f.csv");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let output = dir.path().join("out.csv");
    let [fifo, output] = [&fifo, &output].map(|path| path.to_str().unwrap());
    for (args, says) in [
        (&["--input", &path][..], "--output FILE"),
        (&["--input", &path, "--output", "-"], "--output FILE"),
        (&["--input", &path, "--output", "/dev/stdout"], "--output FILE"),
        (&["--input", &path, "--output", "/dev/null"], "--output FILE"),
        (&["--input", &path, "--output", fifo], "--output FILE"),
        (&["--input", &path, "--output", &path], "is also an input, which must not change"),
        (&["--input", "-", "--output", output], "standard input can be read only once"),
        (&["--input", fifo, "--output", output], "f.csv` is not a regular file and can be read only once"),
        (&["--output", output], "--input FILE"),
        (&["--output", output, "Profit rose"], "--input FILE"),
    ] {
        assert_fails(&run(&[&["classify", "--resume"], args].concat()), 2, &[says]);
    }
    assert_eq!(names(dir.path()), ["f.csv", "n.csv"]);
}
