//! A file of commands with what they print.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use finsent_testing::models::{repository, small_model};
use finsent_testing::{Finsent, Run};
use snapbox::{Assert, Data};

use crate::redaction::Redaction;

const FINSENT: Finsent = finsent_testing::finsent!();

/// Where the commands of a case run.
struct Workspace {
    dir: tempfile::TempDir,
    /// Keeps a port in use.
    listener: TcpListener,
}

/// Runs the commands of a case again, and compares what they print with the file.
pub(crate) fn check(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let workspace = Workspace::new();
    let redaction = Redaction::new(&workspace.folder(), workspace.port(), &version());
    let mut actual = String::new();
    for line in fs::read_to_string(&path).unwrap().lines().filter(|line| !is_output(line)) {
        actual += &format!("{line}\n");
        if let Some(command) = line.strip_prefix("$ ") {
            actual += &redaction.apply(&transcript(&workspace.run(command)));
        }
    }
    Assert::new().action_env("SNAPSHOTS").eq(actual, Data::read_from(&path, None).raw());
}

/// The names of all cases, in order.
pub(crate) fn names() -> Vec<String> {
    let stem = |entry: fs::DirEntry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = fs::read_dir(folder()).unwrap().map(|entry| stem(entry.unwrap())).collect();
    names.sort();
    names
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/cases")
}

fn version() -> String {
    FINSENT.run(&["--version"]).assert_succeeds().stdout.trim().replace("finsent ", "")
}

fn is_output(line: &str) -> bool {
    ["> ", "! ", "? "].iter().any(|mark| line.starts_with(mark)) || [">", "!"].contains(&line)
}

/// What a command printed, and its exit code.
fn transcript(run: &Run) -> String {
    // Without spaces at the end, which editors remove.
    let marked = |mark: &str, text: &str| -> String {
        text.lines().map(|line| format!("{mark} {line}").trim_end().to_owned() + "\n").collect()
    };
    let code = match run.code {
        Some(0) => String::new(),
        Some(code) => format!("? {code}\n"),
        None => "? signal\n".into(),
    };
    marked(">", &run.stdout) + &marked("!", &run.stderr) + &code
}

impl Workspace {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        small_model(dir.path(), "model");
        fs::create_dir(dir.path().join(".bin")).unwrap();
        symlink(FINSENT.path(), dir.path().join(".bin/finsent")).unwrap();
        Self { dir, listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().canonicalize().unwrap()
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    fn run(&self, command: &str) -> Run {
        let mut shell = FINSENT.shell(command);
        self.prepare(&mut shell).output().unwrap().into()
    }

    fn prepare<'a>(&self, shell: &'a mut Command) -> &'a mut Command {
        let path = format!("{}/.bin:{}", self.folder().display(), std::env::var("PATH").unwrap());
        shell.current_dir(self.folder()).env("PATH", path).env("PORT", self.port().to_string());
        shell.env("REPOSITORY", repository().canonicalize().unwrap());
        shell.env("FINSENT_ISA", "scalar").env("FINSENT_THREADS", "2")
    }
}
