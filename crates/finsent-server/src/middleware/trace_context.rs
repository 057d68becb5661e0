//! W3C Trace Context.

use actix_web::http::header::HeaderValue;

/// The trace that a request is part of. The header `traceparent` is `version-trace_id-parent_id-flags`.
pub(super) fn trace_id(traceparent: &HeaderValue) -> Option<String> {
    let parts: Vec<&str> = traceparent.to_str().ok()?.split('-').collect();
    let &[version, trace, parent, flags, ..] = parts.as_slice() else { return None };
    let is_hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit))
    };
    let is_zero = |text: &str| text.bytes().all(|digit| digit == b'0');
    let has_form = is_hex(version, 2) && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    // Later versions may have more parts.
    let is_version = version != "ff" && (version != "00" || parts.len() == 4);
    (has_form && is_version && !is_zero(trace) && !is_zero(parent)).then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_trace_is_accepted() {
        let trace = |text: &str| trace_id(&HeaderValue::from_str(text).unwrap());
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace(good).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert!(trace("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more").is_some(), "a later version");
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(trace(bad), None, "{bad}");
        }
    }
}
