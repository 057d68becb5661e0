//! `ModelInfer`.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;

use super::super::open_inference::{OutputName, VERSION, Values, check_version, values};
use super::answer::counted_answer;
use super::messages::{InferOutputTensor, InferTensorContents, ModelInferResponse};
use super::request::{Parsed, parse};
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, ScoredText, classify};
use crate::request::{Admitted, GrpcMessage};
use crate::served_model::ServedModel;

/// The header with the time that a call may take.
const TIMEOUT: &str = "grpc-timeout";

/// Scores texts. The answer has the binary form of tensors if the call has it.
pub(crate) async fn infer(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    // After its message: clients may have many calls in a connection whose messages never come.
    let admitted = Admitted::admit(&request)?;
    let timeout = request.headers().get(TIMEOUT).map(|value| timeout(value.as_bytes())).transpose()?;
    let deadline = admitted.deadline(timeout);
    let limit = admitted.service().limits.max_client_batch_size;
    let (parsed, memory) = message.parse(move |bytes| parse(bytes, limit)).await?;
    let Parsed { model, version, id, inputs, outputs, is_raw } = parsed;
    let model = admitted.model(Some(&model))?;
    check_version(Some(version.as_str()).filter(|version| !version.is_empty()))?;
    let classified = classify(&admitted, ClassifyRequest::of_texts(model, (inputs, memory), deadline, true)).await?;
    let mut response = HttpResponse::Ok();
    classified.add_headers(&mut response);
    let (model, texts, memory) = classified.into_all()?;
    let answer = infer_response(&model, id, &texts, outputs, is_raw)?;
    counted_answer(response, memory, &answer)
}

fn infer_response(
    model: &Arc<ServedModel>,
    id: String,
    texts: &[ScoredText],
    requested: Vec<(OutputName, Option<i64>)>,
    is_raw: bool,
) -> Result<ModelInferResponse, HttpError> {
    let all = || OutputName::all_of(model).into_iter().map(|name| (name, None)).collect();
    let requested: Vec<_> = if requested.is_empty() { all() } else { requested };
    let (mut outputs, mut raw_output_contents) = (Vec::new(), Vec::new());
    for (name, classification) in requested {
        let (shape, values) = values(model, texts, name, classification)?;
        let datatype = values.datatype().into();
        let contents = if is_raw {
            raw_output_contents.push(values.to_binary());
            None
        } else {
            Some(values.into())
        };
        let shape = shape.into_iter().map(|size| size as i64).collect();
        outputs.push(InferOutputTensor { name: name.as_str().into(), datatype, shape, contents });
    }
    let (model_name, model_version) = (model.name.clone(), VERSION.into());
    Ok(ModelInferResponse { model_name, model_version, id, outputs, raw_output_contents })
}

impl From<Values> for InferTensorContents {
    fn from(values: Values) -> Self {
        match values {
            Values::Bytes(strings) => {
                let bytes_contents = strings.into_iter().map(String::into_bytes).collect();
                Self { bytes_contents, fp32_contents: Vec::new() }
            }
            Values::Fp32(fp32_contents) => Self { fp32_contents, bytes_contents: Vec::new() },
        }
    }
}

/// How long the client waits: up to eight digits and a unit.
///
/// # Errors
/// [`HttpError::Malformed`] for anything else.
pub(crate) fn timeout(value: &[u8]) -> Result<Duration, HttpError> {
    let invalid = || HttpError::Malformed(format!("`{TIMEOUT}` is not a number of up to eight digits and a unit"));
    let (&unit, digits) = value.split_last().ok_or_else(invalid)?;
    if digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid());
    }
    let number: u64 = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or_else(invalid)?;
    Ok(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return Err(invalid()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_number_and_a_unit() {
        let read = |value: &str| timeout(value.as_bytes()).ok();
        for (value, expected) in [
            ("99999999H", Duration::from_secs(99_999_999 * 3600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("15m", Duration::from_millis(15)),
            ("7u", Duration::from_micros(7)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(read(value), Some(expected), "{value}");
        }
        for wrong in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", "100000000S", "1 S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
