//! A time before its zone is known.

use chrono::NaiveDateTime;

/// A time as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// With its zone; this is the time in UTC.
    Utc(NaiveDateTime),
    /// Without one.
    Local(NaiveDateTime),
}
