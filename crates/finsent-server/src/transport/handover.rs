//! A connection on its way between the acceptor and a worker.

use std::time::Instant;

use super::places::Place;
use super::socket::DetachedSocket;
use crate::probes::Probe;

/// A connection on its way from the acceptor to a worker, or back.
pub(crate) struct Handover {
    pub(super) socket: DetachedSocket,
    /// What the acceptor has read. Nothing on the way back.
    pub(super) first: Vec<u8>,
    /// Since when the next request is being waited for.
    pub(super) waiting_since: Instant,
    pub(super) place: Place,
    pub(super) routing: Routing,
}

/// Where the requests of a listener go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Routing {
    /// The index of the listener.
    pub(super) listener: usize,
    /// The index of the application that answers what is no probe.
    pub(super) app: usize,
    pub(super) probes: &'static [Probe],
}
