//! A temporary home directory, and runs that know nothing else of this machine.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Finsent, Run, clear_environment, wait_for_output};

/// A user's home directory, and the environment of the runs in it.
#[derive(Debug)]
pub struct Home {
    finsent: Finsent,
    dir: tempfile::TempDir,
    environment: Vec<(String, OsString)>,
}

impl Home {
    /// An empty home, with the Hugging Face cache inside it.
    pub fn new(finsent: Finsent) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().as_os_str().to_owned();
        let cache = dir.path().join("hf").into_os_string();
        Self { finsent, dir, environment: vec![("HOME".into(), home), ("HF_HOME".into(), cache)] }
    }

    /// Sets a variable for all runs; an empty value removes it.
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        let value = value.into();
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.into(), value));
        }
        self
    }

    /// A path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where the Hugging Face cache is, unless a test sets `HF_HOME`.
    pub fn hugging_face(&self) -> PathBuf {
        self.path("hf")
    }

    /// Writes a file in the home, and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        crate::models::write_file(self.dir.path(), name, content)
    }

    /// The command in this home.
    pub fn command(&self, args: &[&str]) -> Command {
        self.prepare(Command::new(self.finsent.path()), args)
    }

    /// Another program in this home. It gets a process group of its own, so that a test can signal all of it.
    pub fn prepare(&self, mut command: Command, args: &[&str]) -> Command {
        clear_environment(command.args(args)).envs(self.environment.iter().cloned());
        command.current_dir(self.dir.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the command.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Runs the command to its end.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Run {
        wait_for_output(self.start(args))
    }

    /// Everything below a directory of the home: paths with the lengths of files and the targets of links.
    pub fn tree(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.path(name), "", &mut found);
        found.sort();
        found
    }
}

fn list(dir: &Path, prefix: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().display());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), found);
        } else if kind.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(entry.path()).unwrap().display()));
        } else {
            found.push(format!("{name} {}", entry.metadata().unwrap().len()));
        }
    }
}
