//! Arguments of `finsent models`.

use clap::Args;

pub(super) const EXAMPLES: &str = include_str!("help/models_examples.txt");

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
