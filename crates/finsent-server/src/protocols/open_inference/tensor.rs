//! Tensors of the Open Inference Protocol, in JSON and in Triton's binary form.
//!
//! In the binary form, the bytes of the tensors follow the JSON, one tensor after the other. Each element of a BYTES tensor
//! starts with its length in four bytes, little endian.

use actix_web::{HttpResponse, HttpResponseBuilder};
use finsent_model::Text;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::schema;
use crate::error::HttpError;
use crate::request::{
    AnswerWriter, ItemError, MemoryPermit, Object, TextInput, WholeNumber, elements, json_answer, kind, parse_text,
};

/// The header with the length of the JSON in a binary body.
pub(super) const HEADER_LENGTH: &str = "inference-header-content-length";

/// A tensor of texts
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct InputTensor<'a> {
    /// `text`. As there is only one input, another name is accepted.
    pub(super) name: String,
    /// Number of texts [default: as many as there are]
    #[schema(schema_with = schema::shape)]
    shape: Option<Vec<WholeNumber>>,
    /// [default: BYTES]
    #[expect(dead_code, reason = "parsing it rejects other types")]
    datatype: Option<Datatype>,
    /// `binary_data_size`: bytes of the tensor in the binary part of the body, if its data is there.
    #[schema(value_type = Option<HashMap<String, serde_json::Value>>)]
    parameters: Option<Object<InputParameters>>,
    /// Strings, perhaps in nested lists. Absent if the data is in the binary part of the body.
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
    binary_data_size: Option<WholeNumber>,
}

/// How deep strings may be nested: a tensor of texts has one or two dimensions.
const MAX_DEPTH: usize = 2;

impl InputTensor<'_> {
    /// The texts of the tensor, at most `limit`. Its bytes are removed from `binary`.
    pub(super) fn texts(&self, binary: &mut &[u8], limit: usize) -> Result<Vec<TextInput>, HttpError> {
        let size = self.parameters.as_ref().and_then(|parameters| parameters.0.binary_data_size);
        let mut texts = Vec::new();
        match (self.data, size) {
            (Some(data), None) => flatten(data, MAX_DEPTH, limit, &mut texts)?,
            (None, Some(WholeNumber(size))) => {
                let too_short =
                    || HttpError::invalid(format!("`binary_data_size` is {size}, but the body has fewer bytes left"));
                let size = usize::try_from(size).ok();
                let (of_tensor, rest) = size.and_then(|size| binary.split_at_checked(size)).ok_or_else(too_short)?;
                *binary = rest;
                texts = binary_texts(of_tensor, limit)?;
            }
            (None, None) => return Err(HttpError::invalid(format!("the input `{}` has no data", self.name))),
            (Some(_), Some(_)) => {
                return Err(HttpError::invalid(format!("the input `{}` has both `data` and binary data", self.name)));
            }
        }
        if texts.is_empty() {
            return Err(HttpError::Empty);
        }
        check_shape(self.elements(), texts.len())?;
        Ok(texts)
    }

    /// The number of elements by the shape, if it gives one.
    fn elements(&self) -> Option<u128> {
        let shape = self.shape.as_deref().filter(|shape| !shape.is_empty())?;
        shape
            .iter()
            .try_fold(1_u128, |product, &WholeNumber(size)| Some(product.saturating_mul(u128::try_from(size).ok()?)))
    }
}

fn flatten(data: &RawValue, depth: usize, limit: usize, texts: &mut Vec<TextInput>) -> Result<(), HttpError> {
    if kind(data) != "an array" {
        let text = parse_text(data, Some(texts.len()))?;
        texts.push(text);
        return Ok(());
    }
    if depth == 0 {
        return Err(HttpError::invalid("the data is nested too deep; use at most two dimensions"));
    }
    // Empty lists count, too: reading them takes time.
    let items = elements(data, limit - texts.len()).map_err(|_| HttpError::TooManyTexts { limit })?;
    items.into_iter().try_for_each(|item| flatten(item, depth - 1, limit, texts))
}

/// Compares the number of texts with that of a shape, if it gives one.
///
/// # Errors
/// [`HttpError::Invalid`] if they differ.
pub(in crate::protocols) fn check_shape(expected: Option<u128>, found: usize) -> Result<(), HttpError> {
    match expected {
        Some(expected) if expected != found as u128 => {
            Err(HttpError::invalid(format!("the shape is for {expected} texts, but the data has {found}")))
        }
        _ => Ok(()),
    }
}

/// A text of a tensor.
pub(in crate::protocols) fn text_of_bytes(bytes: &[u8]) -> TextInput {
    let text = str::from_utf8(bytes).map_err(|error| ItemError::NotAString(error.to_string()));
    text.and_then(|text| Ok(Text::parse(text)?))
}

/// The texts of a tensor in binary form, at most `limit`.
///
/// # Errors
/// [`HttpError`] if there are more, or it is broken.
pub(in crate::protocols) fn binary_texts(mut bytes: &[u8], limit: usize) -> Result<Vec<TextInput>, HttpError> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        if texts.len() == limit {
            return Err(HttpError::TooManyTexts { limit });
        }
        let broken = || HttpError::invalid(format!("the binary data ends inside element {}", texts.len()));
        let (length, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (element, rest) = rest.split_at_checked(length).ok_or_else(broken)?;
        texts.push(text_of_bytes(element));
        bytes = rest;
    }
    Ok(texts)
}

/// The elements of a tensor.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::protocols) enum Values {
    Bytes(Vec<String>),
    Fp32(Vec<f32>),
}

/// A tensor of the response
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
    /// A tensor in JSON or in binary form.
    pub(super) fn new(name: &'static str, shape: Vec<usize>, values: Values, is_binary: bool) -> Self {
        let datatype = values.datatype();
        if !is_binary {
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
    pub(in crate::protocols) fn datatype(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "BYTES",
            Self::Fp32(_) => "FP32",
        }
    }

    pub(in crate::protocols) fn to_binary(&self) -> Vec<u8> {
        match self {
            Self::Bytes(strings) => {
                let element = |text: &String| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
                strings.iter().flat_map(element).collect()
            }
            Self::Fp32(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }
}

/// The response: JSON, followed by the tensors in binary form, if there are any.
///
/// # Errors
/// [`HttpError::Overloaded`] if there is no memory for it.
pub(super) fn write_response(
    response: &mut HttpResponseBuilder,
    memory: MemoryPermit,
    json: &impl Serialize,
    outputs: &[OutputTensor],
) -> Result<HttpResponse, HttpError> {
    if outputs.iter().all(|output| output.parameters.is_none()) {
        return json_answer(response, memory, json);
    }
    let mut body = AnswerWriter::new(memory);
    body.write_json(json)?;
    response.insert_header((HEADER_LENGTH, body.len()));
    outputs.iter().try_for_each(|output| body.append(&output.binary))?;
    Ok(body.into_response(response, "application/octet-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(tensor: &str, mut binary: &[u8]) -> Result<Vec<String>, String> {
        let tensor: InputTensor<'_> = serde_json::from_str(tensor).unwrap();
        let texts = tensor.texts(&mut binary, 3).map_err(|error| error.to_string())?;
        assert!(binary.is_empty());
        let text = |text: TextInput| text.map_or_else(|error| error.to_string(), |text| text.as_str().to_owned());
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
    fn each_binary_element_starts_with_its_length() {
        let tensor =
            |size: usize| format!(r#"{{"name":"text","shape":[2],"parameters":{{"binary_data_size":{size}}}}}"#);
        let binary = b"\x01\0\0\0a\x03\0\0\0\xe2\x82\xac";
        assert_eq!(texts(&tensor(12), binary), Ok(vec!["a".into(), "€".into()]));
        let broken = texts(&tensor(12), b"\x01\0\0\0a\x02\0\0\0\xe2\x82\xac");
        assert_eq!(broken, Err("the binary data ends inside element 2".into()));
        assert!(texts(&tensor(13), binary).unwrap_err().contains("fewer bytes left"));
        let endless = b"\x01\0\0\0a\xff\xff\xff\xff\0\0\0";
        assert_eq!(texts(&tensor(12), endless), Err("the binary data ends inside element 1".into()));
        let no_utf8 = texts(&tensor(12), b"\x01\0\0\0a\x03\0\0\0\xff\x82\xac").unwrap();
        assert!(no_utf8[1].contains("not a valid string"), "{no_utf8:?}");
    }

    #[test]
    fn binary_elements_are_counted_up_to_the_limit() {
        let tensor = r#"{"name":"text","parameters":{"binary_data_size":16}}"#;
        assert!(texts(tensor, &[0; 16]).unwrap_err().contains("more than 3 texts"));
    }

    #[test]
    fn inconsistent_tensors_are_refused() {
        for (tensor, reason) in [
            (r#"{"name":"text","shape":[3],"data":["a"]}"#, "for 3 texts"),
            (r#"{"name":"text","shape":[9223372036854775807,9223372036854775807,9],"data":["a"]}"#, "the shape is for"),
            (r#"{"name":"text","data":[1]}"#, "found a number"),
            (r#"{"name":"text","data":[]}"#, "empty"),
            (r#"{"name":"text"}"#, "has no data"),
            (r#"{"name":"text","data":["a"],"parameters":{"binary_data_size":0}}"#, "both"),
            (r#"{"name":"text","data":[[["a"]]]}"#, "too deep"),
            (r#"{"name":"text","data":["a","b","c","d"]}"#, "more than 3 texts"),
            (r#"{"name":"text","data":[["a","b"],["c","d"]]}"#, "more than 3 texts"),
            (r#"{"name":"text","data":[[],[],[],[]]}"#, "more than 3 texts"),
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
