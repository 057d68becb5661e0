//! Tokens that are found in a text before it is split into words: special tokens, and those that were added to a
//! vocabulary. They are named by `tokenizer_config.json`, `special_tokens_map.json`, `added_tokens.json` and
//! `tokenizer.json`; which file counts, and in what order tokens get their ids, is as in transformers.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::AddedToken;

use super::error::TokenizerError;
use super::fields::Fields;
use super::model::Library;
use crate::model_files::TokenizerFiles;

/// The special tokens that have a name, in the order in which they get ids.
const NAMED: [&str; 7] = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
/// The tokens of the other files do not count if `tokenizer_config.json` has this field.
pub(super) const DECODER: &str = "added_tokens_decoder";
const EXTRA: &str = "extra_special_tokens";
/// The name of [`EXTRA`] up to version 4.
const ADDITIONAL: &str = "additional_special_tokens";

/// A token as files describe it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DescribedToken {
    content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    normalized: Option<bool>,
    #[serde(default)]
    special: bool,
}

impl DescribedToken {
    pub(super) fn into_token(self) -> AddedToken {
        AddedToken::from(self.content, self.special)
            .single_word(self.single_word)
            .lstrip(self.lstrip)
            .rstrip(self.rstrip)
            .normalized(self.normalized.unwrap_or(!self.special))
    }
}

/// The tokens that the settings name.
#[derive(Debug)]
pub(super) struct TokenSettings {
    /// The file of `by_id`.
    file: String,
    /// The file of the named tokens.
    config: String,
    by_id: BTreeMap<u32, AddedToken>,
    /// Whether `by_id` is complete, so that tokens of `tokenizer.json` do not count.
    is_complete: bool,
    /// `None` if the settings say that there is no such token.
    named: BTreeMap<&'static str, Option<AddedToken>>,
    /// Tokens under names of the model's own. They get ids after those with the usual names.
    own: Vec<AddedToken>,
    /// Special tokens without names, which get ids after all others.
    further: Vec<AddedToken>,
    /// Whether the settings say which special tokens without names there are, if only that there are none.
    pub(super) names_further: bool,
    /// Whether `special_tokens_map.json` does, in the old field.
    pub(super) map_names_further: bool,
}

impl TokenSettings {
    /// Collects the tokens of `config` (`tokenizer_config.json`) and, unless it has [`DECODER`], those of `map`
    /// (`special_tokens_map.json`) and `added_tokens.json`.
    pub(super) fn read(files: &TokenizerFiles, config: &Fields, map: &Fields) -> Result<Self, TokenizerError> {
        let mut named = BTreeMap::new();
        read_named(config, &mut named)?;
        read_named(map, &mut named)?;
        let mut own = read_specific(map)?;
        own.extend(read_specific(config)?);
        let further = read_further(config, map)?;
        let is_listed = |fields: &Fields| fields.fields.get(EXTRA).is_some_and(|extra| !extra.is_object());
        let names_further = is_listed(config) || is_listed(map) || config.has(ADDITIONAL);
        let map_names_further = map.fields.get(ADDITIONAL).is_some_and(|old| !old.is_null());
        let is_complete = config.has(DECODER);
        let (mut file, mut by_id) = (config.file.clone(), BTreeMap::new());
        if is_complete {
            let described: BTreeMap<u32, DescribedToken> = config.get(DECODER)?.unwrap_or_default();
            by_id.extend(described.into_iter().map(|(id, token)| (id, token.into_token())));
        } else {
            let added = Fields::read(files.added_tokens.as_ref(), "added_tokens.json")?;
            by_id = read_added(&added, &special_names(config, map))?;
            if !by_id.is_empty() {
                file.clone_from(&added.file);
            }
        }
        let config = config.file.clone();
        Ok(Self { file, config, by_id, is_complete, named, own, further, names_further, map_names_further })
    }

    /// All tokens to add. `stored` are those of `tokenizer.json`, and `defaults` the named ones of the class.
    pub(super) fn with(&self, stored: Vec<(u32, AddedToken)>, defaults: &[(&'static str, AddedToken)]) -> AddedTokens {
        let mut by_id = self.by_id.clone();
        if !self.is_complete {
            by_id.extend(stored);
        }
        let mut named: BTreeMap<_, _> = defaults.iter().cloned().collect();
        for (&name, token) in &self.named {
            match token {
                Some(token) => drop(named.insert(name, token.clone())),
                None => drop(named.remove(name)),
            }
        }
        let (file, config) = (self.file.clone(), self.config.clone());
        AddedTokens { file, config, by_id, named, own: self.own.clone(), further: self.further.clone() }
    }
}

/// Tokens to add to a tokenizer.
#[derive(Debug)]
pub(super) struct AddedTokens {
    file: String,
    config: String,
    by_id: BTreeMap<u32, AddedToken>,
    named: BTreeMap<&'static str, AddedToken>,
    own: Vec<AddedToken>,
    further: Vec<AddedToken>,
}

impl AddedTokens {
    /// The same tokens, with others of those without names.
    pub(super) fn with_further(self, further: Vec<AddedToken>) -> Self {
        Self { further, ..self }
    }

    /// The tokens with a mask that includes the white space before it, unless a file describes the mask.
    pub(super) fn with_wide_mask(mut self) -> Self {
        if let Some(mask) = self.named.get_mut("mask_token")
            && !(mask.single_word || mask.rstrip || mask.normalized)
        {
            mask.lstrip = true;
        }
        self
    }

    /// The content of a named token that the class cannot do without.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, TokenizerError> {
        let missing = || {
            let (file, field) = (self.config.clone(), name.into());
            TokenizerError::Field { file, field, reason: "a model needs this token, so it cannot be null".into() }
        };
        self.named.get(name).map(|token| &*token.content).ok_or_else(missing)
    }

    /// Whether a file gives this token an id.
    pub(super) fn contains(&self, content: &str) -> bool {
        self.by_id.values().any(|token| token.content == content)
    }

    /// Adds the tokens. One that is in the vocabulary keeps its id; the others get the next ids.
    ///
    /// # Errors
    /// If a token gets another id than the files say.
    pub(super) fn add_to(&self, tokenizer: &mut Library) -> Result<(), TokenizerError> {
        let refused =
            |error: tokenizers::Error| TokenizerError::Tokenizer { file: self.file.clone(), reason: error.to_string() };
        tokenizer.add_tokens(self.by_id.values().cloned()).map_err(refused)?;
        for (&expected, AddedToken { content, .. }) in &self.by_id {
            let found = tokenizer.token_to_id(content).unwrap_or(u32::MAX);
            if found != expected {
                let (file, token) = (self.file.clone(), content.clone());
                return Err(TokenizerError::AddedTokenId { file, token, expected, found });
            }
        }
        let added = tokenizer.get_added_tokens_decoder();
        let mut known: HashSet<&str> = added.values().map(|token| &*token.content).collect();
        let named = NAMED.iter().filter_map(|name| self.named.get(name));
        let others: Vec<AddedToken> =
            named.chain(&self.own).chain(&self.further).filter(|token| known.insert(&token.content)).cloned().collect();
        tokenizer.add_tokens(others).map_err(refused)?;
        Ok(())
    }
}

/// `null` removes a token that an earlier file names.
fn read_named(fields: &Fields, named: &mut BTreeMap<&'static str, Option<AddedToken>>) -> Result<(), TokenizerError> {
    for name in NAMED.into_iter().filter(|name| fields.has(name)) {
        let value = &fields.fields[name];
        named.insert(name, if value.is_null() { None } else { Some(special_token(fields, name, value)?) });
    }
    Ok(())
}

/// Tokens under names of the model's own, such as `ticker_token`, and `extra_special_tokens` if it is an object.
fn read_specific(fields: &Fields) -> Result<Vec<AddedToken>, TokenizerError> {
    let is_specific = |name: &str, value: &Value| {
        name.ends_with("_token") && !NAMED.contains(&name) && (value.is_string() || value.is_object())
    };
    let own = fields.fields.iter().filter(|(name, value)| is_specific(name, value));
    let extra = fields.fields.get(EXTRA).and_then(Value::as_object);
    own.chain(extra.into_iter().flatten()).map(|(name, value)| special_token(fields, name, value)).collect()
}

/// The special tokens without names. The old name of their field counts only if the new one has none.
fn read_further(config: &Fields, map: &Fields) -> Result<Vec<AddedToken>, TokenizerError> {
    let field = further_field(config);
    let mut further = field.map_or(Ok(Vec::new()), |field| read_list(config, field))?;
    for token in read_list(map, EXTRA)? {
        if !further.contains(&token) {
            further.push(token);
        }
    }
    let is_old = |fields: &Fields| fields.fields.get(EXTRA).is_none_or(Value::is_object);
    if field.is_none() && is_old(config) && is_old(map) {
        further = read_list(if map.has(ADDITIONAL) { map } else { config }, ADDITIONAL)?;
    }
    Ok(further)
}

/// The field of the configuration that has the special tokens without names.
fn further_field(config: &Fields) -> Option<&'static str> {
    match config.fields.get(EXTRA) {
        Some(Value::Object(_)) => None,
        Some(Value::Array(tokens)) if !tokens.is_empty() => Some(EXTRA),
        _ => config.has(ADDITIONAL).then_some(ADDITIONAL),
    }
}

fn read_list(fields: &Fields, field: &str) -> Result<Vec<AddedToken>, TokenizerError> {
    match fields.fields.get(field) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Object(_)) if field == EXTRA => Ok(Vec::new()),
        Some(Value::Array(tokens)) => tokens.iter().map(|token| special_token(fields, field, token)).collect(),
        Some(_) => Err(fields.error(field, "expected a list of tokens")),
    }
}

/// The tokens that make one of `added_tokens.json` special. A token that `tokenizer_config.json` describes by an object
/// does not, nor does one that is only in the old field of `special_tokens_map.json`.
fn special_names<'a>(config: &'a Fields, map: &'a Fields) -> HashSet<&'a str> {
    let of_map = |value: &'a Value| value.as_str().or_else(|| value.get("content").and_then(Value::as_str));
    let named = NAMED.iter().filter_map(|name| match map.fields.get(*name) {
        Some(value) => of_map(value),
        None => config.fields.get(*name).and_then(Value::as_str),
    });
    let list =
        |fields: &'a Fields, field: &str| fields.fields.get(field).and_then(Value::as_array).into_iter().flatten();
    let of_config = further_field(config).into_iter().flat_map(|field| list(config, field)).filter_map(Value::as_str);
    named.chain(of_config).chain(list(map, EXTRA).filter_map(of_map)).collect()
}

/// The ids of `added_tokens.json`. A token that is not in `special` is found in the normalized text.
fn read_added(added: &Fields, special: &HashSet<&str>) -> Result<BTreeMap<u32, AddedToken>, TokenizerError> {
    let mut by_id = BTreeMap::new();
    for content in added.fields.keys() {
        let id: u32 = added.get(content)?.ok_or_else(|| added.error(content, "expected an id"))?;
        if by_id.insert(id, AddedToken::from(&**content, special.contains(&**content))).is_some() {
            return Err(added.error(content, &format!("the id {id} belongs to another token as well")));
        }
    }
    Ok(by_id)
}

/// A special token that is given as a string or as an object.
fn special_token(fields: &Fields, field: &str, value: &Value) -> Result<AddedToken, TokenizerError> {
    match value {
        Value::String(content) => Ok(AddedToken::from(&**content, true)),
        value => {
            let described = DescribedToken::deserialize(value);
            let described = described.map_err(|error| fields.error(field, &error.to_string()))?;
            Ok(DescribedToken { special: true, ..described }.into_token())
        }
    }
}
