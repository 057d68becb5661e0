//! The config.json of a converted model.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::weight_format::WeightFormat;
use crate::encoder::PACKED;

const QUANTIZATION: &str = "quantization_config";
/// The field for the type of the weights, in new and old files.
const DTYPE: [&str; 2] = ["dtype", "torch_dtype"];

/// The `quantization_config` of [`WeightFormat::Int8`] for compressed-tensors, indented for the file. `kept` are the
/// modules whose matrices are not quantized.
fn int_quantized(kept: &[String]) -> String {
    let kept: Vec<String> = kept.iter().map(|module| format!("      \"{module}\"")).collect();
    format!(
        r#"{{
    "quant_method": "compressed-tensors",
    "format": "int-quantized",
    "quantization_status": "compressed",
    "config_groups": {{
      "group_0": {{
        "targets": [
          "Linear",
          "Embedding"
        ],
        "weights": {{
          "num_bits": 8,
          "type": "int",
          "symmetric": true,
          "strategy": "channel"
        }},
        "input_activations": null,
        "output_activations": null,
        "format": "int-quantized"
      }}
    }},
    "ignore": [
{}
    ]
  }}"#,
        kept.join(",\n")
    )
}

/// Changes the fields of `json` that describe the number format. All other fields keep their order and their bytes.
/// With int8, the matrices of the modules `kept` are not quantized.
///
/// # Errors
/// If `json` is not a JSON object.
pub(super) fn convert_config(json: &[u8], format: WeightFormat, kept: &[String]) -> Result<Vec<u8>, serde_json::Error> {
    let Fields(mut fields) = serde_json::from_slice(json)?;
    fields.retain(|(name, _)| name != QUANTIZATION);
    match dtype(format) {
        Some(dtype) => {
            for (_, value) in fields.iter_mut().filter(|(name, _)| DTYPE.contains(&name.as_str())) {
                *value = serde_json::value::to_raw_value(dtype)?;
            }
        }
        None => fields.push((QUANTIZATION.into(), RawValue::from_string(int_quantized(kept))?)),
    }
    let mut json = serde_json::to_vec_pretty(&Fields(fields))?;
    json.push(b'\n');
    Ok(json)
}

/// Changes the fields of `json` that describe the number format to those of packed weights: a method that other programs
/// do not know.
///
/// # Errors
/// If `json` is not a JSON object.
pub(super) fn packed_config(json: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
    let Fields(mut fields) = serde_json::from_slice(json)?;
    fields.retain(|(name, _)| name != QUANTIZATION);
    let packed = format!("{{\n    \"quant_method\": \"{PACKED}\"\n  }}");
    fields.push((QUANTIZATION.into(), RawValue::from_string(packed)?));
    let mut json = serde_json::to_vec_pretty(&Fields(fields))?;
    json.push(b'\n');
    Ok(json)
}

/// The type's name in PyTorch, if all tensors have the same type.
fn dtype(format: WeightFormat) -> Option<&'static str> {
    match format {
        WeightFormat::F32 => Some("float32"),
        WeightFormat::Bf16 => Some("bfloat16"),
        WeightFormat::F16 => Some("float16"),
        WeightFormat::Int8 => None,
    }
}

/// A JSON object whose fields keep their order, and whose values keep their bytes.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                std::iter::from_fn(|| map.next_entry().transpose()).collect::<Result<_, _>>().map(Fields)
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(json: &str, format: WeightFormat) -> String {
        String::from_utf8(convert_config(json.as_bytes(), format, &["a.dense".into(), "classifier".into()]).unwrap())
            .unwrap()
    }

    #[test]
    fn converting_to_int8_and_back_restores_the_configuration() {
        let json = "{\n  \"z\": {\n    \"0\": 1e-12\n  },\n  \"a\": 0.10,\n  \"torch_dtype\": \"float32\"\n}\n";
        let int8 = converted(json, WeightFormat::Int8);
        let (before, added) = int8.split_once(",\n  \"quantization_config\": ").unwrap();
        assert_eq!(before, json.trim_end_matches("\n}\n"));
        assert_eq!(added, format!("{}\n}}\n", int_quantized(&["a.dense".into(), "classifier".into()])));
        assert_eq!(converted(&int8, WeightFormat::Int8), int8);
        assert_eq!(converted(&int8, WeightFormat::F32), json);
    }

    #[test]
    fn packing_and_unpacking_restores_the_configuration() {
        let json = "{\n  \"z\": {\n    \"0\": 1e-12\n  },\n  \"torch_dtype\": \"float32\"\n}\n";
        let packed = String::from_utf8(packed_config(json.as_bytes()).unwrap()).unwrap();
        let (before, added) = packed.split_once(",\n  \"quantization_config\": ").unwrap();
        assert_eq!(before, json.trim_end_matches("\n}\n"));
        assert_eq!(added, "{\n    \"quant_method\": \"finsent-packed\"\n  }\n}\n");
        assert_eq!(converted(&packed, WeightFormat::F32), json);
        assert!(packed_config(b"[]").is_err());
    }

    #[test]
    fn the_type_follows_the_new_weights() {
        let json = r#"{"dtype":null,"a":{"dtype":"x"},"torch_dtype":"float32"}"#;
        let bf16 = converted(json, WeightFormat::Bf16);
        let expected = r#"{"dtype":"bfloat16","a":{"dtype":"x"},"torch_dtype":"bfloat16"}"#;
        assert_eq!(bf16.replace([' ', '\n'], ""), expected);
        assert!(!converted("{}", WeightFormat::F16).contains("dtype"));
    }

    #[test]
    fn json_that_is_not_an_object_is_an_error() {
        for json in ["", "[]", "{\"a\":1"] {
            assert!(convert_config(json.as_bytes(), WeightFormat::F32, &[]).is_err(), "{json}");
        }
    }
}
