//! The documentation does not rot: every example runs, every link leads somewhere, and no page repeats another.
//!
//! Rust blocks are doctests of the library; see the end of src/lib.rs.
#![expect(clippy::unwrap_used, reason = "a test that cannot continue should fail right there")]

mod console;
mod examples;
mod imports;
mod links;
mod markdown;
mod page;
mod programs;
mod python;
mod repetition;
mod rust;
mod shell;
mod summary;
