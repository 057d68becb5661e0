//! The images, as they run on a host that allows them nothing. `.ci/image` builds them and runs these tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

#[expect(dead_code, reason = "the tests of the service use more of it")]
#[path = "../http/client.rs"]
mod client;
mod container;
mod contents;
mod hardened;
#[path = "../cli/random_bert.rs"]
mod random_bert;
mod stopped;
