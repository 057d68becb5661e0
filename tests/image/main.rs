//! The images, as they run on a host that allows them nothing. `.ci/image` builds them and runs these tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod container;
mod contents;
mod hardened;
mod stopped;
