//! The servers that the tests start.

use std::process::Command;

pub(crate) use finsent_testing::Server;
use finsent_testing::{Run, wait_for_output};

const FINSENT: finsent_testing::Finsent = finsent_testing::finsent!();

pub(crate) fn finsent(args: &[&str]) -> Command {
    FINSENT.command(args)
}

/// A server that is ready, on a free port unless the arguments name an address.
pub(crate) fn start(args: &[&str]) -> Server {
    FINSENT.serve(args)
}

/// A server that listens and may still be loading its models.
pub(crate) fn start_unready(args: &[&str]) -> Server {
    FINSENT.serve_unready(args)
}

/// Runs `finsent serve` with a limit on open files to its end.
pub(crate) fn run_with_files(files: u32, args: &[&str]) -> Run {
    let mut command = FINSENT.shell(&format!("ulimit -n {files} && exec \"$0\" serve \"$@\""));
    wait_for_output(command.args(args).spawn().unwrap())
}

/// A server that is ready and may have `files` files and connections open at a time.
pub(crate) fn start_with_files(files: u32, args: &[&str]) -> Server {
    let server = Server::spawn(FINSENT.shell(&format!("ulimit -n {files} && exec \"$0\" serve \"$@\"")), args);
    server.wait_until_ready();
    server
}
