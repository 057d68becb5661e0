//! Arguments of `finsent verify`.

use clap::Args;

use super::model_name;

pub(super) const EXAMPLES: &str = include_str!("help/verify_examples.txt");
pub(super) const NOTES: &str = include_str!("help/verify_notes.txt");

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[arg(help = model_name::HELP)]
    #[arg(default_value = finsent_hub::DEFAULT_MODEL, env = "FINSENT_MODEL", add = model_name::completer())]
    pub(crate) model: String,
}
