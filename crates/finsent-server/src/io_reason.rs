//! What the system says, in words.

use std::io::{Error, ErrorKind};

/// Why an operation on a file or an address failed, without the system's error number.
pub(crate) fn io_reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or folder".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        _ => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.as_str(), |(reason, _)| reason).to_lowercase()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_numbers_are_left_out() {
        assert_eq!(io_reason(&Error::from_raw_os_error(111)), "connection refused");
        assert_eq!(io_reason(&Error::from_raw_os_error(2)), "no such file or folder");
        assert_eq!(io_reason(&Error::other("the name is not known")), "the name is not known");
    }
}
