//! The kinds of encoder that are computed: what each of them calls its fields and its tensors, and in what they differ.

use serde_json::{Map, Value};

use super::ConfigError;

/// A kind of encoder. All are the same stack of layers, between different embeddings and heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Architecture {
    /// `BertForSequenceClassification`: embeddings of word, segment and position; a head with tanh.
    #[default]
    Bert,
    /// `DistilBertForSequenceClassification`: no segments; a head with ReLU.
    DistilBert,
    /// `RobertaForSequenceClassification`: positions count from behind the id of the padding; a head with tanh.
    Roberta,
}

/// What an architecture calls its modules. Embeddings have the same names in all of them.
#[derive(Debug)]
pub struct Names {
    /// What stands before the names of all but the head's modules, in files that transformers writes.
    pub prefix: &'static str,
    /// Path of the layers, before the index.
    pub layers: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attention_output: &'static str,
    pub attention_norm: &'static str,
    pub intermediate: &'static str,
    pub output: &'static str,
    pub output_norm: &'static str,
    /// What the first token's vector goes through.
    pub dense: &'static str,
    /// Whether `dense` is a module of the encoder's, with the prefix, and not of the head's.
    pub dense_has_prefix: bool,
    /// What gives the logits.
    pub classifier: &'static str,
}

const BERT: Names = Names {
    prefix: "bert.",
    layers: "encoder.layer",
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
    dense: "pooler.dense",
    dense_has_prefix: true,
    classifier: "classifier",
};

const DISTIL_BERT: Names = Names {
    prefix: "distilbert.",
    layers: "transformer.layer",
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    intermediate: "ffn.lin1",
    output: "ffn.lin2",
    output_norm: "output_layer_norm",
    dense: "pre_classifier",
    dense_has_prefix: false,
    classifier: "classifier",
};

const ROBERTA: Names = Names {
    prefix: "roberta.",
    dense: "classifier.dense",
    dense_has_prefix: false,
    classifier: "classifier.out_proj",
    ..BERT
};

/// `DistilBertConfig`'s names of fields, and those of the same fields in `BertConfig`.
const DISTIL_BERT_FIELDS: [(&str, &str); 5] = [
    ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("hidden_dim", "intermediate_size"),
    ("activation", "hidden_act"),
];
/// Those of the right-hand names that `DistilBertConfig` takes as well, by its `attribute_map`.
const DISTIL_BERT_ALIASES: [&str; 3] = ["hidden_size", "num_hidden_layers", "num_attention_heads"];
/// Fields of `BertConfig` that mean nothing in a DistilBERT.
const NOT_OF_DISTIL_BERT: [&str; 4] = ["type_vocab_size", "layer_norm_eps", "position_embedding_type", "is_decoder"];

impl Architecture {
    const ALL: [Self; 3] = [Self::Bert, Self::DistilBert, Self::Roberta];

    /// What config.json asks for: `model_type` decides, else the first of `architectures`; old files have neither, and
    /// are BERTs.
    ///
    /// # Errors
    /// [`ConfigError::Unsupported`] naming what was asked for, and what there is.
    pub(super) fn find(model_type: Option<&str>, class: Option<&str>) -> Result<Self, ConfigError> {
        let unsupported =
            |field, found: &str, supported| ConfigError::Unsupported { field, found: found.into(), supported };
        let by_class = |class: &str| Self::ALL.into_iter().find(|known| known.class() == class);
        match (model_type, class) {
            (None, None) => Ok(Self::default()),
            (None, Some(class)) => by_class(class).ok_or_else(|| {
                let supported = "BertForSequenceClassification, DistilBertForSequenceClassification, \
                                 RobertaForSequenceClassification";
                unsupported("architectures", class, supported)
            }),
            (Some(model_type), class) => {
                let found = Self::ALL.into_iter().find(|known| known.model_type() == model_type);
                let found = found.ok_or_else(|| unsupported("model_type", model_type, "bert, distilbert, roberta"))?;
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
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Bert => "BertForSequenceClassification",
            Self::DistilBert => "DistilBertForSequenceClassification",
            Self::Roberta => "RobertaForSequenceClassification",
        }
    }

    /// Gives the fields of config.json BERT's names, and the defaults in which this architecture differs from BERT.
    pub(super) fn translate(self, fields: &mut Map<String, Value>) {
        let mut default = |field: &str, value: u32| {
            fields.entry(field).or_insert_with(|| value.into());
        };
        match self {
            // Nothing reads it, and it may be anything.
            Self::Bert => drop(fields.remove("pad_token_id")),
            Self::Roberta => {
                default("vocab_size", 50_265);
                default("pad_token_id", 1);
            }
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

    /// What config.json calls a field of [`Config`](super::Config).
    pub(super) fn field(self, name: &'static str) -> &'static str {
        let of_distil_bert = || DISTIL_BERT_FIELDS.iter().find(|(_, field)| *field == name).map(|(own, _)| *own);
        if self == Self::DistilBert { of_distil_bert().unwrap_or(name) } else { name }
    }

    pub(super) fn has_token_types(self) -> bool {
        self != Self::DistilBert
    }

    pub fn names(self) -> &'static Names {
        match self {
            Self::Bert => &BERT,
            Self::DistilBert => &DISTIL_BERT,
            Self::Roberta => &ROBERTA,
        }
    }
}

impl Names {
    pub fn layer(&self, index: usize) -> String {
        format!("{}.{index}", self.layers)
    }

    /// The modules of a layer, in the same order for every architecture.
    pub fn of_layer(&self) -> [&'static str; 8] {
        let &Self { query, key, value, attention_output, attention_norm, intermediate, output, output_norm, .. } = self;
        [query, key, value, attention_output, attention_norm, intermediate, output, output_norm]
    }
}
