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
use crate::request::{Admitted, Body, Fields, TextInput, kind, parse_text};

/// The texts
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"instances": ["Shares plunged 12%", {"text": "Orders doubled"}]}))]
pub(crate) struct Instances<'a> {
    #[serde(borrow)]
    #[schema(schema_with = schema::instances)]
    instances: Vec<&'a RawValue>,
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
    let Instances { instances } = Fields::of_body(&body)?.read()?;
    if instances.is_empty() {
        return Err(HttpError::invalid("`instances` is empty"));
    }
    let inputs = instances.into_iter().enumerate().map(|(index, instance)| parse_instance(instance, index));
    let inputs = inputs.collect::<Result<_, _>>()?;
    let request = ClassifyRequest::of_texts(model, inputs, admitted.deadline(None), true);
    let classified = classify(&admitted, request).await?;
    let mut response = HttpResponse::build(StatusCode::OK);
    classified.add_headers(&mut response);
    let (model, texts) = classified.into_all()?;
    Ok(response.json(Predictions { predictions: texts.iter().map(|text| text.prediction(&model)).collect() }))
}

fn parse_instance(instance: &RawValue, index: usize) -> Result<TextInput, HttpError> {
    if kind(instance) != "an object" {
        return parse_text(instance, Some(index));
    }
    let TextInstance { text } = Fields::of(instance, Some(index))?.read()?;
    parse_text(text, Some(index))
}
