//! The models as Triton's clients list, load and unload them.

use actix_web::{HttpRequest, HttpResponse};

use super::super::open_inference::{READY, RepositoryModel, change, parameter_refused};
use super::answer::{answer, read};
use super::messages::{Ignored, ModelIndex, RepositoryIndexRequest, RepositoryIndexResponse};
use super::wire::{Fields, Value, malformed, string};
use crate::error::HttpError;
use crate::reload::{Reply, Wish};
use crate::request::{Body, GrpcMessage, service};

/// Lists all models, or only those that are ready.
pub(crate) async fn index(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    let RepositoryIndexRequest { repository_name, ready } = read(message).await?;
    check_repository(&repository_name)?;
    let models = service(&request).loaded()?.places().iter().map(RepositoryModel::from);
    let models = models.filter(|model| !ready || model.state == READY).map(ModelIndex::from).collect();
    Ok(answer(&RepositoryIndexResponse { models }))
}

/// Loads a model again from where it came from at the start. The answer comes when it has taken the place of the old one.
pub(crate) async fn load(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    changed(&request, message, Wish::Load, parse_load).await
}

/// Unloads a model. `unload_dependents` makes no difference: no model depends on another.
pub(crate) async fn unload(request: HttpRequest, GrpcMessage(message): GrpcMessage) -> Result<HttpResponse, HttpError> {
    changed(&request, message, Wish::Unload, |message| parse(message, |_| Ok(()))).await
}

async fn changed(
    request: &HttpRequest,
    message: Body,
    wish: fn(usize, Reply) -> Wish,
    parse: fn(&[u8]) -> Result<String, HttpError>,
) -> Result<HttpResponse, HttpError> {
    change(request, message, parse, wish).await?;
    Ok(answer(&Ignored {}))
}

/// The model that is named in a `RepositoryModelLoadRequest`.
///
/// # Errors
/// [`HttpError::Invalid`] if it says how to load it.
pub(crate) fn parse_load(message: &[u8]) -> Result<String, HttpError> {
    parse(message, |parameter| Err(parameter_refused(parameter)))
}

/// The model that is named in a `RepositoryModelLoadRequest` or a `RepositoryModelUnloadRequest`, which have the same fields.
/// It is read where it lies, because its parameters may be many, or long: Triton loads models that clients send.
fn parse(message: &[u8], check_parameter: fn(&str) -> Result<(), HttpError>) -> Result<String, HttpError> {
    let (mut repository, mut model) = ("", "");
    let mut fields = Fields::of(message);
    while let Some(field) = fields.next()? {
        match field {
            (1, Value::Bytes(bytes)) => repository = string(bytes)?,
            (2, Value::Bytes(bytes)) => model = string(bytes)?,
            (3, Value::Bytes(entry)) => check_parameter(key(entry)?)?,
            (1..=3, _) => return Err(malformed()),
            _ => {}
        }
    }
    check_repository(repository)?;
    Ok(model.into())
}

/// The key of an entry of `map<string, ModelRepositoryParameter>`.
fn key(entry: &[u8]) -> Result<&str, HttpError> {
    let mut key = "";
    let mut fields = Fields::of(entry);
    while let Some(field) = fields.next()? {
        if let (1, Value::Bytes(bytes)) = field {
            key = string(bytes)?;
        }
    }
    Ok(key)
}

fn check_repository(name: &str) -> Result<(), HttpError> {
    if name.is_empty() {
        return Ok(());
    }
    Err(HttpError::invalid("`repository_name` is not supported; the models are in one repository, which has no name"))
}

impl From<RepositoryModel<'_>> for ModelIndex {
    fn from(RepositoryModel { name, version, state, reason }: RepositoryModel<'_>) -> Self {
        Self { name: name.into(), version: version.into(), state: state.into(), reason }
    }
}
