//! W3C Trace Context: the trace that a request is part of.

use std::fmt;

use actix_web::http::header::HeaderMap;

/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;
/// The flag of a trace whose id is random in its last seven bytes.
pub(super) const RANDOM: u8 = 2;
/// The longest state that is kept, which is as much as every tracing system should keep.
const MAX_STATE_BYTES: usize = 512;
const MAX_STATE_MEMBERS: usize = 32;

/// The id of a trace, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

/// The id of a span, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanId(u64);

/// What the header `traceparent` says: `version-trace_id-parent_id-flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: TraceId,
    /// The client's span.
    pub(super) parent: SpanId,
    pub(super) flags: u8,
}

impl TraceContext {
    /// The context of a request; `None` if there is none, or it is not valid.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all("traceparent");
        let (value, other) = (values.next()?, values.next());
        // Of several parents none is known to be the right one.
        if other.is_some() { None } else { Self::parse(value.to_str().ok()?) }
    }

    fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let mut number = |digits| hexadecimal(parts.next()?, digits);
        let (version, trace, parent, flags) = (number(2)?, number(32)?, number(16)?, number(2)?);
        // Later versions may have more parts.
        let is_version = version != 0xff && (version != 0 || parts.next().is_none());
        (is_version && trace != 0 && parent != 0).then_some(Self {
            trace_id: TraceId(trace),
            parent: SpanId(parent as u64),
            flags: flags as u8,
        })
    }

    pub(super) fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }
}

/// The number, if the text has exactly so many hexadecimal digits, in lower case.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    let is_number = text.len() == digits && text.bytes().all(is_digit);
    is_number.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// What tracing systems keep with a trace, from the headers `tracestate`; empty if it is not valid or long.
pub(super) fn trace_state(headers: &HeaderMap) -> String {
    let values: Option<Vec<&str>> = headers.get_all("tracestate").map(|value| value.to_str().ok()).collect();
    let state = values.unwrap_or_default().join(",");
    let members: Vec<&str> = state.split(',').map(str::trim).filter(|member| !member.is_empty()).collect();
    let is_valid =
        state.len() <= MAX_STATE_BYTES && members.len() <= MAX_STATE_MEMBERS && members.iter().all(|it| is_member(it));
    if is_valid { members.join(",") } else { String::new() }
}

/// Whether the text is `key=value` with the letters that the standard allows.
fn is_member(text: &str) -> bool {
    let Some((key, value)) = text.split_once('=') else { return false };
    let in_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let in_value = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    !key.is_empty() && key.bytes().all(in_key) && !value.is_empty() && value.bytes().all(in_value)
}

impl TraceId {
    pub(super) fn random() -> Self {
        Self(fastrand::u128(1..))
    }

    /// The half that samplers look at.
    pub(super) fn low_half(self) -> u64 {
        self.0 as u64
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

/// As in the header.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl SpanId {
    pub(super) fn random() -> Self {
        Self(fastrand::u64(1..))
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn context(values: &[&str]) -> Option<TraceContext> {
        TraceContext::of(&headers("traceparent", values))
    }

    #[test]
    fn a_valid_parent_is_accepted() {
        let found = context(&[PARENT]).unwrap();
        assert_eq!(found.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((found.parent, found.flags, found.is_sampled()), (SpanId(0x00f0_67aa_0ba9_02b7), 1, true));
        assert!(!context(&[&PARENT.replace("-01", "-02")]).unwrap().is_sampled());
        let later = context(&["01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more"]);
        assert!(later.is_some_and(|later| later.is_sampled()), "a later version");
    }

    #[test]
    fn a_parent_that_is_not_valid_is_ignored() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(context(&[bad]), None, "{bad}");
        }
        assert_eq!(context(&[PARENT, PARENT]), None, "two parents");
    }

    #[test]
    fn a_state_is_kept_if_it_is_valid_and_not_long() {
        let state = |values: &[&str]| trace_state(&headers("tracestate", values));
        assert_eq!(state(&[]), "");
        assert_eq!(state(&["rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE", "a@b=1,"]), {
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE,a@b=1"
        });
        for bad in ["rojo", "Rojo=1", "=1", "a=", "a=b=c", &format!("a={}", "x".repeat(511))] {
            assert_eq!(state(&[bad]), "", "{bad}");
        }
        assert_eq!(state(&[&(0..33).map(|key| format!("k{key}=1")).collect::<Vec<_>>().join(",")]), "");
    }

    #[test]
    fn random_ids_differ() {
        assert_ne!(TraceId::random(), TraceId::random());
        assert_ne!(SpanId::random(), SpanId::random());
    }
}
