//! Puts the Git revision of the sources into the crate, for `finsent --version`.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FINSENT_REVISION");
    let given = std::env::var("FINSENT_REVISION").ok().filter(|revision| !revision.is_empty());
    let revision = given.or_else(|| {
        // Run again after every commit and checkout: Git appends each of them to this log.
        let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
        println!("cargo::rerun-if-changed={log}");
        git(&["rev-parse", "--short=12", "HEAD"])
    });
    println!("cargo::rustc-env=FINSENT_REVISION={}", revision.as_deref().unwrap_or("unknown"));
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
