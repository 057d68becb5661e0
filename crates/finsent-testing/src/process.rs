//! Looking at processes and signalling them.

use std::fs;
use std::process::Command;

/// Sends a process a signal, by its name without `SIG`.
pub fn send_signal(pid: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
    assert!(status.success(), "cannot send {name} to {pid}");
}

/// How many files and connections a process has open.
pub fn open_files(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}
