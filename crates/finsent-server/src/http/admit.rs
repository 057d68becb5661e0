//! The door of the routes that compute: who passes holds one of a bounded number of places.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use finsent_model::suggest;
use tokio::sync::OwnedSemaphorePermit;

use super::error::HttpError;
use super::served::ServedModel;
use super::{Loaded, Service};

/// A request that may be worked on.
pub(super) struct Admitted {
    service: Arc<Service>,
    request: HttpRequest,
    _place: OwnedSemaphorePermit,
}

/// The model that a request is for, as the log and the metrics call it.
#[derive(Debug, Clone)]
pub(super) struct ModelLabel(pub(super) Arc<ServedModel>);

/// The client's id of the request, or the one it was given.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) HeaderValue);

/// When the head of a request had arrived.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival(pub(super) Instant);

impl FromRequest for Admitted {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::admit(request))
    }
}

impl Admitted {
    fn admit(request: &HttpRequest) -> Result<Self, HttpError> {
        let service = service(request);
        if service.loaded.get().is_none() {
            return Err(HttpError::Loading);
        }
        let place = Arc::clone(&service.permits).try_acquire_owned();
        let full = |_| HttpError::Overloaded { retry_after: Duration::from_secs(1) };
        Ok(Self { service: Arc::clone(service), request: request.clone(), _place: place.map_err(full)? })
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The id by which the log knows the request.
    pub(super) fn request_id(&self) -> String {
        let id = self.request.extensions().get::<RequestId>().map(|id| id.0.clone());
        id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The longest that one answer may take, or what the client asks for if that is less.
    pub(super) fn patience(&self, asked: Option<Duration>) -> Duration {
        let longest = self.service.limits.request_timeout;
        asked.map_or(longest, |asked| asked.min(longest))
    }

    pub(super) fn loaded(&self) -> &Loaded {
        self.service.loaded.get().expect("who was admitted found the models loaded, and they stay")
    }

    /// The model of this name, or the default one.
    ///
    /// # Errors
    /// [`HttpError::UnknownModel`] with those that are loaded.
    pub(super) fn model(&self, name: Option<&str>) -> Result<Arc<ServedModel>, HttpError> {
        let model = Arc::clone(model(self.loaded(), name)?);
        self.request.extensions_mut().insert(ModelLabel(Arc::clone(&model)));
        Ok(model)
    }

    /// When the request's answer is of no use any more.
    pub(super) fn deadline(&self, asked: Option<Duration>) -> Instant {
        arrival(&self.request) + self.patience(asked)
    }
}

/// The loaded model of this name, or the default one.
///
/// # Errors
/// [`HttpError::UnknownModel`] with those that are loaded.
pub(super) fn model<'a>(loaded: &'a Loaded, name: Option<&str>) -> Result<&'a Arc<ServedModel>, HttpError> {
    let Some(name) = name else { return Ok(&loaded.models[0]) };
    loaded.models.iter().find(|model| model.is_called(name)).ok_or_else(|| {
        let names: Vec<String> = loaded.models.iter().map(|model| model.name.clone()).collect();
        let suggest = suggest(name, names.iter().map(String::as_str)).map(String::from);
        HttpError::UnknownModel { name: name.into(), suggest, loaded: names }
    })
}

pub(super) fn service(request: &HttpRequest) -> &Arc<Service> {
    let service: Option<&web::Data<Service>> = request.app_data();
    service.expect("every app is made with its service")
}

pub(super) fn arrival(request: &HttpRequest) -> Instant {
    let arrival = request.extensions().get::<Arrival>().copied();
    arrival.expect("every request passes the middleware first").0
}
