//! What messages quote of what a client sent: enough to recognize it.

use std::borrow::Cow;

/// Bytes of a name that are quoted. No name that means anything is longer.
const MAX_NAME: usize = 64;

/// The name, or its beginning if it is long.
pub(crate) fn excerpt(name: &str) -> Cow<'_, str> {
    excerpt_of(name, MAX_NAME)
}

/// The text, or its first `limit` bytes if it is longer.
pub(crate) fn excerpt_of(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(limit)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_name_is_cut_and_never_within_a_character() {
        assert_eq!(excerpt("granularity"), "granularity");
        assert_eq!(excerpt(&"x".repeat(64)), "x".repeat(64));
        let long = excerpt(&"€".repeat(1_000_000)).into_owned();
        assert_eq!(long, format!("{}…", "€".repeat(21)));
    }
}
