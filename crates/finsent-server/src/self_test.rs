//! Checks a loaded model before any request may use it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use finsent_model::{ClassifyError, Encoding, MAX_BATCH_TOKENS, Text, TextError, TokenizerError};
use thiserror::Error;

use crate::metrics::Metrics;
use crate::scheduler::{BackendModel, Failure, Flow, Lane, Refusal, Scheduler, SchedulerLimits, Work};
use crate::served_model::ServedModel;

/// Texts for a model without known predictions.
const TEXTS: [&str; 3] = [
    "Quarterly revenue grew by a fifth and the company raised its forecast.",
    "The lender warned of heavy losses after two of its largest borrowers defaulted.",
    "The annual meeting will be held on 4 May at 10 a.m. in the head office.",
];

/// Why a model must not be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// A text has the wrong label.
    #[error("the self-test failed: the label of `{text}` is `{found}` instead of `{expected}`")]
    Label {
        /// The text.
        text: String,
        /// The label that it has.
        found: String,
        /// The label that it should have.
        expected: String,
    },
    /// A text has other logits in a batch than alone.
    #[error("the self-test failed: the logits of a text depend on the batch that it is in")]
    BatchDependent,
    /// A text has no prediction.
    #[error("the self-test failed: {0}")]
    NoPrediction(#[from] NoPrediction),
    /// The system cannot start the engine thread.
    #[error("the self-test failed: cannot start a thread")]
    Thread(#[from] std::io::Error),
}

/// Why a text of the self-test has no prediction.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NoPrediction {
    /// The text is invalid.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The tokenizer failed.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The encoder failed outside the scheduler.
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    /// The scheduler refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The encoder failed in the scheduler.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Computes a few texts together, through a scheduler as requests are, and one by one without it. Both must give the same
/// bits, the logits must be finite, and the labels must be the known ones.
///
/// # Errors
/// [`SelfTestError`] if one of these is not so.
pub fn self_test(model: &ServedModel) -> Result<(), SelfTestError> {
    let golden: Vec<(&str, Option<&str>)> = match model.golden.as_slice() {
        [] => TEXTS.iter().map(|&text| (text, None)).collect(),
        golden => golden.iter().map(|golden| (golden.text.as_str(), Some(golden.label.as_str()))).collect(),
    };
    let encodings: Vec<Arc<Encoding>> = golden.iter().map(|(text, _)| encode(model, text)).collect::<Result<_, _>>()?;

    // With a scheduler and metrics of its own, so that the service's metrics start at zero.
    let backend = Arc::new(BackendModel::new(0, Arc::clone(&model.pipeline) as _, Metrics::new().model("")));
    let limits = SchedulerLimits { max_batch_tokens: MAX_BATCH_TOKENS, max_queue_tokens: usize::MAX, cache_entries: 0 };
    let scheduler = Scheduler::start(&[Arc::clone(&backend)], limits)?;
    let deadline = Instant::now() + Duration::from_secs(600);
    let work = Work {
        model: backend,
        encodings: encodings.clone(),
        lane: Lane::Interactive,
        deadline,
        flow: Flow::default(),
        is_cached: true,
    };
    let pending = scheduler.submit(work).map_err(NoPrediction::from)?;

    for (((text, expected), encoding), pending) in golden.into_iter().zip(&encodings).zip(pending) {
        let output = pending.wait().map_err(NoPrediction::from)?;
        let alone = model.pipeline.logits(&[encoding]).remove(0).map_err(NoPrediction::from)?;
        if alone[..] != output.logits[..] {
            return Err(SelfTestError::BatchDependent);
        }
        let prediction = model.pipeline.prediction(encoding, &output.logits);
        if let Some(expected) = expected.filter(|&expected| expected != prediction.label()) {
            let (text, found, expected) = (text.into(), prediction.label().into(), expected.into());
            return Err(SelfTestError::Label { text, found, expected });
        }
    }
    Ok(())
}

fn encode(model: &ServedModel, text: &str) -> Result<Arc<Encoding>, NoPrediction> {
    Ok(Arc::new(model.pipeline.encode(&Text::parse(text)?)?))
}
