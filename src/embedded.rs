//! What is compiled into the library: the model `mini`, with the feature `embedded-model`, and the catalog.

#[cfg(feature = "hub")]
use finsent_hub::{Catalog, CatalogError};
use finsent_model::ModelFiles;

/// The files of the embedded model; `None` without the feature `embedded-model`.
#[cfg(feature = "embedded-model")]
pub fn model_files() -> Option<ModelFiles> {
    use finsent_model::{ModelFile, TokenizerFiles, VocabularyFiles, WeightFiles};

    macro_rules! embedded {
        ($name:literal) => {
            ModelFile::Embedded { name: $name, bytes: include_bytes!(concat!("../models/mini/", $name)) }
        };
    }
    Some(ModelFiles {
        config: embedded!("config.json"),
        tokenizer: TokenizerFiles {
            vocabulary: VocabularyFiles::WordPiece(embedded!("vocab.txt")),
            config: Some(embedded!("tokenizer_config.json")),
            special_tokens: Some(embedded!("special_tokens_map.json")),
            added_tokens: None,
        },
        weights: WeightFiles::Single(embedded!("model.safetensors")),
    })
}

/// The files of the embedded model; `None` without the feature `embedded-model`.
#[cfg(not(feature = "embedded-model"))]
pub fn model_files() -> Option<ModelFiles> {
    None
}

/// The built-in catalog.
///
/// # Errors
/// Only if models.toml of this build is invalid, which a test rules out.
#[cfg(feature = "hub")]
pub fn catalog() -> Result<Catalog, CatalogError> {
    Catalog::parse("models.toml", include_str!("../models.toml"))
}
