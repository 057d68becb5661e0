//! Errors of the operating system, with what failed.

use std::io::{self, ErrorKind};

use anyhow::Error;
use finsent_model::IoError;

/// An error that says what failed and why. A broken pipe stays as it is: it is not a failure of the command.
pub(super) fn explain(what: impl Into<String>, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::BrokenPipe => error.into(),
        _ => Error::new(IoError::from(error)).context(what.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_failed_and_why() {
        let error = explain("cannot write a.csv", ErrorKind::StorageFull.into());
        assert_eq!(format!("{error:#}"), "cannot write a.csv: the disk is full");
    }

    #[test]
    fn a_broken_pipe_can_still_be_recognized() {
        let error = explain("cannot write a.csv", ErrorKind::BrokenPipe.into());
        assert_eq!(error.downcast_ref::<io::Error>().map(io::Error::kind), Some(ErrorKind::BrokenPipe));
    }
}
