//! Why a model was not loaded.

/// Why a model was not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadFailure {
    /// In words for clients, which do not learn where files are.
    pub reason: String,
    /// In words for the log.
    pub details: String,
}

impl LoadFailure {
    /// A reason that anyone may know.
    pub(crate) fn of(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { details: reason.clone(), reason }
    }
}
