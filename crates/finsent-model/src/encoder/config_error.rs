//! Why config.json cannot be used.

use thiserror::Error;

use crate::json_error::JsonError;

/// Why config.json cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not the expected JSON object.
    #[error("not valid")]
    Json(#[source] JsonError),
    /// A field has a value that finsent does not support.
    #[error("`{field}` is `{found}`; supported: {supported}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// The supported values.
        supported: &'static str,
    },
    /// A size is zero.
    #[error("`{field}` is 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// The hidden size is not a multiple of the number of heads.
    #[error("`{}` {hidden_size} is not divisible by `{}` {num_attention_heads}", fields[0], fields[1])]
    Heads {
        /// `hidden_size`.
        hidden_size: usize,
        /// `num_attention_heads`.
        num_attention_heads: usize,
        /// The names of the two in config.json.
        fields: [&'static str; 2],
    },
    /// RoBERTa: the table of positions ends before the first position.
    #[error(
        "`max_position_embeddings` {max_position_embeddings} has no room for a token: positions begin after \
         `pad_token_id` {pad_token_id}"
    )]
    Positions {
        /// `max_position_embeddings`.
        max_position_embeddings: usize,
        /// `pad_token_id`.
        pad_token_id: u32,
    },
    /// The ids of `label2id`, the only table of labels, are not 0, 1, 2, ...
    #[error("`label2id` must give the labels the ids 0 to {last}; `{label}` has `{id}`")]
    LabelId {
        /// The label.
        label: String,
        /// Its id.
        id: String,
        /// The largest id for this number of labels.
        last: usize,
    },
    /// A table of labels is no object.
    #[error("`{field}` is `{found}`; expected an object")]
    Table {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
    },
    /// A value of a table of labels is neither a string, a number nor a boolean.
    #[error("`{field}` has `{found}` for `{key}`; expected a string, a number, true or false")]
    Label {
        /// The field.
        field: &'static str,
        /// The key.
        key: String,
        /// Its value.
        found: String,
    },
    /// The epsilon of LayerNorm is not between 0 and 1.
    #[error("`{field}` is {found}; expected a number from 0 to 1")]
    Epsilon {
        /// The field.
        field: &'static str,
        /// Its value.
        found: f64,
    },
    /// DeBERTa: the buckets for long distances have none.
    #[error(
        "`position_buckets` {position_buckets} needs relative positions up to more than {}; `max_relative_positions` \
         (or `max_position_embeddings`) is {max_relative_positions}",
        position_buckets / 2 + 1
    )]
    Buckets {
        /// `position_buckets`.
        position_buckets: usize,
        /// `max_relative_positions`, or `max_position_embeddings` if that is not positive.
        max_relative_positions: usize,
    },
    /// ModernBERT: not every layer has a type.
    #[error("`layer_types` has {types} {}, but `num_hidden_layers` is {layers}", if *types == 1 { "entry" } else { "entries" })]
    LayerTypes {
        /// The number of entries.
        types: usize,
        /// The number of layers.
        layers: usize,
    },
    /// ModernBERT: a head has another size than the fields give it.
    #[error("`head_dim` is `{head_dim}`, but `hidden_size` / `num_attention_heads` is {head_size}")]
    HeadSize {
        /// `head_dim`.
        head_dim: usize,
        /// The quotient.
        head_size: usize,
    },
    /// ModernBERT: the numbers of a head do not form pairs.
    #[error("`hidden_size` / `num_attention_heads` is {head_size}; rotary positions need an even number")]
    OddHead {
        /// The numbers of a head.
        head_size: usize,
    },
}

impl From<JsonError> for ConfigError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}
