//! The flow: texts become tokens, tokens a packed batch, the batch logits, the logits predictions.

use std::sync::Arc;

use finsent_kernels::{Precision, ThreadPool};
use thiserror::Error;

use crate::batch::{MAX_BATCH_TOKENS, PackedBatch, plan_passes};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::classification::{Classification, EncodedText, Granularity};
use crate::document::{Document, SplitText};
use crate::encoder::{Config, ConfigError, Encoder, EncoderError, Operands};
use crate::model_files::{FilesError, ModelFiles, ModelOptions};
use crate::prediction::{Activation, LabelError, LabelMap, Prediction, margin};
use crate::text::Text;
use crate::tokenizer::{Encoding, Limits, Tokenizer, TokenizerError};

/// Why a model could not be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// config.json describes no model that finsent computes.
    #[error("`{file}`")]
    Config {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// The tokeniser's files are missing or wrong.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The weights are missing or wrong.
    #[error(transparent)]
    Weights(#[from] CheckpointError),
    /// The encoder could not be built from the weights.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The labels are missing or wrong.
    #[error("`{file}`")]
    Labels {
        /// The file.
        file: String,
        /// What is wrong with them.
        source: LabelError,
    },
}

/// Why one text has no prediction.
#[derive(Debug, Error)]
pub enum ClassifyError {
    /// It has no tokens.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A logit is NaN or infinite.
    #[error("the model gave a logit that is not a finite number; its weights are damaged")]
    NotFinite,
    /// The pass that it was in failed.
    #[error(transparent)]
    Encoder(Arc<EncoderError>),
}

/// A model that is ready to classify.
#[derive(Debug)]
pub struct Pipeline {
    tokenizer: Tokenizer,
    encoder: Encoder,
    labels: Arc<LabelMap>,
    activation: Activation,
    /// Predictions with a smaller margin are made again with f32 activations.
    escalation_margin: f32,
}

impl Pipeline {
    /// Loads a model. The threads of `pool` compute.
    ///
    /// # Errors
    /// [`LoadError`] naming the file and what is wrong with it.
    pub fn load(files: &ModelFiles, options: &ModelOptions, pool: &Arc<ThreadPool>) -> Result<Self, LoadError> {
        let config = Config::parse(&files.config.read()?)
            .map_err(|source| LoadError::Config { file: files.config.to_string(), source })?;
        let max_length = config.max_length().min(options.max_length.unwrap_or(usize::MAX));
        let tokenizer = Tokenizer::load(&files.tokenizer, Limits { vocab_size: config.vocab_size, max_length })?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        let encoder = Encoder::load(&config, &checkpoint, options.precision, Arc::clone(pool))?;
        let labels = LabelMap::new(config.id2label.as_ref(), encoder.num_labels(), &options.label_aliases)
            .map_err(|source| LoadError::Labels { file: files.config.to_string(), source })?;
        let activation = activation(&config, encoder.num_labels());
        let escalation_margin = if options.precision == Precision::Int8 { options.int8_margin } else { 0.0 };
        Ok(Self { tokenizer, encoder, labels: Arc::new(labels), activation, escalation_margin })
    }

    /// The labels, in the order of the scores.
    pub fn labels(&self) -> &LabelMap {
        &self.labels
    }

    /// Longest text in tokens, special tokens included, that is read whole.
    pub fn max_length(&self) -> usize {
        self.tokenizer.max_length()
    }

    pub fn shared_labels(&self) -> Arc<LabelMap> {
        Arc::clone(&self.labels)
    }

    pub fn activation(&self) -> Activation {
        self.activation
    }

    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    pub fn precision(&self) -> Precision {
        self.encoder.precision()
    }

    /// The tokens of a text.
    pub fn encode(&self, text: &Text) -> Result<Encoding, TokenizerError> {
        self.tokenizer.encode(text)
    }

    /// A prediction for each text, in the order given. One text that fails leaves the others their predictions.
    pub fn classify(&self, texts: &[&Text]) -> Vec<Result<Prediction, ClassifyError>> {
        let prediction = |answer| match answer {
            Classification::Text(prediction) => prediction,
            Classification::Sentences(_) | Classification::Document(_) => unreachable!("a text was asked for"),
        };
        self.classify_all(texts, Granularity::Text).into_iter().map(|answer| answer.map(prediction)).collect()
    }

    /// What is asked of each text, in the order given. All of them, and all their sentences and windows, go through the
    /// encoder together. A text of which one sentence fails has that sentence's error, and leaves the others their answers.
    pub fn classify_all(
        &self,
        texts: &[&Text],
        granularity: Granularity,
    ) -> Vec<Result<Classification, ClassifyError>> {
        let prepared: Vec<_> = texts.iter().map(|text| Ok(self.prepare(text, granularity, usize::MAX)?)).collect();
        self.classify_encoded(prepared, granularity)
    }

    /// The same of texts that are prepared, or have failed before.
    pub fn classify_encoded<E: From<ClassifyError>>(
        &self,
        prepared: Vec<Result<EncodedText, E>>,
        granularity: Granularity,
    ) -> Vec<Result<Classification, E>> {
        let encodings: Vec<&Encoding> =
            prepared.iter().flatten().flat_map(EncodedText::encodings).map(|encoding| &**encoding).collect();
        let logits = self.logits(&encodings);
        self.classify_scored(prepared, logits, granularity)
    }

    /// The same of texts that have been scored too: `logits` are those of all their encodings, in order.
    pub fn classify_scored<E: From<ClassifyError>>(
        &self,
        prepared: Vec<Result<EncodedText, E>>,
        logits: Vec<Result<Vec<f32>, ClassifyError>>,
        granularity: Granularity,
    ) -> Vec<Result<Classification, E>> {
        let mut logits = logits.into_iter();
        let answer = |prepared: Result<EncodedText, E>| {
            let prepared = prepared?;
            // All rows of this text are taken, so that the next one's are first whatever became of them.
            let rows: Vec<_> = logits.by_ref().take(prepared.encodings().count()).collect();
            let rows: Vec<Vec<f32>> = rows.into_iter().collect::<Result<_, _>>()?;
            Ok(self.answer(prepared, &rows, granularity))
        };
        prepared.into_iter().map(answer).collect()
    }

    /// A text as the encoder is to read it: what [`Pipeline::logits`], or a scheduler, is given.
    ///
    /// # Errors
    /// [`TokenizerError`] when it, or a sentence of it, has no tokens, or all its sentences more than `most_tokens`.
    pub fn prepare(
        &self,
        text: &Text,
        granularity: Granularity,
        most_tokens: usize,
    ) -> Result<EncodedText, TokenizerError> {
        Ok(match granularity {
            Granularity::Text => EncodedText::Whole(Arc::new(self.encode(text)?)),
            Granularity::Sentence | Granularity::Document(_) => {
                EncodedText::Split(SplitText::new(text, &self.tokenizer, most_tokens)?)
            }
        })
    }

    /// What the logits of a prepared text's encodings, in their order, come to.
    pub fn answer(
        &self,
        prepared: EncodedText,
        logits: &[impl AsRef<[f32]>],
        granularity: Granularity,
    ) -> Classification {
        match (prepared, granularity) {
            (EncodedText::Whole(encoding), _) => Classification::Text(self.prediction(&encoding, logits[0].as_ref())),
            (EncodedText::Split(text), Granularity::Document(aggregate)) => {
                let sentences = text.into_sentences(logits, self.activation, &self.labels);
                let document = Document::new(sentences, &self.labels, aggregate);
                Classification::Document(document.expect("a text is not blank, so that it has a sentence"))
            }
            (EncodedText::Split(text), _) => {
                Classification::Sentences(text.into_sentences(logits, self.activation, &self.labels))
            }
        }
    }

    /// The logits of each encoding, in the order given: a number a label, all of them finite.
    ///
    /// With int8, a text whose two best labels are closer than [`ModelOptions::int8_margin`] is run again with f32
    /// activations, and those logits count.
    pub fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let mut logits = self.run(encodings, Operands::Native);
        let doubtful: Vec<usize> = (0..encodings.len()).filter(|&text| self.is_doubtful(&logits[text])).collect();
        if !doubtful.is_empty() {
            tracing::debug!("{} of {} texts again with f32 activations", doubtful.len(), encodings.len());
            let again: Vec<&Encoding> = doubtful.iter().map(|&text| encodings[text]).collect();
            for (text, exact) in doubtful.into_iter().zip(self.run(&again, Operands::F32)) {
                logits[text] = exact;
            }
        }
        logits
    }

    /// The prediction that the logits of an encoding come to.
    pub fn prediction(&self, encoding: &Encoding, logits: &[f32]) -> Prediction {
        let probabilities = self.activation.probabilities(logits);
        Prediction::new(Arc::clone(&self.labels), probabilities, encoding.len(), encoding.truncated)
    }

    fn is_doubtful(&self, logits: &Result<Vec<f32>, ClassifyError>) -> bool {
        let margin = |logits: &Vec<f32>| margin(&self.activation.probabilities(logits));
        self.escalation_margin > 0.0 && logits.as_ref().is_ok_and(|logits| margin(logits) < self.escalation_margin)
    }

    /// The logits of each encoding, in passes of similar lengths.
    fn run(&self, encodings: &[&Encoding], operands: Operands) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.len()).collect();
        let mut logits: Vec<Option<Result<Vec<f32>, ClassifyError>>> = encodings.iter().map(|_| None).collect();
        for pass in plan_passes(&lengths, MAX_BATCH_TOKENS) {
            let of_pass: Vec<&Encoding> = pass.iter().map(|&text| encodings[text]).collect();
            for (text, of_text) in pass.into_iter().zip(self.run_pass(&of_pass, operands)) {
                logits[text] = Some(of_text);
            }
        }
        logits.into_iter().map(|logits| logits.expect("every text was in a pass")).collect()
    }

    fn run_pass(&self, encodings: &[&Encoding], operands: Operands) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let batch = PackedBatch::pack(encodings.iter().copied());
        match self.encoder.forward_with(&batch, operands) {
            Ok(logits) => logits.rows().map(finite).collect(),
            Err(error) => {
                let error = Arc::new(error);
                encodings.iter().map(|_| Err(ClassifyError::Encoder(Arc::clone(&error)))).collect()
            }
        }
    }
}

fn finite(logits: &[f32]) -> Result<Vec<f32>, ClassifyError> {
    let finite = logits.iter().all(|logit| logit.is_finite());
    if finite { Ok(logits.to_vec()) } else { Err(ClassifyError::NotFinite) }
}

/// As transformers' text-classification pipeline chooses: one label alone is a yes or no by itself.
fn activation(config: &Config, num_labels: usize) -> Activation {
    match config.problem_type.as_deref() {
        Some("multi_label_classification") => Activation::Sigmoid,
        None if num_labels == 1 => Activation::Sigmoid,
        _ => Activation::Softmax,
    }
}
