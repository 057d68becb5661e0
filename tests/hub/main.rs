//! Fetching models, as the hub and its users see it: the real binary against a stand-in hub on loopback.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod answer;
mod broken;
mod cache;
mod fetched;
mod home;
mod itself;
mod killed;
mod offline;
mod proxy;
mod published;
mod python;
mod refused;
mod stand_in;
mod stored;
mod tls;
mod ways;
