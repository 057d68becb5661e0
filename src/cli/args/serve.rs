//! Arguments of `finsent serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use finsent_model::MAX_BATCH_TOKENS;
use finsent_server::Listen;

use super::{model_name, values};

/// The largest body that can be allowed, far more than any model reads.
const MAX_BODY_BYTES: u64 = 256 << 20;
const MAX_U32: u64 = u32::MAX as u64;

/// Where the server listens by default.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

pub(super) const EXAMPLES: &str = include_str!("help/serve_examples.txt");
pub(super) const NOTES: &str = include_str!("help/serve_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on: HOST:PORT or unix:/path; may be repeated
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_LISTEN", value_delimiter = ',',
          default_value = DEFAULT_LISTEN)]
    pub(crate) listen: Vec<Listen>,
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(
        help = "Model: a name from the catalog, a directory, or OWNER/NAME[@REVISION] of the Hugging Face hub; may be \
                  repeated, and the first is the default"
    )]
    #[arg(short, long, env = "FINSENT_MODEL", value_delimiter = ',', default_value = finsent_hub::DEFAULT_MODEL)]
    #[arg(add = model_name::completer())]
    pub(crate) model: Vec<String>,
    /// Compute up to N tokens together; more adds latency, not speed
    #[arg(long, value_name = "N", env = "FINSENT_MAX_BATCH_TOKENS", default_value_t = 256,
          value_parser = values::number::<u32>(1..=MAX_BATCH_TOKENS as u64))]
    pub(crate) max_batch_tokens: u32,
    /// Requests in progress; the server answers 429 to more
    #[arg(long, value_name = "N", env = "FINSENT_MAX_CONCURRENT_REQUESTS", default_value_t = 512,
          value_parser = values::number::<u32>(1..=MAX_U32))]
    pub(crate) max_concurrent_requests: u32,
    /// Tokens in the queue; the server answers 429 to more
    #[arg(long, value_name = "N", env = "FINSENT_MAX_QUEUE_TOKENS", default_value_t = 65_536,
          value_parser = values::number::<u32>(1..=MAX_U32))]
    pub(crate) max_queue_tokens: u32,
    /// Texts per request
    #[arg(long, value_name = "N", env = "FINSENT_MAX_CLIENT_BATCH_SIZE", default_value_t = 1000,
          value_parser = values::number::<u32>(1..=MAX_U32))]
    pub(crate) max_client_batch_size: u32,
    /// Bytes per request body, before and after decompression
    #[arg(long, value_name = "N", env = "FINSENT_MAX_BODY_BYTES", default_value_t = 2_000_000,
          value_parser = values::number::<u32>(1..=MAX_BODY_BYTES))]
    pub(crate) max_body_bytes: u32,
    /// Bytes per text
    #[arg(long, value_name = "N", env = "FINSENT_MAX_TEXT_BYTES", default_value_t = 1_000_000,
          value_parser = values::number::<u32>(1..=MAX_U32))]
    pub(crate) max_text_bytes: u32,
    /// Time until a request is answered or fails
    #[arg(long, value_name = "SECONDS", env = "FINSENT_REQUEST_TIMEOUT", default_value = "30",
          value_parser = values::timeout)]
    pub(crate) request_timeout: Duration,
    /// Time between SIGTERM and closing the listeners
    #[arg(long, value_name = "SECONDS", env = "FINSENT_DRAIN_DELAY", default_value = "0",
          value_parser = values::seconds)]
    pub(crate) drain_delay: Duration,
    /// Time that requests in progress have after that
    #[arg(long, value_name = "SECONDS", env = "FINSENT_SHUTDOWN_TIMEOUT", default_value = "10",
          value_parser = values::seconds)]
    pub(crate) shutdown_timeout: Duration,
    /// Predictions to remember, so that identical texts are computed once; 0 turns the cache off
    #[arg(long, value_name = "N", env = "FINSENT_CACHE_ENTRIES", default_value_t = 8192,
          value_parser = values::number::<u32>(0..=MAX_U32))]
    pub(crate) cache_entries: u32,
    /// Passes of the model that the explanations of a request may take; 0 turns explanations off
    #[arg(long, value_name = "N", env = "FINSENT_EXPLAIN_BUDGET", default_value_t = 4096,
          value_parser = values::number::<u32>(0..=MAX_U32))]
    pub(crate) explain_budget: u32,
    /// File of API keys, one per line; requests then need `Authorization: Bearer KEY`, except for probes, metrics and docs
    #[arg(long, value_name = "FILE", env = "FINSENT_API_KEY_FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Load models again while the server runs: those that have changed on SIGHUP, and with --api-key-file by requests to
    /// /v2/repository
    #[arg(long, env = "FINSENT_ALLOW_RELOAD", value_parser = values::switch)]
    pub(crate) allow_reload: bool,
    /// Origin whose web pages may call the server (CORS), or `*`; may be repeated [default: none]
    #[arg(long, value_name = "ORIGIN", env = "FINSENT_CORS_ORIGIN", value_delimiter = ',')]
    pub(crate) cors_origin: Vec<String>,
    /// Leave out the page that browsers get at `/`
    #[arg(long, env = "FINSENT_NO_PAGE", value_parser = values::switch)]
    pub(crate) no_page: bool,
    /// Export traces to the receiver of OTLP over HTTP at URL, such as http://localhost:4318 [default: none, or what
    /// OTEL_EXPORTER_OTLP_ENDPOINT says]
    #[arg(long, value_name = "URL", env = "FINSENT_OTLP_ENDPOINT")]
    pub(crate) otlp_endpoint: Option<String>,
    /// Address to listen on for gRPC (Open Inference Protocol): HOST:PORT or unix:/path; may be repeated [default: none]
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_GRPC_LISTEN", value_delimiter = ',')]
    pub(crate) grpc_listen: Vec<Listen>,
    /// Second address, for probes and metrics only
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_METRICS_LISTEN")]
    pub(crate) metrics_listen: Option<Listen>,
}
