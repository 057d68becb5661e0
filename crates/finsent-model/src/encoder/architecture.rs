//! The supported architectures: their names of fields and tensors, and how they differ from BERT.

use serde_json::{Map, Value};

use super::config_error::ConfigError;
use super::{deberta, modern_bert};

/// A supported architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// `BertForSequenceClassification`: embeddings of word, segment and position; tanh in the head.
    #[default]
    Bert,
    /// `DistilBertForSequenceClassification`: no segments; ReLU in the head.
    DistilBert,
    /// `RobertaForSequenceClassification`: positions count from the number after the padding id; tanh in the head.
    Roberta,
    /// `XLMRobertaForSequenceClassification`: RoBERTa with another tokenizer.
    XlmRoberta,
    /// `CamembertForSequenceClassification`: RoBERTa with another tokenizer.
    Camembert,
    /// `ElectraForSequenceClassification`: embeddings that are narrower than the layers; GELU in the head.
    Electra,
    /// `ModernBertForSequenceClassification`: norms before the blocks, rotary positions, local attention, a gate.
    ModernBert,
    /// `DebertaV2ForSequenceClassification`, DeBERTa-v2 and v3: scores depend on the distance of two tokens.
    DebertaV2,
}

/// The names of an architecture's modules.
#[derive(Debug)]
pub(crate) struct Names {
    /// The prefix of all names but those of the head, in files that transformers writes.
    pub(crate) prefix: &'static str,
    /// The table of words, within the embeddings.
    pub(crate) word_embeddings: &'static str,
    /// The norm, within the embeddings.
    pub(crate) embeddings_norm: &'static str,
    /// The linear layer from the width of the embeddings to that of the layers.
    pub(crate) projection: &'static str,
    /// The path of the layers, without the index.
    pub(crate) layers: &'static str,
    /// The projection of the queries, or of queries, keys and values.
    pub(crate) query: &'static str,
    pub(crate) key: &'static str,
    pub(crate) value: &'static str,
    pub(crate) attention_output: &'static str,
    pub(crate) attention_norm: &'static str,
    pub(crate) intermediate: &'static str,
    pub(crate) output: &'static str,
    /// The norm of the feed-forward block.
    pub(crate) output_norm: &'static str,
    /// The norm after the last layer.
    pub(crate) final_norm: Option<&'static str>,
    /// The first linear layer of the head.
    pub(crate) dense: &'static str,
    /// Whether `dense` belongs to the encoder and so has the prefix.
    pub(crate) dense_has_prefix: bool,
    /// The norm between the two linear layers of the head.
    pub(crate) head_norm: Option<&'static str>,
    /// The last linear layer, which gives the logits.
    pub(crate) classifier: &'static str,
}

const BERT: Names = Names {
    prefix: "bert.",
    word_embeddings: "word_embeddings",
    embeddings_norm: "LayerNorm",
    projection: "embeddings_project",
    layers: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
    final_norm: None,
    dense: "pooler.dense",
    dense_has_prefix: true,
    head_norm: None,
    classifier: "classifier",
};

const DISTIL_BERT: Names = Names {
    prefix: "distilbert.",
    word_embeddings: "word_embeddings",
    embeddings_norm: "LayerNorm",
    projection: "embeddings_project",
    layers: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    intermediate: "ffn.lin1",
    output: "ffn.lin2",
    output_norm: "output_layer_norm",
    final_norm: None,
    dense: "pre_classifier",
    dense_has_prefix: false,
    head_norm: None,
    classifier: "classifier",
};

const ROBERTA: Names = Names {
    prefix: "roberta.",
    dense: "classifier.dense",
    dense_has_prefix: false,
    classifier: "classifier.out_proj",
    ..BERT
};

const ELECTRA: Names = Names {
    prefix: "electra.",
    dense: "classifier.dense",
    dense_has_prefix: false,
    classifier: "classifier.out_proj",
    ..BERT
};

const MODERN_BERT: Names = Names {
    prefix: "model.",
    word_embeddings: "tok_embeddings",
    embeddings_norm: "norm",
    projection: "embeddings_project",
    layers: "layers",
    query: "attn.Wqkv",
    key: "attn.Wqkv",
    value: "attn.Wqkv",
    attention_output: "attn.Wo",
    attention_norm: "attn_norm",
    intermediate: "mlp.Wi",
    output: "mlp.Wo",
    output_norm: "mlp_norm",
    final_norm: Some("final_norm"),
    dense: "head.dense",
    dense_has_prefix: false,
    head_norm: Some("head.norm"),
    classifier: "classifier",
};

const DEBERTA_V2: Names = Names {
    prefix: "deberta.",
    projection: "embeddings.embed_proj",
    query: "attention.self.query_proj",
    key: "attention.self.key_proj",
    value: "attention.self.value_proj",
    dense_has_prefix: false,
    ..BERT
};

/// Fields of `DistilBertConfig`, each with its name in `BertConfig`.
const DISTIL_BERT_FIELDS: [(&str, &str); 5] = [
    ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("hidden_dim", "intermediate_size"),
    ("activation", "hidden_act"),
];
/// The names of `BertConfig` that `DistilBertConfig` also accepts, by its `attribute_map`.
const DISTIL_BERT_ALIASES: [&str; 3] = ["hidden_size", "num_hidden_layers", "num_attention_heads"];
/// Fields of `BertConfig` that DistilBERT ignores.
const NOT_OF_DISTIL_BERT: [&str; 4] = ["type_vocab_size", "layer_norm_eps", "position_embedding_type", "is_decoder"];

impl Architecture {
    const ALL: [Self; 8] = [
        Self::Bert,
        Self::DistilBert,
        Self::Roberta,
        Self::XlmRoberta,
        Self::Camembert,
        Self::Electra,
        Self::ModernBert,
        Self::DebertaV2,
    ];

    /// The architecture of a config.json: `model_type` decides, else the first of `architectures`. Old files have
    /// neither; they are BERT.
    ///
    /// # Errors
    /// [`ConfigError::Unsupported`] with the supported ones.
    pub(super) fn find(model_type: Option<&str>, class: Option<&str>) -> Result<Self, ConfigError> {
        let unsupported =
            |field, found: &str, supported| ConfigError::Unsupported { field, found: found.into(), supported };
        let by_class = |class: &str| Self::ALL.into_iter().find(|known| known.class() == class);
        match (model_type, class) {
            (None, None) => Ok(Self::default()),
            (None, Some(class)) => by_class(class).ok_or_else(|| {
                let supported = "BertForSequenceClassification, DistilBertForSequenceClassification, \
                                 RobertaForSequenceClassification, XLMRobertaForSequenceClassification, \
                                 CamembertForSequenceClassification, ElectraForSequenceClassification, \
                                 ModernBertForSequenceClassification, DebertaV2ForSequenceClassification";
                unsupported("architectures", class, supported)
            }),
            (Some(model_type), class) => {
                let found = Self::ALL.into_iter().find(|known| known.model_type() == model_type);
                let supported = "bert, distilbert, roberta, xlm-roberta, camembert, electra, modernbert, deberta-v2";
                let found = found.ok_or_else(|| unsupported("model_type", model_type, supported))?;
                match class {
                    Some(class) if class != found.class() => Err(unsupported("architectures", class, found.class())),
                    _ => Ok(found),
                }
            }
        }
    }

    fn model_type(self) -> &'static str {
        match self {
            Self::Bert => "bert",
            Self::DistilBert => "distilbert",
            Self::Roberta => "roberta",
            Self::XlmRoberta => "xlm-roberta",
            Self::Camembert => "camembert",
            Self::Electra => "electra",
            Self::ModernBert => "modernbert",
            Self::DebertaV2 => "deberta-v2",
        }
    }

    /// The class of the tokenizer if no file names one.
    pub(super) fn tokenizer_class(self) -> &'static str {
        match self {
            Self::Bert => "BertTokenizer",
            Self::DistilBert => "DistilBertTokenizer",
            Self::Roberta => "RobertaTokenizer",
            Self::XlmRoberta => "XLMRobertaTokenizer",
            Self::Camembert => "CamembertTokenizer",
            Self::Electra => "BertTokenizer",
            Self::ModernBert => "TokenizersBackend",
            Self::DebertaV2 => "DebertaV2Tokenizer",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Bert => "BertForSequenceClassification",
            Self::DistilBert => "DistilBertForSequenceClassification",
            Self::Roberta => "RobertaForSequenceClassification",
            Self::XlmRoberta => "XLMRobertaForSequenceClassification",
            Self::Camembert => "CamembertForSequenceClassification",
            Self::Electra => "ElectraForSequenceClassification",
            Self::ModernBert => "ModernBertForSequenceClassification",
            Self::DebertaV2 => "DebertaV2ForSequenceClassification",
        }
    }

    /// Renames the fields of config.json to BERT's names, and adds the defaults that differ from BERT's.
    pub(super) fn translate(self, fields: &mut Map<String, Value>) {
        // Others have embeddings of the width of their layers, whatever the file says.
        if !matches!(self, Self::Electra | Self::DebertaV2) {
            fields.remove("embedding_size");
        }
        let mut default = |field: &str, value: u32| {
            fields.entry(field).or_insert_with(|| value.into());
        };
        match self {
            // BERT does not use it, so any value is accepted.
            Self::Bert => drop(fields.remove("pad_token_id")),
            Self::Roberta => {
                default("vocab_size", 50_265);
                default("pad_token_id", 1);
            }
            Self::XlmRoberta | Self::Camembert => default("pad_token_id", 1),
            Self::Electra => {
                default("embedding_size", 128);
                default("hidden_size", 256);
                default("num_attention_heads", 4);
                default("intermediate_size", 1_024);
                // ELECTRA does not use it either.
                fields.remove("pad_token_id");
            }
            Self::ModernBert => modern_bert::translate(fields),
            Self::DebertaV2 => deberta::translate(fields),
            Self::DistilBert => {
                fields.retain(|field, _| field != "pad_token_id" && !NOT_OF_DISTIL_BERT.contains(&field.as_str()));
                for (own, field) in DISTIL_BERT_FIELDS {
                    match fields.remove(own) {
                        Some(value) => drop(fields.insert(field.into(), value)),
                        None if DISTIL_BERT_ALIASES.contains(&field) => {}
                        None => drop(fields.remove(field)),
                    }
                }
                fields.entry("num_hidden_layers").or_insert_with(|| 6.into());
            }
        }
    }

    /// The name in config.json of a field of [`Config`](super::Config).
    pub(super) fn field(self, name: &'static str) -> &'static str {
        let renamed: &[_] = match self {
            Self::DistilBert => &DISTIL_BERT_FIELDS,
            Self::ModernBert => &modern_bert::FIELDS,
            _ => &[],
        };
        renamed.iter().find(|(_, field)| *field == name).map_or(name, |(own, _)| *own)
    }

    /// Whether the embeddings may have a table of segments. DeBERTa's may be without rows: then there is none.
    pub(super) fn has_token_types(self) -> bool {
        !matches!(self, Self::DistilBert | Self::ModernBert)
    }

    /// Whether positions count from the number after the padding id: RoBERTa and the models with its layers.
    pub(crate) fn counts_after_padding(self) -> bool {
        matches!(self, Self::Roberta | Self::XlmRoberta | Self::Camembert)
    }

    pub(crate) fn names(self) -> &'static Names {
        match self {
            Self::Bert => &BERT,
            Self::DistilBert => &DISTIL_BERT,
            Self::Roberta | Self::XlmRoberta | Self::Camembert => &ROBERTA,
            Self::Electra => &ELECTRA,
            Self::ModernBert => &MODERN_BERT,
            Self::DebertaV2 => &DEBERTA_V2,
        }
    }
}

impl Names {
    /// The path of a layer.
    pub(crate) fn layer(&self, index: usize) -> String {
        format!("{}.{index}", self.layers)
    }

    /// The modules of a layer, in the same order for every architecture.
    #[cfg(feature = "verify")]
    pub(crate) fn of_layer(&self) -> [&'static str; 8] {
        let &Self { query, key, value, attention_output, attention_norm, intermediate, output, output_norm, .. } = self;
        [query, key, value, attention_output, attention_norm, intermediate, output, output_norm]
    }
}
