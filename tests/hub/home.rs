//! Running the binary in a home directory of its own, with nothing of the environment of the tests.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::stand_in::StandIn;

/// Longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A user's home, and the environment of the runs in it.
pub(crate) struct Home {
    dir: tempfile::TempDir,
    environment: Vec<(String, OsString)>,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

impl Run {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// That it failed with this code, and that the message has all of these parts.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(parts.iter().all(|part| self.stderr.contains(part)), "expected {parts:?} in: {}", self.stderr);
        assert_eq!(self.stdout, "", "{}", self.stderr);
    }

    /// The directory that `pull` printed.
    #[track_caller]
    pub(crate) fn directory(self) -> PathBuf {
        let run = self.succeeded();
        let directory = run.stdout.strip_suffix('\n').unwrap();
        assert!(!directory.contains('\n'), "{run:?}");
        directory.into()
    }
}

impl Home {
    /// For which the stand-in is the hub.
    pub(crate) fn of(hub: &StandIn) -> Self {
        Self::at(&hub.endpoint())
    }

    pub(crate) fn at(endpoint: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment = vec![("HF_ENDPOINT".into(), endpoint.into())];
        Self { dir, environment }
    }

    /// With one more variable; an empty value takes it away.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Where HF_HOME is, unless a test sets it.
    pub(crate) fn hugging_face(&self) -> PathBuf {
        self.path("hf")
    }

    /// A file or directory of the cached repository acme/small.
    pub(crate) fn cached(&self, name: &str) -> PathBuf {
        self.hugging_face().join("hub/models--acme--small").join(name)
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, contents).unwrap();
        path.into_os_string().into_string().unwrap()
    }

    /// A catalogue with the model `mine`, which is acme/small with these files and their hashes; `more` goes to its end.
    pub(crate) fn catalogue(&self, files: &[(&str, Option<&str>)], more: &str) -> String {
        let files: Vec<String> = files
            .iter()
            .map(|(name, hash)| {
                let hash = hash.map(|hash| format!(", sha256 = {hash:?}")).unwrap_or_default();
                format!("{{ name = {name:?}{hash} }}")
            })
            .collect();
        let files = files.join(", ");
        let toml = format!(
            "[[model]]\nname = \"mine\"\ndescription = \"d\"\nlicense = \"l\"\nhub = \"acme/small\"\n\
             files = [{files}]\n{more}\n"
        );
        self.write("models.toml", toml)
    }

    /// The environment of a run.
    pub(crate) fn environment(&self) -> Vec<(String, OsString)> {
        let mut environment: Vec<(String, OsString)> = vec![
            ("HOME".into(), self.dir.path().into()),
            ("HF_HOME".into(), self.hugging_face().into()),
            ("NO_COLOR".into(), "1".into()),
        ];
        environment.retain(|(name, _)| !self.environment.iter().any(|(other, _)| other == name));
        environment.extend(self.environment.iter().cloned());
        environment.retain(|(_, value)| !value.is_empty());
        environment
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.prepared(Command::new(env!("CARGO_BIN_EXE_finsent")), args)
    }

    /// A program with the environment of the runs.
    pub(crate) fn prepared(&self, mut command: Command, args: &[&str]) -> Command {
        command.args(args).env_clear().envs(self.environment()).current_dir(self.dir.path()).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        ended(self.start(args))
    }

    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub(crate) fn pull(&self, model: &str) -> Run {
        self.run(&["pull", model])
    }

    /// What is below a directory of the home: paths, the lengths of files, the targets of links.
    pub(crate) fn tree(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.path(name), "", &mut found);
        found.sort();
        found
    }

    /// Files and links of the cached repository acme/small, below one of its directories.
    pub(crate) fn tree_of(&self, name: &str) -> Vec<String> {
        self.tree(&format!("hf/hub/models--acme--small/{name}"))
    }
}

fn walk(dir: &Path, before: &str, found: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = format!("{before}{}", entry.file_name().display());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), &format!("{name}/"), found);
        } else if kind.is_symlink() {
            found.push(format!("{name} -> {}", fs::read_link(entry.path()).unwrap().display()));
        } else {
            found.push(format!("{name} {}", entry.metadata().unwrap().len()));
        }
    }
}

/// Waits for the end of a run, which is not to last forever.
#[track_caller]
pub(crate) fn ended(child: Child) -> Run {
    let id = child.id();
    let (tell, told) = channel();
    thread::spawn(move || tell.send(child.wait_with_output().unwrap()).unwrap_or_default());
    match told.recv_timeout(PATIENCE) {
        Ok(output) => output.into(),
        Err(_) => {
            Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
            panic!("it does not end: {:?}", Run::from(told.recv().unwrap()));
        }
    }
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what}: not within a minute");
        thread::sleep(Duration::from_millis(5));
    }
}
