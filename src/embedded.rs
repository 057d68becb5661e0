//! The model inside the binary, with the feature `embedded-model`.

use crate::files::ModelFiles;

/// The name of the embedded model in the catalogue.
#[cfg(feature = "embedded-model")]
const NAME: &str = "mini";

/// The files of the embedded model of this name; `None` in a binary that has it not.
#[cfg(feature = "embedded-model")]
pub(crate) fn model_files(name: &str) -> Option<ModelFiles> {
    use crate::files::{ModelFile, TokenizerFiles, WeightFiles};

    macro_rules! embedded {
        ($name:literal) => {
            ModelFile::Embedded { name: $name, bytes: include_bytes!(concat!("../models/mini/", $name)) }
        };
    }
    (name == NAME).then_some(ModelFiles {
        config: embedded!("config.json"),
        tokenizer: TokenizerFiles::WordPiece {
            vocab: embedded!("vocab.txt"),
            config: Some(embedded!("tokenizer_config.json")),
            special_tokens: Some(embedded!("special_tokens_map.json")),
        },
        weights: WeightFiles::Single(embedded!("model.safetensors")),
    })
}

/// The files of the embedded model of this name; `None` in a binary that has it not.
#[cfg(not(feature = "embedded-model"))]
pub(crate) fn model_files(_name: &str) -> Option<ModelFiles> {
    None
}
