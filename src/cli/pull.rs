//! `finsent pull`: a model from the hub, checked, and the directory it is in.

use anyhow::{Context, Result};

use super::args::PullArgs;
use super::console::Console;
use super::exit::Exit;
use super::fetching::Fetching;
use super::interrupt;
use super::settings::Settings;

pub(super) fn run(args: &PullArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    let found = settings.places().download(&args.model, &Fetching::new(console))?;
    match found.directory() {
        Some(directory) => {
            console.note(&format!("model {} is here", found.name));
            super::print(&[directory.as_os_str().as_encoded_bytes(), b"\n"].concat())
        }
        None => {
            console.note(&format!("model {} is {}: there is nothing to fetch", found.name, found.place));
            Ok(Exit::Done)
        }
    }
}
