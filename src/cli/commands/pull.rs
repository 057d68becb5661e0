//! `finsent pull`: downloads a model, verifies it, and prints its directory.

use anyhow::{Context, Result};

use super::args::PullArgs;
use super::console::Console;
use super::download_progress::DownloadDisplay;
use super::exit::Exit;
use super::interrupt;
use super::settings::Settings;

pub(super) fn run(args: &PullArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    let found = settings.resolver().download(&args.model, &DownloadDisplay::new(console))?;
    match found.directory() {
        Some(directory) => {
            console.note(&format!("model {} is ready", found.name));
            super::print(&[directory.as_os_str().as_encoded_bytes(), b"\n"].concat())
        }
        None => {
            console.note(&format!("model {} does not need a download: it is {}", found.name, found.place));
            Ok(Exit::Done)
        }
    }
}
