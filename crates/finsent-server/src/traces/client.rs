//! Posts spans to a receiver.

use std::io;
use std::time::Duration;

use finsent_model::IoError;
use prost::Message;
use ureq::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use ureq::http::{Response, StatusCode};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::endpoint;
use super::messages::{ExportTraceServiceResponse, FailureStatus, PartialSuccess};
use super::settings::TraceSettings;
use crate::excerpt::excerpt_of;

/// Bytes of an answer that are read. A longer one is none that OTLP knows.
const MAX_ANSWER: u64 = 64 << 10;
/// Bytes of a receiver's reason that the log shows.
const MAX_REASON: usize = 200;
/// The longest pause that a receiver can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

const PROTOBUF: &str = "application/x-protobuf";

pub(super) struct Client {
    agent: Agent,
    url: String,
    /// The endpoint, for messages.
    shown: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why spans were not taken.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether the receiver may take them later.
    pub(super) is_transient: bool,
    /// The pause that it asks for.
    pub(super) retry_after: Option<Duration>,
}

impl Client {
    pub(super) fn new(settings: &TraceSettings) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("finsent/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(settings.roots.clone()).build());
        Self {
            agent: config.build().new_agent(),
            url: settings.url.to_string(),
            shown: endpoint::shown(&settings.url),
            headers: settings.headers.clone(),
        }
    }

    /// Posts a message. Returns what the receiver did not take of it, if it says so.
    pub(super) fn post(&self, message: &[u8], timeout: Duration) -> Result<Option<PartialSuccess>, Failure> {
        let request = self.agent.post(&self.url).header(CONTENT_TYPE, PROTOBUF);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let sent = request.config().timeout_global(Some(timeout)).build().send(message);
        let mut response = sent.map_err(|error| self.failed(&error))?;
        // Read to its end in any case, so that the connection can be used again. If that fails, the status counts: spans that
        // were taken must not be sent twice.
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
        if response.status().is_success() {
            // What is not protobuf says nothing about spans that were not taken.
            return Ok(ExportTraceServiceResponse::decode(&*body).unwrap_or_default().partial_success);
        }
        Err(self.refused(&response, &body))
    }

    fn refused(&self, response: &Response<Body>, body: &[u8]) -> Failure {
        let status = response.status();
        let is_protobuf = response.headers().get(CONTENT_TYPE).is_some_and(|found| found == PROTOBUF);
        let message = if is_protobuf { FailureStatus::decode(body).unwrap_or_default().message } else { String::new() };
        let message = if message.is_empty() { message } else { format!(": {}", excerpt_of(&message, MAX_REASON)) };
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Failure {
            reason: format!("{} answered {status}{message}", self.shown),
            is_transient: matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            retry_after: seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE)),
        }
    }

    fn failed(&self, error: &ureq::Error) -> Failure {
        let shown = &self.shown;
        let (reason, is_transient) = match error {
            ureq::Error::HostNotFound => (format!("the host of {shown} was not found"), true),
            // The resolver of the system says it only in words.
            ureq::Error::Io(error) if error.to_string().contains("lookup address") => {
                (format!("the host of {shown} was not found"), true)
            }
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                (format!("nothing listens at {shown}"), true)
            }
            // rustls reports its failures as errors of this kind.
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                (format!("no TLS connection to {shown}: {error}"), false)
            }
            ureq::Error::Io(error) => {
                let error = IoError::from(io::Error::from(error.kind()));
                (format!("the connection to {shown} failed: {error}"), true)
            }
            ureq::Error::Timeout(_) => (format!("{shown} did not answer in time"), true),
            error => (format!("{shown} cannot be reached: {error}"), true),
        };
        Failure { reason, is_transient, retry_after: None }
    }
}
