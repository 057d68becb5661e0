//! Ctrl-C and SIGTERM: they remove partial output before the process ends.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{io, process, thread};

use finsent_table::unfinished;

use super::platform::Signals;

/// Called when the process is interrupted, the last one first.
static LAST_ACTIONS: Mutex<Vec<Box<dyn Fn() + Send>>> = Mutex::new(Vec::new());

/// From now on an interrupt removes the unfinished output and exits with the code of its signal.
pub(super) fn watch() -> io::Result<()> {
    let mut signals = Signals::of_command()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            unfinished::remove_all_and(|| {
                last_actions().iter().rev().for_each(|act| act());
                process::exit(signal.exit_code());
            })
        }
    })?;
    Ok(())
}

/// Calls `act` when the process is interrupted, before it exits, and before what was given earlier.
pub(super) fn on_interrupt(act: impl Fn() + Send + 'static) {
    last_actions().push(Box::new(act));
}

fn last_actions() -> MutexGuard<'static, Vec<Box<dyn Fn() + Send>>> {
    LAST_ACTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}
