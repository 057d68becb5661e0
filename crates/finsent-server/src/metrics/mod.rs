//! What /metrics shows. Every series is there from the start, at zero.

mod process;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use self::process::ProcessFigures;
pub(crate) use self::process::max_open_files;

/// Content type of [`Metrics::render`].
pub(crate) const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// Bounds in seconds: from a cached answer to a request that has waited for its whole deadline.
const SECONDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];
/// Tokenising takes microseconds.
const SHORT_SECONDS: [f64; 10] = [0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.01, 0.1, 1.0];
const TEXTS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
const TOKENS: [f64; 9] = [8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 768.0, 1024.0];

/// The series of the process.
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
    model_info: IntGaugeVec,
    /// Whether the service takes requests.
    pub ready: IntGauge,
    process: ProcessFigures,
}

/// The series of one model.
#[derive(Debug, Clone)]
pub struct ModelMetrics {
    /// Time to make tokens of a request's texts.
    pub tokenization_seconds: Histogram,
    /// Time that a text waited for its pass.
    pub queue_seconds: Histogram,
    /// Time of a pass.
    pub inference_seconds: Histogram,
    /// Texts of a pass.
    pub batch_texts: Histogram,
    /// Tokens of a pass.
    pub batch_tokens: Histogram,
    /// Texts that wait.
    pub queue_texts: IntGauge,
    /// Tokens that wait.
    pub queue_tokens: IntGauge,
    /// Texts that were answered.
    pub texts: IntCounter,
    /// Tokens of the texts that were answered.
    pub tokens: IntCounter,
    /// Texts that were longer than the window.
    pub truncated: IntCounter,
    /// Texts that the cache answered.
    pub cache_hits: IntCounter,
    /// Texts that the cache did not know.
    pub cache_misses: IntCounter,
    /// Texts that shared the computation of an identical one.
    pub shared: IntCounter,
    /// Texts that were dropped before they were computed because their deadline had passed.
    pub dropped_deadline: IntCounter,
    /// The same because their client had left.
    pub dropped_client: IntCounter,
}

/// What `finsent_model_info` says of a model.
#[derive(Debug, Clone, Copy)]
pub struct ModelInfo<'a> {
    pub name: &'a str,
    pub revision: &'a str,
    pub digest: &'a str,
    pub precision: &'a str,
    pub isa: &'a str,
}

const MODEL: [&str; 1] = ["model"];

impl Metrics {
    pub fn new() -> Self {
        let mut make = Maker(Registry::new());
        let metrics = Self {
            requests: make.counters(
                "requests_total",
                "Requests by route, model and status.",
                &["route", "model", "status"],
            ),
            request_seconds: make.histograms(
                "request_duration_seconds",
                "Time from a request's head to its answer.",
                &["route", "model"],
                &SECONDS,
            ),
            tokenization_seconds: make.histograms(
                "tokenization_duration_seconds",
                "Time to make tokens of a request's texts.",
                &MODEL,
                &SHORT_SECONDS,
            ),
            queue_seconds: make.histograms(
                "queue_duration_seconds",
                "Time that a text waited for its pass.",
                &MODEL,
                &SECONDS,
            ),
            inference_seconds: make.histograms(
                "inference_duration_seconds",
                "Time of a pass through the encoder.",
                &MODEL,
                &SECONDS,
            ),
            batch_texts: make.histograms("batch_texts", "Texts of a pass.", &MODEL, &TEXTS),
            batch_tokens: make.histograms("batch_tokens", "Tokens of a pass.", &MODEL, &TOKENS),
            queue_texts: make.gauges("queue_texts", "Texts that wait for a pass.", &MODEL),
            queue_tokens: make.gauges("queue_tokens", "Tokens that wait for a pass.", &MODEL),
            texts: make.counters("texts_total", "Texts that were answered.", &MODEL),
            tokens: make.counters("tokens_total", "Tokens of the texts that were answered.", &MODEL),
            truncated: make.counters("truncated_texts_total", "Texts that were longer than the window.", &MODEL),
            cache_hits: make.counters("cache_hits_total", "Texts that the cache answered.", &MODEL),
            cache_misses: make.counters("cache_misses_total", "Texts that the cache did not know.", &MODEL),
            shared: make.counters(
                "shared_texts_total",
                "Texts that shared the computation of an identical one.",
                &MODEL,
            ),
            dropped: make.counters(
                "dropped_texts_total",
                "Texts that were dropped before they were computed.",
                &["model", "reason"],
            ),
            model_info: make.gauges(
                "model_info",
                "What is loaded: always 1.",
                &["model", "revision", "digest", "precision", "isa"],
            ),
            ready: make.gauge("ready", "Whether /readyz says yes."),
            process: ProcessFigures::new(&mut make),
            registry: make.0,
        };
        metrics.process.update();
        metrics
    }

    /// The series of a model, from now on at zero.
    pub fn model(&self, info: ModelInfo<'_>) -> ModelMetrics {
        let ModelInfo { name, revision, digest, precision, isa } = info;
        self.model_info.with_label_values(&[name, revision, digest, precision, isa]).set(1);
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
        }
    }

    /// The requests of a route for a model that ended in a status. Asking for it makes the series, at zero.
    pub fn requests(&self, route: &str, model: &str, status: u16) -> IntCounter {
        self.requests.with_label_values(&[route, model, &status.to_string()])
    }

    /// How long the requests of a route for a model took.
    pub fn request_seconds(&self, route: &str, model: &str) -> Histogram {
        self.request_seconds.with_label_values(&[route, model])
    }

    /// All series, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.process.update();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).expect("a Vec takes all that is written to it");
        String::from_utf8(text).expect("names, labels and numbers are text")
    }
}

/// Makes series and registers them under `finsent_`.
struct Maker(Registry);

impl Maker {
    fn register<C: prometheus::core::Collector + Clone + 'static>(&mut self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("the name and the labels are valid");
        self.0.register(Box::new(collector.clone())).expect("no name is taken twice");
        collector
    }

    fn counters(&mut self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(opts(name, help), labels))
    }

    fn gauges(&mut self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.register(IntGaugeVec::new(opts(name, help), labels))
    }

    fn gauge(&mut self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(opts(name, help)))
    }

    fn histograms(&mut self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
        self.register(HistogramVec::new(opts, labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("finsent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_of_a_model_is_there_at_zero_before_the_first_request() {
        let metrics = Metrics::new();
        metrics.model(ModelInfo { name: "mini", revision: "", digest: "sha256:0", precision: "int8", isa: "avx2" });
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

    #[test]
    fn the_figures_of_the_process_are_those_of_this_one() {
        let text = Metrics::new().render();
        let figure = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
            line.and_then(|line| line.split(' ').nth(1)).unwrap().parse().unwrap()
        };
        assert!(figure("process_resident_memory_bytes") > 1e6);
        assert!(figure("process_open_fds") >= 3.0);
        assert!(figure("process_start_time_seconds") > 1.7e9);
        assert!(figure("process_threads") >= 1.0);
    }
}
