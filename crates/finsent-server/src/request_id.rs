//! The id of a request.

use actix_web::http::header::HeaderValue;

/// The header with the id, in requests and answers.
pub(crate) const HEADER: &str = "x-request-id";

/// The longest id that is taken over from a client.
const MAX_LENGTH: usize = 128;

/// The client's id, or a new one if it is missing or unfit for a log.
pub(crate) fn of(header: Option<&[u8]>) -> HeaderValue {
    let is_fit = |id: &&[u8]| (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    header.filter(is_fit).and_then(|id| HeaderValue::from_bytes(id).ok()).unwrap_or_else(new)
}

/// A new id.
pub(crate) fn new() -> HeaderValue {
    let id = format!("{:032x}", fastrand::u128(..));
    HeaderValue::from_str(&id).expect("hexadecimal digits are a valid header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_id_is_kept_if_it_is_fit() {
        assert_eq!(of(Some(b"abc-123")), "abc-123");
        for unfit in ["", "two words", &"x".repeat(129)] {
            assert_eq!(of(Some(unfit.as_bytes())).len(), 32, "{unfit}");
        }
        assert_ne!(of(None), of(None));
    }
}
