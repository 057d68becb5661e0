//! A model that classifies texts.

use std::fmt;
use std::sync::Arc;

use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{
    Aggregate, ClassifyError, Document, ExplainOptions, Explanation, Granularity, Pipeline, Prediction, Sentence, Text,
    TextError as InvalidText,
};
use thiserror::Error;

/// A loaded model. Load it once and share it: all methods take `&self`, and calls from several threads share the model's
/// compute threads, as many at a time as it has [workers](crate::ModelBuilder::workers).
pub struct Model {
    pipeline: Pipeline,
    threads: Arc<ComputeThreads>,
}

/// Why a text has no prediction, or the prediction no explanation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TextError {
    /// The text is blank or larger than 32 MiB.
    #[error(transparent)]
    Invalid(#[from] InvalidText),
    /// The text could not be tokenized, the model gave no finite result, or the prediction cannot be explained.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
}

impl Model {
    pub(crate) fn new(pipeline: Pipeline, threads: Arc<ComputeThreads>) -> Self {
        Self { pipeline, threads }
    }

    /// The layers below, for the Python package.
    #[doc(hidden)]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    pub(crate) fn threads(&self) -> &Arc<ComputeThreads> {
        &self.threads
    }

    /// Classifies one text. Only the first [`max_length`](Self::max_length) tokens are read;
    /// [`Prediction::truncated`] says whether there were more.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large.
    pub fn classify(&self, text: &str) -> Result<Prediction, TextError> {
        let text = Text::parse(text)?;
        let mut predictions = self.pipeline.classify(&[&text]);
        Ok(predictions.remove(0)?)
    }

    /// Classifies many texts at once, which is faster than one call per text. The results are in the order of the texts,
    /// and each is bit for bit what [`classify`](Self::classify) gives. A text that fails does not affect the others.
    ///
    /// All results are in memory at once: for a large file, call this with some hundred texts at a time.
    pub fn classify_batch<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Vec<Result<Prediction, TextError>> {
        let texts: Vec<Result<Text, InvalidText>> = texts.into_iter().map(|text| Text::parse(text.as_ref())).collect();
        let valid: Vec<&Text> = texts.iter().flatten().collect();
        let mut predictions = self.pipeline.classify(&valid).into_iter();
        let mut next = || predictions.next().expect("there is a prediction for each valid text");
        texts.iter().map(|text| Ok(text.as_ref().map_err(InvalidText::clone).map(|_| next())??)).collect()
    }

    /// Splits a text into sentences and classifies each of them. A sentence longer than the window is read in
    /// overlapping windows, so that nothing is truncated.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, or one of its sentences fails.
    pub fn classify_sentences(&self, text: &str) -> Result<Vec<Sentence>, TextError> {
        let text = Text::parse(text)?;
        Ok(self.pipeline.classify_sentences(&[&text]).remove(0)?)
    }

    /// Classifies all of a text of any length by its sentences. The document's scores are the mean of its sentences'
    /// scores, weighted by their tokens.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, or one of its sentences fails.
    pub fn classify_document(&self, text: &str) -> Result<Document, TextError> {
        self.classify_document_by(text, Aggregate::TokenWeighted)
    }

    /// Like [`classify_document`](Self::classify_document), with the mean of your choice.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, or one of its sentences fails.
    pub fn classify_document_by(&self, text: &str, aggregate: Aggregate) -> Result<Document, TextError> {
        let text = Text::parse(text)?;
        Ok(self.pipeline.classify_documents(&[&text], aggregate).remove(0)?)
    }

    /// Says which words made the prediction for a text: how much each adds to the probability of the predicted label, as a
    /// Shapley value. It takes up to 512 passes of the model, which are computed in batches.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, or has more than 128 words: see
    /// [`explain_document`](Self::explain_document).
    pub fn explain(&self, text: &str) -> Result<Explanation, TextError> {
        self.explain_by(text, &ExplainOptions::default())
    }

    /// Like [`explain`](Self::explain), with the method, the label and the number of passes of your choice.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, the model does not have the label, or the text has too many words for
    /// the passes.
    pub fn explain_by(&self, text: &str, options: &ExplainOptions) -> Result<Explanation, TextError> {
        self.explained(text, Granularity::Text, options)
    }

    /// Says which sentences made the prediction of [`classify_document_by`](Self::classify_document_by), and which words the
    /// three strongest of them.
    ///
    /// # Errors
    /// [`TextError`] if the text is blank or too large, one of its sentences fails, or the model does not have the label.
    pub fn explain_document(
        &self,
        text: &str,
        aggregate: Aggregate,
        options: &ExplainOptions,
    ) -> Result<Explanation, TextError> {
        self.explained(text, Granularity::Document(aggregate), options)
    }

    fn explained(
        &self,
        text: &str,
        granularity: Granularity,
        options: &ExplainOptions,
    ) -> Result<Explanation, TextError> {
        let text = Text::parse(text)?;
        let classification = self.pipeline.classify_all(&[&text], granularity).remove(0)?;
        Ok(self.pipeline.explain(&text, &classification, granularity, options)?)
    }

    /// The labels, in the order of [`Prediction::scores`].
    pub fn labels(&self) -> &[String] {
        self.pipeline.labels().labels()
    }

    /// The model's window in tokens, special tokens included. What is longer is cut, except by
    /// [`classify_document`](Self::classify_document) and [`classify_sentences`](Self::classify_sentences).
    pub fn max_length(&self) -> usize {
        self.pipeline.max_length()
    }

    /// The number format that the model computes in.
    pub fn precision(&self) -> Precision {
        self.pipeline.precision()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("labels", &self.labels())
            .field("max_length", &self.max_length())
            .field("precision", &self.precision())
            .finish_non_exhaustive()
    }
}
