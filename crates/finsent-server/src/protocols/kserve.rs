//! KServe's first protocol: POST /v1/models/{model}:predict.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use finsent_model::Prediction;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{prediction_schema, schema};
use crate::error::HttpError;
use crate::inference::{ClassifyRequest, classify};
use crate::request::{Admitted, Body, Fields, TextInput, json_answer, kind, parse_text, text_elements};

/// The texts
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"instances": ["Shares plunged 12%", {"text": "Orders doubled"}]}))]
pub(crate) struct Instances<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::instances)]
    instances: &'a RawValue,
}

/// One prediction per instance
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Predictions {
    #[schema(value_type = Vec<prediction_schema::Prediction>)]
    predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
struct TextInstance<'a> {
    #[serde(borrow)]
    text: &'a RawValue,
}

/// Score texts with KServe's first protocol
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "kserve_predict",
    request_body = Instances,
    responses((status = 200, description = "The predictions", body = Predictions)))]
pub(crate) async fn predict(
    admitted: Admitted,
    model: web::Path<String>,
    body: Body,
) -> Result<HttpResponse, HttpError> {
    let model = admitted.model(Some(&model))?;
    let limit = admitted.service().limits.max_client_batch_size;
    let parsed = body.parse(move |body| parse(body, limit)).await?;
    let request = ClassifyRequest::of_texts(model, parsed, admitted.deadline(None), true);
    let classified = classify(&admitted, request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let (model, texts, memory) = classified.into_all()?;
    let predictions = texts.iter().map(|text| text.prediction(&model)).collect();
    json_answer(&mut response, memory, &Predictions { predictions })
}

pub(crate) fn parse(body: &[u8], limit: usize) -> Result<Vec<TextInput>, HttpError> {
    let Instances { instances } = Fields::of_body(body)?.read()?;
    if kind(instances) != "an array" {
        return Err(HttpError::invalid(format!("`instances`: expected an array, found {}", kind(instances))));
    }
    let instances = text_elements(instances, limit).map_err(|error| match error {
        HttpError::Empty => HttpError::invalid("`instances` is empty"),
        other => other,
    })?;
    instances.into_iter().enumerate().map(|(index, instance)| parse_instance(instance, index)).collect()
}

fn parse_instance(instance: &RawValue, index: usize) -> Result<TextInput, HttpError> {
    if kind(instance) != "an object" {
        return parse_text(instance, Some(index));
    }
    let TextInstance { text } = Fields::of(instance, Some(index))?.read()?;
    parse_text(text, Some(index))
}
