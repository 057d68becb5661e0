//! KServe's first protocol: POST /v1/models/{model}:predict.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::Prediction;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::admit::Admitted;
use super::super::body::Body;
use super::super::error::HttpError;
use super::super::fields::{Fields, kind};
use super::super::infer::{Job, infer};
use super::super::openapi::OpenInferenceResponses;
use super::schema;
use super::sentiment::text_of;

/// The texts.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"instances": ["Shares plunged 12%", {"text": "Orders doubled"}]}))]
#[expect(dead_code, reason = "the request's schema; it is read field by field, so that each mistake is named")]
pub(in super::super) struct Instances {
    #[schema(schema_with = schema::instances)]
    instances: (),
}

/// A prediction for each instance.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct Predictions {
    #[schema(value_type = Vec<schema::Prediction>)]
    predictions: Vec<Prediction>,
}

/// Score instances
#[utoipa::path(post, path = "/v1/models/{model}:predict", tag = "open inference", operation_id = "kserve_predict",
    params(("model" = String, Path, description = "A model that is loaded", example = "mini")),
    request_body = Instances,
    responses((status = 200, description = "The predictions", body = Predictions), OpenInferenceResponses))]
pub(in super::super) async fn predict(
    admitted: Admitted,
    model: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(Some(&model))?;
    let fields = Fields::of_body(&body)?;
    fields.required("instances")?;
    let instances: Vec<&RawValue> = fields.optional("instances")?.unwrap_or_default();
    if instances.is_empty() {
        return Err(HttpError::invalid("`instances` is empty"));
    }
    let text = |(index, instance): (usize, &RawValue)| match kind(instance) {
        "an object" => text_of(Fields::of(instance, Some(index))?.required("text")?, Some(index)),
        _ => text_of(instance, Some(index)),
    };
    let inputs = instances.into_iter().enumerate().map(text).collect::<Result<_, _>>()?;
    let deadline = admitted.deadline(None);
    let inferred = infer(&admitted, Job::of_texts(model, inputs, deadline, true)).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    inferred.describe(&mut response);
    let (model, items) = inferred.all()?;
    Ok(response.json(Predictions { predictions: items.iter().map(|item| item.prediction(&model)).collect() }))
}
