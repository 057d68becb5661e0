//! `finsent completions`: a completion script for a shell.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::args::Args;
use super::exit::Exit;

pub(super) fn run(shell: Shell) -> Result<Exit> {
    let mut script = Vec::new();
    generate(shell, &mut Args::command(), "finsent", &mut script);
    super::print(&script)
}
