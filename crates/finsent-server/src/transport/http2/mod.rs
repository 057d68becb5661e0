//! HTTP/2, for gRPC: each call of a connection becomes a request of the routes.
//!
//! h2 reads and writes the frames, within the limits that it is given here. The connection itself is one of the acceptor's,
//! with a place of its own, on a worker.

mod call;
mod connection;
mod stream;

use std::rc::Rc;
use std::sync::Arc;

use actix_http::body::BoxBody;
use actix_http::{Request, Response};
use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

pub(super) use self::connection::serve;
use crate::service::Service;

/// The header in which the routes give the gRPC status of an answer. It is sent as a trailer.
pub(crate) const STATUS: &str = "grpc-status";
/// What the status means here.
pub(crate) const MESSAGE: &str = "grpc-message";

/// The routes, as a function.
pub(crate) type Routes = Rc<dyn Fn(Request) -> LocalBoxFuture<'static, Response<BoxBody>>>;

/// What the connections of a worker have in common.
pub(crate) struct Shared {
    pub(super) routes: Routes,
    pub(super) service: Arc<Service>,
    /// Becomes true when connections must end with their current answers.
    pub(super) ending: watch::Receiver<bool>,
}
