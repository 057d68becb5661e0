//! Arguments of `finsent models`.

use clap::Args;
use finsent_model::{Language, LanguageError};

use super::values::Expected;

pub(super) const EXAMPLES: &str = include_str!("help/models_examples.txt");

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// Show only models that read this language (ISO 639-1, such as fr)
    #[arg(long, value_name = "CODE", value_parser = language)]
    pub(crate) language: Option<Language>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn language(code: &str) -> Result<Language, Expected> {
    Language::parse(code).map_err(|error| {
        let meant = match error {
            LanguageError::Unknown { suggest: Some(code), .. } => code,
            _ => "fr",
        };
        Expected::new(&format!("a language by its code of ISO 639-1, such as {meant}"))
    })
}
