//! The Prometheus metrics. Every series exists from the start, at zero.

mod predictions;
mod process;
mod registrar;

use prometheus::{
    Encoder, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

pub(crate) use self::predictions::PredictionMetrics;
use self::process::ProcessMetrics;
use self::registrar::Registrar;

/// Content type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Buckets in seconds: from a cached answer to a request that waits until its deadline.
const SECONDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];
/// Buckets in seconds for tokenization, which takes microseconds.
const SHORT_SECONDS: [f64; 10] = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.01, 0.1, 1.0];
const TEXTS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Buckets for probabilities, finer near 0 and 1, where most of them are.
const PROBABILITIES: [f64; 13] = [0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99];
const TOKENS: [f64; 9] = [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 768.0, 1024.0];

/// All metrics of a service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    tokenization_seconds: HistogramVec,
    queue_seconds: HistogramVec,
    inference_seconds: HistogramVec,
    batch_texts: HistogramVec,
    batch_tokens: HistogramVec,
    queue_texts: IntGaugeVec,
    queue_tokens: IntGaugeVec,
    texts: IntCounterVec,
    tokens: IntCounterVec,
    truncated: IntCounterVec,
    cache_hits: IntCounterVec,
    cache_misses: IntCounterVec,
    shared: IntCounterVec,
    dropped: IntCounterVec,
    predictions: IntCounterVec,
    label_probability: HistogramVec,
    explanations: IntCounterVec,
    explanation_passes: IntCounterVec,
    model_info: IntGaugeVec,
    copies: IntGaugeVec,
    reloads: IntCounterVec,
    spans: IntCounterVec,
    pub(crate) ready: IntGauge,
    process: ProcessMetrics,
}

/// The metrics of one model. Their help texts are in [`Metrics::new`].
#[derive(Debug, Clone)]
pub(crate) struct ModelMetrics {
    pub(crate) tokenization_seconds: Histogram,
    pub(crate) queue_seconds: Histogram,
    pub(crate) inference_seconds: Histogram,
    pub(crate) batch_texts: Histogram,
    pub(crate) batch_tokens: Histogram,
    pub(crate) queue_texts: IntGauge,
    pub(crate) queue_tokens: IntGauge,
    pub(crate) texts: IntCounter,
    pub(crate) tokens: IntCounter,
    pub(crate) truncated: IntCounter,
    pub(crate) cache_hits: IntCounter,
    pub(crate) cache_misses: IntCounter,
    pub(crate) shared: IntCounter,
    pub(crate) dropped_deadline: IntCounter,
    pub(crate) dropped_client: IntCounter,
    pub(crate) explanations: IntCounter,
    pub(crate) explanation_passes: IntCounter,
    pub(crate) copies: IntGauge,
}

/// The spans of traces, by what became of them.
#[derive(Debug, Clone)]
pub(crate) struct SpanMetrics {
    pub(crate) exported: IntCounter,
    /// There was no room in the queue.
    pub(crate) dropped: IntCounter,
    /// No attempt to export them succeeded.
    pub(crate) failed: IntCounter,
    /// The receiver did not take them.
    pub(crate) rejected: IntCounter,
}

/// The labels of `finsent_model_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModelInfo {
    pub(crate) name: String,
    pub(crate) revision: String,
    pub(crate) digest: String,
    pub(crate) precision: String,
    pub(crate) isa: &'static str,
}

impl ModelInfo {
    fn labels(&self) -> [&str; 5] {
        [&self.name, &self.revision, &self.digest, &self.precision, self.isa]
    }
}

const MODEL: [&str; 1] = ["model"];

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registrar = Registrar(Registry::new());
        let metrics = Self {
            requests: registrar.counters(
                "requests_total",
                "Requests by route, model and status.",
                &["route", "model", "status"],
            ),
            request_seconds: registrar.histograms(
                "request_duration_seconds",
                "Time from the head of a request to its response, in seconds.",
                &["route", "model"],
                &SECONDS,
            ),
            tokenization_seconds: registrar.histograms(
                "tokenization_duration_seconds",
                "Time to tokenize the texts of a request, in seconds.",
                &MODEL,
                &SHORT_SECONDS,
            ),
            queue_seconds: registrar.histograms(
                "queue_duration_seconds",
                "Time that a text waits for its batch, in seconds.",
                &MODEL,
                &SECONDS,
            ),
            inference_seconds: registrar.histograms(
                "inference_duration_seconds",
                "Time to compute a batch, in seconds.",
                &MODEL,
                &SECONDS,
            ),
            batch_texts: registrar.histograms("batch_texts", "Texts in a batch.", &MODEL, &TEXTS),
            batch_tokens: registrar.histograms("batch_tokens", "Tokens in a batch.", &MODEL, &TOKENS),
            queue_texts: registrar.gauges("queue_texts", "Texts in the queue.", &MODEL),
            queue_tokens: registrar.gauges("queue_tokens", "Tokens in the queue.", &MODEL),
            texts: registrar.counters("texts_total", "Texts with a prediction.", &MODEL),
            tokens: registrar.counters("tokens_total", "Tokens of the texts with a prediction.", &MODEL),
            truncated: registrar.counters(
                "truncated_texts_total",
                "Texts that were longer than the model's window, so that their end was not scored.",
                &MODEL,
            ),
            cache_hits: registrar.counters("cache_hits_total", "Texts whose result was in the cache.", &MODEL),
            cache_misses: registrar.counters("cache_misses_total", "Texts whose result was not in the cache.", &MODEL),
            shared: registrar.counters(
                "shared_texts_total",
                "Texts that waited for the same computation as an identical text.",
                &MODEL,
            ),
            dropped: registrar.counters(
                "dropped_texts_total",
                "Texts that were dropped before they were computed, by reason: deadline or client.",
                &["model", "reason"],
            ),
            predictions: registrar.counters(
                "predictions_total",
                "Predictions by label. Each sentence or window that is scored by itself has its own.",
                &["model", "label"],
            ),
            label_probability: registrar.histograms(
                "label_probability",
                "Probability of each label in all predictions.",
                &["model", "label"],
                &PROBABILITIES,
            ),
            explanations: registrar.counters("explanations_total", "Predictions that were explained.", &MODEL),
            explanation_passes: registrar.counters(
                "explanation_passes_total",
                "Token sequences that were queued for explanations.",
                &MODEL,
            ),
            model_info: registrar.gauges(
                "model_info",
                "The loaded models. The value is always 1.",
                &["model", "revision", "digest", "precision", "isa"],
            ),
            copies: registrar.gauges(
                "model_copies",
                "Copies of a model in memory: the one that answers, one that is being tested, and old ones that requests \
                 still hold.",
                &MODEL,
            ),
            reloads: registrar.counters(
                "model_reloads_total",
                "Attempts to load or unload a model while the service runs, by result: loaded, unchanged, failed or \
                 unloaded.",
                &["model", "result"],
            ),
            spans: registrar.counters(
                "trace_spans_total",
                "Spans by what became of them: exported, dropped (the queue was full), failed, rejected by the receiver.",
                &["outcome"],
            ),
            ready: registrar.gauge("ready", "1 if the service is ready for requests, else 0."),
            process: ProcessMetrics::new(&mut registrar),
            registry: registrar.0,
        };
        metrics.process.update();
        metrics.spans();
        metrics
    }

    /// Shows that this model answers instead of that one.
    pub(crate) fn exchange_info(&self, old: Option<&ModelInfo>, new: Option<&ModelInfo>) {
        if let Some(new) = new {
            self.model_info.with_label_values(&new.labels()).set(1);
        }
        if let Some(old) = old.filter(|&old| Some(old) != new) {
            // It is there, or it was removed before.
            self.model_info.remove_label_values(&old.labels()).unwrap_or_default();
        }
    }

    /// Counts attempts to load or unload a model again. Calling this creates the series, at zero.
    pub(crate) fn reloads(&self, model: &str, result: &str) -> IntCounter {
        self.reloads.with_label_values(&[model, result])
    }

    /// The metrics of a model. They exist from now on, at zero.
    pub(crate) fn model(&self, name: &str) -> ModelMetrics {
        ModelMetrics {
            tokenization_seconds: self.tokenization_seconds.with_label_values(&[name]),
            queue_seconds: self.queue_seconds.with_label_values(&[name]),
            inference_seconds: self.inference_seconds.with_label_values(&[name]),
            batch_texts: self.batch_texts.with_label_values(&[name]),
            batch_tokens: self.batch_tokens.with_label_values(&[name]),
            queue_texts: self.queue_texts.with_label_values(&[name]),
            queue_tokens: self.queue_tokens.with_label_values(&[name]),
            texts: self.texts.with_label_values(&[name]),
            tokens: self.tokens.with_label_values(&[name]),
            truncated: self.truncated.with_label_values(&[name]),
            cache_hits: self.cache_hits.with_label_values(&[name]),
            cache_misses: self.cache_misses.with_label_values(&[name]),
            shared: self.shared.with_label_values(&[name]),
            dropped_deadline: self.dropped.with_label_values(&[name, "deadline"]),
            dropped_client: self.dropped.with_label_values(&[name, "client"]),
            explanations: self.explanations.with_label_values(&[name]),
            explanation_passes: self.explanation_passes.with_label_values(&[name]),
            copies: self.copies.with_label_values(&[name]),
        }
    }

    /// The metrics of spans. They exist from the first call on, at zero.
    pub(crate) fn spans(&self) -> SpanMetrics {
        let of = |outcome: &str| self.spans.with_label_values(&[outcome]);
        SpanMetrics { exported: of("exported"), dropped: of("dropped"), failed: of("failed"), rejected: of("rejected") }
    }

    /// Counts requests. Calling this creates the series, at zero.
    pub(crate) fn requests(&self, route: &str, model: &str, status: u16) -> IntCounter {
        self.requests.with_label_values(&[route, model, &status.to_string()])
    }

    /// Measures requests. Calling this creates the series, at zero.
    pub(crate) fn request_seconds(&self, route: &str, model: &str) -> Histogram {
        self.request_seconds.with_label_values(&[route, model])
    }

    /// All metrics in the text format of Prometheus.
    pub(crate) fn render(&self) -> String {
        self.process.update();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("writing to a Vec cannot fail");
        String::from_utf8(text).expect("metrics are UTF-8")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_of_a_model_exists_at_zero_before_the_first_request() {
        let metrics = Metrics::new();
        metrics.model("mini");
        metrics.exchange_info(None, Some(&info("sha256:0")));
        metrics.requests("/v1/sentiment", "mini", 200);
        let text = metrics.render();
        for line in [
            "finsent_texts_total{model=\"mini\"} 0",
            "finsent_queue_tokens{model=\"mini\"} 0",
            "finsent_batch_tokens_count{model=\"mini\"} 0",
            "finsent_dropped_texts_total{model=\"mini\",reason=\"deadline\"} 0",
            "finsent_requests_total{model=\"mini\",route=\"/v1/sentiment\",status=\"200\"} 0",
            "finsent_model_info{digest=\"sha256:0\",isa=\"avx2\",model=\"mini\",precision=\"int8\",revision=\"\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }

    fn info(digest: &str) -> ModelInfo {
        let (name, digest, precision) = ("mini".into(), digest.into(), "int8".into());
        ModelInfo { name, revision: String::new(), digest, precision, isa: "avx2" }
    }

    #[test]
    fn the_information_of_a_model_is_that_of_the_one_that_answers() {
        let metrics = Metrics::new();
        let digests = || {
            let text = metrics.render();
            let lines = text.lines().filter(|line| line.starts_with("finsent_model_info{"));
            lines.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect::<Vec<String>>()
        };
        metrics.exchange_info(None, Some(&info("old")));
        metrics.exchange_info(Some(&info("old")), Some(&info("new")));
        assert_eq!(digests(), ["new"]);
        metrics.exchange_info(Some(&info("new")), Some(&info("new")));
        assert_eq!(digests(), ["new"]);
        metrics.exchange_info(Some(&info("new")), None);
        assert!(digests().is_empty());
    }

    #[test]
    fn the_process_metrics_are_those_of_this_process() {
        let text = Metrics::new().render();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap()
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.7e9);
        assert!(value("process_threads") >= 1.0);
    }
}
