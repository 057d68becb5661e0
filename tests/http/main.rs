//! The service as its clients see it: the real binary at a port of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod clients;
mod errors;
mod feed;
mod life;
mod limits;
mod observe;
mod protocols;
mod server;
mod soak;
mod unasked;
