//! Arguments of `finsent pull`.

use clap::Args;

pub(super) const EXAMPLES: &str = include_str!("help/pull_examples.txt");
pub(super) const NOTES: &str = include_str!("help/pull_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    // As an attribute: rustdoc would read the brackets as a link.
    #[arg(help = "Model: a name from the catalog, or hf:OWNER/NAME[@REVISION]")]
    pub(crate) model: String,
}
