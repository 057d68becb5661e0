//! HTTP requests to the hub and the hosts that it redirects to: redirects, the token, retries.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{io, thread};

use finsent_model::IoError;
use ureq::http::header::{AUTHORIZATION, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{Response, StatusCode};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};
use url::{Origin, Url};

use super::error::HubError;
use super::settings::HubSettings;

/// How often a request is tried.
pub(crate) const TRIES: u32 = 5;
/// The pause before the second try. Each pause is twice as long as the previous one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// If a host asks for a longer pause, the request fails.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The most redirects of one request.
const REDIRECTS: usize = 8;
/// The timeout to resolve a name, and to connect.
const CONNECT: Duration = Duration::from_secs(15);
/// The timeout for the next bytes of a response.
const SILENCE: Duration = Duration::from_secs(30);

/// Which redirects to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Only those to the same host. The headers of a large file are in the hub's redirect to another host.
    SameHost,
    /// All redirects.
    All,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) is_head: bool,
    pub(crate) url: &'a str,
    /// The first byte of the body to request.
    pub(crate) from: u64,
    pub(crate) follow: Follow,
    /// The model or file, for messages.
    pub(crate) what: &'a str,
}

/// Sends requests.
pub(crate) struct Transport {
    agent: Agent,
    /// The origin (scheme, host and port) that gets the token.
    origin: Origin,
    token: Option<String>,
    /// The file of `SSL_CERT_FILE`, for messages.
    certificates: Option<PathBuf>,
}

impl Transport {
    /// # Errors
    /// [`HubError::Setting`] if the endpoint, the token or `SSL_CERT_FILE` is not valid.
    pub(crate) fn new(settings: &HubSettings) -> Result<Self, HubError> {
        settings.check()?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .accept_encoding("identity")
            .user_agent(concat!("finsent/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .tls_config(TlsConfig::builder().root_certs(roots(settings)?).build());
        let endpoint = Url::parse(&settings.endpoint).map_err(|error| {
            let reason = format!("`{}` is not an address: {error}", settings.endpoint);
            HubError::Setting { variable: "HF_ENDPOINT", reason }
        })?;
        Ok(Self {
            agent: config.build().new_agent(),
            origin: endpoint.origin(),
            token: settings.token.clone(),
            certificates: settings.certificates.clone(),
        })
    }

    /// Returns the response, whatever its status. After 429, 5xx and broken connections, tries again.
    pub(crate) fn send(&self, request: Request<'_>) -> Result<Response<Body>, HubError> {
        let mut tried = 1;
        loop {
            let failure = match self.send_once(request) {
                Ok(response) if !is_busy(response.status()) => return Ok(response),
                Ok(response) => busy(&response, request),
                Err(Failed { error, is_final: true }) => return Err(error),
                Err(Failed { error, .. }) => error,
            };
            let asked = match &failure {
                HubError::Busy { retry_after, .. } => *retry_after,
                _ => None,
            };
            if tried == TRIES || asked.is_some_and(|asked| asked > LONGEST_PAUSE) {
                return Err(failure);
            }
            tracing::info!("try {tried} of {TRIES} failed: {failure}");
            thread::sleep(asked.unwrap_or_default().max(pause(tried)));
            tried += 1;
        }
    }

    fn send_once(&self, request: Request<'_>) -> Result<Response<Body>, Failed> {
        let mut url = Url::parse(request.url).map_err(|error| {
            let reason = format!("HF_ENDPOINT leads to `{}`: {error}", request.url);
            Failed { error: HubError::Setting { variable: "HF_ENDPOINT", reason }, is_final: true }
        })?;
        for _ in 0..=REDIRECTS {
            let response = self.exchange(&url, request).map_err(|error| self.failed(&url, request, &error))?;
            let target = redirect(&response, &url, request)?;
            match target {
                Some(target) if request.follow == Follow::All || target.origin() == url.origin() => url = target,
                _ => return Ok(response),
            }
        }
        Err(Failed::response(&url, request, "too many redirects".into()))
    }

    fn exchange(&self, url: &Url, request: Request<'_>) -> Result<Response<Body>, ureq::Error> {
        tracing::debug!("{} {}", if request.is_head { "HEAD" } else { "GET" }, without_query(url));
        let mut builder = if request.is_head { self.agent.head(url.as_str()) } else { self.agent.get(url.as_str()) };
        if let Some(token) = self.token.as_ref().filter(|_| url.origin() == self.origin) {
            builder = builder.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if request.from > 0 {
            builder = builder.header(RANGE, format!("bytes={}-", request.from));
        }
        builder.call()
    }

    fn failed(&self, url: &Url, request: Request<'_>, error: &ureq::Error) -> Failed {
        const NETWORK: &str = "Check your connection or proxy (HTTPS_PROXY)";
        let host = host(url);
        let not_found = || format!("{host} not found");
        let network = || NETWORK.to_owned();
        let tls = |error: &dyn Display| {
            let error = error.to_string();
            let remedy = certificate_remedy(&error, self.certificates.as_deref());
            (format!("no TLS connection to {host}: {error}"), remedy, true)
        };
        let broken = |error: &dyn Display| format!("the connection to {host} failed: {error}");
        let (reason, remedy, is_final) = match error {
            ureq::Error::HostNotFound => (not_found(), network(), true),
            ureq::Error::Io(error) if is_lookup(error) => (not_found(), network(), true),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                (format!("{host} refused the connection"), network(), true)
            }
            ureq::Error::Io(error) if is_tls(error) => tls(error),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => tls(error),
            ureq::Error::Timeout(_) => (format!("{host} did not answer in time"), network(), false),
            ureq::Error::Io(_) | ureq::Error::Protocol(_) => (broken(error), network(), false),
            _ => (broken(error), network(), true),
        };
        Failed { error: HubError::Unreachable { what: request.what.into(), reason, remedy }, is_final }
    }
}

/// What to do about a certificate that is refused; `roots` is the file of `SSL_CERT_FILE`.
fn certificate_remedy(error: &str, roots: Option<&Path>) -> String {
    let Some(roots) = roots else {
        let set = "set SSL_CERT_FILE to its certificate in PEM";
        return format!("If a proxy inspects TLS connections, {set}; otherwise check HF_ENDPOINT");
    };
    let roots = roots.display();
    // Programs with OpenSSL take such a certificate, rustls does not.
    if error.contains("CaUsedAsEndEntity") {
        let make = "openssl req -x509 -addext basicConstraints=critical,CA:FALSE";
        return format!(
            "The server presents the certificate of an authority (CA:TRUE) as its own. Give it one that is signed by that \
             authority, or a self-signed one for servers ({make} ...), and put that into `{roots}` (SSL_CERT_FILE)"
        );
    }
    if error.contains("UnknownIssuer") || error.contains("BadSignature") {
        return format!(
            "None of the certificates in `{roots}` (SSL_CERT_FILE) has signed the server's; add the one that has"
        );
    }
    format!("Check the certificate of the server, or of the proxy between, and `{roots}` (SSL_CERT_FILE)")
}

/// The pause after this many tries. It is random, so that clients that failed together do not come back together.
pub(crate) fn pause(tried: u32) -> Duration {
    let longest = FIRST_PAUSE * 2u32.pow(tried.saturating_sub(1).min(6));
    longest.mul_f64(0.75 + fastrand::f64() / 4.0)
}

/// Why a try failed, and whether to try again.
struct Failed {
    error: HubError,
    is_final: bool,
}

impl Failed {
    fn response(url: &Url, request: Request<'_>, reason: String) -> Self {
        let error = HubError::Response { host: host(url), what: request.what.into(), reason };
        Self { error, is_final: true }
    }
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

fn busy(response: &Response<Body>, request: Request<'_>) -> HubError {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    HubError::Busy {
        host: host_of(request.url),
        status: response.status().as_u16(),
        what: request.what.into(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// The target of a redirect.
fn redirect(response: &Response<Body>, from: &Url, request: Request<'_>) -> Result<Option<Url>, Failed> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| from.join(location).ok()).filter(|target| target.has_host());
    target.ok_or_else(|| Failed::response(from, request, "a redirect without a valid target".into())).map(Some)
}

/// Host and port, for messages. The port is left out if it is that of the scheme.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the hub");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Host and port of an address, for messages.
pub(crate) fn host_of(address: &str) -> String {
    Url::parse(address).map_or_else(|_| address.to_owned(), |url| host(&url))
}

/// For logs: the query may be a signature, which is as good as a key.
fn without_query(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

/// The system's resolver reports its failures only in words.
fn is_lookup(error: &io::Error) -> bool {
    error.to_string().contains("lookup address")
}

/// rustls reports its failures as errors of this kind.
fn is_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// The accepted root certificates.
fn roots(settings: &HubSettings) -> Result<RootCerts, HubError> {
    let Some(path) = &settings.certificates else { return Ok(RootCerts::WebPki) };
    let refused = |reason: String| HubError::Setting { variable: "SSL_CERT_FILE", reason };
    let pem = std::fs::read(path)
        .map_err(|error| refused(format!("cannot read `{}`: {}", path.display(), IoError::from(error))))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(refused(format!("`{}` is not PEM: {error}", path.display())))),
        })
        .collect::<Result<_, _>>()?;
    match certificates.is_empty() {
        true => Err(refused(format!("`{}` has no certificate in PEM", path.display()))),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_host_and_an_unusual_port() {
        assert_eq!(host_of("https://user:secret@hub.example/a?b=c"), "hub.example");
        assert_eq!(host_of("https://hub.example:443"), "hub.example");
        assert_eq!(host_of("http://127.0.0.1:8080/a"), "127.0.0.1:8080");
        assert_eq!(host_of("hub"), "hub");
    }

    /// With the tables that Cargo.toml chooses by the version of idna_adapter.
    #[test]
    fn hosts_of_other_alphabets_have_the_names_that_resolvers_know() {
        assert_eq!(host_of("https://BÜCHER.example"), "xn--bcher-kva.example");
        assert_eq!(host_of("https://例え.テスト:8443"), "xn--r8jz45g.xn--zckzah:8443");
    }

    #[test]
    fn a_log_line_has_no_query() {
        let url = Url::parse("https://cdn.example/a/b?signature=secret").unwrap();
        assert_eq!(without_query(&url), "https://cdn.example/a/b");
    }

    #[test]
    fn pauses_grow_and_are_random() {
        for tried in 1..5 {
            let longest = FIRST_PAUSE * 2u32.pow(tried - 1);
            assert!(pause(tried) <= longest && pause(tried) >= longest.mul_f64(0.75));
        }
        assert!(pause(u32::MAX) <= Duration::from_secs(32));
    }
}
