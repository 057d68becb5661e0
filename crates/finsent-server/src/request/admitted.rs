//! Admission to the routes that compute: at most `max_concurrent_requests` at a time.

use std::future::{Ready, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use tokio::sync::OwnedSemaphorePermit;

use super::context::{ModelLabel, RequestId, arrival, service};
use crate::error::HttpError;
use crate::loaded_models::LoadedModels;
use crate::served_model::ServedModel;
use crate::service::Service;
use crate::traces::RequestTrace;

/// A request that may be processed. It holds a permit until it is dropped.
pub(crate) struct Admitted {
    service: Arc<Service>,
    request: HttpRequest,
    _permit: OwnedSemaphorePermit,
}

impl FromRequest for Admitted {
    type Error = HttpError;
    type Future = Ready<Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::admit(request))
    }
}

/// Whether the client asks to go on with another protocol. Other upgrades than this one are ignored.
fn is_websocket(headers: &HeaderMap) -> bool {
    let is_websocket = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket");
    headers.get_all(header::UPGRADE).any(is_websocket)
}

impl Admitted {
    /// Admits a request.
    ///
    /// # Errors
    /// [`HttpError::Overloaded`] if too many requests are in progress, and what else prevents any from being processed.
    pub(crate) fn admit(request: &HttpRequest) -> Result<Self, HttpError> {
        let service = service(request);
        // actix-web takes everything that follows such a head as its body, whatever length it gives.
        if is_websocket(request.headers()) {
            return Err(HttpError::Upgrade);
        }
        service.loaded()?;
        let permit = Arc::clone(&service.permits).try_acquire_owned();
        let full = |_| HttpError::Overloaded { retry_after: Duration::from_secs(1) };
        Ok(Self { service: Arc::clone(service), request: request.clone(), _permit: permit.map_err(full)? })
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The id of the request, for the log.
    pub(crate) fn request_id(&self) -> String {
        let id = self.request.extensions().get::<RequestId>().map(|id| id.0.clone());
        id.as_ref().and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
    }

    pub(crate) fn loaded(&self) -> &LoadedModels {
        self.service.loaded().expect("requests are admitted only after the models are loaded")
    }

    /// The model with this name, or the default one. The log and the metrics show the request under it.
    ///
    /// # Errors
    /// [`HttpError::UnknownModel`] with the names of all models.
    pub(crate) fn model(&self, name: Option<&str>) -> Result<Arc<ServedModel>, HttpError> {
        let model = self.loaded().find(name)?;
        self.request.extensions_mut().insert(ModelLabel(Arc::clone(&model)));
        Ok(model)
    }

    /// The trace of the request; `None` if it has no spans.
    pub(crate) fn trace(&self) -> Option<Rc<RequestTrace>> {
        self.service.tracer()?;
        self.request.extensions().get::<Rc<RequestTrace>>().cloned()
    }

    /// How long the answer may take: what the client allows, at most the service's timeout.
    pub(crate) fn time_limit(&self, requested: Option<Duration>) -> Duration {
        let timeout = self.service.limits.request_timeout;
        requested.map_or(timeout, |requested| requested.min(timeout))
    }

    /// When the time for the answer is over.
    pub(crate) fn deadline(&self, requested: Option<Duration>) -> Instant {
        arrival(&self.request) + self.time_limit(requested)
    }
}
