//! The routes, a file a protocol: extract, call, reply.

mod feed;
mod hugging_face;
mod kserve;
mod models;
mod observe;
mod open_inference;
mod schema;
mod sentiment;
mod text_embeddings;

use actix_web::dev::Handler;
use actix_web::guard::fn_guard;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Resource, Responder, web};
use utoipa_swagger_ui::{Config, SwaggerUi};

use super::body::is_json_lines;
use super::error::HttpError;
use crate::metrics::Metrics;

pub(super) use feed::{Given, answer_line, error_line};
pub(super) use hugging_face::{__path_by_model, __path_default_model};
pub(super) use kserve::__path_predict as __path_kserve_predict;
pub(super) use models::{__path_model, __path_models};
pub(super) use observe::{__path_health, __path_livez, __path_metrics, __path_readyz};
pub(super) use open_inference::{
    __path_infer, __path_infer_version, __path_live, __path_metadata, __path_metadata_version, __path_model_ready,
    __path_model_ready_version, __path_ready, __path_server,
};
pub(super) use sentiment::__path_sentiment;
pub(super) use text_embeddings::{__path_info, __path_predict};

/// Routes that compute.
const COMPUTING: [&str; 7] = [
    "/v1/sentiment",
    "/",
    "/models/{model:.+}",
    "/predict",
    "/v2/models/{model}/infer",
    "/v2/models/{model}/versions/{version}/infer",
    "/v1/models/{model}:predict",
];
/// Routes that tell about the models.
const TELLING: [&str; 8] = [
    "/info",
    "/v1/models",
    "/v1/models/{model}",
    "/v2",
    "/v2/models/{model}",
    "/v2/models/{model}/versions/{version}",
    "/v2/models/{model}/ready",
    "/v2/models/{model}/versions/{version}/ready",
];
/// Routes that need no key, and whose requests are not worth a line in the log.
const OPEN: [&str; 9] = [
    "/livez",
    "/readyz",
    "/health",
    "/v2/health/live",
    "/v2/health/ready",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/docs/{_:.*}",
];
/// What the metrics and the log call a path that is no route.
pub(super) const UNKNOWN: &str = "unknown";

/// What requests of the routes that compute end in.
const COMPUTING_STATUSES: [u16; 13] = [200, 400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504];
/// The others.
const OTHER_STATUSES: [u16; 6] = [200, 308, 401, 404, 405, 503];

pub(super) fn computes(route: &str) -> bool {
    COMPUTING.contains(&route)
}

pub(super) fn is_open(route: &str) -> bool {
    OPEN.contains(&route)
}

/// Makes the series of requests for a model, or of those that are for none.
pub(super) fn make_series(metrics: &Metrics, model: &str) {
    for route in COMPUTING {
        COMPUTING_STATUSES.iter().for_each(|&status| drop(metrics.requests(route, model, status)));
        metrics.request_seconds(route, model);
    }
    if model.is_empty() {
        for route in TELLING.iter().chain(&OPEN).chain(&[UNKNOWN]) {
            OTHER_STATUSES.iter().for_each(|&status| drop(metrics.requests(route, model, status)));
        }
    }
}

/// All routes.
pub(super) fn all(app: &mut web::ServiceConfig) {
    let is_feed = fn_guard(|context| is_json_lines(context.head().headers()));
    let feed = web::post().guard(is_feed).to(feed::feed);
    // The first route that fits takes the request.
    app.service(only("/v1/sentiment", "POST").route(feed).route(web::post().to(sentiment::sentiment)))
        .service(post("/", hugging_face::default_model))
        .service(post("/models/{model:.+}", hugging_face::by_model))
        .service(post("/predict", text_embeddings::predict))
        .service(get("/info", text_embeddings::info))
        .service(post("/v2/models/{model}/infer", open_inference::infer))
        .service(post("/v2/models/{model}/versions/{version}/infer", open_inference::infer_version))
        .service(get("/v2", open_inference::server))
        .service(get("/v2/health/live", open_inference::live))
        .service(get("/v2/health/ready", open_inference::ready))
        .service(get("/v2/models/{model}", open_inference::metadata))
        .service(get("/v2/models/{model}/versions/{version}", open_inference::metadata_version))
        .service(get("/v2/models/{model}/ready", open_inference::model_ready))
        .service(get("/v2/models/{model}/versions/{version}/ready", open_inference::model_ready_version))
        .service(post("/v1/models/{model}:predict", kserve::predict))
        .service(get("/v1/models", models::models))
        .service(get("/v1/models/{model}", models::model))
        .service(get("/openapi.json", super::openapi::openapi))
        .service(get("/docs", docs))
        // The page would else ask a host of others' what it thinks of the document.
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::new(["/openapi.json"]).validator_url("none")))
        .service(only("/docs/{_:.*}", "GET"));
    observing(app);
}

/// The routes by which others watch the service.
pub(super) fn observing(app: &mut web::ServiceConfig) {
    app.service(get("/livez", observe::livez))
        .service(get("/readyz", observe::readyz))
        .service(get("/health", observe::health))
        .service(get("/metrics", observe::metrics))
        .default_service(web::to(no_route));
}

fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Copy,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    only(path, "GET, HEAD").route(web::get().to(handler)).route(web::head().to(handler))
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    only(path, "POST").route(web::post().to(handler))
}

/// A resource that refuses other methods than these.
fn only(path: &str, allow: &'static str) -> Resource {
    let refuse = move || std::future::ready(Err::<String, _>(HttpError::Method { allow }));
    web::resource(path).default_service(web::to(refuse))
}

async fn docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

async fn no_route(request: HttpRequest) -> Result<String, HttpError> {
    Err(HttpError::NoRoute { path: request.path().into() })
}
