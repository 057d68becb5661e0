//! Downloads: runs finsent with a stand-in for the hub on the loopback interface.
#![expect(clippy::unwrap_used, reason = "a test should fail where it cannot continue")]

mod answer;
mod cache;
mod downloads;
mod failures;
mod home;
mod interrupted;
mod network;
mod offline;
mod proxy;
mod published;
mod python;
mod refusals;
mod stand_in;
mod stand_in_itself;
mod stored;
mod strange_files;
mod tls;
mod unpinned;
