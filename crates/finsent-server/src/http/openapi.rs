//! /openapi.json, made of the handlers' own descriptions.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Header, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};
use utoipa::{IntoResponses, OpenApi, ToSchema};

use super::admit::service;
use super::error::{HuggingFaceError, PlainError, Problem, TextEmbeddingsError};
use super::routes;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "finsent",
        description = "Financial sentiment of texts: FinBERT on the CPU. The same models by five protocols.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/")),
    tags(
        (name = "finsent", description = "finsent's own protocol"),
        (name = "hugging face", description = "For clients of the Hugging Face inference API"),
        (name = "text-embeddings-inference", description = "For clients of text-embeddings-inference"),
        (name = "open inference", description = "For clients of KServe, Triton and MLServer"),
        (name = "watching", description = "Probes and metrics")
    ),
    paths(
        routes::sentiment,
        routes::models,
        routes::model,
        routes::default_model,
        routes::by_model,
        routes::predict,
        routes::info,
        routes::server,
        routes::live,
        routes::ready,
        routes::metadata,
        routes::metadata_version,
        routes::model_ready,
        routes::model_ready_version,
        routes::infer,
        routes::infer_version,
        routes::kserve_predict,
        routes::livez,
        routes::readyz,
        routes::health,
        routes::metrics
    ),
    components(schemas(Problem, PlainError, HuggingFaceError, TextEmbeddingsError))
)]
struct Document;

/// The document; where the service has keys, it says so.
pub(super) fn document(has_keys: bool) -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    if has_keys {
        let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("key", bearer);
        document.security = Some(vec![SecurityRequirement::new("key", Vec::<String>::new())]);
    }
    document
}

/// GET /openapi.json.
pub(super) async fn openapi(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().json(document(service(&request).keys.are_asked_for()))
}

const COMPUTING: [u16; 12] = [400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504];

fn errors<E: ToSchema>(statuses: &[u16], content_type: &str) -> BTreeMap<String, RefOr<Response>> {
    let response = |&status: &u16| {
        let known = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(E::name()))).build();
        let mut response = ResponseBuilder::new().description(known.unwrap_or_default()).content(content_type, content);
        if status == 429 {
            let mut header = Header::new(ObjectBuilder::new().schema_type(Type::Integer));
            header.description = Some("Seconds after which it is worth asking again".into());
            response = response.header("Retry-After", header);
        }
        (status.to_string(), RefOr::T(response.build()))
    };
    statuses.iter().map(response).collect()
}

macro_rules! responses {
    ($($(#[$doc:meta])* $name:ident: $error:ty, $content_type:literal, $statuses:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                errors::<$error>(&$statuses, $content_type)
            }
        }
    )*};
}

responses! {
    /// Errors of finsent's own route.
    ProblemResponses: Problem, "application/problem+json", COMPUTING;
    /// Errors of the list of models.
    UnavailableResponse: Problem, "application/problem+json", [401, 503];
    /// Errors of one model's description.
    ModelResponses: Problem, "application/problem+json", [401, 404, 503];
    /// Errors of the routes for clients of the hub.
    HuggingFaceResponses: HuggingFaceError, "application/json", COMPUTING;
    /// Errors of the routes for clients of text-embeddings-inference.
    TextEmbeddingsResponses: TextEmbeddingsError, "application/json", COMPUTING;
    /// Errors of its `/info`.
    TellingResponses: TextEmbeddingsError, "application/json", [401, 503];
    /// Errors of the Open Inference Protocol.
    OpenInferenceResponses: PlainError, "application/json", COMPUTING;
    /// Errors of its routes that tell of the server.
    PlainServerResponse: PlainError, "application/json", [401];
    /// Errors of its routes that tell of a model.
    PlainModelResponses: PlainError, "application/json", [401, 404, 503];
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_predictions_schema_is_what_a_prediction_serialises_to() {
        let document = serde_json::to_value(document(false)).unwrap();
        let schema = &document["components"]["schemas"]["Prediction"];
        let of_schema: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
        let labels = [("0".to_owned(), "positive".to_owned()), ("1".to_owned(), "negative".to_owned())].into();
        let labels = finsent_model::LabelMap::new(Some(&labels), 2, &BTreeMap::new()).unwrap();
        let prediction = finsent_model::Prediction::new(labels.into(), vec![0.75, 0.25], 3, false);
        let serialised: Value = serde_json::to_value(prediction).unwrap();
        let mut of_prediction: Vec<&String> = serialised.as_object().unwrap().keys().collect();
        let mut of_schema = of_schema;
        of_prediction.sort();
        of_schema.sort();
        assert_eq!(of_schema, of_prediction);
    }

    #[test]
    fn every_operation_has_its_own_name_and_a_summary() {
        let document = serde_json::to_value(document(true)).unwrap();
        assert!(document["security"].is_array());
        let mut names = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path}");
                names.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((count, names.len()), (21, 21));
    }
}
