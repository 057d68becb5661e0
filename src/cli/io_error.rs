//! Errors of the operating system in plain words, without their numbers.

use std::io::{self, ErrorKind};

use anyhow::anyhow;

/// An error that says what failed and why. A broken pipe stays as it is: it is not a failure of the command.
pub(super) fn explain(what: &str, error: &io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::from(ErrorKind::BrokenPipe).into(),
        _ => anyhow!("{what}: {}", reason(error)),
    }
}

fn reason(error: &io::Error) -> String {
    let known = match error.kind() {
        ErrorKind::NotFound => "the file does not exist",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::IsADirectory => "it is a folder",
        ErrorKind::InvalidData => "it is not UTF-8 text",
        ErrorKind::StorageFull => "the disk is full",
        ErrorKind::QuotaExceeded => "the disk quota is used up",
        ErrorKind::FileTooLarge => "the file would exceed the limit on the size of files",
        _ => return without_number(&error.to_string()),
    };
    known.to_owned()
}

/// `Bad file descriptor` for `Bad file descriptor (os error 9)`.
fn without_number(message: &str) -> String {
    message.split(" (os error ").next().unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_no_number() {
        let reason_of = |code| reason(&io::Error::from_raw_os_error(code));
        assert_eq!(reason_of(28), "the disk is full");
        assert!(!reason_of(9).contains("os error"), "{}", reason_of(9));
    }

    #[test]
    fn a_broken_pipe_can_still_be_recognized() {
        let error = explain("cannot write", &ErrorKind::BrokenPipe.into());
        assert_eq!(error.downcast_ref::<io::Error>().map(io::Error::kind), Some(ErrorKind::BrokenPipe));
    }
}
