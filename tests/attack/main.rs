//! Attacks on the service and on the command, with payloads that are drawn at random.
//!
//! Each run draws other payloads of the same kinds, and prints the seed that repeats them:
//!
//! ```sh
//! FINSENT_ATTACK_SEED=1234 cargo test --release --test attack -- --ignored --nocapture
//! ```
//!
//! The tests print tables of what they measured. `docs/reliability.md` has those of the last release.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]
#![expect(clippy::print_stderr, reason = "a person reads the measurements")]

mod files;
mod models;
mod mutate;
mod seed;
mod service;

const FINSENT: finsent_testing::Finsent = finsent_testing::finsent!();
