//! Running the command.

use std::io::Write;
use std::process::{Command, Stdio};
use std::{env, thread};

use crate::models::write_file;
use crate::{Run, Server};

/// The `finsent` command of this build.
#[derive(Debug, Clone, Copy)]
pub struct Finsent {
    path: &'static str,
}

/// The command as Cargo built it for the calling test target.
#[macro_export]
macro_rules! finsent {
    () => {
        $crate::Finsent::at(env!("CARGO_BIN_EXE_finsent"))
    };
}

/// Variables that a run keeps: programs are found by the first, temporary files are written below the second, and
/// coverage is written to the third.
const KEPT: [&str; 3] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// Takes away the environment of the test run, so that no setting, proxy or cache of the developer has an effect.
pub fn clear_environment(command: &mut Command) -> &mut Command {
    let kept: Vec<_> = KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))).collect();
    command.env_clear().envs(kept).env("NO_COLOR", "1")
}

impl Finsent {
    /// The command at this path; see [`finsent!`](crate::finsent).
    pub const fn at(path: &'static str) -> Self {
        Self { path }
    }

    /// Where the command is.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The command with these arguments, without settings and offline. Nothing is on its standard input, and its output
    /// is collected.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = offline(Command::new(self.path));
        command.args(args);
        command
    }

    /// A shell that runs `script` in the same environment, where `"$0"` is the command. Scripts set limits before they
    /// `exec "$0"`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = offline(Command::new("sh"));
        command.args(["-c", script, self.path]);
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        self.command(args).output().unwrap().into()
    }

    /// Runs the command with `input` on its standard input.
    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        thread::scope(|scope| {
            // Ignore write errors: the command may exit before it has read everything.
            scope.spawn(move || stdin.write_all(input).unwrap_or_default());
            child.wait_with_output().unwrap().into()
        })
    }

    /// Classifies a temporary file of this name and content; `args` follow.
    pub fn classify_file(&self, name: &str, content: impl AsRef<[u8]>, args: &[&str]) -> Run {
        let dir = tempfile::tempdir().unwrap();
        let path = write_file(dir.path(), name, content);
        self.run(&[&["classify", "--input", &path], args].concat())
    }

    /// Starts `finsent serve` and waits until it is ready. It listens on a free port unless `args` name an address.
    pub fn serve(&self, args: &[&str]) -> Server {
        let server = self.serve_unready(args);
        server.wait_until_ready();
        server
    }

    /// Starts `finsent serve` and waits until it listens.
    pub fn serve_unready(&self, args: &[&str]) -> Server {
        Server::spawn(self.command(&["serve"]), args)
    }
}

fn offline(mut command: Command) -> Command {
    clear_environment(&mut command);
    command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "/nonexistent/hub").env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
