//! Errors of the operating system, with what failed.

use std::io::{self, ErrorKind};

use anyhow::anyhow;
use finsent_model::plain_words;

/// An error that says what failed and why. A broken pipe stays as it is: it is not a failure of the command.
pub(super) fn explain(what: &str, error: &io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::BrokenPipe => io::Error::from(ErrorKind::BrokenPipe).into(),
        _ => anyhow!("{what}: {}", plain_words(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_can_still_be_recognized() {
        let error = explain("cannot write", &ErrorKind::BrokenPipe.into());
        assert_eq!(error.downcast_ref::<io::Error>().map(io::Error::kind), Some(ErrorKind::BrokenPipe));
    }
}
