//! How long a connection may take for each of its steps.

use std::time::Duration;

/// The time limits of a connection. They hold for each of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// From the first byte of a head to its last, and from an answer to the end of a body that nobody reads. A new
    /// connection has as long to send its first head.
    pub(crate) head: Duration,
    /// From an answer to the first byte of the next request.
    pub(crate) idle: Duration,
    /// From an answer until a worker hands an idle connection back to the acceptor.
    pub(crate) hand_back: Duration,
    /// Without the peer taking a single byte of what is to be written.
    pub(crate) write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // Generous for a head, which is a few packets.
            head: Duration::from_secs(5),
            // Longer than the minute after which load balancers close idle connections: the client should be the first.
            idle: Duration::from_secs(75),
            // Long compared with the cost of going back and forth, and with the pauses of a busy client.
            hand_back: Duration::from_secs(1),
            // As long as a request may take by default: a reader that pauses longer has left.
            write: Duration::from_secs(30),
        }
    }
}
