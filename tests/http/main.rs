//! The service as its clients see it: the real binary, on a port of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod clients;
mod connections;
mod disclosure;
mod errors;
mod explanations;
mod grpc;
mod lifecycle;
mod limits;
mod observe;
mod page;
mod protocols;
mod reload;
mod server;
mod soak;
mod stream;
mod traces;
