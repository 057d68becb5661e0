//! The message with the texts: `ModelInferRequest`.

use super::super::open_inference::{OutputName, binary_texts, check_shape, text_of_bytes};
use super::wire::{Fields, Value, malformed, string, varint};
use crate::error::HttpError;
use crate::excerpt::excerpt;
use crate::request::TextInput;

/// What a call asks for.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(super) model: String,
    pub(super) version: String,
    pub(super) id: String,
    pub(crate) inputs: Vec<TextInput>,
    /// With the number of best labels. If there are none, all of the model's.
    pub(super) outputs: Vec<(OutputName, Option<i64>)>,
    /// Whether the tensors are Triton's binary form. The answer's then are, too.
    pub(super) is_raw: bool,
}

/// Reads the message, of at most `limit` texts. Parameters that are not known are ignored, as in JSON.
///
/// # Errors
/// [`HttpError`] for what is not valid.
pub(crate) fn parse(message: &[u8], limit: usize) -> Result<Parsed, HttpError> {
    let (mut model, mut version, mut id, mut input, mut raw) = ("", "", "", None, None);
    let mut outputs: Vec<(OutputName, Option<i64>)> = Vec::new();
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => model = string(bytes)?,
            (2, Value::Bytes(bytes)) => version = string(bytes)?,
            (3, Value::Bytes(bytes)) => id = string(bytes)?,
            (5, Value::Bytes(bytes)) if input.replace(bytes).is_some() => {
                return Err(HttpError::invalid("expected one input, `text`; found several"));
            }
            (6, Value::Bytes(bytes)) => {
                let (name, classification) = requested_output(bytes)?;
                if outputs.iter().any(|&(other, _)| other == name) {
                    return Err(HttpError::invalid(format!("the output `{}` is requested twice", name.as_str())));
                }
                outputs.push((name, classification));
            }
            (7, Value::Bytes(bytes)) if raw.replace(bytes).is_some() => {
                return Err(HttpError::invalid("expected `raw_input_contents` of one input; found several"));
            }
            (1..=7, Value::Varint(_) | Value::Fixed64(_) | Value::Fixed32(_)) => return Err(malformed()),
            _ => {}
        }
    }
    let inputs = texts(input.ok_or(HttpError::Empty)?, raw, limit)?;
    let [model, version, id] = [model, version, id].map(String::from);
    Ok(Parsed { model, version, id, inputs, outputs, is_raw: raw.is_some() })
}

/// The texts of an `InferInputTensor`.
fn texts(input: &[u8], raw: Option<&[u8]>, limit: usize) -> Result<Vec<TextInput>, HttpError> {
    let (mut name, mut datatype, mut shape, mut texts) = ("", "BYTES", None, Vec::new());
    let mut fields = Fields::of(input);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => name = string(bytes)?,
            (2, Value::Bytes(bytes)) => datatype = string(bytes)?,
            // Packed, as all clients write it, or one by one.
            (3, Value::Bytes(mut sizes)) => {
                while !sizes.is_empty() {
                    add_size(&mut shape, varint(&mut sizes)?);
                }
            }
            (3, Value::Varint(size)) => add_size(&mut shape, size),
            (4, Value::Bytes(entry)) => {
                check_parameter(entry)?;
            }
            (5, Value::Bytes(contents)) => add_texts(contents, limit, &mut texts)?,
            _ => {}
        }
    }
    if datatype != "BYTES" {
        return Err(HttpError::invalid(format!(
            "expected an input of the datatype `BYTES`, found `{}`",
            excerpt(datatype)
        )));
    }
    match raw {
        Some(_) if !texts.is_empty() => {
            let name = excerpt(name);
            return Err(HttpError::invalid(format!("the input `{name}` has both `bytes_contents` and raw contents")));
        }
        Some(raw) => texts = binary_texts(raw, limit)?,
        None => {}
    }
    if texts.is_empty() {
        return Err(HttpError::Empty);
    }
    check_shape(shape.flatten(), texts.len())?;
    Ok(texts)
}

/// Multiplies the sizes of a shape. A size that is not known, -1, makes their product unknown.
fn add_size(shape: &mut Option<Option<u128>>, size: u64) {
    let size = u128::try_from(size.cast_signed()).ok();
    *shape = Some(shape.unwrap_or(Some(1)).zip(size).map(|(product, size)| product.saturating_mul(size)));
}

/// The texts of `InferTensorContents`.
fn add_texts(contents: &[u8], limit: usize, texts: &mut Vec<TextInput>) -> Result<(), HttpError> {
    let mut fields = Fields::of(contents);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (8, Value::Bytes(_)) if texts.len() == limit => return Err(HttpError::TooManyTexts { limit }),
            (8, Value::Bytes(text)) => texts.push(text_of_bytes(text)),
            (1..=7, _) => {
                return Err(HttpError::invalid("expected texts in `bytes_contents`; found contents of another type"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The name of an `InferRequestedOutputTensor`, and how many of the best labels it asks for.
fn requested_output(output: &[u8]) -> Result<(OutputName, Option<i64>), HttpError> {
    let (mut name, mut classification) = ("", None);
    let mut fields = Fields::of(output);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => name = string(bytes)?,
            (2, Value::Bytes(entry)) => {
                if let Some(count) = check_parameter(entry)? {
                    classification = Some(count);
                }
            }
            _ => {}
        }
    }
    let unknown = || {
        let known = "`label`, `probabilities` and `sentiment_score`";
        HttpError::invalid(format!("no output `{}`; there are {known}", excerpt(name)))
    };
    Ok((OutputName::find(name).ok_or_else(unknown)?, classification))
}

/// Looks at an entry of `map<string, InferParameter>`. Returns the number of `classification`.
fn check_parameter(entry: &[u8]) -> Result<Option<i64>, HttpError> {
    let (mut key, mut parameter) = ("", &b""[..]);
    let mut fields = Fields::of(entry);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => key = string(bytes)?,
            (2, Value::Bytes(bytes)) => parameter = bytes,
            _ => {}
        }
    }
    match key {
        "shared_memory_region" => {
            Err(HttpError::invalid("shared memory is not supported; send the texts in the message"))
        }
        "classification" => match Fields::of(parameter).next()? {
            Some((2 | 5, Value::Varint(count))) => Ok(Some(count.cast_signed())),
            _ => Err(HttpError::invalid("`classification`: expected an integer")),
        },
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of bytes.
    fn field(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let bytes = bytes.as_ref();
        assert!(bytes.len() < 128);
        [&[(number << 3) | 2, bytes.len() as u8], bytes].concat()
    }

    fn request(input: &[u8], more: &[u8]) -> Vec<u8> {
        [&field(1, "mini"), &field(5, input), more].concat()
    }

    fn texts_of(message: &[u8]) -> Result<Vec<String>, String> {
        let parsed = parse(message, 3).map_err(|error| error.to_string())?;
        let text = |text: TextInput| text.map_or_else(|error| error.to_string(), |text| text.as_str().to_owned());
        Ok(parsed.inputs.into_iter().map(text).collect())
    }

    fn contents(texts: &[&str]) -> Vec<u8> {
        field(5, texts.iter().flat_map(|text| field(8, text)).collect::<Vec<u8>>())
    }

    #[test]
    fn texts_are_read_from_both_kinds_of_contents() {
        let expected = Ok(vec!["up".to_owned(), "€".to_owned()]);
        let shape = field(3, b"\x02\x01");
        let one_by_one = [24, 2, 24, 1];
        for shape in [&shape[..], &one_by_one, b"", &[24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]] {
            let input = [&field(1, "text"), &field(2, "BYTES"), shape, &contents(&["up", "€"])].concat();
            assert_eq!(texts_of(&request(&input, b"")), expected, "{shape:?}");
            let raw = field(7, b"\x02\0\0\0up\x03\0\0\0\xe2\x82\xac");
            let input = [&field(1, "text"), &field(2, "BYTES"), shape].concat();
            assert_eq!(texts_of(&request(&input, &raw)), expected, "{shape:?}");
            assert_eq!(texts_of(&[raw, request(&input, b"")].concat()), expected, "in another order");
        }
    }

    #[test]
    fn what_is_inconsistent_is_refused() {
        let up = contents(&["up"]);
        let raw = field(7, b"\x02\0\0\0up");
        let parameter = |key: &str, value: &[u8]| [field(1, key), field(2, value)].concat();
        let output = |name: &str, parameter: &[u8]| field(6, [field(1, name), field(2, parameter)].concat());
        for (message, reason) in [
            (request(&[&field(2, "FP32")[..], &up].concat(), b""), "datatype `BYTES`, found `FP32`"),
            (request(&[&field(3, b"\x03")[..], &up].concat(), b""), "the shape is for 3 texts, but the data has 1"),
            (request(&up, &raw), "both `bytes_contents` and raw"),
            (request(b"", &raw[..raw.len() - 1]), "not valid protobuf"),
            (request(b"", &field(7, b"\x03\0\0\0up")), "ends inside element 0"),
            (request(&field(5, field(6, b"\0\0\0\0")), b""), "contents of another type"),
            (request(&contents(&["a", "b", "c", "d"]), b""), "more than 3 texts"),
            (request(b"", b""), "empty"),
            (field(1, "mini"), "empty"),
            (request(&up, &field(5, &up)), "found several"),
            (request(b"", &[&raw[..], &raw].concat()), "found several"),
            (request(&up, &field(6, field(1, "labels"))), "no output `labels`"),
            (request(&up, &field(6, field(1, "label")).repeat(2)), "requested twice"),
            (request(&up, &output("label", &parameter("shared_memory_region", b""))), "shared memory"),
            (request(&up, &output("probabilities", &parameter("classification", b"\x1a\x012"))), "expected an integer"),
            (request(&up, &[8, 1]), "not valid protobuf"),
            (request(&up, &field(1, b"\xff")), "not valid protobuf"),
        ] {
            let found = texts_of(&message).unwrap_err();
            assert!(found.contains(reason), "{reason}: {found}");
        }
    }

    #[test]
    fn outputs_and_names_are_read_and_other_parameters_ignored() {
        let parameter = |key: &str, value: &[u8]| field(4, [field(1, key), field(2, value)].concat());
        let best_two = field(
            6,
            [field(1, "PROBABILITIES"), field(2, [field(1, "classification"), field(2, b"\x10\x02")].concat())]
                .concat(),
        );
        let more =
            [field(2, "1"), field(3, "r-1"), parameter("priority", b"\x10\x01"), best_two, field(6, field(1, "label"))];
        let parsed = parse(&request(&contents(&["up"]), &more.concat()), 3).unwrap();
        assert_eq!((parsed.model.as_str(), parsed.version.as_str(), parsed.id.as_str()), ("mini", "1", "r-1"));
        assert_eq!(parsed.outputs, [(OutputName::Probabilities, Some(2)), (OutputName::Label, None)]);
        assert!(!parsed.is_raw);
    }

    #[test]
    fn bytes_that_are_no_text_fail_their_text_only() {
        let contents = field(5, [field(8, b"\xff"), field(8, "up")].concat());
        let texts = texts_of(&request(&contents, b"")).unwrap();
        assert!(texts[0].contains("not a valid string") && texts[1] == "up", "{texts:?}");
    }
}
