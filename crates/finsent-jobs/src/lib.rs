//! Long runs over tables: rows are read, tokenized and scored on a thread each; a journal keeps what was scored; summaries
//! and evaluations count it.

pub mod evaluation;
mod journal;
mod stages;
pub mod summary;

pub use journal::{Changed, Entries, Fingerprint, Journal, Scored};
pub use stages::{Stages, Window};
