//! The process that a model belongs to.

use pyo3::PyResult;
use pyo3::exceptions::PyRuntimeError;

/// The process in which a model was loaded. Its compute threads exist there only: `fork` copies memory, not threads, and a
/// call in the child would wait for them forever.
pub(crate) struct Process(u32);

impl Process {
    pub(crate) fn current() -> Self {
        Self(std::process::id())
    }

    /// # Errors
    /// RuntimeError in a process that was forked from it.
    pub(crate) fn check(&self) -> PyResult<()> {
        if self.0 == std::process::id() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(format!(
            "this model was loaded in process {}, and a forked process does not have its threads; \
             load the model in the child, or start processes with \"spawn\" or \"forkserver\"",
            self.0
        )))
    }
}
