//! `tokenizer_config.json` and `special_tokens_map.json`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokenizers::{AddedToken, Tokenizer};

use super::error::TokenizerError;
use crate::json_error::JsonError;
use crate::model_files::ModelFile;

/// The fields of `tokenizer_config.json` that affect the ids, with the defaults of transformers' `BertTokenizer`.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) do_lower_case: bool,
    pub(super) strip_accents: Option<bool>,
    pub(super) tokenize_chinese_chars: Option<bool>,
    pub(super) add_prefix_space: Option<bool>,
    model_max_length: Option<f64>,
    pub(super) tokenizer_class: Option<String>,
    pub(super) added_tokens_decoder: BTreeMap<u32, AddedTokenSettings>,
    #[serde(flatten)]
    pub(super) special: SpecialTokens,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: None,
            add_prefix_space: None,
            model_max_length: None,
            tokenizer_class: None,
            added_tokens_decoder: BTreeMap::new(),
            special: SpecialTokens::default(),
        }
    }
}

impl Settings {
    /// `model_max_length`. transformers writes 1e30 if it is not set.
    pub(super) fn max_length(&self) -> Option<usize> {
        self.model_max_length.filter(|&length| (1.0..1e9).contains(&length)).map(|length| length as usize)
    }

    /// Checks that `tokenizer_class` is one of `classes`, which can be built from the files `from`. `file` has the
    /// settings.
    pub(super) fn check_class(
        &self,
        file: Option<&ModelFile>,
        classes: &[&str],
        from: &'static str,
    ) -> Result<(), TokenizerError> {
        match self.tokenizer_class.as_ref().filter(|class| !classes.contains(&class.as_str())) {
            None => Ok(()),
            Some(class) => {
                let known = classes.join(", ");
                Err(TokenizerError::Class { file: settings_name(file), class: class.clone(), from, known })
            }
        }
    }

    /// Adds the tokens of `added_tokens_decoder`.
    pub(super) fn add_tokens(&self, file: Option<&ModelFile>, to: &mut Tokenizer) -> Result<(), TokenizerError> {
        for (&expected, added) in &self.added_tokens_decoder {
            let token = added.content.clone();
            to.add_tokens([added.to_token()])
                .map_err(|error| TokenizerError::Tokenizer { file: settings_name(file), reason: error.to_string() })?;
            let found = to.token_to_id(&token).unwrap_or(u32::MAX);
            if found != expected {
                return Err(TokenizerError::AddedTokenId { file: settings_name(file), token, expected, found });
            }
        }
        Ok(())
    }
}

fn settings_name(file: Option<&ModelFile>) -> String {
    file.map_or_else(|| "tokenizer_config.json".into(), ModelFile::to_string)
}

/// A token that is matched in the text before it is split into words.
#[derive(Debug, Deserialize)]
pub(super) struct AddedTokenSettings {
    pub(super) content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    #[serde(default)]
    normalized: bool,
    #[serde(default)]
    special: bool,
}

impl AddedTokenSettings {
    pub(super) fn to_token(&self) -> AddedToken {
        AddedToken::from(self.content.as_str(), self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized)
    }
}

/// `special_tokens_map.json`. `tokenizer_config.json` may have the same keys; it takes precedence.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SpecialTokens {
    pub(super) bos_token: Option<SpecialToken>,
    pub(super) eos_token: Option<SpecialToken>,
    pub(super) pad_token: Option<SpecialToken>,
    pub(super) unk_token: Option<SpecialToken>,
    pub(super) cls_token: Option<SpecialToken>,
    pub(super) sep_token: Option<SpecialToken>,
    pub(super) mask_token: Option<SpecialToken>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum SpecialToken {
    Plain(String),
    Described(AddedTokenSettings),
}

impl SpecialToken {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Plain(content) | Self::Described(AddedTokenSettings { content, .. }) => content,
        }
    }

    pub(super) fn to_token(&self) -> AddedToken {
        match self {
            Self::Plain(content) => AddedToken::from(content.as_str(), true),
            Self::Described(settings) => settings.to_token().special(true),
        }
    }
}

/// The names of the special tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpecialNames<'a> {
    pub(super) pad: &'a str,
    pub(super) unk: &'a str,
    pub(super) cls: &'a str,
    pub(super) sep: &'a str,
    pub(super) mask: &'a str,
}

impl Settings {
    /// Reads `tokenizer_config.json` and adds `special_tokens_map.json`, each if it exists.
    pub(super) fn read(config: Option<&ModelFile>, special_tokens: Option<&ModelFile>) -> Result<Self, TokenizerError> {
        let mut settings: Self = read_json(config)?;
        let other: SpecialTokens = read_json(special_tokens)?;
        let fill = |own: &mut Option<SpecialToken>, other| *own = own.take().or(other);
        fill(&mut settings.special.bos_token, other.bos_token);
        fill(&mut settings.special.eos_token, other.eos_token);
        fill(&mut settings.special.pad_token, other.pad_token);
        fill(&mut settings.special.unk_token, other.unk_token);
        fill(&mut settings.special.cls_token, other.cls_token);
        fill(&mut settings.special.sep_token, other.sep_token);
        fill(&mut settings.special.mask_token, other.mask_token);
        Ok(settings)
    }

    /// The names in the files, or else BERT's.
    pub(super) fn special_names(&self) -> SpecialNames<'_> {
        let SpecialTokens { pad_token, unk_token, cls_token, sep_token, mask_token, .. } = &self.special;
        SpecialNames {
            pad: name(pad_token, "[PAD]"),
            unk: name(unk_token, "[UNK]"),
            cls: name(cls_token, "[CLS]"),
            sep: name(sep_token, "[SEP]"),
            mask: name(mask_token, "[MASK]"),
        }
    }
}

fn name<'a>(token: &'a Option<SpecialToken>, default: &'a str) -> &'a str {
    token.as_ref().map_or(default, SpecialToken::name)
}

fn read_json<T: Default + DeserializeOwned>(file: Option<&ModelFile>) -> Result<T, TokenizerError> {
    let Some(file) = file else { return Ok(T::default()) };
    let parse = |bytes: &[u8]| {
        // transformers writes `null` for a field that is not set.
        let mut fields: Map<String, Value> = serde_json::from_slice(bytes)?;
        fields.retain(|_, value| !value.is_null());
        T::deserialize(Value::Object(fields))
    };
    parse(&file.read_settings()?)
        .map_err(|source| TokenizerError::Json { file: file.to_string(), source: JsonError::new(source) })
}
