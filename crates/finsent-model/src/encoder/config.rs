//! config.json: the shape of the model, with the defaults of transformers' configuration classes.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use super::architecture::Architecture;
use super::labels;

/// What finsent reads of config.json, under BERT's names. A field that is missing has the library's default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What is computed: `model_type` and `architectures`.
    #[serde(skip)]
    pub architecture: Architecture,
    /// Rows of the table of word embeddings.
    pub vocab_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Heads of each attention.
    pub num_attention_heads: usize,
    /// Width inside the feed-forward block.
    pub intermediate_size: usize,
    /// Activation of the feed-forward block.
    pub hidden_act: String,
    /// Rows of the table of positions.
    pub max_position_embeddings: usize,
    /// Kind of position embeddings.
    pub position_embedding_type: Option<String>,
    /// Rows of the table of segment embeddings, where the architecture has one.
    pub type_vocab_size: usize,
    /// RoBERTa: the id of the padding, behind which positions begin.
    pub pad_token_id: u32,
    /// Added to the variance in LayerNorm.
    pub layer_norm_eps: f64,
    /// Whether attention looks backwards only.
    pub is_decoder: bool,
    /// Label of each logit, keyed by its index.
    #[serde(skip)]
    pub id2label: Option<BTreeMap<String, String>>,
    /// Single-label, multi-label or regression.
    pub problem_type: Option<String>,
    /// How the weights are quantised, if they are.
    pub quantization_config: Option<Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            architecture: Architecture::Bert,
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3_072,
            hidden_act: "gelu".into(),
            max_position_embeddings: 512,
            position_embedding_type: None,
            type_vocab_size: 2,
            pad_token_id: 0,
            layer_norm_eps: 1e-12,
            is_decoder: false,
            id2label: None,
            problem_type: None,
            quantization_config: None,
        }
    }
}

/// What decides the architecture.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kind {
    /// Absent in old files.
    model_type: Option<String>,
    /// Names of classes; the first decides the head.
    architectures: Vec<String>,
}

/// Why config.json describes no model that finsent computes.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is no JSON object of the expected form.
    #[error("it is not valid")]
    Json(#[from] serde_json::Error),
    /// A field asks for something that is not computed here.
    #[error("`{field}` is `{found}`; supported: {supported}")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What could stand there.
        supported: &'static str,
    },
    /// A size is zero.
    #[error("`{field}` is 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// The hidden size cannot be shared out among the heads.
    #[error("`{}` {hidden_size} is not divisible by `{}` {num_attention_heads}", fields[0], fields[1])]
    Heads {
        /// `hidden_size`.
        hidden_size: usize,
        /// `num_attention_heads`.
        num_attention_heads: usize,
        /// What config.json calls the two.
        fields: [&'static str; 2],
    },
    /// All positions are before the first one that is used.
    #[error(
        "`max_position_embeddings` {max_position_embeddings} leaves no room for a token: positions begin behind \
         `pad_token_id` {pad_token_id}"
    )]
    Positions {
        /// `max_position_embeddings`.
        max_position_embeddings: usize,
        /// `pad_token_id`.
        pad_token_id: u32,
    },
    /// `label2id`, the only table of labels, does not number them.
    #[error("`label2id` must give the labels the ids 0 to {last}, `{label}` has `{id}`")]
    LabelId {
        /// The label.
        label: String,
        /// Its id.
        id: String,
        /// Largest id that the number of labels allows.
        last: usize,
    },
    /// The epsilon is no small positive number.
    #[error("`layer_norm_eps` is {0}, expected a number from 0 to 1")]
    Epsilon(f64),
}

impl Config {
    /// Reads and checks config.json.
    ///
    /// # Errors
    /// [`ConfigError`] naming the field, what was found and what is supported.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        // By way of a map, in which `null` is as good as missing.
        let mut fields: Map<String, Value> = serde_json::from_slice(json)?;
        fields.retain(|_, value| !value.is_null());
        let kind = Kind::deserialize(&Value::Object(fields.clone()))?;
        let class = kind.architectures.first().map(String::as_str);
        let architecture = Architecture::find(kind.model_type.as_deref(), class)?;
        let id2label = labels::id2label(&fields)?;
        architecture.translate(&mut fields);
        let config = Self { architecture, id2label, ..Self::deserialize(Value::Object(fields))? };
        config.check_fields()?;
        config.check_sizes()?;
        config.check_quantization()?;
        Ok(config)
    }

    /// Longest input in tokens.
    pub fn max_length(&self) -> usize {
        match self.architecture {
            Architecture::Bert | Architecture::DistilBert => self.max_position_embeddings,
            Architecture::Roberta => self.max_position_embeddings.saturating_sub(self.pad_token_id as usize + 1),
        }
    }

    fn check_fields(&self) -> Result<(), ConfigError> {
        let one_of = |field, found: Option<&str>, known: &[&str], supported| match found {
            Some(found) if !known.contains(&found) => {
                Err(ConfigError::Unsupported { field, found: found.into(), supported })
            }
            _ => Ok(()),
        };
        let hidden_act = self.architecture.field("hidden_act");
        one_of(hidden_act, Some(&self.hidden_act), &["gelu", "gelu_python"], "gelu (the erf form)")?;
        one_of("position_embedding_type", self.position_embedding_type.as_deref(), &["absolute"], "absolute")?;
        one_of(
            "problem_type",
            self.problem_type.as_deref(),
            &["single_label_classification", "multi_label_classification"],
            "single_label_classification, multi_label_classification",
        )?;
        one_of("is_decoder", self.is_decoder.then_some("true"), &[], "false")
    }

    fn check_sizes(&self) -> Result<(), ConfigError> {
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            let is_read = field != "type_vocab_size" || self.architecture.has_token_types();
            if size == 0 && is_read {
                return Err(ConfigError::Zero { field: self.architecture.field(field) });
            }
        }
        let Self { hidden_size, num_attention_heads, max_position_embeddings, pad_token_id, .. } = *self;
        if hidden_size % num_attention_heads != 0 {
            let fields = ["hidden_size", "num_attention_heads"].map(|field| self.architecture.field(field));
            return Err(ConfigError::Heads { hidden_size, num_attention_heads, fields });
        }
        if self.max_length() == 0 {
            return Err(ConfigError::Positions { max_position_embeddings, pad_token_id });
        }
        if !(0.0..1.0).contains(&self.layer_norm_eps) {
            return Err(ConfigError::Epsilon(self.layer_norm_eps));
        }
        Ok(())
    }

    /// The one quantised layout that is read: compressed-tensors `int-quantized`, 8 bits, symmetric, a scale a row.
    fn check_quantization(&self) -> Result<(), ConfigError> {
        let Some(quantization) = &self.quantization_config else {
            return Ok(());
        };
        let supported = "compressed-tensors int-quantized: weights of 8 bits, int, symmetric, strategy channel";
        let expect = |field, found: &Value, expected: Value| match *found == expected {
            true => Ok(()),
            false => Err(ConfigError::Unsupported { field, found: found.to_string(), supported }),
        };
        expect("quantization_config.quant_method", &quantization["quant_method"], "compressed-tensors".into())?;
        expect("quantization_config.format", &quantization["format"], "int-quantized".into())?;
        let groups = quantization["config_groups"].as_object();
        for weights in groups.into_iter().flatten().map(|(_, group)| &group["weights"]) {
            expect("quantization_config weights.num_bits", &weights["num_bits"], 8.into())?;
            expect("quantization_config weights.type", &weights["type"], "int".into())?;
            expect("quantization_config weights.symmetric", &weights["symmetric"], true.into())?;
            expect("quantization_config weights.strategy", &weights["strategy"], "channel".into())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        Config::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_object_is_bert_base() {
        let config = Config::parse(b"{}").unwrap();
        assert_eq!((config.hidden_size, config.num_hidden_layers, config.num_attention_heads), (768, 12, 12));
        assert_eq!((config.vocab_size, config.max_position_embeddings), (30_522, 512));
        assert_eq!(config.layer_norm_eps, 1e-12);
        let nulls = Config::parse(br#"{"architectures":null,"hidden_act":null,"is_decoder":null}"#).unwrap();
        assert_eq!(nulls.hidden_act, "gelu");
    }

    #[test]
    fn what_is_not_computed_is_refused_by_name() {
        for (json, parts) in [
            (r#"{"model_type":"deberta-v2"}"#, ["`model_type` is `deberta-v2`", "bert, distilbert, roberta"]),
            (r#"{"model_type":"xlm-roberta"}"#, ["`model_type` is `xlm-roberta`", "bert, distilbert, roberta"]),
            (
                r#"{"architectures":["ElectraForSequenceClassification"]}"#,
                ["ElectraForSequenceClassification", "RobertaForSequenceClassification"],
            ),
            (
                r#"{"model_type":"roberta","architectures":["BertForSequenceClassification"]}"#,
                ["`BertForSequenceClassification`", "supported: RobertaForSequenceClassification"],
            ),
            (
                r#"{"model_type":"distilbert","architectures":["DistilBertModel"]}"#,
                ["architectures", "DistilBertModel"],
            ),
            (r#"{"model_type":"distilbert","activation":"relu"}"#, ["`activation`", "`relu`"]),
            (r#"{"model_type":"distilbert","n_layers":0}"#, ["`n_layers`", "0"]),
            (r#"{"model_type":"distilbert","n_heads":7}"#, ["`dim` 768", "`n_heads` 7"]),
            (
                r#"{"model_type":"roberta","max_position_embeddings":2}"#,
                ["`max_position_embeddings` 2", "`pad_token_id` 1"],
            ),
            (r#"{"architectures":["BertForMaskedLM"]}"#, ["architectures", "BertForMaskedLM"]),
            (r#"{"hidden_act":"gelu_new"}"#, ["hidden_act", "gelu_new"]),
            (r#"{"position_embedding_type":"relative_key"}"#, ["position_embedding_type", "relative_key"]),
            (r#"{"problem_type":"regression"}"#, ["problem_type", "regression"]),
            (r#"{"is_decoder":true}"#, ["is_decoder", "true"]),
            (r#"{"num_hidden_layers":0}"#, ["num_hidden_layers", "0"]),
            (r#"{"hidden_size":770}"#, ["770", "12"]),
            (r#"{"layer_norm_eps":-1}"#, ["layer_norm_eps", "-1"]),
            (r#"{"quantization_config":{"quant_method":"gptq"}}"#, ["quant_method", "gptq"]),
            (
                r#"{"quantization_config":{"quant_method":"compressed-tensors","format":"pack-quantized"}}"#,
                ["format", "pack-quantized"],
            ),
        ] {
            let message = refusal(json);
            assert!(parts.iter().all(|part| message.contains(part)), "{json}: {message}");
        }
    }

    #[test]
    fn nothing_but_the_kind_is_the_librarys_default_of_that_kind() {
        let parse = |json: &str| Config::parse(json.as_bytes()).unwrap();
        let distil_bert = parse(r#"{"model_type":"distilbert"}"#);
        assert_eq!((distil_bert.num_hidden_layers, distil_bert.vocab_size, distil_bert.max_length()), (6, 30_522, 512));
        let roberta = parse(r#"{"model_type":"roberta"}"#);
        assert_eq!((roberta.num_hidden_layers, roberta.vocab_size, roberta.max_length()), (12, 50_265, 510));
        assert_eq!((roberta.layer_norm_eps, roberta.type_vocab_size), (1e-12, 2));
        for (class, architecture) in [
            ("BertForSequenceClassification", Architecture::Bert),
            ("DistilBertForSequenceClassification", Architecture::DistilBert),
            ("RobertaForSequenceClassification", Architecture::Roberta),
        ] {
            assert_eq!(parse(&format!(r#"{{"architectures":["{class}"]}}"#)).architecture, architecture);
        }
    }

    #[test]
    fn a_distil_bert_is_read_by_its_own_names() {
        let json = r#"{"model_type":"distilbert","dim":64,"n_layers":3,"n_heads":4,"hidden_dim":96,"pad_token_id":-1,
            "layer_norm_eps":0.5,"type_vocab_size":0,"is_decoder":true,"hidden_act":"relu","intermediate_size":7}"#;
        let config = Config::parse(json.as_bytes()).unwrap();
        assert_eq!((config.hidden_size, config.num_hidden_layers), (64, 3));
        assert_eq!((config.num_attention_heads, config.intermediate_size), (4, 96));
        assert_eq!((config.layer_norm_eps, config.hidden_act.as_str()), (1e-12, "gelu"));
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        for json in ["", "[]", "{", r#"{"hidden_size":"wide"}"#, r#"{"hidden_size":-1}"#] {
            assert_eq!(refusal(json), "it is not valid", "{json}");
        }
    }
}
