//! The command line as it is typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum, value_parser};
use clap_complete::Shell;
use finsent_jobs::summary::Every;
use finsent_kernels::Precision;
use finsent_model::{MAX_BATCH_TOKENS, WeightFormat};
use finsent_server::Listen;
use finsent_table::Shard;

/// Most threads that can be asked for: more than any machine's cores that this is for.
const MAX_THREADS: i64 = 1024;

/// Longest time that can be asked for.
const MAX_SECONDS: f64 = 3600.0;
/// Largest body that can be allowed: far more than any model reads.
const MAX_BODY_BYTES: i64 = 256 << 20;
/// Where the service listens, and is asked for its health.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Version and revision of the sources.
pub(super) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("FINSENT_REVISION"), ")");

const TEMPLATE: &str = "{about-with-newline}\n{before-help}{usage-heading} {usage}\n\n{all-args}{after-help}";

const EXAMPLES: &str = "\
Examples:
  finsent classify \"Operating profit rose to EUR 13.1 mn from EUR 8.7 mn\"
  tail -f headlines.txt | finsent classify --format jsonl
  finsent classify --input news.csv --text-column headline --output scored.csv
  finsent classify --model /models/finbert --input posts.jsonl
  finsent models";

const CLASSIFY_EXAMPLES: &str = "\
Examples:
  finsent classify \"Shares plunged 12%\" \"Fed leaves rates unchanged\"
  finsent classify --format json \"Shares plunged 12%\"
  tail -f headlines.txt | finsent classify --format jsonl
  finsent classify --input news.csv --text-column headline --output scored.csv
  finsent classify --input 'news/*.csv' --input posts.jsonl.gz --output scored.jsonl
  finsent classify --input filings.parquet --granularity sentence --output scored.parquet
  finsent classify --input old.tsv --encoding latin1 --format csv
  finsent classify --input news.csv --shard 0/4 --output scored-0.csv
  finsent classify --input news.csv --output scored.csv --resume
";

const CLASSIFY_NOTES: &str = "\
Each text is one item: an argument, a line of standard input or of a .txt file, a row of a .csv, .tsv, .jsonl or \
.parquet file. Items go out in the order they came in. An item that fails (a blank text, say) goes out with `error`, the others are \
not held up, and the exit code is 5.

The columns of an input file go out too, the prediction's columns behind them; where a name is taken, all of the \
prediction's get the prefix `finsent_`. A text that is longer than the model's window is cut, and `truncated` says so.

Several files are read one after the other, in the order given, and those of a pattern by name; each has its own text \
column. A CSV has the columns of the first file: a row of a later one with another column fails, while jsonl takes it. \
A pattern is one only where no file has that name; `**` is any folders, and hidden files are left out. .gz and .zst are \
unpacked as they are read; one that ends early or is damaged fails the run. A file is read as far as it goes when it is \
opened: what is appended meanwhile is left for another run.

From .parquet to .parquet the columns are copied as they are, with their types, whatever these are, a row group at a time; \
several files become one if their columns are the same. In the other forms their values are shown: times as ISO 8601, lists \
and groups as JSON. The columns of the other inputs get types from the values of the first rows; those of a CSV are strings.

--shard I/N cuts the rows of --input into N parts that follow each other, and scores the one with the number I, from 0 to \
N-1. The outputs of all N in order, one behind the other, are byte for byte the output without --shard; --format is jsonl \
or csv, whose header only shard 0 writes; or parquet, where each shard writes a file of its own, which together are a dataset. \
The files are read twice, and have to stay as they are until all shards are done.

--resume is for runs that take long: begun with it, and interrupted (Ctrl-C, kill -9, a full disk), the same command goes on \
where it ended. The input is read again, but what was scored is not scored again, and the output is to the byte what an \
uninterrupted run would write. Its form may be another the second time; the model, --precision, --granularity and the texts \
may not, and a text that is no longer the same is an error that names it. What is appended to the input meanwhile is scored too.

Exit codes: 0 done; 1 failed at run time; 2 wrong usage; 3 model missing or invalid; 4 network; 5 some \
items failed; 130 interrupted.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  finsent verify
  finsent verify /models/finbert --precision int8
";

const VERIFY_NOTES: &str = "\
Prints, for each precision, the largest difference of a probability and how many labels are the same; for a model of \
the catalogue with published predictions, the same against those.

Exit codes: 0 all within the bounds that are printed; 1 not; 2 wrong usage; 3 model missing or invalid; 4 network.";

const EVAL_EXAMPLES: &str = "\
Examples:
  finsent eval phrasebank.jsonl
  finsent eval tweets.csv --text-column tweet --label-column sentiment --precisions f32,int8
  finsent eval scores.csv --label-map 1=positive --label-map 0=neutral --label-map=-1=negative
  finsent eval news.tsv --model /models/finbert --limit 1000 --format json
";

const EVAL_NOTES: &str = "\
A label of the file is the model's label of the same name, in any case and with any white space around it; bullish, pos, \
bearish, neg and neu mean positive, negative and neutral; a number n, and LABEL_n, is the label with that id in the model's \
own order, but not where --label-map maps a number. How names other than the model's are taken is told. A label that is \
none of the model's is an error before anything is computed, for which the file is read twice; with --skip-unknown it is \
read once.

A row without a label or a text, or one that cannot be read, is told and left out, in all precisions. The precisions are in \
memory at the same time; beside them, memory does not grow with the rows.

Macro F1 is the mean over the labels that are true or predicted anywhere. ECE is the expected calibration error of Guo et \
al. (2017), with 15 bins of equal width, closed on the right. The Brier score sums over all labels, 0 to 2. The interval is \
Wilson's, for the accuracy on all texts of which the rows are a random sample.

Exit codes: 0 done; 1 failed at run time; 2 wrong usage, unknown labels; 3 model missing or invalid; 4 network; 5 some \
rows were left out because they failed.";

const BENCH_EXAMPLES: &str = "\
Examples:
  finsent bench
  finsent bench --precision int8 --threads 1
  finsent bench --model /models/finbert --input headlines.txt --format json
";

const BENCH_NOTES: &str = "\
Times the encoder; making tokens of texts is not in the figures. `packed` is as many texts in a call as fill a pass. \
`of peak` is the share of what this machine reaches in a loop of the same instructions that touches no memory, the best \
of the runs so far. The logits of a workload's first 16 texts are compared, bit for bit, alone and in company.";

const CONVERT_EXAMPLES: &str = "\
Examples:
  finsent convert /models/finbert /models/finbert-int8 --precision int8
  finsent classify --model /models/finbert-int8 --precision int8 \"Shares plunged 12%\"
";

const CONVERT_NOTES: &str = "\
DST is a whole model: model.safetensors, config.json, and the tokeniser's files as they are. It appears when it is \
complete; whatever goes wrong before, and Ctrl-C, leave nothing behind. Its path is printed.

int8 is compressed-tensors' `int-quantized`: the encoder's matrices and the word embeddings as bytes with a scale a row, \
all else f32.

Exit codes: 0 done; 1 failed at run time; 2 wrong usage; 3 model missing or invalid; 4 network; 130 interrupted.";

const PULL_EXAMPLES: &str = "\
Examples:
  finsent pull finbert
  finsent pull hf:ProsusAI/finbert@refs/pr/29
  HF_HOME=/models finsent pull finbert-tone
";

const PULL_NOTES: &str = "\
Prints the directory that the model is in. Only the files that it needs are fetched, safetensors rather than pickles, \
into the cache that Python's huggingface_hub uses; what is there already is checked and not fetched again. A file gets \
its name when its hash was checked: against the catalogue's, else the hub's own. A transfer that was broken off goes on \
where it ended. Other commands fetch a model that is not here by themselves, and look no branch up anew.

Environment: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH, HF_HUB_OFFLINE; HTTPS_PROXY, HTTP_PROXY, \
ALL_PROXY, NO_PROXY; SSL_CERT_FILE (certificates in PEM, in place of the built-in ones).

Exit codes: 0 done; 1 failed at run time; 2 wrong usage; 3 model missing or invalid; 4 network; 130 interrupted.";

const SERVE_EXAMPLES: &str = "\
Examples:
  finsent serve
  finsent serve --listen 0.0.0.0:8080 --model finbert --model mini --precision int8
  finsent serve --listen unix:/run/finsent/finsent.sock --metrics-listen 127.0.0.1:9090
  curl -s localhost:8080/v1/sentiment --json '{\"inputs\": \"Shares plunged 12%\"}'
";

const SERVE_NOTES: &str = "\
It listens at once and answers when the models are loaded: /livez says whether it is alive, /readyz whether to send \
requests; /docs shows all routes. A route exists for clients of Hugging Face, text-embeddings-inference, KServe and \
Triton too.

SIGTERM and Ctrl-C: /readyz says no, requests are taken for --drain-delay, then the listeners close, what is in flight \
is answered, and the exit code is 0. A second signal ends it at once. SIGHUP reads --api-key-file again.

Times are in seconds. Every setting is an environment variable too: FINSENT_ and its name, as FINSENT_REQUEST_TIMEOUT; \
several values are separated by commas there.";

const HEALTH_EXAMPLES: &str = "\
Examples:
  finsent health
  finsent health --ready --listen unix:/run/finsent/finsent.sock
";

/// finsent: financial sentiment of texts, on the CPU.
#[derive(Debug, Parser)]
#[command(name = "finsent", version = VERSION, before_help = EXAMPLES, help_template = TEMPLATE, max_term_width = 120)]
#[command(about = "Labels financial text as positive, negative or neutral, with scores.")]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Score texts: arguments, standard input, or a file
    #[command(before_help = CLASSIFY_EXAMPLES, after_help = CLASSIFY_NOTES, help_template = TEMPLATE)]
    Classify(Box<ClassifyArgs>),
    /// Classification requests over HTTP
    #[command(before_help = SERVE_EXAMPLES, after_help = SERVE_NOTES, help_template = TEMPLATE)]
    Serve(Box<ServeArgs>),
    /// Ask a running service how it is: 0 when it is well, else 1
    #[command(before_help = HEALTH_EXAMPLES, help_template = TEMPLATE)]
    Health(HealthArgs),
    /// Compare the engine's answers with candle-transformers' on this machine, in every precision
    #[command(before_help = VERIFY_EXAMPLES, after_help = VERIFY_NOTES, help_template = TEMPLATE)]
    Verify(VerifyArgs),
    /// Measure how good a model is on labelled texts, in every precision
    #[command(before_help = EVAL_EXAMPLES, after_help = EVAL_NOTES, help_template = TEMPLATE)]
    Eval(EvalArgs),
    /// Measure the engine's speed on this machine, in every precision and at many lengths
    #[command(before_help = BENCH_EXAMPLES, after_help = BENCH_NOTES, help_template = TEMPLATE)]
    Bench(BenchArgs),
    /// Write a model with its weights in another number format
    #[command(before_help = CONVERT_EXAMPLES, after_help = CONVERT_NOTES, help_template = TEMPLATE)]
    Convert(ConvertArgs),
    /// Fetch a model from the hub and check it
    #[command(before_help = PULL_EXAMPLES, after_help = PULL_NOTES, help_template = TEMPLATE)]
    Pull(PullArgs),
    /// List the models, and which of them are on this machine
    #[command(help_template = TEMPLATE)]
    Models(ModelsArgs),
    /// Print completions for a shell
    #[command(help_template = TEMPLATE)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page (read it with `finsent man | man -l -`)
    #[command(help_template = TEMPLATE)]
    Man {
        /// The command to describe [default: finsent itself]
        command: Option<String>,
    },
}

/// Options that every command takes.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Catalogue to use instead of the built-in one
    #[arg(long, global = true, value_name = "FILE", env = "FINSENT_MODELS_FILE")]
    pub(super) models_file: Option<PathBuf>,
    /// Volume of models: a catalogue model is looked for in DIR/NAME first
    #[arg(long, global = true, value_name = "DIR", env = "FINSENT_MODEL_DIR")]
    pub(super) model_dir: Option<PathBuf>,
    /// Threads that compute [default: as many as the CPU quota of the cgroup allows]
    #[arg(long, global = true, value_name = "N", env = "FINSENT_THREADS",
          value_parser = value_parser!(u16).range(1..=MAX_THREADS))]
    pub(super) threads: Option<u16>,
    /// Number format to compute in [default: the catalogue's, else f32]
    #[arg(long, global = true, value_enum, env = "FINSENT_PRECISION")]
    pub(super) precision: Option<PrecisionArg>,
    /// With int8: run a text again with f32 activations when its two best labels' probabilities are closer than this; 0
    /// never does
    #[arg(long, global = true, value_name = "P", env = "FINSENT_INT8_MARGIN", value_parser = parse_margin)]
    pub(super) int8_margin: Option<f32>,
    /// Never fetch anything [env: HF_HUB_OFFLINE=1]
    #[arg(long, global = true)]
    pub(super) offline: bool,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Form of what is said on standard error
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub(super) log_format: LogFormat,
    /// When to use colours (NO_COLOR is honoured)
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub(super) color: ColorChoice,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ClassifyArgs {
    /// Texts to score; none, or `-`: standard input, one text a line
    #[arg(value_name = "TEXT")]
    pub(super) texts: Vec<String>,
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name of the catalogue, a directory, or hf:OWNER/NAME[@REVISION]")]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    pub(super) model: String,
    /// File to read: .txt (a text a line), .csv, .tsv or .jsonl, as it is or .gz or .zst, or .parquet; a pattern, like
    /// 'news/*.csv', is the files that match it, sorted; may be given several times
    #[arg(short, long, value_name = "FILE", conflicts_with = "texts")]
    pub(super) input: Vec<PathBuf>,
    /// Column of the texts [default: `text`, else the only column of strings]
    #[arg(long, value_name = "COLUMN", requires = "input")]
    pub(super) text_column: Option<String>,
    /// Column that goes out as the prediction's `id`
    #[arg(long, value_name = "COLUMN", requires = "input")]
    pub(super) id_column: Option<String>,
    /// Encoding of the input, for example latin1 [default: UTF-8, or UTF-16 by its byte order mark]
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<String>,
    /// Score only the rows of shard I, from 0, of the N that the input is cut into
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// File to write; it appears under its name when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Go on where a run with --resume was interrupted, or begin one that can be interrupted: what is scored is kept beside
    /// the output, in FILE.journal, until the output is complete
    #[arg(long)]
    pub(super) resume: bool,
    /// Form of the output [default: by the output's extension, else text on a terminal and jsonl elsewhere]
    #[arg(short, long, value_enum)]
    pub(super) format: Option<Format>,
    /// What a prediction is about [default: text; sentence with --format finbert-csv]
    #[arg(long, value_enum)]
    pub(super) granularity: Option<Granularity>,
    /// How the sentences of a document are weighed [default: tokens]
    #[arg(long, value_enum)]
    pub(super) aggregate: Option<AggregateArg>,
    /// Write a summary too, by the values of this column
    #[arg(long, value_name = "COLUMN", requires = "input")]
    pub(super) group_by: Option<String>,
    /// Summarise by time too: the column of the times
    #[arg(long, value_name = "COLUMN", requires = "group_by", requires = "every")]
    pub(super) time_column: Option<String>,
    /// Length of a period of the summary: 15m, 6h, 1d, 1w, 1mo, 1q, 1y (UTC)
    #[arg(long, value_name = "LENGTH", requires = "time_column")]
    pub(super) every: Option<Every>,
    /// Weigh the rows of the summary by this column
    #[arg(long, value_name = "COLUMN", requires = "group_by")]
    pub(super) weight_column: Option<String>,
    /// File of the summary [default: NAME.summary.EXT beside --output; behind the rows of a table on standard output]
    #[arg(long, value_name = "FILE", requires = "group_by")]
    pub(super) summary: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ServeArgs {
    /// Where to listen: HOST:PORT or unix:/path; may be given several times
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_LISTEN", value_delimiter = ',', default_value = DEFAULT_LISTEN)]
    pub(super) listen: Vec<Listen>,
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(
        help = "Model: a name of the catalogue, a directory, or hf:OWNER/NAME[@REVISION]; may be given several times, \
                  the first is the default"
    )]
    #[arg(short, long, env = "FINSENT_MODEL", value_delimiter = ',', default_value = finsent_hub::DEFAULT_MODEL)]
    pub(super) model: Vec<String>,
    /// Tokens that are computed together: more do not make it faster, and each pass longer
    #[arg(long, value_name = "N", env = "FINSENT_MAX_BATCH_TOKENS", default_value_t = 256,
          value_parser = value_parser!(u32).range(1..=MAX_BATCH_TOKENS as i64))]
    pub(super) max_batch_tokens: u32,
    /// Requests that are worked on at a time; more are answered with 429
    #[arg(long, value_name = "N", env = "FINSENT_MAX_CONCURRENT_REQUESTS", default_value_t = 512,
          value_parser = value_parser!(u32).range(1..))]
    pub(super) max_concurrent_requests: u32,
    /// Tokens that wait; more are answered with 429
    #[arg(long, value_name = "N", env = "FINSENT_MAX_QUEUE_TOKENS", default_value_t = 65_536,
          value_parser = value_parser!(u32).range(1..))]
    pub(super) max_queue_tokens: u32,
    /// Texts of one request
    #[arg(long, value_name = "N", env = "FINSENT_MAX_CLIENT_BATCH_SIZE", default_value_t = 1000,
          value_parser = value_parser!(u32).range(1..))]
    pub(super) max_client_batch_size: u32,
    /// Bytes of one request's body, also when it is unpacked
    #[arg(long, value_name = "N", env = "FINSENT_MAX_BODY_BYTES", default_value_t = 2_000_000,
          value_parser = value_parser!(u32).range(1..=MAX_BODY_BYTES))]
    pub(super) max_body_bytes: u32,
    /// Bytes of one text
    #[arg(long, value_name = "N", env = "FINSENT_MAX_TEXT_BYTES", default_value_t = 1_000_000,
          value_parser = value_parser!(u32).range(1..))]
    pub(super) max_text_bytes: u32,
    /// Time in which a request is answered, or fails
    #[arg(long, value_name = "SECONDS", env = "FINSENT_REQUEST_TIMEOUT", default_value = "30",
          value_parser = parse_timeout)]
    pub(super) request_timeout: Duration,
    /// Time between the signal to end and the closing of the listeners
    #[arg(long, value_name = "SECONDS", env = "FINSENT_DRAIN_DELAY", default_value = "0", value_parser = parse_seconds)]
    pub(super) drain_delay: Duration,
    /// Time that what is in flight has after that
    #[arg(long, value_name = "SECONDS", env = "FINSENT_SHUTDOWN_TIMEOUT", default_value = "10",
          value_parser = parse_seconds)]
    pub(super) shutdown_timeout: Duration,
    /// Answers that are remembered, so that identical texts are computed once; 0 turns it off
    #[arg(long, value_name = "N", env = "FINSENT_CACHE_ENTRIES", default_value_t = 8192)]
    pub(super) cache_entries: u32,
    /// File of API keys, one a line; requests then need `Authorization: Bearer KEY`, but for probes, metrics and docs
    #[arg(long, value_name = "FILE", env = "FINSENT_API_KEY_FILE")]
    pub(super) api_key_file: Option<PathBuf>,
    /// Origin whose pages may ask (CORS), or `*`; may be given several times [default: none]
    #[arg(long, value_name = "ORIGIN", env = "FINSENT_CORS_ORIGIN", value_delimiter = ',')]
    pub(super) cors_origin: Vec<String>,
    /// A second address, for probes and metrics only
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_METRICS_LISTEN")]
    pub(super) metrics_listen: Option<Listen>,
}

#[derive(Debug, ClapArgs)]
pub(super) struct HealthArgs {
    /// Where the service listens; of several the first is asked
    #[arg(long, value_name = "ADDRESS", env = "FINSENT_LISTEN", value_delimiter = ',', default_value = DEFAULT_LISTEN)]
    pub(super) listen: Vec<Listen>,
    /// Ask whether it takes requests, not only whether it is alive
    #[arg(long)]
    pub(super) ready: bool,
}

#[derive(Debug, ClapArgs)]
pub(super) struct VerifyArgs {
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name of the catalogue, a directory, or hf:OWNER/NAME[@REVISION]")]
    #[arg(default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    pub(super) model: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct EvalArgs {
    /// File of labelled texts: .csv, .tsv, .jsonl or .parquet
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name of the catalogue, a directory, or hf:OWNER/NAME[@REVISION]")]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    pub(super) model: String,
    /// Column of the texts [default: `text`, else the only column of strings beside the labels]
    #[arg(long, value_name = "COLUMN")]
    pub(super) text_column: Option<String>,
    /// Column of the labels
    #[arg(long, value_name = "COLUMN", default_value = "label")]
    pub(super) label_column: String,
    /// Encoding of the file, for example latin1 [default: UTF-8, or UTF-16 by its byte order mark]
    #[arg(long, value_name = "NAME")]
    pub(super) encoding: Option<String>,
    /// Take the file's label FROM for the model's label TO; may be given several times
    #[arg(long, value_name = "FROM=TO", value_parser = parse_pair, allow_hyphen_values = true)]
    pub(super) label_map: Vec<(String, String)>,
    /// Leave out rows whose label is none of the model's
    #[arg(long)]
    pub(super) skip_unknown: bool,
    /// Precisions to compare [default: all, or the one of --precision]
    #[arg(long, value_name = "LIST", value_enum, value_delimiter = ',')]
    pub(super) precisions: Vec<PrecisionArg>,
    /// Read only the first N rows
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(super) limit: Option<u64>,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) format: EvalFormat,
}

/// Form of what `eval` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EvalFormat {
    /// Tables for people
    Text,
    /// One object
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BenchArgs {
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name of the catalogue, a directory, or hf:OWNER/NAME[@REVISION]")]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    pub(super) model: String,
    /// Lengths in tokens to measure, `[CLS]` and `[SEP]` included [default: 8,16,32,64,128,512 and mixed lengths]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = value_parser!(u16).range(1..))]
    pub(super) lengths: Vec<u16>,
    /// File of texts, one a line, to be measured too
    #[arg(short, long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// Texts of the file that are used
    #[arg(long, value_name = "N", default_value_t = 256, requires = "input",
          value_parser = value_parser!(u16).range(1..))]
    pub(super) limit: u16,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "text")]
    pub(super) format: BenchFormat,
}

/// Form of what `bench` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum BenchFormat {
    /// A table for people
    Text,
    /// One array
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ConvertArgs {
    /// Model to convert: a name of the catalogue or a directory
    #[arg(value_name = "SRC")]
    pub(super) source: String,
    /// Directory to write: a new one, or one that is empty
    #[arg(value_name = "DST")]
    pub(super) destination: PathBuf,
    // It has the name and the type of the global option, and so stands in for it: clap gives a command no global option
    // that it has itself.
    /// Number format of the weights
    #[arg(long, value_name = "int8|bf16|f16|f32", hide_possible_values = true, value_parser = weight_format())]
    pub(super) precision: PrecisionArg,
}

#[derive(Debug, ClapArgs)]
pub(super) struct PullArgs {
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name of the catalogue, or hf:OWNER/NAME[@REVISION]")]
    pub(super) model: String,
}

#[derive(Debug, ClapArgs)]
pub(super) struct ModelsArgs {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// Form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people
    Text,
    /// One array
    Json,
    /// One object a line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
    /// As finBERT's predict() writes it: a line a sentence, with sentence, logit, prediction, sentiment_score
    FinbertCsv,
    /// Columns with types, in compressed row groups
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Granularity {
    /// The text as one: what is longer than the model's window is cut
    Text,
    /// Each of its sentences, a line each
    Sentence,
    /// All of the text, by its sentences
    Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AggregateArg {
    /// By their tokens
    Tokens,
    /// All alike, as finBERT's predict() does
    Mean,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PrecisionArg {
    F32,
    Bf16,
    Int8,
    /// For weights only: nothing is computed in it.
    #[value(skip)]
    F16,
}

/// The precisions in which weights are stored.
fn weight_format() -> impl TypedValueParser<Value = PrecisionArg> {
    PossibleValuesParser::new(["int8", "bf16", "f16", "f32"]).map(|name| match name.as_str() {
        "int8" => PrecisionArg::Int8,
        "bf16" => PrecisionArg::Bf16,
        "f16" => PrecisionArg::F16,
        "f32" => PrecisionArg::F32,
        other => unreachable!("the parser lets only four names through, and not `{other}`"),
    })
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("expected seconds, from 0 to {MAX_SECONDS}"))
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    parse_seconds(text).ok().filter(|time| !time.is_zero()).ok_or(format!("expected seconds, up to {MAX_SECONDS}"))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(from, to)| (from.trim(), to.trim()));
    let pair = pair.filter(|(from, to)| !from.is_empty() && !to.is_empty());
    pair.map(|(from, to)| (from.into(), to.into())).ok_or("expected FROM=TO, for example up=positive".into())
}

fn parse_margin(text: &str) -> Result<f32, String> {
    let margin = text.parse().map_err(|_| "expected a number from 0 to 1".to_owned())?;
    if (0.0..=1.0).contains(&margin) { Ok(margin) } else { Err("expected a number from 0 to 1".into()) }
}

impl PrecisionArg {
    /// None for what only weights are stored in.
    pub(super) fn computed_in(self) -> Option<Precision> {
        match self {
            Self::F32 => Some(Precision::F32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::Int8 => Some(Precision::Int8),
            Self::F16 => None,
        }
    }
}

impl From<PrecisionArg> for WeightFormat {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::Bf16 => Self::Bf16,
            PrecisionArg::Int8 => Self::Int8,
            PrecisionArg::F16 => Self::F16,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
