//! Waiting for conditions, with a deadline.

use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use crate::Run;

/// The longest time that a test waits for anything.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Pause between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// Waits until `is_met` returns true.
///
/// # Panics
/// When [`TIMEOUT`] passes first; the message names `condition`.
#[track_caller]
pub fn wait_until(condition: &str, mut is_met: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_met() {
        assert!(start.elapsed() < TIMEOUT, "timed out waiting until {condition}");
        thread::sleep(POLL_INTERVAL);
    }
}

/// Waits until a process exits whose output nobody reads.
///
/// # Panics
/// When [`TIMEOUT`] passes first.
#[track_caller]
pub fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let mut status = None;
    wait_until("the process exits", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Waits until a process exits, and collects its output meanwhile.
///
/// # Panics
/// When [`TIMEOUT`] passes first; the process is killed and its output shown.
#[track_caller]
pub fn wait_for_output(child: Child) -> Run {
    let id = child.id();
    let (sender, receiver) = channel();
    // Ignore send errors: the test has given up on this process.
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()).unwrap_or_default());
    match receiver.recv_timeout(TIMEOUT) {
        Ok(output) => output.into(),
        Err(_) => {
            Command::new("kill").args(["-9", &id.to_string()]).status().unwrap();
            panic!("the process does not exit: {:?}", Run::from(receiver.recv().unwrap()));
        }
    }
}
