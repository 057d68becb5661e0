//! Standard output.

use std::io::{self, Write};

use anyhow::Context;

use super::exit::Exit;

/// Prints what a command has computed.
pub(super) fn print(bytes: &[u8]) -> anyhow::Result<Exit> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")?;
    Ok(Exit::Done)
}
