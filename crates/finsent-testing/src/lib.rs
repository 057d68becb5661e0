//! What the test targets of finsent share.
//!
//! - [`Finsent`] runs the command in an environment without settings; [`Run`] is what came out, with assertions on it.
//! - [`Home`] is a temporary home directory for runs that download models or read settings of the user.
//! - [`Server`] is a running `finsent serve`; [`Address`], [`Request`] and [`Response`] talk to it over plain HTTP.
//! - [`grpc`] has the frames of calls of gRPC.
//! - [`wait_until`] polls a condition with a deadline: tests wait for conditions and never sleep.
//! - [`models`] copies the small test models and writes one of the size of BERT-base.
//!
//! Only a test target of the root package knows where Cargo put the binary, so each target names it once:
//!
//! ```text
//! const FINSENT: Finsent = finsent_testing::finsent!();
//!
//! FINSENT.run(&["classify", ""]).assert_fails(5, &["the text is empty"]);
//! ```
#![expect(clippy::unwrap_used, reason = "a helper that cannot continue should fail its test right there")]

mod bert_base;
mod binary;
pub mod grpc;
mod home;
mod http;
pub mod models;
mod process;
mod run;
mod server;
mod wait;

pub use binary::{Finsent, clear_environment};
pub use home::Home;
pub use http::{Address, Request, Response, Stream};
pub use process::{open_files, send_signal};
pub use run::{Run, assert_fails, parse_csv, parse_json_lines};
pub use server::Server;
pub use wait::{TIMEOUT, wait_for_exit, wait_for_output, wait_until};
