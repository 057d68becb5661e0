//! What is attached to a request on its way: the service, its id, its time of arrival, its model.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpMessage, HttpRequest, web};

use crate::served_model::ServedModel;
use crate::service::Service;

/// The model of a request, for the log and the metrics.
#[derive(Debug, Clone)]
pub(crate) struct ModelLabel(pub(crate) Arc<ServedModel>);

/// The id of a request: the client's, or a generated one.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) HeaderValue);

/// When the head of a request had arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival(pub(crate) Instant);

pub(crate) fn service(request: &HttpRequest) -> &Arc<Service> {
    let service: Option<&web::Data<Service>> = request.app_data();
    service.expect("every app is built with its service")
}

pub(super) fn arrival(request: &HttpRequest) -> Instant {
    let arrival = request.extensions().get::<Arrival>().copied();
    arrival.expect("the middleware sets it for every request").0
}
