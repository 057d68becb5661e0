//! The id of a request.

use actix_web::http::header::{HeaderMap, HeaderValue};

/// The client's id, or a new one if it is missing or unfit for a log.
pub(super) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_fit = |id: &&HeaderValue| (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic);
    headers.get("x-request-id").filter(is_fit).cloned().unwrap_or_else(|| {
        let id = format!("{:032x}", fastrand::u128(..));
        HeaderValue::from_str(&id).expect("hexadecimal digits are a valid header value")
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    #[test]
    fn the_clients_id_is_kept_if_it_is_fit() {
        let id = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static("x-request-id"), HeaderValue::from_str(value).unwrap());
            request_id(&headers)
        };
        assert_eq!(id("abc-123"), "abc-123");
        for unfit in ["", "two words", &"x".repeat(129)] {
            assert_eq!(id(unfit).len(), 32, "{unfit}");
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
