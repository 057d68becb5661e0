//! Requests to the hub and to the hosts that it points to: redirects, the token, tries.

use std::time::Duration;
use std::{io, thread};

use ureq::http::header::{AUTHORIZATION, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::error::HubError;
use super::settings::HubSettings;

/// How often a request is made before it counts as failed.
pub(crate) const TRIES: u32 = 5;
/// The pause before the second try; each pause is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A host that asks for more patience than this is given up.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Most redirects of one request.
const REDIRECTS: usize = 8;
/// How long a name may take to resolve, and a host to let us in.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a host may say nothing.
const SILENCE: Duration = Duration::from_secs(30);

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// To the same host only: what the hub says of a large file stands in its redirect to another.
    SameHost,
    /// All.
    All,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) is_head: bool,
    pub(crate) url: &'a str,
    /// From which byte on.
    pub(crate) from: u64,
    pub(crate) follow: Follow,
    /// For errors.
    pub(crate) what: &'a str,
}

/// Speaks to hosts.
pub(crate) struct Transport {
    agent: Agent,
    /// Scheme, host and port that may see the token.
    origin: Option<String>,
    token: Option<String>,
}

impl Transport {
    /// # Errors
    /// [`HubError::Setting`] when the endpoint, the token or `SSL_CERT_FILE` cannot be used.
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
        let endpoint: Option<Uri> = settings.endpoint.parse().ok();
        Ok(Self {
            agent: config.build().new_agent(),
            origin: endpoint.as_ref().and_then(origin),
            token: settings.token.clone(),
        })
    }

    /// The answer, whatever its status, but for 429 and 5xx: those, and broken connections, are tried again.
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
            tracing::info!("try {tried} of {TRIES}: {failure}");
            thread::sleep(asked.unwrap_or_default().max(pause(tried)));
            tried += 1;
        }
    }

    fn send_once(&self, request: Request<'_>) -> Result<Response<Body>, Failed> {
        let mut url: Uri = request.url.parse().map_err(|_| bad_url(request.url, request))?;
        for _ in 0..=REDIRECTS {
            let response = self.exchange(&url, request).map_err(|error| failed(&url, error))?;
            let target = redirect(&response, &url, request)?;
            match target {
                Some(target) if request.follow == Follow::All || origin(&target) == origin(&url) => url = target,
                _ => return Ok(response),
            }
        }
        Err(Failed::answer(&url, request, "too many redirects".into()))
    }

    fn exchange(&self, url: &Uri, request: Request<'_>) -> Result<Response<Body>, ureq::Error> {
        tracing::debug!("{} {}", if request.is_head { "HEAD" } else { "GET" }, without_query(url));
        let mut builder = if request.is_head { self.agent.head(url) } else { self.agent.get(url) };
        if let Some(token) = self.token.as_ref().filter(|_| origin(url) == self.origin) {
            builder = builder.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if request.from > 0 {
            builder = builder.header(RANGE, format!("bytes={}-", request.from));
        }
        builder.call()
    }
}

/// How long to wait after so many tries; not the same for all who were turned away together.
pub(crate) fn pause(tried: u32) -> Duration {
    let longest = FIRST_PAUSE * 2u32.pow(tried.saturating_sub(1).min(6));
    longest.mul_f64(0.75 + fastrand::f64() / 4.0)
}

/// Why a try failed, and whether another one makes sense.
struct Failed {
    error: HubError,
    is_final: bool,
}

impl Failed {
    fn answer(url: &Uri, request: Request<'_>, reason: String) -> Self {
        let error = HubError::Answer { host: host(url), what: request.what.into(), reason };
        Self { error, is_final: true }
    }
}

fn bad_url(url: &str, request: Request<'_>) -> Failed {
    let reason = format!("`{url}` is no address");
    let error = HubError::Answer { host: "HF_ENDPOINT".into(), what: request.what.into(), reason };
    Failed { error, is_final: true }
}

fn is_busy(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT || status.is_server_error()
}

fn busy(response: &Response<Body>, request: Request<'_>) -> HubError {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let url: Uri = request.url.parse().unwrap_or_default();
    HubError::Busy {
        host: host(&url),
        status: response.status().as_u16(),
        what: request.what.into(),
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// Where the answer points to, if it is a redirect.
fn redirect(response: &Response<Body>, from: &Uri, request: Request<'_>) -> Result<Option<Uri>, Failed> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let target = location.and_then(|location| joined(from, location));
    let nowhere = || Failed::answer(from, request, "a redirect that leads nowhere".into());
    target.ok_or_else(nowhere).map(Some)
}

/// `location` as seen from `from`: an address, or a path on the same host.
fn joined(from: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with("http://") || location.starts_with("https://") {
        return location.parse().ok();
    }
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{}://{rest}", from.scheme_str()?).parse().ok();
    }
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if location.starts_with('/') { location.to_owned() } else { format!("{folder}/{location}") };
    format!("{}://{}{path}", from.scheme_str()?, from.authority()?).parse().ok()
}

/// Scheme, host and port, the latter also where it is the scheme's own.
fn origin(url: &Uri) -> Option<String> {
    let scheme = url.scheme_str()?;
    let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some(format!("{scheme}://{}:{port}", url.host()?.to_ascii_lowercase()))
}

/// Scheme, host and port as they stand in the address.
pub(crate) fn host(url: &Uri) -> String {
    let host = url.authority().and_then(|authority| authority.as_str().rsplit('@').next());
    format!("{}://{}", url.scheme_str().unwrap_or("https"), host.unwrap_or("the hub"))
}

/// A signed address is as good as a key.
fn without_query(url: &Uri) -> String {
    format!("{}{}", origin(url).unwrap_or_default(), url.path())
}

fn failed(url: &Uri, error: ureq::Error) -> Failed {
    const NETWORK: &str = "check the network, HTTPS_PROXY and HF_ENDPOINT, or give a model that is here (--model DIRECTORY, FINSENT_MODEL_DIR)";
    const NO_SUCH_NAME: &str = "its name does not resolve (DNS)";
    const CERTIFICATES: &str =
        "if a proxy signs connections here, set SSL_CERT_FILE to its certificate in PEM; else check HF_ENDPOINT";
    let (reason, remedy, is_final) = match &error {
        ureq::Error::HostNotFound => (NO_SUCH_NAME.into(), NETWORK, true),
        ureq::Error::Io(error) if is_lookup(error) => (format!("{NO_SUCH_NAME}: {error}"), NETWORK, true),
        ureq::Error::Timeout(which) => (format!("no answer in time ({which})"), NETWORK, false),
        ureq::Error::Io(error) if is_tls(error) => (format!("no TLS connection: {error}"), CERTIFICATES, true),
        ureq::Error::Io(error) => (error.to_string(), NETWORK, error.kind() == io::ErrorKind::ConnectionRefused),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            (format!("no TLS connection: {error}"), CERTIFICATES, true)
        }
        ureq::Error::Protocol(_) => (error.to_string(), NETWORK, false),
        _ => (error.to_string(), NETWORK, true),
    };
    Failed { error: HubError::Unreachable { host: host(url), reason, remedy }, is_final }
}

/// The system's resolver tells of its failures in words only.
fn is_lookup(error: &io::Error) -> bool {
    error.to_string().contains("lookup address")
}

/// rustls tells of its failures in errors of this kind.
fn is_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// The certificates that hosts must be signed by.
fn roots(settings: &HubSettings) -> Result<RootCerts, HubError> {
    let Some(path) = &settings.certificates else { return Ok(RootCerts::WebPki) };
    let refused = |reason: String| HubError::Setting { variable: "SSL_CERT_FILE", reason };
    let pem = std::fs::read(path).map_err(|error| refused(format!("cannot read `{}`: {error}", path.display())))?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(refused(format!("`{}` is not PEM: {error}", path.display())))),
        })
        .collect::<Result<_, _>>()?;
    match certificates.is_empty() {
        true => Err(refused(format!("`{}` holds no certificate in PEM", path.display()))),
        false => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_seen_from_where_they_are() {
        let from: Uri = "https://hub.example/acme/small/resolve/main/config.json?x=1".parse().unwrap();
        for (location, expected) in [
            ("https://cdn.example/a?b=c", "https://cdn.example/a?b=c"),
            ("//cdn.example/a", "https://cdn.example/a"),
            ("/api/resolve-cache/a?b", "https://hub.example/api/resolve-cache/a?b"),
            ("other.json", "https://hub.example/acme/small/resolve/main/other.json"),
        ] {
            assert_eq!(joined(&from, location).unwrap().to_string(), expected);
        }
        assert_eq!(joined(&from, "https://"), None);
    }

    #[test]
    fn the_same_host_is_the_same_scheme_name_and_port() {
        let same = |a: &str, b: &str| origin(&a.parse().unwrap()) == origin(&b.parse().unwrap());
        assert!(same("https://hub.example/a", "https://HUB.example:443/b"));
        for other in
            ["http://hub.example", "https://hub.example:444", "https://hub.example.org", "https://a.hub.example"]
        {
            assert!(!same("https://hub.example", other), "{other}");
        }
    }

    #[test]
    fn pauses_grow_and_differ() {
        for tried in 1..5 {
            let longest = FIRST_PAUSE * 2u32.pow(tried - 1);
            assert!(pause(tried) <= longest && pause(tried) >= longest.mul_f64(0.75));
        }
        assert!(pause(u32::MAX) <= Duration::from_secs(32));
    }
}
