//! The fields of config.json that only DeBERTa-v2 and v3 have: relative positions, the size of the embeddings, the pooler.

use finsent_kernels::RelativePositions;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::config_error::ConfigError;
use super::structure::{EmbeddingProjection, HeadActivation, Positions, Structure};
use crate::json_error::JsonError;

/// The window of a model without a table of positions. The field is then an upper limit that no tensor backs.
const MAX_POSITIONS: usize = 1 << 16;
/// Each layer keeps projections of all relative positions. With at most so many positions, those take no more than a
/// fixed multiple of the memory of the layer's own weights.
const POSITIONS_PER_HIDDEN: usize = 64;

/// The modules of a layer that project positions to keys and to queries, if they are not those of contents.
pub(super) const POSITION_PROJECTIONS: [&str; 2] = ["attention.self.pos_key_proj", "attention.self.pos_query_proj"];

/// Fields of `BertConfig` that DeBERTa ignores.
const IGNORED: [&str; 3] = ["pad_token_id", "position_embedding_type", "is_decoder"];

/// Removes the fields of config.json that DeBERTa ignores, and adds the defaults that differ from BERT's.
pub(super) fn translate(fields: &mut Map<String, Value>) {
    fields.retain(|field, _| !IGNORED.contains(&field.as_str()));
    for (field, value) in [
        ("vocab_size", 128_100.into()),
        ("hidden_size", 1_536.into()),
        ("num_hidden_layers", 24.into()),
        ("num_attention_heads", 24.into()),
        ("intermediate_size", 6_144.into()),
        ("type_vocab_size", 0.into()),
        ("layer_norm_eps", 1e-7.into()),
    ] {
        fields.entry(field).or_insert(value);
    }
}

/// What config.json says about DeBERTa alone, with the defaults of `DebertaV2Config`.
#[derive(Debug, Clone)]
pub(crate) struct Deberta {
    /// Scores of queries and the positions of keys.
    pub(crate) content_to_position: bool,
    /// Scores of keys and the positions of queries.
    pub(crate) position_to_content: bool,
    /// Whether queries and keys of positions have the projections of those of contents.
    pub(crate) shares_projections: bool,
    relative: Option<Relative>,
    has_position_table: bool,
    attention_head_size: Option<usize>,
    pooler_hidden_size: Option<usize>,
    pooler_activation: HeadActivation,
}

/// The relative positions.
#[derive(Debug, Clone)]
struct Relative {
    /// `None` if each distance has a position of its own.
    buckets: Option<usize>,
    /// `None` if it is the window.
    max_positions: Option<usize>,
    is_normalized: bool,
}

/// The fields as they are in the file.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Fields {
    relative_attention: bool,
    position_buckets: i64,
    max_relative_positions: i64,
    pos_att_type: Value,
    share_att_key: bool,
    norm_rel_ebd: String,
    position_biased_input: bool,
    attention_head_size: Option<usize>,
    conv_kernel_size: i64,
    pooler_hidden_act: String,
    pooler_hidden_size: Option<usize>,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            relative_attention: false,
            position_buckets: -1,
            max_relative_positions: -1,
            pos_att_type: Value::Null,
            share_att_key: false,
            norm_rel_ebd: "none".into(),
            position_biased_input: true,
            attention_head_size: None,
            conv_kernel_size: 0,
            pooler_hidden_act: "gelu".into(),
            pooler_hidden_size: None,
        }
    }
}

impl Fields {
    /// The types of attention to positions: a list, or one string. In a list, transformers takes the names as they are.
    ///
    /// # Errors
    /// [`ConfigError::Unsupported`] with the name that is not known.
    fn attention_types(&self) -> Result<Vec<String>, ConfigError> {
        let unsupported = |found: &str| ConfigError::Unsupported {
            field: "pos_att_type",
            found: found.into(),
            supported: "c2p, p2c, both or none",
        };
        let names: Vec<String> = match &self.pos_att_type {
            Value::Null => Vec::new(),
            Value::String(joined) => parts(joined),
            Value::Array(names) => {
                let name =
                    |name: &Value| name.as_str().map(str::to_owned).ok_or_else(|| unsupported(&name.to_string()));
                names.iter().map(name).collect::<Result<_, _>>()?
            }
            other => return Err(unsupported(&other.to_string())),
        };
        match names.iter().find(|name| !["c2p", "p2c", "none", ""].contains(&name.as_str())) {
            Some(other) => Err(unsupported(other)),
            None => Ok(names),
        }
    }
}

/// The names between vertical bars, in lower case.
fn parts(joined: &str) -> Vec<String> {
    joined.to_lowercase().split('|').map(|name| name.trim().to_owned()).collect()
}

impl Default for Deberta {
    fn default() -> Self {
        Self::read(&Fields::default()).expect("the defaults are valid")
    }
}

impl Deberta {
    /// Reads the fields.
    ///
    /// # Errors
    /// [`ConfigError`] with the field, its value and what is supported.
    pub(super) fn parse(fields: &Map<String, Value>) -> Result<Self, ConfigError> {
        Self::read(&Fields::deserialize(Value::Object(fields.clone())).map_err(JsonError::new)?)
    }

    fn read(fields: &Fields) -> Result<Self, ConfigError> {
        let unsupported =
            |field, found: &str, supported| Err(ConfigError::Unsupported { field, found: found.into(), supported });
        if fields.conv_kernel_size > 0 {
            let found = fields.conv_kernel_size.to_string();
            return unsupported("conv_kernel_size", &found, "0 (no convolution after the first layer)");
        }
        let types = fields.attention_types()?;
        let norms = parts(&fields.norm_rel_ebd);
        if let Some(other) = norms.iter().find(|name| !["layer_norm", "none", ""].contains(&name.as_str())) {
            return unsupported("norm_rel_ebd", other, "none, layer_norm");
        }
        let has = |names: &[String], name: &str| names.iter().any(|found| found == name);
        let positive = |number: i64| usize::try_from(number).ok().filter(|&number| number > 0);
        Ok(Self {
            content_to_position: has(&types, "c2p"),
            position_to_content: has(&types, "p2c"),
            shares_projections: fields.share_att_key,
            relative: fields.relative_attention.then(|| Relative {
                buckets: positive(fields.position_buckets),
                max_positions: positive(fields.max_relative_positions),
                is_normalized: has(&norms, "layer_norm"),
            }),
            has_position_table: fields.position_biased_input,
            attention_head_size: fields.attention_head_size,
            pooler_hidden_size: fields.pooler_hidden_size,
            pooler_activation: match fields.pooler_hidden_act.as_str() {
                "gelu" | "gelu_python" => HeadActivation::Gelu,
                "tanh" => HeadActivation::Tanh,
                "relu" => HeadActivation::Relu,
                other => return unsupported("pooler_hidden_act", other, "gelu (the erf form), tanh, relu"),
            },
        })
    }

    /// Checks what depends on the sizes of the model. `window` is `max_position_embeddings`.
    ///
    /// # Errors
    /// [`ConfigError`] with the field, its value and what is supported.
    pub(super) fn check(&self, hidden_size: usize, head_size: usize, window: usize) -> Result<(), ConfigError> {
        let unsupported = |field, found: usize, supported| {
            Err(ConfigError::Unsupported { field, found: found.to_string(), supported })
        };
        match *self {
            Self { attention_head_size: Some(found), .. } if found != head_size => {
                unsupported("attention_head_size", found, "hidden_size / num_attention_heads")
            }
            Self { pooler_hidden_size: Some(found), .. } if found != hidden_size => {
                unsupported("pooler_hidden_size", found, "the hidden_size")
            }
            Self { has_position_table: false, .. } if window > MAX_POSITIONS => {
                unsupported("max_position_embeddings", window, "at most 65536")
            }
            _ => self.relative.as_ref().map_or(Ok(()), |relative| relative.check(hidden_size, window)),
        }
    }

    pub(super) fn structure(&self) -> Structure {
        Structure {
            positions: if self.has_position_table { Positions::Table } else { Positions::Relative },
            embedding_projection: EmbeddingProjection::BeforeNorm,
            head_activation: self.pooler_activation,
            ..Structure::BERT
        }
    }

    /// Whether there are relative positions.
    pub(crate) fn is_relative(&self) -> bool {
        self.relative.is_some()
    }

    /// The relative positions of a model with this window, if it has some.
    pub(crate) fn relative_positions(&self, window: usize) -> Option<RelativePositions> {
        let relative = self.relative.as_ref()?;
        Some(match relative.buckets {
            Some(buckets) => RelativePositions::of_buckets(buckets, relative.max_positions(window)),
            None => RelativePositions::of_distances(relative.max_positions(window)),
        })
    }

    /// Whether the embeddings add a row of a table of absolute positions.
    #[cfg(feature = "verify")]
    pub(crate) fn has_position_table(&self) -> bool {
        self.has_position_table
    }

    /// `None` if each distance has a position of its own.
    #[cfg(feature = "verify")]
    pub(crate) fn position_buckets(&self) -> Option<usize> {
        self.relative.as_ref()?.buckets
    }

    /// `None` if it is the window.
    #[cfg(feature = "verify")]
    pub(crate) fn max_relative_positions(&self) -> Option<usize> {
        self.relative.as_ref()?.max_positions
    }

    /// Whether the embeddings of the relative positions are normalized.
    pub(crate) fn normalizes_positions(&self) -> bool {
        self.relative.as_ref().is_some_and(|relative| relative.is_normalized)
    }

    /// The addends of a score: the product of the contents, and those with positions. They count whether or not there are
    /// relative positions.
    pub(crate) fn addends(&self) -> usize {
        1 + usize::from(self.content_to_position) + usize::from(self.position_to_content)
    }
}

impl Relative {
    fn max_positions(&self, window: usize) -> usize {
        self.max_positions.unwrap_or(window)
    }

    fn check(&self, hidden_size: usize, window: usize) -> Result<(), ConfigError> {
        let (field, span) = match (self.buckets, self.max_positions) {
            (Some(buckets), _) => ("position_buckets", buckets),
            (None, Some(positions)) => ("max_relative_positions", positions),
            (None, None) => ("max_position_embeddings", window),
        };
        let unsupported = |supported| Err(ConfigError::Unsupported { field, found: span.to_string(), supported });
        if span > hidden_size.saturating_mul(POSITIONS_PER_HIDDEN) {
            return unsupported("at most 64 times the hidden_size");
        }
        match self.buckets {
            Some(1) => unsupported("-1 or at least 2"),
            // Its logarithms would be those of numbers below 1.
            Some(buckets) if buckets / 2 + 1 >= self.max_positions(window) => Err(ConfigError::Buckets {
                position_buckets: buckets,
                max_relative_positions: self.max_positions(window),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;

    fn parse(fields: &str) -> Result<Config, String> {
        let json = format!(r#"{{"model_type":"deberta-v2",{fields}}}"#);
        Config::parse(json.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_configuration_with_only_a_model_type_has_transformers_defaults() {
        let config = Config::parse(br#"{"model_type":"deberta-v2"}"#).unwrap();
        assert_eq!((config.vocab_size, config.hidden_size, config.num_hidden_layers), (128_100, 1_536, 24));
        assert_eq!((config.num_attention_heads, config.intermediate_size, config.type_vocab_size), (24, 6_144, 0));
        assert_eq!((config.layer_norm_eps, config.max_length()), (1e-7, 512));
        assert_eq!((config.deberta.addends(), config.deberta.relative_positions(512)), (1, None));
    }

    #[test]
    fn types_may_be_a_list_or_joined_by_bars() {
        for (types, addends) in [
            (r#""p2c|c2p""#, 3),
            (r#"" P2C | C2P ""#, 3),
            (r#"["c2p","p2c"]"#, 3),
            (r#"["c2p"]"#, 2),
            (r#""p2c""#, 2),
            (r#""none""#, 1),
            (r#""""#, 1),
            ("[]", 1),
            ("null", 1),
        ] {
            assert_eq!(parse(&format!(r#""pos_att_type":{types}"#)).unwrap().deberta.addends(), addends, "{types}");
        }
    }

    #[test]
    fn the_table_of_positions_has_two_rows_for_each_bucket_or_distance() {
        for (fields, rows) in [
            (r#""position_buckets":256"#, 512),
            (r#""position_buckets":256,"max_relative_positions":131"#, 512),
            (r#""position_buckets":-1"#, 1_024),
            (r#""max_relative_positions":40"#, 80),
            (r#""max_relative_positions":0"#, 1_024),
        ] {
            let config = parse(&format!(r#""relative_attention":true,{fields}"#)).unwrap();
            assert_eq!(config.deberta.relative_positions(config.max_length()).unwrap().rows(), rows, "{fields}");
        }
    }

    #[test]
    fn what_is_not_supported_or_contradicts_itself_is_an_error_with_the_field() {
        for (fields, parts) in [
            (r#""conv_kernel_size":3"#, ["`conv_kernel_size` is `3`", "no convolution"]),
            (r#""pos_att_type":"c2p|p2p""#, ["`pos_att_type` is `p2p`", "c2p, p2c"]),
            (r#""pos_att_type":["C2P"]"#, ["`pos_att_type` is `C2P`", "c2p, p2c"]),
            (r#""pos_att_type":[1]"#, ["`pos_att_type` is `1`", "c2p, p2c"]),
            (r#""pos_att_type":{}"#, ["`pos_att_type` is `{}`", "c2p, p2c"]),
            (r#""norm_rel_ebd":"batch_norm""#, ["`norm_rel_ebd` is `batch_norm`", "layer_norm"]),
            (r#""pooler_hidden_act":"silu""#, ["`pooler_hidden_act` is `silu`", "gelu"]),
            (r#""pooler_hidden_size":768"#, ["`pooler_hidden_size` is `768`", "hidden_size"]),
            (r#""attention_head_size":65"#, ["`attention_head_size` is `65`", "num_attention_heads"]),
            (r#""embedding_size":0"#, ["`embedding_size`", "0"]),
            (r#""hidden_act":"relu""#, ["`hidden_act` is `relu`", "gelu"]),
            (
                r#""position_biased_input":false,"max_position_embeddings":1000000000000"#,
                ["`max_position_embeddings` is `1000000000000`", "65536"],
            ),
            (r#""relative_attention":true,"position_buckets":1"#, ["`position_buckets` is `1`", "at least 2"]),
            (
                r#""relative_attention":true,"position_buckets":9000000000000000000"#,
                ["`position_buckets` is `9000000000000000000`", "at most 64"],
            ),
            (
                r#""relative_attention":true,"max_relative_positions":9000000000000000000"#,
                ["`max_relative_positions` is `9000000000000000000`", "at most 64"],
            ),
            (
                r#""relative_attention":true,"position_buckets":256,"max_relative_positions":129"#,
                ["`position_buckets` 256", "more than 129"],
            ),
        ] {
            let message = parse(fields).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{fields}: {message}");
        }
    }
}
