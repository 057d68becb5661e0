//! Arguments of `finsent explain`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use finsent_model::{ExplainMethod, ExplainOptions};

use super::classify::{AggregateArg, ClassifyArgs, Format, Granularity};
use super::explained::Explained;
use super::reading::ReadingArgs;
use super::{model_name, values};

pub(super) const EXAMPLES: &str = include_str!("help/explain_examples.txt");
pub(super) const NOTES: &str = include_str!("help/explain_notes.txt");

/// More passes than this make no estimate better that anyone could tell.
const MAX_PASSES: u64 = 100_000;

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Texts to explain; without any, or with `-`, each line of standard input is a text
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    #[arg(help = model_name::HELP)]
    #[arg(short, long, default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL")]
    #[arg(add = model_name::completer())]
    model: String,
    /// How to weigh the words
    #[arg(long, value_enum, default_value = "shapley")]
    method: MethodArg,
    /// Explain the probability of this label, in any case [default: the predicted label of each text]
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,
    /// Use up to N passes of the model per text
    #[arg(long, value_name = "N", default_value_t = ExplainOptions::PASSES as u32,
          value_parser = values::number::<u32>(1..=MAX_PASSES))]
    passes: u32,
    /// Explain texts as a whole, or documents by their sentences and the words of the strongest ones [default: text]
    #[arg(long, value_enum)]
    granularity: Option<ExplainedGranularity>,
    /// How a document's score is averaged from its sentences [default: tokens]
    #[arg(long, value_enum)]
    aggregate: Option<AggregateArg>,
    /// Read texts from FILE, a folder or a pattern, as `finsent classify` does; may be repeated
    #[arg(short, long, value_name = "FILE", conflicts_with = "texts")]
    input: Vec<PathBuf>,
    /// Column to explain [default: as of `finsent classify`]
    #[arg(long, value_name = "COLUMN", conflicts_with = "texts")]
    text_column: Option<String>,
    /// Column to write as the `id` of each explanation
    #[arg(long, value_name = "COLUMN", conflicts_with = "texts")]
    id_column: Option<String>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Explain each file as one text, whatever its name; the name is the `id`
    #[arg(long, conflicts_with_all = ["texts", "text_column", "id_column", "input_format", "delimiter", "quote", "escape",
        "no_header"])]
    whole_file: bool,
    /// Decode HTML entities (&amp;) and leave out tags (<b>) first; offsets are still those of the input
    #[arg(long)]
    unescape_html: bool,
    /// Explain only the first N rows
    #[arg(long, value_name = "N", value_parser = values::number::<u64>(1..=u64::MAX))]
    limit: Option<u64>,
    /// Write to FILE, which appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format of the output [default: the extension of --output, else text on a terminal and jsonl elsewhere]
    #[arg(short, long, value_enum)]
    format: Option<ExplainFormat>,
}

/// How the weight of a word is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MethodArg {
    /// What the word adds on average to the words before it, in all orders; the weights add up
    Shapley,
    /// What the text loses without the word; the fewest passes
    Occlusion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainedGranularity {
    /// The whole text; only the start of a text that is longer than the model's window
    Text,
    /// All of the text, sentence by sentence
    Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// The text with its words marked, and the strongest words, for people
    Text,
    /// One array
    Json,
    /// An object per line
    Jsonl,
}

impl From<ExplainArgs> for ClassifyArgs {
    /// A prediction comes before its explanation, so the texts are classified.
    fn from(args: ExplainArgs) -> Self {
        let method = match args.method {
            MethodArg::Shapley => ExplainMethod::Shapley,
            MethodArg::Occlusion => ExplainMethod::Occlusion,
        };
        let options = ExplainOptions { method, label: args.label, passes: args.passes as usize };
        let granularity = args.granularity.map(|granularity| match granularity {
            ExplainedGranularity::Text => Granularity::Text,
            ExplainedGranularity::Document => Granularity::Document,
        });
        let format = args.format.map(|format| match format {
            ExplainFormat::Text => Format::Text,
            ExplainFormat::Json => Format::Json,
            ExplainFormat::Jsonl => Format::Jsonl,
        });
        Self {
            texts: args.texts,
            model: args.model,
            input: args.input,
            text_column: args.text_column,
            id_column: args.id_column,
            reading: args.reading,
            whole_file: args.whole_file,
            unescape_html: args.unescape_html,
            limit: args.limit,
            output: args.output,
            format,
            granularity,
            aggregate: args.aggregate,
            explained: Some(Explained { options, is_all: true }),
            ..Self::default()
        }
    }
}
