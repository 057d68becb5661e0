//! Errors of the operating system in plain words. All crates word them here.

use std::error::Error;
use std::{fmt, io};

/// An error of reading or writing whose message is for users: "the disk is full" instead of "No space left on device (os
/// error 28)".
#[derive(Debug)]
pub struct IoError(io::Error);

impl IoError {
    /// The kind of the error.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl From<IoError> for io::Error {
    fn from(error: IoError) -> Self {
        error.0
    }
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain_words(&self.0))
    }
}

/// Without a source: the message says all that there is.
impl Error for IoError {}

/// How the standard library introduces the number of an error.
const OS_ERROR: &str = " (os error";

/// What an I/O error says to a user.
pub fn plain_words(error: &io::Error) -> String {
    if let Some(custom) = error.get_ref() {
        let message = custom.to_string();
        // tempfile puts the system's message and the path of a temporary file into its own.
        if !message.contains(OS_ERROR) {
            return message;
        }
    }
    match error.kind() {
        io::ErrorKind::AlreadyExists => "it already exists".into(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        io::ErrorKind::BrokenPipe => "the reader has closed the pipe".into(),
        io::ErrorKind::FileTooLarge => "the file would exceed the limit on the size of files".into(),
        io::ErrorKind::IsADirectory => "it is a folder".into(),
        io::ErrorKind::NotADirectory => "a part of its path is not a folder".into(),
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".into(),
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::UnexpectedEof => "it ends early".into(),
        _ => without_number(&error.to_string()),
    }
}

/// The system's own message without ` (os error 28)`, starting in lower case.
fn without_number(message: &str) -> String {
    let message = message.split(OS_ERROR).next().unwrap_or_default();
    let mut letters = message.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_has_the_number_of_an_error() {
        for number in 1..=133 {
            let words = plain_words(&io::Error::from_raw_os_error(number));
            assert!(!words.contains("os error") && !words.is_empty(), "{number}: {words}");
        }
        assert_eq!(plain_words(&io::Error::from_raw_os_error(28)), "the disk is full");
        assert_eq!(plain_words(&io::Error::from_raw_os_error(13)), "permission denied");
    }

    #[test]
    fn a_custom_message_is_kept_unless_it_quotes_the_system() {
        let missing = tempfile::Builder::new().tempfile_in("/nowhere").unwrap_err();
        assert_eq!(plain_words(&missing), "no such file or folder");
        assert_eq!(plain_words(&io::Error::other("its checksum is wrong")), "its checksum is wrong");
    }
}
