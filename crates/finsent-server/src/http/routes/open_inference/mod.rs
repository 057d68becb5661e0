//! Open Inference Protocol, version 2: what KServe, Triton and MLServer speak.

mod tensor;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::tensor::{HEADER_LENGTH, InputTensor, OutputTensor, Values};
use super::super::Phase;
use super::super::admit::{Admitted, model as find, service};
use super::super::body::AnyBody;
use super::super::error::HttpError;
use super::super::fields::{Object, Whole, without_place};
use super::super::infer::{Item, Job, infer as classify};
use super::super::openapi::{OpenInferenceResponses, PlainModelResponses, PlainServerResponse};
use super::super::served::ServedModel;
use super::schema;

/// There is one version of each model.
const VERSION: &str = "1";

/// Texts to score. Fields that are not listed are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["Orders doubled"]}]}))]
pub(in super::super) struct InferRequest<'a> {
    /// Comes back with the answer.
    id: Option<String>,
    #[serde(borrow)]
    #[schema(min_items = 1, max_items = 1)]
    #[schema(value_type = Vec<InputTensor<'a>>)]
    inputs: Vec<Object<InputTensor<'a>>>,
    /// The tensors that are wanted [default: all]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OutputName {
    Label,
    Probabilities,
    SentimentScore,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
struct RequestedParameters {
    /// Give this tensor in the answer's binary part.
    binary_data: Option<bool>,
    /// Give the best so many as `score:index:label`; for `probabilities`.
    #[schema(schema_with = schema::count)]
    classification: Option<Whole>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
struct RequestParameters {
    /// Give all tensors in the answer's binary part.
    binary_data_output: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct InferResponse<'a> {
    model_name: &'a str,
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    id: Option<&'a str>,
    outputs: &'a [OutputTensor],
}

/// The same with the tensors that were asked for behind it, in Triton's binary form.
#[derive(Debug, ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "a schema")]
pub(in super::super) struct BinaryTensors(Vec<u8>);

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: [&'static str; 2],
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ModelMetadata<'a> {
    name: &'a str,
    versions: [&'static str; 1],
    platform: &'static str,
    inputs: [TensorMetadata; 1],
    outputs: Vec<TensorMetadata>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TensorMetadata {
    name: &'static str,
    datatype: &'static str,
    /// -1 is any number of texts.
    shape: Vec<i64>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Live {
    live: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Ready {
    ready: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct ModelReady<'a> {
    name: &'a str,
    ready: bool,
}

/// Score texts
///
/// Triton's binary tensors are taken, and given where they are asked for.
#[utoipa::path(post, path = "/v2/models/{model}/infer", tag = "open inference", operation_id = "infer",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    request_body = InferRequest,
    responses((status = 200, description = "The tensors",
               content((InferResponse = "application/json"), (BinaryTensors = "application/octet-stream"))),
              OpenInferenceResponses))]
pub(in super::super) async fn infer(
    admitted: Admitted,
    request: HttpRequest,
    name: web::Path<String>,
    body: AnyBody,
) -> Result<HttpResponse, HttpError> {
    score(&admitted, &request, &name, &body.0).await
}

/// Score texts by a version of a model
#[utoipa::path(post, path = "/v2/models/{model}/versions/{version}/infer", tag = "open inference",
    operation_id = "infer_version",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini"),
           ("version" = String, Path, description = "Its version, `1`", example = "1")),
    request_body = InferRequest,
    responses((status = 200, description = "The tensors",
               content((InferResponse = "application/json"), (BinaryTensors = "application/octet-stream"))),
              OpenInferenceResponses))]
pub(in super::super) async fn infer_version(
    admitted: Admitted,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    body: AnyBody,
) -> Result<HttpResponse, HttpError> {
    let (name, version) = path.into_inner();
    check_version(version)?;
    score(&admitted, &request, &name, &body.0).await
}

async fn score(admitted: &Admitted, request: &HttpRequest, name: &str, body: &[u8]) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(Some(name))?;
    let (json, mut binary) = split(request, body)?;
    let asked = parse(json)?;
    let inputs = input(&asked.inputs)?.texts(&mut binary)?;
    if !binary.is_empty() {
        return Err(HttpError::invalid(format!("{} bytes of the body belong to no tensor", binary.len())));
    }
    let deadline = admitted.deadline(None);
    let inferred = classify(admitted, Job::of_texts(model, inputs, deadline, true)).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    inferred.describe(&mut response);
    let (model, items) = inferred.all()?;
    let outputs = outputs(&model, &items, &asked)?;
    let json =
        InferResponse { model_name: &model.name, model_version: VERSION, id: asked.id.as_deref(), outputs: &outputs };
    Ok(tensor::body(&mut response, &json, &outputs))
}

/// The JSON of a body, and its binary part.
fn split<'a>(request: &HttpRequest, body: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), HttpError> {
    let Some(length) = request.headers().get(HEADER_LENGTH) else { return Ok((body, &[])) };
    let length = length.to_str().ok().and_then(|length| length.trim().parse().ok());
    let wrong = || HttpError::Malformed(format!("`{HEADER_LENGTH}` is not the length of the body's JSON"));
    length.and_then(|length| body.split_at_checked(length)).ok_or_else(wrong)
}

fn parse(json: &[u8]) -> Result<InferRequest<'_>, HttpError> {
    let request: Result<Object<InferRequest<'_>>, _> = serde_json::from_slice(json);
    request.map(|request| request.0).map_err(|error| {
        if error.is_data() {
            HttpError::invalid(without_place(&error))
        } else {
            HttpError::Malformed(format!("the body is not valid JSON: {error}"))
        }
    })
}

/// The tensor of the texts: `text`, or the only one.
fn input<'a>(inputs: &'a [Object<InputTensor<'a>>]) -> Result<&'a InputTensor<'a>, HttpError> {
    match inputs {
        [] => Err(HttpError::Empty),
        [Object(only)] => Ok(only),
        several => {
            let names: Vec<&str> = several.iter().map(|input| input.0.name.as_str()).collect();
            Err(HttpError::invalid(format!("expected one input, `text`; found {}", names.join(", "))))
        }
    }
}

fn outputs(model: &Arc<ServedModel>, items: &[Item], asked: &InferRequest<'_>) -> Result<Vec<OutputTensor>, HttpError> {
    let all_binary = asked.parameters.unwrap_or_default().0.binary_data_output.unwrap_or_default();
    let wanted: Vec<(OutputName, RequestedParameters)> = match asked.outputs.as_deref() {
        Some(outputs) if !outputs.is_empty() => {
            outputs.iter().map(|Object(output)| (output.name, output.parameters.unwrap_or_default().0)).collect()
        }
        _ => available(model).into_iter().map(|name| (name, RequestedParameters::default())).collect(),
    };
    let output = |(name, parameters): (OutputName, RequestedParameters)| {
        if let Some(Whole(..1)) = parameters.classification {
            return Err(HttpError::invalid("`classification` is 1 or more"));
        }
        let in_binary = parameters.binary_data.unwrap_or(all_binary);
        let (shape, values) = values(model, items, name, parameters.classification)?;
        Ok(OutputTensor::new(name.as_str(), shape, values, in_binary))
    };
    wanted.into_iter().map(output).collect()
}

fn values(
    model: &Arc<ServedModel>,
    items: &[Item],
    name: OutputName,
    classification: Option<Whole>,
) -> Result<(Vec<usize>, Values), HttpError> {
    let labels = model.pipeline.labels().labels();
    let predictions = items.iter().map(|item| item.prediction(model));
    Ok(match (name, classification) {
        (OutputName::Label, _) => {
            (vec![items.len()], Values::Bytes(predictions.map(|prediction| prediction.label().to_owned()).collect()))
        }
        (OutputName::Probabilities, None) => {
            let probabilities =
                predictions.flat_map(|prediction| prediction.scores().map(|(_, score)| score).collect::<Vec<_>>());
            (vec![items.len(), labels.len()], Values::Fp32(probabilities.collect()))
        }
        (OutputName::Probabilities, Some(Whole(most))) => {
            let classes = labels.len().min(most as usize);
            let index = |label: &str| labels.iter().position(|known| known == label).unwrap_or_default();
            let class = |(label, score): (&str, f32)| format!("{score}:{}:{label}", index(label));
            let of_item =
                |item: &Item| item.sorted_scores(model, None).into_iter().take(classes).map(class).collect::<Vec<_>>();
            (vec![items.len(), classes], Values::Bytes(items.iter().flat_map(of_item).collect()))
        }
        (OutputName::SentimentScore, _) => {
            let scores: Option<Vec<f32>> = predictions.map(|prediction| prediction.sentiment_score()).collect();
            let none = || HttpError::invalid(format!("`{}` has no output `sentiment_score`", model.name));
            (vec![items.len()], Values::Fp32(scores.ok_or_else(none)?))
        }
    })
}

impl OutputName {
    fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Probabilities => "probabilities",
            Self::SentimentScore => "sentiment_score",
        }
    }
}

fn available(model: &ServedModel) -> Vec<OutputName> {
    let sentiment_score = model.pipeline.labels().has_sentiment_score().then_some(OutputName::SentimentScore);
    [OutputName::Label, OutputName::Probabilities].into_iter().chain(sentiment_score).collect()
}

fn check_version(version: String) -> Result<(), HttpError> {
    if version == VERSION { Ok(()) } else { Err(HttpError::UnknownVersion { version }) }
}

/// Tell about the server
#[utoipa::path(get, path = "/v2", tag = "open inference", operation_id = "server",
    responses((status = 200, description = "The server", body = ServerMetadata), PlainServerResponse))]
pub(in super::super) async fn server() -> HttpResponse {
    HttpResponse::Ok().json(ServerMetadata {
        name: "finsent",
        version: env!("CARGO_PKG_VERSION"),
        extensions: ["classification", "binary_tensor_data"],
    })
}

/// Is the process alive?
#[utoipa::path(get, path = "/v2/health/live", tag = "open inference", security(()), operation_id = "live",
    responses((status = 200, description = "It answers", body = Live)))]
pub(in super::super) async fn live() -> HttpResponse {
    HttpResponse::Ok().json(Live { live: true })
}

/// Should requests be sent here?
#[utoipa::path(get, path = "/v2/health/ready", tag = "open inference", security(()), operation_id = "ready",
    responses((status = 200, description = "Yes", body = Ready), (status = 503, description = "No", body = Ready)))]
pub(in super::super) async fn ready(request: HttpRequest) -> HttpResponse {
    let phase = service(&request).phase();
    HttpResponse::build(phase.status()).json(Ready { ready: phase == Phase::Ready })
}

/// Tell about a model
#[utoipa::path(get, path = "/v2/models/{model}", tag = "open inference", operation_id = "metadata",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    responses((status = 200, description = "Its tensors", body = ModelMetadata), PlainModelResponses))]
pub(in super::super) async fn metadata(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, HttpError> {
    let model = loaded(&request, &name)?;
    let outputs = available(model).into_iter().map(|name| match name {
        OutputName::Label => TensorMetadata { name: name.as_str(), datatype: "BYTES", shape: vec![-1] },
        OutputName::Probabilities => {
            let labels = model.pipeline.labels().labels().len() as i64;
            TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1, labels] }
        }
        OutputName::SentimentScore => TensorMetadata { name: name.as_str(), datatype: "FP32", shape: vec![-1] },
    });
    Ok(HttpResponse::Ok().json(ModelMetadata {
        name: &model.name,
        versions: [VERSION],
        platform: "finsent_bert",
        inputs: [TensorMetadata { name: "text", datatype: "BYTES", shape: vec![-1] }],
        outputs: outputs.collect(),
    }))
}

/// Tell about a version of a model
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}", tag = "open inference",
    operation_id = "metadata_version",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini"),
           ("version" = String, Path, description = "Its version, `1`", example = "1")),
    responses((status = 200, description = "Its tensors", body = ModelMetadata), PlainModelResponses))]
pub(in super::super) async fn metadata_version(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpError> {
    let (name, version) = path.into_inner();
    check_version(version)?;
    metadata(request, name.into()).await
}

/// Does a model take requests?
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = "open inference", operation_id = "model_ready",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    responses((status = 200, description = "Yes", body = ModelReady), PlainModelResponses))]
pub(in super::super) async fn model_ready(
    request: HttpRequest,
    name: web::Path<String>,
) -> Result<HttpResponse, HttpError> {
    let model = loaded(&request, &name)?;
    let phase = service(&request).phase();
    Ok(HttpResponse::build(phase.status()).json(ModelReady { name: &model.name, ready: phase == Phase::Ready }))
}

/// Does a version of a model take requests?
#[utoipa::path(get, path = "/v2/models/{model}/versions/{version}/ready", tag = "open inference",
    operation_id = "model_ready_version",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini"),
           ("version" = String, Path, description = "Its version, `1`", example = "1")),
    responses((status = 200, description = "Yes", body = ModelReady), PlainModelResponses))]
pub(in super::super) async fn model_ready_version(
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, HttpError> {
    let (name, version) = path.into_inner();
    check_version(version)?;
    model_ready(request, name.into()).await
}

fn loaded<'a>(request: &'a HttpRequest, name: &str) -> Result<&'a Arc<ServedModel>, HttpError> {
    find(service(request).loaded.get().ok_or(HttpError::Loading)?, Some(name))
}
