//! `--explain` and `finsent explain`: an explanation for each prediction.

use std::sync::Arc;

use finsent_model::{Classification, ExplainOptions, Explanation, Granularity, Pipeline};
use finsent_table::{ItemError, Row};

use crate::cli::args::{ClassifyArgs, Explained, Format};
use crate::cli::exit::UsageError;

/// Explains the predictions of a run.
pub(super) struct Explainer {
    pipeline: Arc<Pipeline>,
    options: ExplainOptions,
    granularity: Granularity,
    unescape_html: bool,
}

impl Explainer {
    /// What the arguments ask to be explained.
    ///
    /// # Errors
    /// If the output has no place for it.
    pub(super) fn asked_for(
        args: &ClassifyArgs,
        format: Format,
        granularity: Granularity,
    ) -> Result<Option<Explained>, UsageError> {
        let by_default = || args.explain.then(|| Explained { options: ExplainOptions::default(), is_all: false });
        let Some(explained) = args.explained.clone().or_else(by_default) else { return Ok(None) };
        if !matches!(format, Format::Text | Format::Json | Format::Jsonl) {
            return Err(UsageError(
                "explanations need a format that has a place for them: --format text, json or jsonl".into(),
            ));
        }
        if granularity == Granularity::Sentence {
            return Err(UsageError("--explain needs one prediction per text: --granularity text or document".into()));
        }
        Ok(Some(explained))
    }

    /// # Errors
    /// If the model does not have the label.
    pub(super) fn new(
        options: ExplainOptions,
        granularity: Granularity,
        args: &ClassifyArgs,
        pipeline: &Arc<Pipeline>,
    ) -> Result<Self, UsageError> {
        options.check(pipeline.labels()).map_err(|error| UsageError(error.to_string()))?;
        Ok(Self { pipeline: Arc::clone(pipeline), options, granularity, unescape_html: args.unescape_html })
    }

    /// Explains the prediction of a row.
    pub(super) fn explain(&self, row: &Row, answer: &Classification) -> Result<Explanation, ItemError> {
        let text = row.text.as_ref().map_err(ItemError::clone)?;
        let plain = if self.unescape_html { text.unescape_html()? } else { None };
        let text = plain.as_ref().unwrap_or(text);
        Ok(self.pipeline.explain(text, answer, self.granularity, &self.options)?)
    }
}
