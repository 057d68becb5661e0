//! config.json: the shape of a model, with the defaults of transformers' configuration classes.

use std::collections::BTreeMap;

use finsent_kernels::RelativePositions;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::architecture::Architecture;
use super::config_error::ConfigError;
use super::deberta::{self, Deberta};
use super::id2label::id2label;
use super::modern_bert::{self, ModernBert};
use super::structure::{HeadActivation, LayerStructure, Structure};
use crate::json_error::JsonError;
use crate::tokenizer::ClassOfModel;

/// The fields of config.json that finsent uses, by BERT's names. A missing field has transformers' default.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub struct Config {
    /// From `model_type` and `architectures`.
    #[serde(skip)]
    pub architecture: Architecture,
    /// The rows of the table of word embeddings.
    pub vocab_size: usize,
    /// The width of the hidden states.
    pub hidden_size: usize,
    /// ELECTRA and DeBERTa: the width of the embeddings.
    pub embedding_size: Option<usize>,
    /// The number of layers.
    pub num_hidden_layers: usize,
    /// The attention heads of a layer.
    pub num_attention_heads: usize,
    /// The width of the feed-forward block.
    pub intermediate_size: usize,
    /// The activation of the feed-forward block.
    pub hidden_act: String,
    /// The rows of the table of position embeddings.
    pub max_position_embeddings: usize,
    /// The kind of position embeddings.
    pub position_embedding_type: Option<String>,
    /// The rows of the table of segment embeddings, if the architecture has one.
    pub type_vocab_size: usize,
    /// RoBERTa: the padding id; positions begin after it.
    pub pad_token_id: u32,
    /// The number added to the variance in LayerNorm.
    pub layer_norm_eps: f64,
    /// Whether attention is causal.
    pub is_decoder: bool,
    /// The label of each logit, keyed by its index in decimal.
    #[serde(skip)]
    pub id2label: Option<BTreeMap<String, String>>,
    /// Single-label, multi-label or regression.
    pub problem_type: Option<String>,
    /// The class of the tokenizer; `tokenizer_config.json` takes precedence.
    pub tokenizer_class: Option<String>,
    /// What only ModernBERT has.
    #[serde(skip)]
    pub(crate) modern_bert: ModernBert,
    /// What only DeBERTa has.
    #[serde(skip)]
    pub(crate) deberta: Deberta,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            architecture: Architecture::Bert,
            vocab_size: 30_522,
            hidden_size: 768,
            embedding_size: None,
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
            tokenizer_class: None,
            modern_bert: ModernBert::default(),
            deberta: Deberta::default(),
        }
    }
}

/// The fields that decide the architecture.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kind {
    /// Missing in old files.
    model_type: Option<String>,
    /// Names of classes. The first one decides the head.
    architectures: Vec<String>,
}

impl Config {
    /// Reads and checks config.json.
    ///
    /// # Errors
    /// [`ConfigError`] with the field, its value and what is supported.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let all: Map<String, Value> = serde_json::from_slice(json).map_err(JsonError::new)?;
        // transformers writes `null` for a field that is not set.
        let mut fields = all.clone();
        fields.retain(|_, value| !value.is_null());
        let kind = Kind::deserialize(&Value::Object(fields.clone())).map_err(JsonError::new)?;
        let class = kind.architectures.first().map(String::as_str);
        let architecture = Architecture::find(kind.model_type.as_deref(), class)?;
        let id2label = id2label(&fields)?;
        if let Some(quantization) = fields.get("quantization_config") {
            check_quantization(quantization)?;
        }
        let modern_bert = match architecture {
            Architecture::ModernBert => ModernBert::parse(&all)?,
            _ => ModernBert::default(),
        };
        let deberta = match architecture {
            Architecture::DebertaV2 => Deberta::parse(&fields)?,
            _ => Deberta::default(),
        };
        architecture.translate(&mut fields);
        let config = Self::deserialize(Value::Object(fields)).map_err(JsonError::new)?;
        let config = Self { architecture, id2label, modern_bert, deberta, ..config };
        config.check_fields()?;
        config.check_sizes()?;
        Ok(config)
    }

    /// The window: the most tokens of an input.
    pub fn max_length(&self) -> usize {
        let unused = if self.architecture.counts_after_padding() { self.pad_token_id as usize + 1 } else { 0 };
        self.max_position_embeddings.saturating_sub(unused)
    }

    /// The width of the embeddings. If it is not that of the hidden states, there is a projection between them.
    pub(crate) fn embedding_size(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// What this file says about the class of the tokenizer.
    pub fn class_of_tokenizer(&self) -> ClassOfModel<'_> {
        ClassOfModel { named: self.tokenizer_class.as_deref(), default: Some(self.architecture.tokenizer_class()) }
    }

    /// Whether the logits are values by themselves, and not of classes.
    pub fn is_regression(&self) -> bool {
        self.problem_type.as_deref() == Some("regression")
    }

    /// What the network is built of.
    pub(crate) fn structure(&self) -> Structure {
        match self.architecture {
            Architecture::Electra => Structure { head_activation: HeadActivation::Gelu, ..Structure::BERT },
            Architecture::DistilBert => Structure { head_activation: HeadActivation::Relu, ..Structure::BERT },
            Architecture::ModernBert => self.modern_bert.structure(),
            Architecture::DebertaV2 => self.deberta.structure(),
            _ => Structure::BERT,
        }
    }

    /// How layer `index` differs from the others.
    pub(crate) fn layer_structure(&self, index: usize) -> LayerStructure {
        match self.architecture {
            Architecture::ModernBert => self.modern_bert.layer(index),
            _ => LayerStructure::BERT,
        }
    }

    /// Whether the embeddings have a table of segments.
    pub(crate) fn has_token_types(&self) -> bool {
        self.architecture.has_token_types()
            && (self.architecture != Architecture::DebertaV2 || self.type_vocab_size > 0)
    }

    /// DeBERTa's relative positions, if the model has some.
    pub(crate) fn relative_positions(&self) -> Option<RelativePositions> {
        self.deberta.relative_positions(self.max_position_embeddings)
    }

    /// The modules of a layer that project the relative positions: to keys, if scores depend on them, and to queries.
    pub(crate) fn position_projections(&self) -> [Option<&'static str>; 2] {
        let Deberta { content_to_position, position_to_content, shares_projections, .. } = self.deberta;
        let names = self.architecture.names();
        let [key, query] = match shares_projections {
            true => [names.key, names.query],
            false => deberta::POSITION_PROJECTIONS,
        };
        let has_positions = self.deberta.is_relative();
        [(has_positions && content_to_position).then_some(key), (has_positions && position_to_content).then_some(query)]
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
            &["single_label_classification", "multi_label_classification", "regression"],
            "single_label_classification, multi_label_classification, regression",
        )?;
        one_of("is_decoder", self.is_decoder.then_some("true"), &[], "false")
    }

    fn check_sizes(&self) -> Result<(), ConfigError> {
        for (field, size) in [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("embedding_size", self.embedding_size()),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ] {
            let is_read = field != "type_vocab_size" || self.has_token_types();
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
            let field = self.architecture.field("layer_norm_eps");
            return Err(ConfigError::Epsilon { field, found: self.layer_norm_eps });
        }
        if self.architecture == Architecture::DebertaV2 {
            return self.deberta.check(hidden_size, hidden_size / num_attention_heads, max_position_embeddings);
        }
        if self.architecture != Architecture::ModernBert {
            return Ok(());
        }
        if max_position_embeddings > modern_bert::MAX_POSITIONS {
            let (field, found) = ("max_position_embeddings", max_position_embeddings.to_string());
            return Err(ConfigError::Unsupported { field, found, supported: "at most 65536" });
        }
        self.modern_bert.check(self.num_hidden_layers, hidden_size / num_attention_heads)
    }
}

/// `quant_method` of a model with packed weights. transformers warns of a method that it does not know, by its name, and finds
/// no weights.
pub(crate) const PACKED: &str = "finsent-packed";

/// Accepts the one supported layout: compressed-tensors `int-quantized`, 8 bits, symmetric, a scale per row. Also weights that
/// finsent packed: the header of their file describes them.
fn check_quantization(quantization: &Value) -> Result<(), ConfigError> {
    let supported = "compressed-tensors int-quantized: weights of 8 bits, int, symmetric, strategy channel";
    let expect = |field, found: &Value, expected: Value| match *found == expected {
        true => Ok(()),
        false => Err(ConfigError::Unsupported { field, found: found.to_string(), supported }),
    };
    if quantization["quant_method"] == PACKED {
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> String {
        Config::parse(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn electra_has_defaults_of_its_own() {
        let electra = Config::parse(br#"{"model_type":"electra"}"#).unwrap();
        assert_eq!((electra.embedding_size(), electra.hidden_size, electra.intermediate_size), (128, 256, 1_024));
        // BERT ignores the field.
        let bert = Config::parse(br#"{"model_type":"bert","embedding_size":5}"#).unwrap();
        assert_eq!(bert.embedding_size(), 768);
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
    fn an_unsupported_value_is_an_error_with_the_supported_ones() {
        for (json, parts) in [
            (r#"{"model_type":"deberta"}"#, ["`model_type` is `deberta`", "bert, distilbert, roberta"]),
            (r#"{"model_type":"albert"}"#, ["`model_type` is `albert`", "bert, distilbert"]),
            (r#"{"model_type":"electra","hidden_act":"gelu_new"}"#, ["`hidden_act` is `gelu_new`", "gelu"]),
            (r#"{"model_type":"electra","embedding_size":0}"#, ["`embedding_size`", "0"]),
            (r#"{"model_type":"xlnet"}"#, ["`model_type` is `xlnet`", "roberta, xlm-roberta, camembert, electra"]),
            (
                r#"{"architectures":["AlbertForSequenceClassification"]}"#,
                ["AlbertForSequenceClassification", "RobertaForSequenceClassification"],
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
            (r#"{"problem_type":"ranking"}"#, ["problem_type", "ranking"]),
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
    fn a_configuration_with_only_a_model_type_has_transformers_defaults() {
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
    fn distilbert_has_its_own_names_of_fields() {
        let json = r#"{"model_type":"distilbert","dim":64,"n_layers":3,"n_heads":4,"hidden_dim":96,"pad_token_id":-1,
            "layer_norm_eps":0.5,"type_vocab_size":0,"is_decoder":true,"hidden_act":"relu","intermediate_size":7}"#;
        let config = Config::parse(json.as_bytes()).unwrap();
        assert_eq!((config.hidden_size, config.num_hidden_layers), (64, 3));
        assert_eq!((config.num_attention_heads, config.intermediate_size), (4, 96));
        assert_eq!((config.layer_norm_eps, config.hidden_act.as_str()), (1e-12, "gelu"));
    }

    #[test]
    fn invalid_json_is_an_error() {
        for json in ["", "[]", "{", r#"{"hidden_size":"wide"}"#, r#"{"hidden_size":-1}"#] {
            assert_eq!(refusal(json), "not valid", "{json}");
        }
    }
}
