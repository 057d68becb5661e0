//! The Python module `finsent._finsent`. The package around it is in `python/finsent`.
//!
//! ```text
//! str, list, Arrow ──► texts ──► model ──► prediction, document, arrow_batch
//! ```

mod arrow_batch;
mod arrow_texts;
mod characters;
mod command;
mod document;
mod error;
mod explanation;
mod model;
mod prediction;
mod process;
mod text_result;
mod texts;

/// What finsent computes with. Import it from `finsent`.
#[pyo3::pymodule]
mod _finsent {
    #[pymodule_export]
    use super::arrow_batch::ArrowBatch;
    #[pymodule_export]
    use super::command::run_command;
    #[pymodule_export]
    use super::document::{Document, Sentence};
    #[pymodule_export]
    use super::explanation::{ExplainedPart, Explanation};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::prediction::{Prediction, Scored, restore_prediction};

    #[pymodule_export]
    const __VERSION__: &str = env!("CARGO_PKG_VERSION");
}
