//! Which inputs can be read more than once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::UsageError;

/// Why an input is read more than once, for people.
struct Reason {
    /// What reads it so.
    reader: &'static str,
    /// Why it cannot be replaced by the output.
    not_output: &'static str,
}

const SHARDS: Reason = Reason {
    reader: "--shard reads its input twice, first to count the rows",
    not_output: "the output of a shard cannot be its input: the other shards have to read it",
};

const RESUMING: Reason = Reason {
    reader: "--resume reads its input again from the beginning",
    not_output: "with --resume the output cannot be the input, which may have to be read again",
};

/// Refuses files that cannot be read twice, and an output that would take the input from the other shards.
pub fn check_shards(inputs: &[PathBuf], output: Option<&Path>) -> Result<(), UsageError> {
    check(&SHARDS, inputs, output)
}

/// Refuses files that an interrupted run could not be resumed with.
pub fn check_resuming(inputs: &[PathBuf], output: Option<&Path>) -> Result<(), UsageError> {
    check(&RESUMING, inputs, output)
}

fn check(reason: &Reason, inputs: &[PathBuf], output: Option<&Path>) -> Result<(), UsageError> {
    if inputs.is_empty() {
        return Err(once(reason, "standard input"));
    }
    inputs.iter().try_for_each(|input| check_input(reason, input, output))
}

fn check_input(reason: &Reason, input: &Path, output: Option<&Path>) -> Result<(), UsageError> {
    let name = input.display();
    if input.as_os_str() == "-" {
        return Err(once(reason, "standard input"));
    }
    if is_stream(input) {
        return Err(once(reason, &format!("`{name}`, which is no regular file,")));
    }
    if output.is_some_and(|output| is_same(input, output)) {
        return Err(UsageError(reason.not_output.into()));
    }
    Ok(())
}

fn once(reason: &Reason, input: &str) -> UsageError {
    UsageError(format!("{}, and {input} can be read only once; give a file, --input FILE", reason.reader))
}

fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (fs::canonicalize(one), fs::canonicalize(other));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}
