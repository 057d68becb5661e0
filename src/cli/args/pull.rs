//! Arguments of `finsent pull`.

use clap::Args;

use super::model_name;

pub(super) const EXAMPLES: &str = include_str!("help/pull_examples.txt");
pub(super) const NOTES: &str = include_str!("help/pull_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name from the catalog, or OWNER/NAME[@REVISION] of the Hugging Face hub")]
    #[arg(add = model_name::remote_completer())]
    pub(crate) model: String,
}
