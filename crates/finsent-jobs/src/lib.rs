//! Long runs over tables.
//!
//! [`Stages`] reads, tokenizes and scores rows, each on a thread of its own. A [`Journal`] keeps what was scored, so that an
//! interrupted run can be resumed. [`summary`] aggregates predictions by group and period; [`evaluation`] compares them with
//! labels.
#![warn(missing_docs)]

mod error;
pub mod evaluation;
mod hash;
mod journal;
mod known_rows;
mod language;
mod once;
mod recent_logits;
mod stages;
pub mod summary;
mod text_options;

pub use error::JobError;
pub use journal::{Fingerprint, Journal, JournalEntries, JournalError, Scored};
pub use known_rows::KnownRows;
pub use language::{LanguageCheck, reads_only_english};
pub use once::Copies;
pub use stages::{Stages, Window};
pub use text_options::TextOptions;
