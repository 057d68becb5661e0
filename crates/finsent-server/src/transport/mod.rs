//! The transport below actix-http: sockets, the threads that serve them, and what a connection may cost.
//!
//! actix-http's own limits hold for a connection's first request only, it parses as many pipelined requests as arrive, and
//! its threads are those that requests keep busy. So connections take another way here:
//!
//! - The acceptor is a thread of its own. It accepts connections and reads until it knows what the first request is. It
//!   answers probes itself, so that no request can delay them, and hands every other connection to a worker.
//! - A worker is a thread that runs actix-http over [`Connection`](connection::Connection)s, and hands them back when they are idle. A
//!   `Connection` gives actix-http one request at a time, with a whole head, and holds back what follows until the answer
//!   is written. That bounds what waits to be written, and lets the same time limits hold for every request.
//! - With the feature `grpc`, a worker also serves connections of HTTP/2 (`http2`). Their calls are requests of the same routes.
//! - [`Places`] bounds the connections in all, per listener and per address, and keeps some for the acceptor.

mod acceptor;
mod app;
mod connection;
mod exchange;
mod framing;
mod handover;
#[cfg(feature = "grpc")]
pub(crate) mod http2;
mod listener;
mod places;
mod probe_answers;
mod probe_request;
mod refusals;
mod socket;
mod thread;
mod timeouts;
mod waiting;
mod worker;

use thiserror::Error;

pub(crate) use acceptor::{Acceptor, AcceptorSettings, BoundListener};
#[cfg(feature = "grpc")]
pub(crate) use app::http2_app_factory;
pub(crate) use app::{AppFactory, app_factory};
pub(crate) use places::{Limits, Places, TooFewFiles};
pub(crate) use probe_answers::ProbeAnswers;
pub(crate) use refusals::Refusals;
pub(crate) use timeouts::Timeouts;
pub(crate) use worker::{WorkerSettings, Workers};

/// Why the threads of the transport do not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The system allows no more threads.
    #[error(
        "cannot start a thread: {}; allow more processes and threads (`ulimit -u`, or the limit of the container)",
        finsent_model::plain_words(.0)
    )]
    Thread(std::io::Error),
    /// The system lacks what a thread needs to wait for connections.
    #[error(
        "cannot wait for connections: {}; allow more open files (`ulimit -n`) or more memory",
        finsent_model::plain_words(.0)
    )]
    Runtime(std::io::Error),
    /// The routes cannot be set up, which is a bug.
    #[error("cannot set up the routes")]
    Routes,
}
