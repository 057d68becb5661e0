//! The settings of traces: an address, and the variables that programs with OpenTelemetry have in common.

use std::fmt::Display;
use std::fs;
use std::str::FromStr;
use std::time::Duration;

use finsent_model::IoError;
use thiserror::Error;
use ureq::http::header::{HeaderName, HeaderValue};
use ureq::tls::{PemItem, RootCerts, parse_pem};
use url::Url;

use super::endpoint;
use super::messages::Resource;
use super::resource::{key_values, resource};
use super::sampler::Sampler;

/// Time for an attempt to export, in milliseconds.
const TIMEOUT: u64 = 10_000;
/// How long spans wait for others, in milliseconds.
const DELAY: u64 = 1_000;
/// Spans that may wait.
const MAX_QUEUE_SPANS: usize = 8_192;

/// How requests are traced, and where to.
pub struct TraceSettings {
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) timeout: Duration,
    pub(super) roots: RootCerts,
    pub(super) resource: Resource,
    pub(super) sampler: Sampler,
    pub(super) max_queue_spans: usize,
    pub(super) delay: Duration,
}

/// A setting of traces is not valid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{setting}: {reason}")]
pub struct TraceSettingsError {
    setting: &'static str,
    reason: String,
}

fn invalid(setting: &'static str, reason: impl Display) -> TraceSettingsError {
    TraceSettingsError { setting, reason: reason.to_string() }
}

impl TraceSettings {
    /// The settings for the receiver at `endpoint`, or else at that of OpenTelemetry's variables; `None` if there is none.
    /// `variable` looks variables up.
    ///
    /// # Errors
    /// [`TraceSettingsError`] if one of them is not valid.
    pub fn from_environment(
        endpoint: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, TraceSettingsError> {
        let environment = Environment(&variable);
        let given = endpoint.map(str::trim).filter(|endpoint| !endpoint.is_empty());
        let url = match given {
            Some(endpoint) => Some(endpoint::with_path(endpoint).map_err(|reason| invalid("--otlp-endpoint", reason))?),
            None if environment.is_off()? => None,
            None => environment.url()?,
        };
        url.map(|url| environment.settings(url)).transpose()
    }

    /// Where spans are posted to, for the log.
    pub fn endpoint(&self) -> String {
        endpoint::shown(&self.url)
    }

    /// Whether the port of the endpoint is usually one for gRPC.
    pub fn has_port_of_grpc(&self) -> bool {
        endpoint::is_port_of_grpc(&self.url)
    }
}

/// The variables; an empty one is as good as none.
struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set, with its name.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, String)> {
        names.iter().find_map(|&name| Some((name, self.get(name)?)))
    }

    fn is_off(&self) -> Result<bool, TraceSettingsError> {
        const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
        let is_disabled = self.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let exporters = self.get(EXPORTER).unwrap_or_else(|| "otlp".to_owned());
        let mut exporters = exporters.split(',').map(str::trim);
        if is_disabled || exporters.clone().all(|exporter| exporter == "none") {
            return Ok(true);
        }
        if exporters.any(|exporter| exporter == "otlp") {
            return Ok(false);
        }
        match self.url()? {
            Some(_) => Err(invalid(EXPORTER, "expected otlp or none")),
            None => Ok(true),
        }
    }

    fn url(&self) -> Result<Option<Url>, TraceSettingsError> {
        const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        if let Some(url) = self.get(TRACES) {
            return endpoint::whole(&url).map(Some).map_err(|reason| invalid(TRACES, reason));
        }
        let url = self.get(ALL).map(|url| endpoint::with_path(&url)).transpose();
        url.map_err(|reason| invalid(ALL, reason))
    }

    fn settings(&self, url: Url) -> Result<TraceSettings, TraceSettingsError> {
        self.check_protocol()?;
        let timeouts = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
        Ok(TraceSettings {
            url,
            headers: self.headers()?,
            timeout: Duration::from_millis(self.number(&timeouts, 1, TIMEOUT)?),
            roots: self.roots()?,
            resource: self.resource()?,
            sampler: self.sampler()?,
            max_queue_spans: self.number(&["OTEL_BSP_MAX_QUEUE_SIZE"], 1, MAX_QUEUE_SPANS)?,
            delay: Duration::from_millis(self.number(&["OTEL_BSP_SCHEDULE_DELAY"], 0, DELAY)?),
        })
    }

    fn check_protocol(&self) -> Result<(), TraceSettingsError> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        match self.first(&names) {
            Some((name, protocol)) if protocol != "http/protobuf" => Err(invalid(
                name,
                format!(
                    "finsent exports http/protobuf, not `{protocol}`; set it to http/protobuf, and the endpoint to the \
                     receiver's port for HTTP (4318 as a rule)"
                ),
            )),
            _ => Ok(()),
        }
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, TraceSettingsError> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
        let Some((name, text)) = self.first(&names) else { return Ok(Vec::new()) };
        // The values are keys as a rule, so they are not quoted.
        let refused = || invalid(name, "expected NAME=VALUE,NAME=VALUE, with %20 for a blank and %2C for a comma");
        let header = |(name, value): (String, String)| {
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((HeaderName::from_str(&name).ok()?, value))
        };
        key_values(&text).and_then(|pairs| pairs.into_iter().map(header).collect()).ok_or_else(refused)
    }

    /// The certificates of the authorities that receivers with TLS may have.
    fn roots(&self) -> Result<RootCerts, TraceSettingsError> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"];
        let Some((name, path)) = self.first(&names) else { return Ok(RootCerts::WebPki) };
        let unread = |error| invalid(name, format!("cannot read `{path}`: {}", IoError::from(error)));
        let pem = fs::read(&path).map_err(unread)?;
        let certificates = parse_pem(&pem).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(invalid(name, format!("`{path}` is not PEM: {error}")))),
        });
        let certificates: Vec<_> = certificates.collect::<Result<_, _>>()?;
        match certificates.is_empty() {
            true => Err(invalid(name, format!("`{path}` has no certificate in PEM"))),
            false => Ok(RootCerts::new_with_certs(&certificates)),
        }
    }

    fn resource(&self) -> Result<Resource, TraceSettingsError> {
        const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
        let attributes = key_values(&self.get(ATTRIBUTES).unwrap_or_default());
        let attributes = attributes.ok_or_else(|| invalid(ATTRIBUTES, "expected KEY=VALUE,KEY=VALUE"))?;
        Ok(resource(attributes, self.get("OTEL_SERVICE_NAME")))
    }

    fn sampler(&self) -> Result<Sampler, TraceSettingsError> {
        const RATIO: &str = "OTEL_TRACES_SAMPLER_ARG";
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        let Some(name) = self.get(NAME) else { return Ok(Sampler::default()) };
        let ratio = if name.ends_with("traceidratio") { self.get(RATIO) } else { None };
        let ratio = ratio.map(|text| match text.parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(ratio),
            _ => Err(invalid(RATIO, format!("expected a number from 0 to 1, found `{text}`"))),
        });
        Sampler::named(&name, ratio.transpose()?).map_err(|reason| invalid(NAME, reason))
    }

    fn number<T: FromStr + PartialOrd + Display>(
        &self,
        names: &[&'static str],
        least: T,
        default: T,
    ) -> Result<T, TraceSettingsError> {
        let Some((name, text)) = self.first(names) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| *number >= least);
        number.ok_or_else(|| invalid(name, format!("expected a whole number from {least}, found `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        let find =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        TraceSettings::from_environment(endpoint, find).map_err(|error| error.to_string())
    }

    fn url(endpoint: Option<&str>, variables: &[(&str, &str)]) -> Option<String> {
        read(endpoint, variables).unwrap().map(|settings| settings.url.to_string())
    }

    const ALL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318");
    const TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/spans");

    #[test]
    fn the_most_specific_endpoint_counts() {
        assert_eq!(url(None, &[]), None);
        assert_eq!(url(None, &[ALL]).as_deref(), Some("http://all:4318/v1/traces"));
        assert_eq!(url(None, &[ALL, TRACES]).as_deref(), Some("http://traces:4318/spans"));
        assert_eq!(url(Some("http://own:4318"), &[ALL, TRACES]).as_deref(), Some("http://own:4318/v1/traces"));
        assert_eq!(url(Some(""), &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), None);
    }

    #[test]
    fn the_usual_switches_turn_off_what_the_usual_variables_turn_on() {
        for off in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
            assert_eq!(url(None, &[ALL, off]), None);
            assert!(url(Some("http://own:4318"), &[off]).is_some());
        }
        assert!(url(None, &[ALL, ("OTEL_TRACES_EXPORTER", "console,otlp")]).is_some());
        let error = read(None, &[ALL, ("OTEL_TRACES_EXPORTER", "zipkin")]).err().unwrap();
        assert_eq!(error, "OTEL_TRACES_EXPORTER: expected otlp or none");
        assert_eq!(url(None, &[("OTEL_TRACES_EXPORTER", "zipkin")]), None, "nothing says that finsent is meant");
    }

    #[test]
    fn the_settings_of_the_exporter_are_read() {
        let settings = read(
            None,
            &[
                ALL,
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b, X-Scope=1"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
                ("OTEL_BSP_SCHEDULE_DELAY", "0"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ],
        );
        let settings = settings.unwrap().unwrap();
        let headers: Vec<(&str, &str)> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(headers, [("api-key", "a b"), ("x-scope", "1")]);
        assert_eq!((settings.timeout, settings.delay), (Duration::from_millis(1500), Duration::ZERO));
        assert_eq!(
            (settings.max_queue_spans, settings.sampler),
            (7, Sampler::named("traceidratio", Some(0.5)).unwrap())
        );
    }

    #[test]
    fn a_setting_that_is_not_valid_is_named_and_says_what_is_expected() {
        for (name, value, words) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "write http://localhost:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "finsent exports http/protobuf, not `grpc`"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "expected NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=secret", "expected NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "expected a whole number from 1, found `0`"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "many", "expected a whole number from 1, found `many`"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent", "cannot read `/nonexistent`: no such file"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a", "expected KEY=VALUE"),
            ("OTEL_TRACES_SAMPLER", "xray", "`xray` is not a sampler"),
        ] {
            let variables = [(name, value), ALL];
            let error = read(None, &variables).err().unwrap();
            assert!(error.starts_with(name) && error.contains(words) && !error.contains("secret"), "{error}");
        }
        let ratio = [ALL, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        let error = read(None, &ratio).err().unwrap();
        assert_eq!(error, "OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found `2`");
        let error = read(Some("collector"), &[]).err().unwrap();
        assert!(error.starts_with("--otlp-endpoint: this is not a URL"), "{error}");
    }
}
