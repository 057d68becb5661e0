//! Inference: POST /v2/models/{model}/infer, with or without a version.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::model_path::{ModelPath, VERSION};
use super::outputs::{OutputName, RequestedParameters, output};
use super::tensor::{HEADER_LENGTH, InputTensor, OutputTensor, write_response};
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, ScoredText, classify};
use crate::request::{Admitted, AnyBody, Body, Fields, Object, TextInput, elements, kind};
use crate::served_model::ServedModel;

/// The texts to score. Other fields are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Orders doubled"]}]}))]
pub(crate) struct InferRequest<'a> {
    /// Returned with the response.
    id: Option<String>,
    #[serde(borrow)]
    #[schema(min_items = 1, max_items = 1)]
    #[schema(value_type = Vec<InputTensor<'a>>)]
    inputs: &'a RawValue,
    /// The tensors to return [default: all]
    #[schema(value_type = Option<Vec<RequestedOutput>>)]
    outputs: Option<Vec<Object<RequestedOutput>>>,
    #[schema(value_type = Option<RequestParameters>)]
    parameters: Option<Object<RequestParameters>>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct RequestedOutput {
    name: OutputName,
    #[schema(value_type = Option<RequestedParameters>)]
    parameters: Option<Object<RequestedParameters>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
struct RequestParameters {
    /// Return all tensors in binary form.
    binary_data_output: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InferResponse<'a> {
    model_name: &'a str,
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<&'a str>,
    outputs: &'a [OutputTensor],
}

/// The same JSON, followed by the tensors that were requested in Triton's binary form
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only a schema: the body is written as bytes")]
pub(crate) struct BinaryTensors(Vec<u8>);

/// Score texts
///
/// Triton's binary tensors are accepted, and returned on request.
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "model_infer",
    request_body = InferRequest,
    responses((status = 200, description = "The tensors",
               content((InferResponse = "application/json"), (BinaryTensors = "application/octet-stream")))))]
pub(crate) async fn infer(
    admitted: Admitted,
    request: HttpRequest,
    path: web::Path<ModelPath>,
    body: AnyBody,
) -> Result<HttpResponse, HttpError> {
    respond(&admitted, &request, path.name()?, body.0).await
}

/// Score texts with a version of a model
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "model_version_infer",
    request_body = InferRequest,
    responses((status = 200, description = "The tensors",
               content((InferResponse = "application/json"), (BinaryTensors = "application/octet-stream")))))]
pub(crate) async fn infer_version(
    admitted: Admitted,
    request: HttpRequest,
    path: web::Path<ModelPath>,
    body: AnyBody,
) -> Result<HttpResponse, HttpError> {
    infer(admitted, request, path, body).await
}

/// What a request asks for.
pub(crate) struct Parsed {
    id: Option<String>,
    pub(crate) inputs: Vec<TextInput>,
    /// If there are none, all of the model's.
    outputs: Vec<(OutputName, RequestedParameters)>,
    binary_by_default: bool,
}

async fn respond(
    admitted: &Admitted,
    request: &HttpRequest,
    name: &str,
    body: Body,
) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(Some(name))?;
    let (json_length, limit) = (json_length(request)?, admitted.service().limits.max_client_batch_size);
    let (parsed, memory) = body.parse(move |body| parse(body, json_length, limit)).await?;
    let Parsed { id, inputs, outputs, binary_by_default } = parsed;
    let classify_request = ClassifyRequest::of_texts(model, (inputs, memory), admitted.deadline(None), true);
    let classified = classify(admitted, classify_request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let (model, texts, memory) = classified.into_all()?;
    let outputs = output_tensors(&model, &texts, outputs, binary_by_default)?;
    let json = InferResponse { model_name: &model.name, model_version: VERSION, id: id.as_deref(), outputs: &outputs };
    write_response(&mut response, memory, &json, &outputs)
}

/// The length of the JSON at the beginning of a body, if the header gives it.
fn json_length(request: &HttpRequest) -> Result<Option<usize>, HttpError> {
    let Some(length) = request.headers().get(HEADER_LENGTH) else { return Ok(None) };
    length.to_str().ok().and_then(|length| length.trim().parse().ok()).map(Some).ok_or_else(wrong_length)
}

fn wrong_length() -> HttpError {
    HttpError::Malformed(format!("`{HEADER_LENGTH}` is not the length of the JSON in the body"))
}

pub(crate) fn parse(body: &[u8], json_length: Option<usize>, limit: usize) -> Result<Parsed, HttpError> {
    let (json, mut binary) = body.split_at_checked(json_length.unwrap_or(body.len())).ok_or_else(wrong_length)?;
    let InferRequest { id, inputs, outputs, parameters } = Fields::of_body(json)?.read()?;
    let inputs = only_input(inputs)?.texts(&mut binary, limit)?;
    if !binary.is_empty() {
        return Err(HttpError::invalid(format!("{} bytes of the body do not belong to a tensor", binary.len())));
    }
    let binary_by_default = parameters.unwrap_or_default().0.binary_data_output.unwrap_or_default();
    Ok(Parsed { id, inputs, outputs: requested(outputs.unwrap_or_default())?, binary_by_default })
}

/// The tensor of texts, which is the only one whatever its name.
fn only_input(inputs: &RawValue) -> Result<InputTensor<'_>, HttpError> {
    if kind(inputs) != "an array" {
        return Err(HttpError::invalid(format!("`inputs`: expected an array, found {}", kind(inputs))));
    }
    match elements(inputs, 1).as_deref() {
        Ok(&[input]) => Fields::of(input, None)?.read(),
        Ok(_) => Err(HttpError::Empty),
        Err(_) => Err(HttpError::invalid("expected one input, `text`; found several")),
    }
}

/// The requested outputs. Each may be requested once, so that an answer is not much larger than its texts.
fn requested(outputs: Vec<Object<RequestedOutput>>) -> Result<Vec<(OutputName, RequestedParameters)>, HttpError> {
    let mut requested: Vec<(OutputName, RequestedParameters)> = Vec::new();
    for Object(RequestedOutput { name, parameters }) in outputs {
        if requested.iter().any(|&(other, _)| other == name) {
            return Err(HttpError::invalid(format!("the output `{}` is requested twice", name.as_str())));
        }
        requested.push((name, parameters.unwrap_or_default().0));
    }
    Ok(requested)
}

fn output_tensors(
    model: &Arc<ServedModel>,
    texts: &[ScoredText],
    requested: Vec<(OutputName, RequestedParameters)>,
    binary_by_default: bool,
) -> Result<Vec<OutputTensor>, HttpError> {
    let all = || OutputName::all_of(model).into_iter().map(|name| (name, RequestedParameters::default())).collect();
    let requested = if requested.is_empty() { all() } else { requested };
    let output = |(name, parameters)| output(model, texts, name, parameters, binary_by_default);
    requested.into_iter().map(output).collect()
}
