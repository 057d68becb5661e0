//! Does a model that was just loaded answer, and rightly? Asked before it is given to anyone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use finsent_model::{ClassifyError, Encoding, MAX_BATCH_TOKENS, Text, TextError, TokenizerError};
use thiserror::Error;

use super::served::ServedModel;
use crate::metrics::{Metrics, ModelInfo};
use crate::scheduler::{EngineModel, Failure, Lane, Refusal, Scheduler, SchedulerLimits, Work};

/// What is asked of a model of which nothing is known.
const TEXTS: [&str; 3] = [
    "Quarterly revenue grew by a fifth and the company raised its forecast.",
    "The lender warned of heavy losses after two of its largest borrowers defaulted.",
    "The annual meeting will be held on 4 May at 10 a.m. in the head office.",
];

/// A model that must not be used.
#[derive(Debug, Error)]
pub enum SelfTestError {
    /// It gave another label than it has to.
    #[error("the self-test failed: `{text}` is `{found}`, expected `{expected}`")]
    Label {
        /// The text.
        text: String,
        /// Its label.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A text has another answer in company than alone.
    #[error("the self-test failed: an answer of the scheduler is not that of the encoder")]
    Company,
    /// It gave no answer.
    #[error("the self-test failed: {0}")]
    NoAnswer(#[from] NoAnswer),
    /// The engine's thread cannot be started.
    #[error("the self-test failed: cannot start a thread")]
    Thread(#[from] std::io::Error),
}

/// Why there was no answer.
#[derive(Debug, Error)]
pub enum NoAnswer {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    #[error(transparent)]
    Classify(#[from] ClassifyError),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Has the model answer a few texts by the way of every request, and one by one without it. The labels must be those
/// that are known, the logits finite, and both ways must give the same bits.
///
/// # Errors
/// [`SelfTestError`] saying what went wrong.
pub fn self_test(model: &ServedModel) -> Result<(), SelfTestError> {
    let golden: Vec<(&str, Option<&str>)> = match model.golden.as_slice() {
        [] => TEXTS.iter().map(|&text| (text, None)).collect(),
        golden => golden.iter().map(|golden| (golden.text.as_str(), Some(golden.label.as_str()))).collect(),
    };
    let encodings: Vec<Arc<Encoding>> = golden.iter().map(|(text, _)| encode(model, text)).collect::<Result<_, _>>()?;

    // A scheduler of its own, so that the service's figures begin at zero.
    let nobody = ModelInfo { name: "", revision: "", digest: "", precision: "", isa: "" };
    let engine = EngineModel { engine: Arc::clone(&model.pipeline) as _, metrics: Metrics::new().model(nobody) };
    let limits = SchedulerLimits { max_batch_tokens: MAX_BATCH_TOKENS, max_queue_tokens: usize::MAX, cache_entries: 0 };
    let scheduler = Scheduler::start(vec![engine], limits)?;
    let deadline = Instant::now() + Duration::from_secs(600);
    let work = Work { model: 0, encodings: encodings.clone(), lane: Lane::Interactive, deadline };
    let pending = scheduler.submit(work).map_err(NoAnswer::from)?;

    for (((text, expected), encoding), pending) in golden.into_iter().zip(&encodings).zip(pending) {
        let answer = pending.wait().map_err(NoAnswer::from)?;
        let alone = model.pipeline.logits(&[encoding]).remove(0).map_err(NoAnswer::from)?;
        if alone[..] != answer.logits[..] {
            return Err(SelfTestError::Company);
        }
        let prediction = model.pipeline.prediction(encoding, &answer.logits);
        if let Some(expected) = expected.filter(|&expected| expected != prediction.label()) {
            let (text, found, expected) = (text.into(), prediction.label().into(), expected.into());
            return Err(SelfTestError::Label { text, found, expected });
        }
    }
    Ok(())
}

fn encode(model: &ServedModel, text: &str) -> Result<Arc<Encoding>, NoAnswer> {
    Ok(Arc::new(model.pipeline.encode(&Text::parse(text)?)?))
}
