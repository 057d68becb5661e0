//! The address that spans are posted to.

use url::Url;

/// Where receivers of OTLP over HTTP take traces.
const PATH: &str = "/v1/traces";
/// The usual port of OTLP over gRPC.
const GRPC_PORT: u16 = 4317;

/// The address of a receiver, to which the path for traces is added.
///
/// # Errors
/// Says what is expected if it is not an address that spans can be posted to.
pub(super) fn with_path(address: &str) -> Result<Url, String> {
    let mut url = whole(address)?;
    let path = url.path().trim_end_matches('/');
    // Both forms are in use, so also this one does what is meant.
    let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
    url.set_path(&path);
    Ok(url)
}

/// An address that has the path for traces already.
///
/// # Errors
/// Says what is expected if it is not an address that spans can be posted to.
pub(super) fn whole(address: &str) -> Result<Url, String> {
    // The address may have a password, so it is quoted only if it has the form of a host and a port.
    let expected = "expected http://HOST:PORT or https://HOST:PORT of a receiver of OTLP over HTTP";
    let url = match Url::parse(address) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ if is_host_and_port(address) => return Err(format!("`{address}` has no scheme; write http://{address}")),
        Ok(url) if url.has_host() => return Err(format!("`{}` is not supported; {expected}", url.scheme())),
        _ => return Err(format!("this is not a URL; {expected}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL has a user name; put credentials into OTEL_EXPORTER_OTLP_HEADERS".to_owned());
    }
    if url.fragment().is_some() {
        return Err(format!("the URL has a `#`; {expected}"));
    }
    Ok(url)
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.split_once(':') else { return false };
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    is_host && port.parse::<u16>().is_ok()
}

/// Whether receivers listen there for gRPC as a rule.
pub(super) fn is_port_of_grpc(url: &Url) -> bool {
    url.port() == Some(GRPC_PORT)
}

/// The address without its query, which may be a key, for messages.
pub(super) fn shown(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_added_once() {
        for (address, url) in [
            ("http://localhost:4318", "http://localhost:4318/v1/traces"),
            ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
            ("https://otlp.example/tenant/a/", "https://otlp.example/tenant/a/v1/traces"),
            ("http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces"),
            ("http://[::1]:4318?key=1", "http://[::1]:4318/v1/traces?key=1"),
        ] {
            assert_eq!(with_path(address).unwrap().as_str(), url);
        }
        assert_eq!(whole("http://localhost:4318/spans").unwrap().as_str(), "http://localhost:4318/spans");
        assert_eq!(shown(&with_path("http://localhost:4318?key=1").unwrap()), "http://localhost:4318/v1/traces");
    }

    #[test]
    fn what_is_no_address_is_an_error_that_says_what_to_write() {
        for (address, words) in [
            ("localhost:4318", "`localhost:4318` has no scheme; write http://localhost:4318"),
            ("10.0.0.1:4318", "write http://10.0.0.1:4318"),
            ("grpc://localhost:4317", "`grpc` is not supported; expected http://HOST:PORT"),
            ("collector", "this is not a URL; expected http://HOST:PORT"),
            ("http://", "this is not a URL"),
            ("unix:/run/otlp.sock", "this is not a URL"),
            ("http://me:secret@localhost", "put credentials into OTEL_EXPORTER_OTLP_HEADERS"),
            ("http://localhost/#a", "the URL has a `#`"),
        ] {
            let error = with_path(address).unwrap_err();
            assert!(error.contains(words) && !error.contains("secret"), "{address}: {error}");
        }
    }
}
