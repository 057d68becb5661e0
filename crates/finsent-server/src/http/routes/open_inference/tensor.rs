//! Tensors of the Open Inference Protocol, in JSON and in Triton's binary form.
//!
//! In the binary form the JSON is followed by the tensors' bytes, one after the other; an element of a BYTES tensor has
//! its length in front, four bytes, little endian.

use actix_web::HttpResponseBuilder;
use finsent_model::Text;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::super::error::HttpError;
use super::super::super::fields::{Object, Whole, kind};
use super::super::super::infer::{Input, ItemError};
use super::super::schema;
use super::super::sentiment::text_of;

/// The header that says where the JSON of a binary body ends.
pub(super) const HEADER_LENGTH: &str = "inference-header-content-length";

/// A tensor of texts.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct InputTensor<'a> {
    /// `text`; another name will do where it is the only one.
    pub(super) name: String,
    /// Number of texts; where it is missing or has none, as many as there are.
    #[schema(schema_with = schema::shape)]
    shape: Option<Vec<Whole>>,
    /// BYTES, which it is by default
    #[expect(dead_code, reason = "reading it refuses the others")]
    datatype: Option<Datatype>,
    /// `binary_data_size`: bytes of the tensor in the body's binary part, where its data are there.
    #[schema(value_type = Option<HashMap<String, serde_json::Value>>)]
    parameters: Option<Object<InputParameters>>,
    /// Strings, perhaps nested; absent where they are in the body's binary part.
    #[serde(borrow)]
    #[schema(schema_with = schema::tensor, required = true)]
    data: Option<&'a RawValue>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
enum Datatype {
    #[serde(rename = "BYTES")]
    Bytes,
}

#[derive(Debug, Deserialize)]
struct InputParameters {
    binary_data_size: Option<Whole>,
}

/// How deep strings may be nested: a tensor of texts has a dimension or two.
const DEEPEST: usize = 2;

impl InputTensor<'_> {
    /// The texts of the tensor; what is taken of the binary part is gone from it.
    pub(super) fn texts(&self, binary: &mut &[u8]) -> Result<Vec<Input>, HttpError> {
        let size = self.parameters.as_ref().and_then(|parameters| parameters.0.binary_data_size);
        let mut texts = Vec::new();
        match (self.data, size) {
            (Some(data), None) => flatten(data, DEEPEST, &mut texts)?,
            (None, Some(Whole(size))) => {
                let too_short = || HttpError::invalid(format!("`binary_data_size` is {size}, but less is there"));
                let size = usize::try_from(size).ok();
                let (of_tensor, rest) = size.and_then(|size| binary.split_at_checked(size)).ok_or_else(too_short)?;
                *binary = rest;
                texts = elements(of_tensor)?;
            }
            (None, None) => return Err(HttpError::invalid(format!("the input `{}` has no data", self.name))),
            (Some(_), Some(_)) => {
                return Err(HttpError::invalid(format!("the input `{}` has its data twice", self.name)));
            }
        }
        if texts.is_empty() {
            return Err(HttpError::Empty);
        }
        let Some(expected) = self.elements() else { return Ok(texts) };
        if expected != texts.len() as u128 {
            let found = texts.len();
            return Err(HttpError::invalid(format!("the input's shape is for {expected} texts, its data has {found}")));
        }
        Ok(texts)
    }

    /// How many elements the shape is for, where it says that.
    fn elements(&self) -> Option<u128> {
        let shape = self.shape.as_deref().filter(|shape| !shape.is_empty())?;
        shape.iter().try_fold(1_u128, |product, &Whole(size)| Some(product.saturating_mul(u128::try_from(size).ok()?)))
    }
}

fn flatten(data: &RawValue, depth: usize, texts: &mut Vec<Input>) -> Result<(), HttpError> {
    if kind(data) != "an array" {
        let text = text_of(data, Some(texts.len()))?;
        texts.push(text);
        return Ok(());
    }
    if depth == 0 {
        return Err(HttpError::invalid("the input's data is nested too deep"));
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(data.get()).map_err(|_| HttpError::invalid("the data is no array"))?;
    items.into_iter().try_for_each(|item| flatten(item, depth - 1, texts))
}

fn elements(mut bytes: &[u8]) -> Result<Vec<Input>, HttpError> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let broken = || HttpError::invalid(format!("the binary element {} is cut off", texts.len()));
        let (length, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (element, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        let text = str::from_utf8(element).map_err(|error| ItemError::NotAString(error.to_string()));
        texts.push(text.and_then(|text| Ok(Text::parse(text)?)));
        bytes = rest;
    }
    Ok(texts)
}

/// What a tensor holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Bytes(Vec<String>),
    Fp32(Vec<f32>),
}

/// A tensor of the answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OutputTensor {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameters: Option<OutputParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    data: Option<OutputData>,
    #[serde(skip)]
    binary: Vec<u8>,
}

#[derive(Debug, Serialize, ToSchema)]
struct OutputParameters {
    binary_data_size: usize,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum OutputData {
    Bytes(Vec<String>),
    Fp32(Vec<f32>),
}

impl OutputTensor {
    /// The tensor in JSON, or in the answer's binary part.
    pub(super) fn new(name: &'static str, shape: Vec<usize>, values: Values, in_binary: bool) -> Self {
        let datatype = match values {
            Values::Bytes(_) => "BYTES",
            Values::Fp32(_) => "FP32",
        };
        if !in_binary {
            let data = match values {
                Values::Bytes(strings) => OutputData::Bytes(strings),
                Values::Fp32(numbers) => OutputData::Fp32(numbers),
            };
            return Self { name, datatype, shape, parameters: None, data: Some(data), binary: Vec::new() };
        }
        let binary = values.to_binary();
        let parameters = Some(OutputParameters { binary_data_size: binary.len() });
        Self { name, datatype, shape, parameters, data: None, binary }
    }
}

impl Values {
    fn to_binary(&self) -> Vec<u8> {
        match self {
            Self::Bytes(strings) => {
                let element = |text: &String| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
                strings.iter().flat_map(element).collect()
            }
            Self::Fp32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }
}

/// The JSON of an answer, and behind it the tensors that are to be binary.
pub(super) fn body(
    response: &mut HttpResponseBuilder,
    json: &impl Serialize,
    outputs: &[OutputTensor],
) -> actix_web::HttpResponse {
    if outputs.iter().all(|output| output.parameters.is_none()) {
        return response.json(json);
    }
    let mut body = serde_json::to_vec(json).expect("strings and numbers are JSON");
    response.insert_header((HEADER_LENGTH, body.len()));
    outputs.iter().for_each(|output| body.extend_from_slice(&output.binary));
    response.content_type("application/octet-stream").body(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tensor: &str, mut binary: &[u8]) -> Result<Vec<String>, String> {
        let tensor: InputTensor<'_> = serde_json::from_str(tensor).unwrap();
        let texts = tensor.texts(&mut binary).map_err(|error| error.to_string())?;
        assert!(binary.is_empty());
        let text = |text: Input| text.map_or_else(|error| error.to_string(), |text| text.as_str().to_owned());
        Ok(texts.into_iter().map(text).collect())
    }

    #[test]
    fn texts_are_taken_from_any_shape_of_data() {
        for tensor in [
            r#"{"name":"text","shape":[2],"datatype":"BYTES","data":["a","b"]}"#,
            r#"{"name":"text","shape":[2,1],"datatype":"BYTES","data":[["a"],["b"]]}"#,
            r#"{"name":"text","shape":[-1],"data":["a","b"]}"#,
            r#"{"name":"text","shape":[],"data":["a",["b"]]}"#,
            r#"{"name":"text","data":["a","b"]}"#,
        ] {
            assert_eq!(texts(tensor, b""), Ok(vec!["a".into(), "b".into()]), "{tensor}");
        }
        assert_eq!(texts(r#"{"name":"text","data":"a"}"#, b""), Ok(vec!["a".into()]));
    }

    #[test]
    fn binary_elements_have_their_length_in_front() {
        let tensor =
            |size: usize| format!(r#"{{"name":"text","shape":[2],"parameters":{{"binary_data_size":{size}}}}}"#);
        let binary = b"\x01\0\0\0a\x03\0\0\0\xe2\x82\xac";
        assert_eq!(texts(&tensor(12), binary), Ok(vec!["a".into(), "€".into()]));
        let broken = texts(&tensor(12), b"\x01\0\0\0a\x02\0\0\0\xe2\x82\xac");
        assert_eq!(broken, Err("the binary element 2 is cut off".into()));
        assert!(texts(&tensor(13), binary).unwrap_err().contains("less is there"));
        let endless = b"\x01\0\0\0a\xff\xff\xff\xff\0\0\0";
        assert_eq!(texts(&tensor(12), endless), Err("the binary element 1 is cut off".into()));
        let no_utf8 = texts(&tensor(12), b"\x01\0\0\0a\x03\0\0\0\xff\x82\xac").unwrap();
        assert!(no_utf8[1].contains("not a valid string"), "{no_utf8:?}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (tensor, reason) in [
            (r#"{"name":"text","shape":[3],"data":["a"]}"#, "for 3 texts"),
            (
                r#"{"name":"text","shape":[9223372036854775807,9223372036854775807,9],"data":["a"]}"#,
                "the input's shape",
            ),
            (r#"{"name":"text","data":[1]}"#, "found a number"),
            (r#"{"name":"text","data":[]}"#, "empty"),
            (r#"{"name":"text"}"#, "has no data"),
            (r#"{"name":"text","data":["a"],"parameters":{"binary_data_size":0}}"#, "twice"),
            (r#"{"name":"text","data":[[["a"]]]}"#, "too deep"),
        ] {
            let found = texts(tensor, b"").unwrap_err();
            assert!(found.contains(reason), "{tensor}: {found}");
        }
    }

    #[test]
    fn values_are_little_endian() {
        assert_eq!(Values::Fp32(vec![1.0]).to_binary(), [0, 0, 0x80, 0x3f]);
        assert_eq!(Values::Bytes(vec!["ab".into(), String::new()]).to_binary(), b"\x02\0\0\0ab\0\0\0\0");
    }
}
