//! All routes, in one table. Handlers, 405 responses, error formats, metrics and the OpenAPI document follow from it.

use std::collections::HashMap;
use std::sync::LazyLock;

use actix_web::dev::{ResourceDef, ServiceRequest};
use actix_web::guard::GuardContext;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::HttpError;
use crate::error_format::ErrorFormat;
use crate::metrics::Metrics;
use crate::protocols::hugging_face::{self, HuggingFaceError};
use crate::protocols::native::{self, Problem};
use crate::protocols::tei::{self, TextEmbeddingsError};
use crate::protocols::vllm::{self, VllmError};
use crate::protocols::{PlainError, kserve, open_inference};
use crate::request::{is_json_lines, service};
use crate::route::{DOCUMENTATION, Purpose, Route};
use crate::{openapi, page, probes};

/// The error formats of the protocols.
const NATIVE: ErrorFormat = ErrorFormat::of::<Problem>();
const HUGGING_FACE: ErrorFormat = ErrorFormat::of::<HuggingFaceError>();
const TEI: ErrorFormat = ErrorFormat::of::<TextEmbeddingsError>();
const VLLM: ErrorFormat = ErrorFormat::of::<VllmError>();
const OPEN_INFERENCE: ErrorFormat = ErrorFormat::of::<PlainError>();

/// What a request for predictions may fail with.
const COMPUTE_ERRORS: [u16; 12] = [400, 401, 404, 405, 408, 413, 415, 422, 429, 500, 503, 504];
/// What a request to load or unload a model may fail with.
const MANAGE_ERRORS: [u16; 9] = [400, 401, 403, 404, 408, 413, 422, 429, 503];
/// The statuses of the other routes. 304 is that of the page, 308 that of /docs.
const OTHER_STATUSES: [u16; 7] = [200, 304, 308, 401, 404, 405, 503];
/// What is refused before its path is known.
const REFUSAL_STATUSES: [u16; 3] = [400, 408, 431];

/// The `route` of requests whose path is not in the table, in metrics and logs.
pub(crate) const UNKNOWN: &str = "unknown";

/// The files of the page.
const PAGE: &str = "/page/{file:.*}";

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    [protocols(), grpc(), page_files(), documentation(), observation()].into_iter().flatten().collect()
});

#[rustfmt::skip]
fn protocols() -> Vec<Route> {
    use Purpose::{Describe, Manage, Observe};
    use native::{models, sentiment};
    use open_inference::{config, health, infer, metadata, repository, statistics};
    use tei::{info, predict, tokenize};

    const DESCRIBE: &[u16] = &[401, 503];
    const DESCRIBE_MODEL: &[u16] = &[401, 404, 503];

    vec![
        Route::post_either("/v1/sentiment", NATIVE, sentiment::sentiment, is_stream, native::classify_stream)
            .documented::<sentiment::__path_sentiment>(&COMPUTE_ERRORS),
        // Before `/v1/models/{model}`, which matches the same paths: the first match counts.
        Route::post("/v1/models/{model}:predict", OPEN_INFERENCE, kserve::predict)
            .documented::<kserve::__path_predict>(&COMPUTE_ERRORS),

        Route::get("/v1/models", Describe, NATIVE, models::models).documented::<models::__path_models>(DESCRIBE),
        Route::get("/v1/models/{model}", Describe, NATIVE, models::model)
            .documented::<models::__path_model>(DESCRIBE_MODEL),

        Route::post("/", HUGGING_FACE, hugging_face::default_model)
            .documented::<hugging_face::__path_default_model>(&COMPUTE_ERRORS),
        Route::post("/models/{model:.+}", HUGGING_FACE, hugging_face::by_model)
            .documented::<hugging_face::__path_by_model>(&COMPUTE_ERRORS),

        Route::post("/predict", TEI, predict::predict).documented::<predict::__path_predict>(&COMPUTE_ERRORS),
        Route::post("/tokenize", TEI, tokenize::tokenize).documented::<tokenize::__path_tokenize>(&COMPUTE_ERRORS),
        Route::get("/info", Describe, TEI, info::info).documented::<info::__path_info>(DESCRIBE),

        Route::post("/classify", VLLM, vllm::classify).documented::<vllm::__path_classify>(&COMPUTE_ERRORS),
        Route::post("/v1/classify", VLLM, vllm::v1_classify)
            .documented::<vllm::__path_v1_classify>(&COMPUTE_ERRORS),

        Route::get("/v2", Describe, OPEN_INFERENCE, metadata::server).documented::<metadata::__path_server>(&[401]),
        Route::get("/v2/health/live", Observe, OPEN_INFERENCE, health::live)
            .documented::<health::__path_live>(&[]),
        Route::get("/v2/health/ready", Observe, OPEN_INFERENCE, health::ready)
            .documented::<health::__path_ready>(&[]),
        // Before `/v2/models/{model}`, which matches it, too.
        Route::get("/v2/models/stats", Describe, OPEN_INFERENCE, statistics::all)
            .documented::<statistics::__path_all>(DESCRIBE),
        Route::get("/v2/models/{model}", Describe, OPEN_INFERENCE, metadata::model)
            .documented::<metadata::__path_model>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/versions/{version}", Describe, OPEN_INFERENCE, metadata::model_version)
            .documented::<metadata::__path_model_version>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/ready", Describe, OPEN_INFERENCE, health::model_ready)
            .documented::<health::__path_model_ready>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/versions/{version}/ready", Describe, OPEN_INFERENCE, health::model_version_ready)
            .documented::<health::__path_model_version_ready>(DESCRIBE_MODEL),
        Route::post("/v2/models/{model}/infer", OPEN_INFERENCE, infer::infer)
            .documented::<infer::__path_infer>(&COMPUTE_ERRORS),
        Route::post("/v2/models/{model}/versions/{version}/infer", OPEN_INFERENCE, infer::infer_version)
            .documented::<infer::__path_infer_version>(&COMPUTE_ERRORS),
        Route::get("/v2/models/{model}/config", Describe, OPEN_INFERENCE, config::config)
            .documented::<config::__path_config>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/versions/{version}/config", Describe, OPEN_INFERENCE, config::version_config)
            .documented::<config::__path_version_config>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/stats", Describe, OPEN_INFERENCE, statistics::model)
            .documented::<statistics::__path_model>(DESCRIBE_MODEL),
        Route::get("/v2/models/{model}/versions/{version}/stats", Describe, OPEN_INFERENCE, statistics::model_version)
            .documented::<statistics::__path_model_version>(DESCRIBE_MODEL),
        Route::post("/v2/repository/index", OPEN_INFERENCE, repository::index)
            .with_purpose(Describe)
            .documented::<repository::__path_index>(&[400, 401, 413, 422, 503]),
        Route::post("/v2/repository/models/{model}/load", OPEN_INFERENCE, repository::load)
            .with_purpose(Manage)
            .documented::<repository::__path_load>(&MANAGE_ERRORS),
        Route::post("/v2/repository/models/{model}/unload", OPEN_INFERENCE, repository::unload)
            .with_purpose(Manage)
            .documented::<repository::__path_unload>(&MANAGE_ERRORS),
    ]
}

/// The methods of gRPC, which have listeners of their own.
#[cfg(feature = "grpc")]
#[rustfmt::skip]
fn grpc() -> Vec<Route> {
    use Purpose::{Describe, Manage, Observe};
    use crate::protocols::grpc::{FORMAT, describe, health, infer, reflection, repository};

    vec![
        Route::post("/inference.GRPCInferenceService/ModelInfer", FORMAT, infer::infer),
        Route::post("/inference.GRPCInferenceService/ServerLive", FORMAT, describe::server_live).with_purpose(Observe),
        Route::post("/inference.GRPCInferenceService/ServerReady", FORMAT, describe::server_ready).with_purpose(Observe),
        Route::post("/inference.GRPCInferenceService/ModelReady", FORMAT, describe::model_ready).with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/ServerMetadata", FORMAT, describe::server_metadata)
            .with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/ModelMetadata", FORMAT, describe::model_metadata)
            .with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/ModelConfig", FORMAT, describe::model_config).with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/ModelStatistics", FORMAT, describe::model_statistics)
            .with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/RepositoryIndex", FORMAT, repository::index)
            .with_purpose(Describe),
        Route::post("/inference.GRPCInferenceService/RepositoryModelLoad", FORMAT, repository::load).with_purpose(Manage),
        Route::post("/inference.GRPCInferenceService/RepositoryModelUnload", FORMAT, repository::unload)
            .with_purpose(Manage),
        Route::post("/grpc.health.v1.Health/Check", FORMAT, health::check).with_purpose(Observe),
        Route::post("/grpc.health.v1.Health/Watch", FORMAT, health::watch).with_purpose(Observe),
        Route::post("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", FORMAT, reflection::info)
            .with_purpose(Observe),
        Route::post("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", FORMAT, reflection::info)
            .with_purpose(Observe),
    ]
}

#[cfg(not(feature = "grpc"))]
fn grpc() -> Vec<Route> {
    Vec::new()
}

/// The formats of errors below these paths, where there is no route.
#[rustfmt::skip]
fn error_formats_by_prefix() -> Vec<(ResourceDef, ErrorFormat)> {
    vec![
        (ResourceDef::prefix("/models"), HUGGING_FACE),
        (ResourceDef::prefix("/v2"), OPEN_INFERENCE),
        (ResourceDef::new("/v1/models/{model:.*}:predict"), OPEN_INFERENCE),
    ]
}

/// What the page at `/` consists of. `GET /` itself counts as the last of these.
fn page_files() -> Vec<Route> {
    vec![
        // Before the files, whose pattern matches it: the first match counts.
        Route::get("/page/service.json", Purpose::Describe, NATIVE, page::service_json),
        Route::get(PAGE, Purpose::Observe, NATIVE, page::file),
    ]
}

fn documentation() -> Vec<Route> {
    vec![
        Route::get("/openapi.json", Purpose::Observe, NATIVE, openapi_json),
        #[cfg(feature = "swagger-ui")]
        Route::get("/docs", Purpose::Observe, NATIVE, crate::docs_page::redirect),
        #[cfg(feature = "swagger-ui")]
        Route::get("/docs/{file:.*}", Purpose::Observe, NATIVE, crate::docs_page::file),
    ]
}

fn observation() -> Vec<Route> {
    use Purpose::Observe;

    vec![
        Route::get("/livez", Observe, NATIVE, probes::livez).documented::<probes::__path_livez>(&[]),
        Route::get("/readyz", Observe, NATIVE, probes::readyz).documented::<probes::__path_readyz>(&[]),
        Route::get("/health", Observe, NATIVE, probes::health).documented::<probes::__path_health>(&[]),
        Route::get("/metrics", Observe, NATIVE, probes::metrics).documented::<probes::__path_metrics>(&[]),
    ]
}

fn is_stream(context: &GuardContext<'_>) -> bool {
    is_json_lines(context.head().headers())
}

/// GET /openapi.json.
async fn openapi_json(request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().json(openapi::document(&ROUTES, service(&request).keys.are_required()))
}

async fn no_route(request: HttpRequest) -> Result<String, HttpError> {
    Err(HttpError::NoRoute { path: request.path().into(), documentation: DOCUMENTATION })
}

/// The routes of an app whose paths have no parameters, by their paths.
struct FixedPaths(HashMap<&'static str, &'static Route>);

/// The route of a request. Most are found by their paths: to match all patterns takes longer than to read a short body.
pub(crate) fn find(request: &ServiceRequest) -> Option<&'static Route> {
    if page::is_asked_for(request) {
        return with_path(PAGE);
    }
    let fixed = request.app_data().and_then(|FixedPaths(routes)| routes.get(request.path()).copied());
    fixed.or_else(|| with_path(&request.match_pattern()?))
}

fn with_path(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.path == path)
}

/// The error format of a request that an app has no route for.
pub(crate) fn error_format_of_unknown(request: &ServiceRequest) -> ErrorFormat {
    #[cfg(feature = "grpc")]
    if request.version() == actix_web::http::Version::HTTP_2 {
        return crate::protocols::grpc::FORMAT;
    }
    error_format_of_path(request.path())
}

/// The error format of a path. A listener for metrics has few of the routes.
fn error_format_of_path(path: &str) -> ErrorFormat {
    static FORMATS: LazyLock<Vec<(ResourceDef, ErrorFormat)>> = LazyLock::new(|| {
        let of_routes = ROUTES.iter().map(|route| (ResourceDef::new(route.path), route.errors));
        of_routes.chain(error_formats_by_prefix()).collect()
    });
    FORMATS.iter().find(|(pattern, _)| pattern.is_match(path)).map_or(NATIVE, |&(_, format)| format)
}

/// Creates the metrics of requests for a model, or those of requests for none if `model` is empty, so that all series are
/// there from the start.
pub(crate) fn create_series(metrics: &Metrics, model: &str) {
    for route in ROUTES.iter() {
        if route.purpose == Purpose::Compute {
            let statuses = [200].iter().chain(&COMPUTE_ERRORS);
            statuses.for_each(|&status| drop(metrics.requests(route.path, model, status)));
            metrics.request_seconds(route.path, model);
        }
    }
    if model.is_empty() {
        let others = ROUTES.iter().filter(|route| route.purpose != Purpose::Compute).map(|route| route.path);
        for path in others.chain([UNKNOWN]) {
            OTHER_STATUSES.iter().for_each(|&status| drop(metrics.requests(path, model, status)));
        }
        for route in ROUTES.iter().filter(|route| route.purpose == Purpose::Manage) {
            MANAGE_ERRORS.iter().for_each(|&status| drop(metrics.requests(route.path, model, status)));
        }
        REFUSAL_STATUSES.iter().for_each(|&status| drop(metrics.requests(UNKNOWN, model, status)));
    }
}

/// Registers all routes, and the page.
pub(crate) fn register_all(app: &mut ServiceConfig) {
    page::register(app);
    register(app, [page_files(), protocols(), documentation(), observation()]);
}

/// Registers all routes but those of the page.
pub(crate) fn register_without_page(app: &mut ServiceConfig) {
    register(app, [protocols(), documentation(), observation()]);
}

/// Registers probes and metrics only.
pub(crate) fn register_observation(app: &mut ServiceConfig) {
    register(app, [observation()]);
}

/// Registers the methods of gRPC only.
#[cfg(feature = "grpc")]
pub(crate) fn register_grpc(app: &mut ServiceConfig) {
    register(app, [grpc()]);
    app.default_service(web::to(crate::protocols::grpc::no_method));
}

/// Whether there is a route with this path.
#[cfg(all(test, feature = "grpc"))]
pub(crate) fn has(path: &str) -> bool {
    with_path(path).is_some()
}

fn register<const N: usize>(app: &mut ServiceConfig, routes: [Vec<Route>; N]) {
    let paths = routes.iter().flatten().map(|route| route.path).filter(|path| is_fixed(path));
    app.app_data(FixedPaths(paths.filter_map(|path| Some((path, with_path(path)?))).collect()));
    routes.iter().flatten().for_each(|route| route.register(app));
    app.default_service(web::to(no_route));
}

/// Whether a path has no parameters.
fn is_fixed(path: &str) -> bool {
    !path.contains('{')
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet, HashSet};

    use finsent_model::{LabelMap, Prediction};
    use serde_json::Value;

    use super::*;

    #[test]
    fn no_path_is_in_the_table_twice() {
        let paths: HashSet<&str> = ROUTES.iter().map(|route| route.path).collect();
        assert_eq!(paths.len(), ROUTES.len());
    }

    #[test]
    fn a_path_without_parameters_is_that_of_the_first_route_that_matches_it() {
        for path in ROUTES.iter().map(|route| route.path).filter(|path| is_fixed(path)) {
            let first = ROUTES.iter().find(|route| ResourceDef::new(route.path).is_match(path));
            assert_eq!(first.map(|route| route.path), Some(path));
        }
    }

    #[test]
    fn unknown_paths_have_the_error_format_of_their_protocol() {
        for (path, content_type, field) in [
            ("/nothing", "application/problem+json", "detail"),
            ("/v1/models/a/b", "application/problem+json", "detail"),
            ("/v2x", "application/problem+json", "detail"),
            ("/", "application/json", "error"),
            ("/models", "application/json", "error"),
            ("/models/a/b", "application/json", "error"),
            ("/predict", "application/json", "error_type"),
            ("/info", "application/json", "error_type"),
            ("/tokenize", "application/json", "error_type"),
            ("/classify", "application/json", "error"),
            ("/v1/classify", "application/json", "error"),
            ("/v2/models", "application/json", "error"),
            ("/v1/models/a/b:predict", "application/json", "error"),
        ] {
            let format = error_format_of_path(path);
            let (_, schema) = (format.schema)();
            assert_eq!(format.content_type, content_type, "{path}");
            let schema = serde_json::to_value(schema).unwrap();
            assert!(schema["properties"].get(field).is_some(), "{path}: {schema}");
        }
    }

    fn document() -> Value {
        serde_json::to_value(openapi::document(&ROUTES, true)).unwrap()
    }

    #[test]
    fn the_schema_of_a_prediction_has_the_fields_of_a_prediction() {
        let schema = &document()["components"]["schemas"]["Prediction"];
        let documented: BTreeSet<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let labels = [("0".to_owned(), "positive".to_owned()), ("1".to_owned(), "negative".to_owned())].into();
        let labels = LabelMap::new(Some(&labels), 2, &BTreeMap::new()).unwrap();
        let prediction = Prediction::new(labels.into(), vec![0.75, 0.25], 3, false);
        let serialized = serde_json::to_value(prediction).unwrap();
        let written: BTreeSet<String> = serialized.as_object().unwrap().keys().cloned().collect();
        assert_eq!(documented, written);
    }

    #[test]
    fn every_operation_has_a_summary_and_an_id_of_its_own() {
        let document = document();
        assert!(document["security"].is_array());
        let mut ids = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
                assert!(operation["summary"].is_string(), "{method} {path}");
                ids.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
        let distinct: HashSet<&String> = ids.iter().collect();
        assert_eq!((ids.len(), distinct.len()), (32, 32));
    }

    #[test]
    fn every_reference_of_the_document_has_its_schema() {
        let document = document();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = &reference[..reference.find('"').unwrap()];
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
