//! The models as Triton's clients list, load and unload them, below /v2/repository.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_path::VERSION;
use crate::error::HttpError;
use crate::loaded_models::ModelPlace;
use crate::reload::Wish;
use crate::request::{AnyBody, Fields, service};

/// Which models to list. Both models that are ready and others are listed by default.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct IndexRequest {
    ready: Option<bool>,
}

/// What to load. Triton's parameters are refused: a model is loaded from where it came from at the start.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it documents the body")]
pub(crate) struct LoadRequest {
    parameters: Option<Parameters>,
}

/// How to unload. `unload_dependents` makes no difference: no model depends on another.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it documents the body")]
pub(crate) struct UnloadRequest {
    parameters: Option<UnloadParameters>,
}

#[derive(Debug, ToSchema)]
struct Parameters {}

#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it documents the body")]
struct UnloadParameters {
    unload_dependents: Option<bool>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RepositoryModel<'a> {
    pub(in crate::protocols) name: &'a str,
    pub(in crate::protocols) version: &'static str,
    /// READY, LOADING or UNAVAILABLE.
    pub(in crate::protocols) state: &'static str,
    /// Why it is not ready, or why the last attempt to load it again failed; else empty.
    pub(in crate::protocols) reason: String,
}

impl<'a> From<&'a ModelPlace> for RepositoryModel<'a> {
    fn from(place: &'a ModelPlace) -> Self {
        let of_place = place.state();
        let state = match (&of_place.model, of_place.is_loading) {
            (Some(_), _) => "READY",
            (None, true) => "LOADING",
            (None, false) => "UNAVAILABLE",
        };
        Self { name: &place.name, version: VERSION, state, reason: of_place.reason.clone() }
    }
}

/// List the models
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "repository_index",
    request_body = Option<IndexRequest>,
    responses((status = 200, description = "The models", body = Vec<RepositoryModel>)))]
pub(crate) async fn index(request: HttpRequest, AnyBody(body): AnyBody) -> Result<HttpResponse, HttpError> {
    let (IndexRequest { ready }, _) = body.parse(parse_index).await?;
    let loaded = service(&request).loaded()?;
    let mut models: Vec<RepositoryModel<'_>> = loaded.places().iter().map(Into::into).collect();
    models.retain(|model| ready != Some(true) || model.state == "READY");
    Ok(HttpResponse::Ok().json(models))
}

/// Load a model again
///
/// It is loaded from where it came from at the start, tested, and put in the place of the old one, which answers until then.
/// The answer comes when all requests that follow it get the new one. If its files have not changed, nothing is done. The
/// server must be started with `--allow-reload` and `--api-key-file`.
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "load_model",
    request_body = Option<LoadRequest>,
    responses((status = 200, description = "The model, which answers from now on", body = RepositoryModel)))]
pub(crate) async fn load(
    request: HttpRequest,
    name: web::Path<String>,
    AnyBody(body): AnyBody,
) -> Result<HttpResponse, HttpError> {
    let index = index_to_change(&request, &name)?;
    body.parse(parse_load).await?;
    service(&request).reloads.ask(|reply| Wish::Load(index, reply)).await?;
    changed(&request, index)
}

/// Unload a model
///
/// Requests that have it are answered; others for it fail with 404. Without the default model the server is not ready. The
/// server must be started with `--allow-reload` and `--api-key-file`.
#[utoipa::path(post, path = "", tag = "open inference", operation_id = "unload_model",
    request_body = Option<UnloadRequest>,
    responses((status = 200, description = "The model, which does not answer any more", body = RepositoryModel)))]
pub(crate) async fn unload(
    request: HttpRequest,
    name: web::Path<String>,
    AnyBody(body): AnyBody,
) -> Result<HttpResponse, HttpError> {
    let index = index_to_change(&request, &name)?;
    body.parse(|body| fields(body).map(drop)).await?;
    service(&request).reloads.ask(|reply| Wish::Unload(index, reply)).await?;
    changed(&request, index)
}

/// The index of a model, if requests may change models.
fn index_to_change(request: &HttpRequest, name: &str) -> Result<usize, HttpError> {
    let service = service(request);
    service.reloads.check(service.keys.are_required())?;
    service.loaded()?.index(name)
}

fn changed(request: &HttpRequest, index: usize) -> Result<HttpResponse, HttpError> {
    let place = &service(request).loaded()?.places()[index];
    Ok(HttpResponse::Ok().json(RepositoryModel::from(place)))
}

fn parse_index(body: &[u8]) -> Result<IndexRequest, HttpError> {
    fields(body)?.map_or_else(|| Ok(IndexRequest::default()), Fields::read)
}

fn parse_load(body: &[u8]) -> Result<(), HttpError> {
    let Some(parameters) = fields(body)?.and_then(|fields| fields.get("parameters")) else { return Ok(()) };
    match Fields::of(parameters, None)?.without("").first() {
        None => Ok(()),
        Some((name, _)) => Err(HttpError::invalid(format!(
            "`parameters`: `{name}` is not supported; a model is loaded from where it came from at the start"
        ))),
    }
}

/// The fields, if there are any.
fn fields(body: &[u8]) -> Result<Option<Fields<'_>>, HttpError> {
    let is_absent = matches!(body.trim_ascii(), b"" | b"null");
    if is_absent { Ok(None) } else { Fields::of_body(body).map(Some) }
}
