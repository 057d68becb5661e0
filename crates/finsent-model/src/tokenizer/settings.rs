//! `tokenizer_config.json`: how texts are normalized, and how they are cut to the window.

use tokenizers::TruncationDirection;

use super::added_tokens::{DECODER, TokenSettings};
use super::error::TokenizerError;
use super::fields::Fields;
use crate::model_files::TokenizerFiles;

/// The fields of `tokenizer_config.json` that affect the ids, with the defaults of transformers.
#[derive(Debug)]
pub(super) struct Settings {
    /// The default depends on the class.
    pub(super) do_lower_case: Option<bool>,
    pub(super) strip_accents: Option<bool>,
    pub(super) tokenize_chinese_chars: bool,
    /// The default depends on the class.
    pub(super) add_prefix_space: Option<bool>,
    /// ALBERT: whether accents stay.
    pub(super) keep_accents: Option<bool>,
    /// DeBERTa-v2: whether each punctuation mark is a word.
    pub(super) split_by_punct: Option<bool>,
    /// DeBERTa-v2: the id of the unknown piece, if the vocabulary does not say it.
    pub(super) unk_id: Option<i64>,
    /// The first field that would replace the tokens around a text, unless there is a `tokenizer.json`.
    pub(super) ends_field: Option<(String, &'static str)>,
    /// Whether the names of special tokens in a text are split like other words.
    pub(super) split_special_tokens: bool,
    pub(super) tokenizer_class: Option<String>,
    pub(super) tokens: TokenSettings,
    truncation_side: Option<TruncationDirection>,
    max_length: Option<f64>,
}

impl Settings {
    /// Reads the settings, those of tokens in `special_tokens_map.json` and `added_tokens.json` included.
    pub(super) fn read(files: &TokenizerFiles) -> Result<Self, TokenizerError> {
        let config = Fields::read(files.config.as_ref(), "tokenizer_config.json")?;
        let map = match config.has(DECODER) {
            true => Fields::absent("special_tokens_map.json"),
            false => Fields::read(files.special_tokens.as_ref(), "special_tokens_map.json")?,
        };
        // Any field of the map overrides the one of the configuration, not only those of tokens.
        let from = |field: &str| if map.has(field) { &map } else { &config };
        Ok(Self {
            do_lower_case: from("do_lower_case").get("do_lower_case")?,
            strip_accents: from("strip_accents").get("strip_accents")?,
            tokenize_chinese_chars: from("tokenize_chinese_chars").get("tokenize_chinese_chars")?.unwrap_or(true),
            add_prefix_space: from("add_prefix_space").get("add_prefix_space")?,
            keep_accents: from("keep_accents").get("keep_accents")?,
            split_by_punct: from("split_by_punct").get("split_by_punct")?,
            unk_id: from("unk_id").get("unk_id")?,
            ends_field: ["add_bos_token", "add_eos_token"]
                .into_iter()
                .find(|field| from(field).has(field))
                .map(|field| (from(field).file.clone(), field)),
            split_special_tokens: from("split_special_tokens").get("split_special_tokens")?.unwrap_or(false),
            tokenizer_class: config.get("tokenizer_class")?,
            truncation_side: truncation_side(from("truncation_side"))?,
            // The old name counts only if the new one is absent: `null` means that there is no limit.
            max_length: match from("model_max_length").has("model_max_length") {
                true => from("model_max_length").get("model_max_length")?,
                false => from("max_len").get("max_len")?,
            },
            tokens: TokenSettings::read(files, &config, &map)?,
        })
    }

    /// `model_max_length`. transformers writes 1e30 if it is not set.
    pub(super) fn max_length(&self) -> Option<usize> {
        self.max_length.filter(|&length| (1.0..1e9).contains(&length)).map(|length| length as usize)
    }

    /// The side at which a text is cut; `stored` is that of `tokenizer.json`.
    pub(super) fn truncation_side(&self, stored: Option<TruncationDirection>) -> TruncationDirection {
        self.truncation_side.or(stored).unwrap_or(TruncationDirection::Right)
    }
}

fn truncation_side(fields: &Fields) -> Result<Option<TruncationDirection>, TokenizerError> {
    match fields.get::<String>("truncation_side")?.as_deref() {
        None => Ok(None),
        Some("left") => Ok(Some(TruncationDirection::Left)),
        Some("right") => Ok(Some(TruncationDirection::Right)),
        Some(other) => Err(fields.error("truncation_side", &format!("`{other}` is neither `left` nor `right`"))),
    }
}
