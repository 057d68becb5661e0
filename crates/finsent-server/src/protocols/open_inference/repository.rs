//! The models as Triton's clients list, load and unload them, below /v2/repository.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model_path::VERSION;
use crate::error::HttpError;
use crate::excerpt::excerpt;
use crate::loaded_models::ModelPlace;
use crate::reload::{Reply, Wish};
use crate::request::{AnyBody, Body, Fields, service};

/// The state of a model that answers.
pub(in crate::protocols) const READY: &str = "READY";

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
            (Some(_), _) => READY,
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
    models.retain(|model| ready != Some(true) || model.state == READY);
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
    let parse = move |body: &[u8]| parse_load(body).map(|()| name.into_inner());
    change(&request, body, parse, Wish::Load).await.map(changed)
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
    let parse = move |body: &[u8]| fields(body).map(|_| name.into_inner());
    change(&request, body, parse, Wish::Unload).await.map(changed)
}

/// Loads or unloads a model, if requests may do that, and waits for the outcome. `parse` reads a body to the model's name.
pub(in crate::protocols) async fn change(
    request: &HttpRequest,
    body: Body,
    parse: impl FnOnce(&[u8]) -> Result<String, HttpError> + Send + 'static,
    wish: fn(usize, Reply) -> Wish,
) -> Result<&ModelPlace, HttpError> {
    let service = service(request);
    service.reloads.check(service.keys.are_required())?;
    let (name, _) = body.parse(parse).await?;
    let loaded = service.loaded()?;
    let index = loaded.index(&name)?;
    service.reloads.ask(|reply| wish(index, reply)).await?;
    Ok(&loaded.places()[index])
}

fn changed(place: &ModelPlace) -> HttpResponse {
    HttpResponse::Ok().json(RepositoryModel::from(place))
}

fn parse_index(body: &[u8]) -> Result<IndexRequest, HttpError> {
    fields(body)?.map_or_else(|| Ok(IndexRequest::default()), Fields::read)
}

fn parse_load(body: &[u8]) -> Result<(), HttpError> {
    let Some(parameters) = fields(body)?.and_then(|fields| fields.get("parameters")) else { return Ok(()) };
    match Fields::of(parameters, None)?.without("").first() {
        None => Ok(()),
        Some((name, _)) => Err(parameter_refused(name)),
    }
}

/// Why a model is not loaded as a parameter says.
pub(in crate::protocols) fn parameter_refused(name: &str) -> HttpError {
    let name = excerpt(name);
    HttpError::invalid(format!(
        "`parameters`: `{name}` is not supported; a model is loaded from where it came from at the start"
    ))
}

/// The fields, if there are any.
fn fields(body: &[u8]) -> Result<Option<Fields<'_>>, HttpError> {
    let is_absent = matches!(body.trim_ascii(), b"" | b"null");
    if is_absent { Ok(None) } else { Fields::of_body(body).map(Some) }
}
