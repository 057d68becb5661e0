//! Answers to the shell that completes a command line. The script of `finsent completions` asks for them.

use std::env;
use std::ffi::OsString;

use clap_complete::CompleteEnv;

use super::console::Console;
use super::exit::Exit;
use super::relevance;

/// Names the shell that asks. A variable of finsent's own: one that others use could be set for another reason.
pub(super) const VARIABLE: &str = "FINSENT_COMPLETE";

/// Answers the shell, if one asks.
pub(super) fn answer(typed: &[OsString]) -> Option<u8> {
    let folder = env::current_dir().ok();
    let completion = CompleteEnv::with_factory(relevance::command).var(VARIABLE).bin("finsent").completer("finsent");
    match completion.try_complete(typed, folder.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(Exit::Done as u8),
        Err(error) => {
            Console::default().error(&format!("{VARIABLE}: {error}"));
            Some(Exit::Failed as u8)
        }
    }
}
