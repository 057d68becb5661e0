//! `finsent completions`: a completion script for a shell, which asks finsent for what fits.

use anyhow::{Result, anyhow};
use clap_complete::Shell;
use clap_complete::env::Shells;

use super::exit::Exit;
use crate::cli::completion::VARIABLE;

pub(super) fn run(shell: Shell) -> Result<Exit> {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells.completer(&name).ok_or_else(|| anyhow!("there is no completion for {name}"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "finsent", "finsent", "finsent", &mut script)?;
    super::print(&script)
}
