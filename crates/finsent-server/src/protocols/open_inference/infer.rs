//! Inference: POST /v2/models/{model}/infer, with or without a version.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_path::{ModelPath, VERSION};
use super::outputs::{OutputName, RequestedParameters, output};
use super::tensor::{HEADER_LENGTH, InputTensor, OutputTensor, write_response};
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, ScoredText, classify};
use crate::request::{Admitted, AnyBody, Object, without_position};
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
    inputs: Vec<Object<InputTensor<'a>>>,
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
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "infer",
    request_body = InferRequest,
    responses((status = 200, description = "The tensors",
               content((InferResponse = "application/json"), (BinaryTensors = "application/octet-stream")))))]
pub(crate) async fn infer(
    admitted: Admitted,
    request: HttpRequest,
    path: web::Path<ModelPath>,
    body: AnyBody,
) -> Result<HttpResponse, HttpError> {
    respond(&admitted, &request, path.name()?, &body.0).await
}

/// Score texts with a version of a model
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "infer_version",
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

async fn respond(
    admitted: &Admitted,
    request: &HttpRequest,
    name: &str,
    body: &[u8],
) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(Some(name))?;
    let (json, mut binary) = split(request, body)?;
    let request = parse(json)?;
    let inputs = only_input(&request.inputs)?.texts(&mut binary)?;
    if !binary.is_empty() {
        return Err(HttpError::invalid(format!("{} bytes of the body do not belong to a tensor", binary.len())));
    }
    let classify_request = ClassifyRequest::of_texts(model, inputs, admitted.deadline(None), true);
    let classified = classify(admitted, classify_request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let (model, texts) = classified.into_all()?;
    let outputs = outputs(&model, &texts, &request)?;
    let id = request.id.as_deref();
    let json = InferResponse { model_name: &model.name, model_version: VERSION, id, outputs: &outputs };
    Ok(write_response(&mut response, &json, &outputs))
}

/// The JSON of a body, and its binary part.
fn split<'a>(request: &HttpRequest, body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), HttpError> {
    let Some(length) = request.headers().get(HEADER_LENGTH) else { return Ok((body, &[])) };
    let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
    let wrong = || HttpError::Malformed(format!("`{HEADER_LENGTH}` is not the length of the JSON in the body"));
    length.and_then(|length| body.split_at_checked(length)).ok_or_else(wrong)
}

fn parse(json: &[u8]) -> Result<InferRequest<'_>, HttpError> {
    let request: Result<Object<InferRequest<'_>>, _> = serde_json::from_slice(json);
    request.map(|request| request.0).map_err(|error| {
        if error.is_data() {
            HttpError::invalid(without_position(&error))
        } else {
            HttpError::Malformed(format!("the body is not valid JSON: {error}"))
        }
    })
}

/// The tensor of texts, which is the only one whatever its name.
fn only_input<'a>(inputs: &'a [Object<InputTensor<'a>>]) -> Result<&'a InputTensor<'a>, HttpError> {
    match inputs {
        [] => Err(HttpError::Empty),
        [Object(input)] => Ok(input),
        several => {
            let names: Vec<&str> = several.iter().map(|input| input.0.name.as_str()).collect();
            Err(HttpError::invalid(format!("expected one input, `text`; found {}", names.join(", "))))
        }
    }
}

fn outputs(
    model: &Arc<ServedModel>,
    texts: &[ScoredText],
    request: &InferRequest<'_>,
) -> Result<Vec<OutputTensor>, HttpError> {
    let binary_by_default = request.parameters.unwrap_or_default().0.binary_data_output.unwrap_or_default();
    let requested: Vec<(OutputName, RequestedParameters)> = match request.outputs.as_deref() {
        Some(outputs) if !outputs.is_empty() => {
            outputs.iter().map(|Object(output)| (output.name, output.parameters.unwrap_or_default().0)).collect()
        }
        _ => OutputName::all_of(model).into_iter().map(|name| (name, RequestedParameters::default())).collect(),
    };
    let output = |(name, parameters)| output(model, texts, name, parameters, binary_by_default);
    requested.into_iter().map(output).collect()
}
