//! Which requests have spans.

use super::context::{TraceContext, TraceId};

/// The samplers of OpenTelemetry, as `OTEL_TRACES_SAMPLER` names them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// Whether a request with a parent is recorded if and only if that is.
    follows_parent: bool,
    /// The share of the other traces.
    ratio: f64,
}

/// Follows the parent, and records all requests without one.
impl Default for Sampler {
    fn default() -> Self {
        Self { follows_parent: true, ratio: 1.0 }
    }
}

const NAMES: &str = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or \
                     parentbased_traceidratio";

impl Sampler {
    /// # Errors
    /// Says what is expected if there is no sampler with this name.
    pub(super) fn named(name: &str, ratio: Option<f64>) -> Result<Self, String> {
        let (follows_parent, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let ratio = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => ratio.unwrap_or(1.0),
            _ => return Err(format!("`{name}` is not a sampler; choose {NAMES}")),
        };
        Ok(Self { follows_parent, ratio })
    }

    pub(super) fn samples(self, context: Option<&TraceContext>, trace_id: TraceId) -> bool {
        match context {
            Some(context) if self.follows_parent => context.is_sampled(),
            _ => self.takes(trace_id),
        }
    }

    /// Decides by the id alone, and as the other implementations do, so that a trace is recorded everywhere or nowhere.
    fn takes(self, trace_id: TraceId) -> bool {
        const RANGE: f64 = (1u64 << 63) as f64;
        // Rounded, 2^63 - 1 is 2^63.
        self.ratio >= 1.0 || ((trace_id.low_half() >> 1) as f64) < self.ratio * RANGE
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn context(flags: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        let value = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        headers.insert(HeaderName::from_static("traceparent"), HeaderValue::from_str(&value).unwrap());
        TraceContext::of(&headers).unwrap()
    }

    fn samples(name: &str, ratio: f64, context: Option<TraceContext>) -> bool {
        let id = context.map_or_else(TraceId::random, |context| context.trace_id);
        Sampler::named(name, Some(ratio)).unwrap().samples(context.as_ref(), id)
    }

    #[test]
    fn a_sampler_based_on_the_parent_follows_it() {
        for name in ["parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"] {
            assert!(samples(name, 0.0, Some(context("01"))), "{name}");
            assert!(!samples(name, 1.0, Some(context("00"))), "{name}");
        }
        assert!(samples("always_on", 0.0, Some(context("00"))));
        assert!(!samples("always_off", 1.0, Some(context("01"))));
    }

    #[test]
    fn without_a_parent_the_name_and_the_ratio_decide() {
        assert!(samples("parentbased_always_on", 0.0, None) && !samples("parentbased_always_off", 1.0, None));
        for name in ["traceidratio", "parentbased_traceidratio"] {
            assert!(samples(name, 1.0, None) && !samples(name, 0.0, None));
            let taken = (0..4000).filter(|_| samples(name, 0.25, None)).count();
            assert!((800..1200).contains(&taken), "{taken} of 4000");
        }
    }

    #[test]
    fn an_unknown_sampler_is_an_error_that_lists_those_known() {
        let error = Sampler::named("jaeger_remote", None).unwrap_err();
        assert!(
            error.contains("`jaeger_remote` is not a sampler") && error.contains("parentbased_always_on"),
            "{error}"
        );
        assert!(Sampler::named("parentbased_parentbased_always_on", None).is_err());
    }
}
