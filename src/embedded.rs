//! The model inside the binary, with the feature `embedded-model`.

use finsent_model::ModelFiles;

/// The files of the embedded model; `None` in a binary that has none.
#[cfg(feature = "embedded-model")]
pub fn model_files() -> Option<ModelFiles> {
    use finsent_model::{ModelFile, TokenizerFiles, WeightFiles};

    macro_rules! embedded {
        ($name:literal) => {
            ModelFile::Embedded { name: $name, bytes: include_bytes!(concat!("../models/mini/", $name)) }
        };
    }
    Some(ModelFiles {
        config: embedded!("config.json"),
        tokenizer: TokenizerFiles::WordPiece {
            vocab: embedded!("vocab.txt"),
            config: Some(embedded!("tokenizer_config.json")),
            special_tokens: Some(embedded!("special_tokens_map.json")),
        },
        weights: WeightFiles::Single(embedded!("model.safetensors")),
    })
}

/// The files of the embedded model; `None` in a binary that has none.
#[cfg(not(feature = "embedded-model"))]
pub fn model_files() -> Option<ModelFiles> {
    None
}
