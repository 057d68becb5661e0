//! What the flow stands on: `kernels`, the arithmetic, on `threads`; `precision`, the number formats it is done in; and
//! `nearest`, for names that were misspelt.
//!
//! It knows nothing of texts, models or services.

pub mod kernels;
pub mod nearest;
pub mod precision;
pub mod threads;
