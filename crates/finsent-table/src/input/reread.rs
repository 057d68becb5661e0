//! Which inputs can be read more than once.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::TableError;

/// Checks that inputs can be read again from the beginning, now and after `output` is written.
///
/// # Errors
/// If one of them is standard input, a pipe, a device, or the output. What does not exist is an error when it is opened.
pub fn check_rereadable(inputs: &[PathBuf], output: Option<&Path>) -> Result<(), TableError> {
    if inputs.is_empty() {
        return Err(TableError::StandardInputOnce);
    }
    inputs.iter().try_for_each(|input| check(input, output))
}

fn check(input: &Path, output: Option<&Path>) -> Result<(), TableError> {
    if input.as_os_str() == "-" {
        return Err(TableError::StandardInputOnce);
    }
    if is_stream(input) {
        return Err(TableError::NotRegularFile { path: input.to_owned() });
    }
    match output {
        Some(output) if is_same(input, output) => Err(TableError::OutputIsInput { path: output.to_owned() }),
        _ => Ok(()),
    }
}

fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (fs::canonicalize(one), fs::canonicalize(other));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}
