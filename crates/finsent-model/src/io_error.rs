//! The system's errors in plain words.

use std::error::Error;
use std::{fmt, io};

/// An error of the operating system. Its message says what happened without the system's error number.
#[derive(Debug)]
pub struct IoError(io::Error);

impl IoError {
    /// The kind of error.
    pub fn kind(&self) -> io::ErrorKind {
        self.0.kind()
    }
}

impl From<io::Error> for IoError {
    fn from(error: io::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for IoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = match self.0.kind() {
            io::ErrorKind::NotFound => "no such file or folder",
            io::ErrorKind::PermissionDenied => "permission denied",
            io::ErrorKind::NotADirectory => "a part of the path is not a folder",
            io::ErrorKind::IsADirectory => "it is a folder",
            io::ErrorKind::FileTooLarge => "the file would be too large",
            io::ErrorKind::StorageFull => "the disk is full",
            io::ErrorKind::QuotaExceeded => "the disk quota is used up",
            io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
            _ => return f.write_str(without_number(&self.0.to_string())),
        };
        f.write_str(message)
    }
}

impl Error for IoError {}

fn without_number(message: &str) -> &str {
    message.split_once(" (os error ").map_or(message, |(message, _)| message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_no_error_number() {
        const BAD_FILE_DESCRIPTOR: i32 = 9;
        const NO_SPACE: i32 = 28;
        let message = |number| IoError::from(io::Error::from_raw_os_error(number)).to_string();
        assert_eq!(message(NO_SPACE), "the disk is full");
        assert_eq!(message(BAD_FILE_DESCRIPTOR), "Bad file descriptor");
        assert_eq!(IoError::from(io::Error::other("too long")).to_string(), "too long");
    }
}
