//! The tokenizers library panics on some files that it did not write itself. A file may be anybody's: its panics become
//! errors here.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// What `work` gives, or the library's last words.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What a panic leaves half done is a tokeniser that is dropped, or a cache of its that is not read again.
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| last_words(&*payload))
}

fn last_words(payload: &(dyn Any + Send)) -> String {
    let words =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("the tokenizers library gave up: {}", words.unwrap_or("it does not say why"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words() {
        assert_eq!(guarded(|| 3), Ok(3));
        let number = 4;
        assert!(guarded(|| panic!("at {number}")).unwrap_err().ends_with("gave up: at 4"));
        assert!(guarded(|| panic!("at four")).unwrap_err().ends_with("gave up: at four"));
    }
}
