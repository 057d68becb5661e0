//! The fields of config.json that only ModernBERT has: which tokens each layer attends to, positions, biases, the head.

use finsent_kernels::Reach;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::config_error::ConfigError;
use super::structure::{
    Biases, EmbeddingProjection, FeedForwardKind, HeadActivation, LayerStructure, NormPlacement, Pooling, Positions,
    Projections, Structure,
};
use crate::json_error::JsonError;

/// The window of a model for which no other is known; the field is an upper limit, and no table backs it.
pub(super) const MAX_POSITIONS: usize = 1 << 16;

/// Fields of `ModernBertConfig`, each with its name in `BertConfig`.
pub(super) const FIELDS: [(&str, &str); 2] = [("hidden_activation", "hidden_act"), ("norm_eps", "layer_norm_eps")];
/// Fields of `BertConfig` that ModernBERT ignores. Published files have some of them.
const IGNORED: [&str; 6] =
    ["hidden_act", "layer_norm_eps", "pad_token_id", "position_embedding_type", "type_vocab_size", "is_decoder"];

/// Renames the fields of config.json to BERT's names, and adds the defaults that differ from BERT's.
pub(super) fn translate(fields: &mut Map<String, Value>) {
    fields.retain(|field, _| !IGNORED.contains(&field.as_str()));
    for (own, field) in FIELDS {
        if let Some(value) = fields.remove(own) {
            fields.insert(field.into(), value);
        }
    }
    for (field, value) in [
        ("vocab_size", 50_368.into()),
        ("intermediate_size", 1_152.into()),
        ("num_hidden_layers", 22.into()),
        ("max_position_embeddings", 8_192.into()),
        ("layer_norm_eps", 1e-5.into()),
    ] {
        fields.entry(field).or_insert(value);
    }
}

/// What config.json says about ModernBERT alone, with the defaults of `ModernBertConfig`.
#[derive(Debug, Clone)]
pub(crate) struct ModernBert {
    attention: AttentionTypes,
    /// Tokens on each side that a layer of local attention reaches.
    side: usize,
    /// The base of the rotary positions in layers of global attention.
    global_base: f64,
    /// The same in layers of local attention.
    local_base: f64,
    /// The numbers of a head, if the file says so.
    head_dim: Option<usize>,
    biases: Biases,
    pooling: Pooling,
    head_activation: HeadActivation,
}

/// Which layers attend to all tokens.
#[derive(Debug, Clone)]
enum AttentionTypes {
    /// The first and then every n-th.
    Every(usize),
    /// Whether it is so, for each layer.
    Listed(Vec<bool>),
}

/// The fields as they are in the file.
#[derive(Debug, Deserialize)]
#[serde(default)]
struct Fields {
    global_attn_every_n_layers: usize,
    layer_types: Option<Vec<String>>,
    local_attention: usize,
    rope_parameters: Map<String, Value>,
    global_rope_theta: f64,
    local_rope_theta: f64,
    rope_scaling: Option<Value>,
    head_dim: Option<usize>,
    attention_bias: bool,
    mlp_bias: bool,
    norm_bias: bool,
    classifier_bias: bool,
    classifier_pooling: String,
    classifier_activation: String,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            global_attn_every_n_layers: 3,
            layer_types: None,
            local_attention: 128,
            rope_parameters: Map::new(),
            global_rope_theta: 160_000.0,
            local_rope_theta: 10_000.0,
            rope_scaling: None,
            head_dim: None,
            attention_bias: false,
            mlp_bias: false,
            norm_bias: false,
            classifier_bias: false,
            classifier_pooling: "cls".into(),
            classifier_activation: "gelu".into(),
        }
    }
}

impl Default for ModernBert {
    fn default() -> Self {
        Self::parse(&Map::new()).expect("the defaults are valid")
    }
}

impl ModernBert {
    /// Reads the fields. A field that is null has its default, apart from those whose null once had another meaning.
    ///
    /// # Errors
    /// [`ConfigError`] with the field, its value and what is supported.
    pub(super) fn parse(fields: &Map<String, Value>) -> Result<Self, ConfigError> {
        let unsupported =
            |field, found: &str, supported| Err(ConfigError::Unsupported { field, found: found.into(), supported });
        if fields.get("local_rope_theta").is_some_and(Value::is_null) {
            return unsupported(
                "local_rope_theta",
                "null",
                "a number; version 4 of transformers took global_rope_theta",
            );
        }
        let set = fields.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone()));
        let fields = Fields::deserialize(set.collect::<Map<_, _>>()).map_err(JsonError::new)?;
        if let Some(scaling) = &fields.rope_scaling {
            return unsupported("rope_scaling", &scaling.to_string(), "no scaling");
        }
        Ok(Self {
            attention: fields.attention_types()?,
            side: fields.local_attention / 2,
            global_base: fields.base(GLOBAL, ("global_rope_theta", fields.global_rope_theta))?,
            local_base: fields.base(LOCAL, ("local_rope_theta", fields.local_rope_theta))?,
            head_dim: fields.head_dim,
            biases: Biases {
                attention: fields.attention_bias,
                feed_forward: fields.mlp_bias,
                norm: fields.norm_bias,
                dense: fields.classifier_bias,
            },
            pooling: match fields.classifier_pooling.as_str() {
                "cls" => Pooling::First,
                "mean" => Pooling::Mean,
                other => return unsupported("classifier_pooling", other, "cls, mean"),
            },
            head_activation: match fields.classifier_activation.as_str() {
                "gelu" => HeadActivation::Gelu,
                "relu" => HeadActivation::Relu,
                "tanh" => HeadActivation::Tanh,
                other => return unsupported("classifier_activation", other, "gelu (the erf form), relu, tanh"),
            },
        })
    }

    /// Checks what depends on the sizes of the model.
    ///
    /// # Errors
    /// [`ConfigError::LayerTypes`] if there is not one for each layer, [`ConfigError::HeadSize`] or
    /// [`ConfigError::OddHead`] if the heads cannot be rotated.
    pub(super) fn check(&self, layers: usize, head_size: usize) -> Result<(), ConfigError> {
        match (&self.attention, self.head_dim) {
            (AttentionTypes::Listed(types), _) if types.len() != layers => {
                Err(ConfigError::LayerTypes { types: types.len(), layers })
            }
            (_, Some(head_dim)) if head_dim != head_size => Err(ConfigError::HeadSize { head_dim, head_size }),
            _ if head_size % 2 == 1 => Err(ConfigError::OddHead { head_size }),
            _ => Ok(()),
        }
    }

    /// The n for which every n-th layer is global, the first one included. `None` if there is none.
    #[cfg(feature = "verify")]
    pub(crate) fn period(&self, layers: usize) -> Option<usize> {
        (1..=layers).find(|n| (0..layers).all(|index| self.is_global(index) == index.is_multiple_of(*n)))
    }

    /// The bases of global and of local layers.
    #[cfg(feature = "verify")]
    pub(crate) fn bases(&self) -> [f64; 2] {
        [self.global_base, self.local_base]
    }

    /// Tokens on each side that a layer of local attention reaches.
    #[cfg(feature = "verify")]
    pub(crate) fn side(&self) -> usize {
        self.side
    }

    pub(super) fn structure(&self) -> Structure {
        Structure {
            positions: Positions::Rotary,
            // Of no effect: the widths are the same.
            embedding_projection: EmbeddingProjection::AfterNorm,
            norm_placement: NormPlacement::Before,
            projections: Projections::Fused,
            feed_forward: FeedForwardKind::Gated,
            biases: self.biases,
            pooling: self.pooling,
            head_activation: self.head_activation,
        }
    }

    fn is_global(&self, index: usize) -> bool {
        match &self.attention {
            AttentionTypes::Every(n) => index.is_multiple_of(*n),
            AttentionTypes::Listed(types) => types[index],
        }
    }

    pub(super) fn layer(&self, index: usize) -> LayerStructure {
        let (reach, base) = match self.is_global(index) {
            true => (Reach::All, self.global_base),
            false => (Reach::Window(self.side), self.local_base),
        };
        // Before the first layer, the embeddings have just been normalized.
        LayerStructure { has_attention_norm: index > 0, reach, rotary_base: Some(base) }
    }
}

/// The two entries of `layer_types`, and keys of `rope_parameters`.
const GLOBAL: &str = "full_attention";
const LOCAL: &str = "sliding_attention";

impl Fields {
    fn attention_types(&self) -> Result<AttentionTypes, ConfigError> {
        let Some(types) = &self.layer_types else {
            return match self.global_attn_every_n_layers {
                0 => Err(ConfigError::Zero { field: "global_attn_every_n_layers" }),
                n => Ok(AttentionTypes::Every(n)),
            };
        };
        let is_global = |name: &String| match name.as_str() {
            // The second is an older name.
            GLOBAL | "attention" => Ok(true),
            LOCAL => Ok(false),
            other => {
                let supported = "full_attention, sliding_attention";
                Err(ConfigError::Unsupported { field: "layer_types", found: other.into(), supported })
            }
        };
        types.iter().map(is_global).collect::<Result<_, _>>().map(AttentionTypes::Listed)
    }

    /// The base for layers of this type: that of `rope_parameters`, or else of the older field.
    fn base(&self, layer_type: &str, (field, older): (&'static str, f64)) -> Result<f64, ConfigError> {
        let unsupported = |field, found: String, supported| Err(ConfigError::Unsupported { field, found, supported });
        if let Some(other) = self.rope_parameters.keys().find(|&key| ![GLOBAL, LOCAL].contains(&key.as_str())) {
            let supported = "parameters for full_attention and sliding_attention";
            return unsupported("rope_parameters", other.clone(), supported);
        }
        let parameters = match self.rope_parameters.get(layer_type) {
            Some(Value::Object(parameters)) => parameters,
            None | Some(Value::Null) => &Map::new(),
            Some(other) => return unsupported("rope_parameters", other.to_string(), "an object for each layer type"),
        };
        let mut base = (field, older);
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
            match (name.as_str(), value.as_f64()) {
                ("rope_type" | "type", _) if value == "default" => {}
                ("rope_theta", Some(theta)) => base = ("rope_parameters", theta),
                _ => {
                    let supported = "rope_type default, with rope_theta";
                    return unsupported("rope_parameters", format!("{name}: {value}"), supported);
                }
            }
        }
        match base {
            (_, theta) if theta.is_finite() && theta > 0.0 => Ok(theta),
            (field, theta) => unsupported(field, theta.to_string(), "a positive number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::*;

    fn parse(fields: &str) -> Result<Config, ConfigError> {
        Config::parse(format!(r#"{{"model_type":"modernbert"{fields}}}"#).as_bytes())
    }

    fn layers(fields: &str) -> Vec<(Reach, f64)> {
        let config = parse(fields).unwrap();
        let layer = |index| config.layer_structure(index);
        (0..config.num_hidden_layers).map(|index| (layer(index).reach, layer(index).rotary_base.unwrap())).collect()
    }

    #[test]
    fn a_configuration_with_only_a_model_type_is_modern_bert_base() {
        let config = parse("").unwrap();
        assert_eq!((config.vocab_size, config.hidden_size, config.num_hidden_layers), (50_368, 768, 22));
        assert_eq!((config.num_attention_heads, config.intermediate_size), (12, 1_152));
        assert_eq!((config.max_length(), config.layer_norm_eps), (8_192, 1e-5));
        let structure = config.structure();
        assert!(!structure.biases.attention && !structure.biases.feed_forward);
        assert!(!structure.biases.norm && !structure.biases.dense);
        assert_eq!((structure.pooling, structure.head_activation), (Pooling::First, HeadActivation::Gelu));
        let global = |index: usize| (Reach::All, 160_000.0) == layers("")[index];
        assert!((0..22).all(|index| global(index) == (index % 3 == 0)));
        assert_eq!(layers("")[1], (Reach::Window(64), 10_000.0));
        let norms = |index| config.layer_structure(index).has_attention_norm;
        assert!(!norms(0) && (1..22).all(norms));
    }

    #[test]
    fn the_layers_are_those_of_the_old_and_of_the_new_fields() {
        let (all, near) = ((Reach::All, 70.0), (Reach::Window(5), 9.0));
        for fields in [
            r#","num_hidden_layers":3,"local_attention":11,"global_attn_every_n_layers":2,"global_rope_theta":70,
               "local_rope_theta":9.0"#,
            r#","num_hidden_layers":3,"local_attention":10,"global_attn_every_n_layers":1,
               "layer_types":["full_attention","sliding_attention","attention"],
               "rope_parameters":{"full_attention":{"rope_type":"default","rope_theta":70.0},
                                  "sliding_attention":{"type":"default","rope_theta":9}},"local_rope_theta":5.0"#,
            r#","num_hidden_layers":3,"local_attention":10,"global_attn_every_n_layers":2,"layer_types":null,
               "rope_parameters":{"full_attention":{"rope_theta":70.0}},"local_rope_theta":9.0,"rope_scaling":null"#,
        ] {
            assert_eq!(layers(fields), [all, near, all], "{fields}");
        }
    }

    #[test]
    fn what_would_change_the_result_is_refused_by_name() {
        for (fields, parts) in [
            (r#""hidden_activation":"silu""#, ["`hidden_activation` is `silu`", "gelu"]),
            (r#""classifier_pooling":"max""#, ["`classifier_pooling` is `max`", "cls, mean"]),
            (r#""classifier_activation":"silu""#, ["`classifier_activation` is `silu`", "gelu (the erf form)"]),
            (r#""global_attn_every_n_layers":0"#, ["`global_attn_every_n_layers`", "0"]),
            (r#""layer_types":["full_attention"]"#, ["`layer_types` has 1 entry", "`num_hidden_layers` is 22"]),
            (r#""layer_types":["chunked_attention"]"#, ["`layer_types` is `chunked_attention`", "sliding_attention"]),
            (r#""rope_scaling":{"rope_type":"linear","factor":2}"#, ["`rope_scaling`", "linear"]),
            (r#""rope_parameters":{"rope_theta":7}"#, ["`rope_parameters` is `rope_theta`", "full_attention"]),
            (r#""rope_parameters":{"full_attention":7}"#, ["`rope_parameters` is `7`", "an object"]),
            (
                r#""rope_parameters":{"sliding_attention":{"rope_type":"yarn"}}"#,
                ["`rope_parameters` is `rope_type: \"yarn\"`", "rope_type default"],
            ),
            (
                r#""rope_parameters":{"full_attention":{"partial_rotary_factor":0.5}}"#,
                ["partial_rotary_factor: 0.5", "rope_type default"],
            ),
            (r#""global_rope_theta":0"#, ["`global_rope_theta` is `0`", "a positive number"]),
            (r#""local_rope_theta":-1"#, ["`local_rope_theta` is `-1`", "a positive number"]),
            (r#""local_rope_theta":null"#, ["`local_rope_theta` is `null`", "a number"]),
            (r#""num_attention_heads":256"#, ["`hidden_size` / `num_attention_heads` is 3", "even"]),
            (r#""num_attention_heads":7"#, ["`hidden_size` 768", "`num_attention_heads` 7"]),
            (r#""head_dim":32"#, ["`head_dim` is `32`", "64"]),
            (r#""max_position_embeddings":1000000000000"#, ["`max_position_embeddings`", "at most 65536"]),
            (r#""max_position_embeddings":0"#, ["`max_position_embeddings`", "0"]),
            (r#""norm_eps":-1"#, ["`norm_eps` is -1", "from 0 to 1"]),
            (r#""architectures":["ModernBertForMaskedLM"]"#, ["ModernBertForMaskedLM", "ForSequenceClassification"]),
        ] {
            let message = parse(&format!(",{fields}")).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{fields}: {message}");
        }
    }

    #[test]
    fn fields_of_the_wrong_type_are_errors() {
        for fields in [
            r#""local_attention":-1"#,
            r#""local_attention":1e30"#,
            r#""layer_types":"full_attention""#,
            r#""layer_types":[3]"#,
            r#""rope_parameters":[]"#,
            r#""global_rope_theta":"160000""#,
            r#""mlp_bias":"yes""#,
            r#""classifier_pooling":["cls"]"#,
            r#""num_hidden_layers":1e99"#,
        ] {
            assert_eq!(parse(&format!(",{fields}")).unwrap_err().to_string(), "not valid", "{fields}");
        }
    }
}
