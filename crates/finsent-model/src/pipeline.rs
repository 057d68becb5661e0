//! The whole way of a text: tokens, packed batches, logits, predictions.

mod batches;

use std::sync::Arc;

use finsent_kernels::{ComputeThreads, Isa, Precision, WeightLayout};
use thiserror::Error;

use crate::activation::Activation;
use crate::batch::{MAX_BATCH_TOKENS, PackedBatch, plan_batches};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::classification::{Classification, EncodedText, Granularity};
use crate::document::{Aggregate, Document, Sentence, SplitText};
use crate::encoder::{Config, ConfigError, Encoder, EncoderError, Operands, Worker};
use crate::explanation::{ExplainError, ExplainOptions, Explaining, Explanation};
use crate::labels::{LabelError, LabelMap};
use crate::machine::available_memory;
use crate::model_files::{FilesError, ModelFiles};
use crate::model_options::ModelOptions;
use crate::prediction::{Prediction, margin};
use crate::text::Text;
use crate::tokenizer::{Encoding, Limits, Tokenizer, TokenizerError};
use crate::workers::{Size, batch_tokens, bytes_of};

/// Why a model could not be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// config.json is not valid, or describes a model that finsent cannot run.
    #[error("`{file}`")]
    Config {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// The tokenizer's files are missing or invalid.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The weights are missing or invalid.
    #[error(transparent)]
    Weights(#[from] CheckpointError),
    /// The encoder could not be built from the weights.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The labels are missing or invalid.
    #[error("`{file}`")]
    Labels {
        /// The file.
        file: String,
        /// What is wrong with them.
        source: LabelError,
    },
}

/// Why a text has no prediction.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClassifyError {
    /// The text could not be tokenized.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A logit is NaN or infinite.
    #[error("the model gave a logit that is not a finite number; its weights are damaged")]
    NotFinite,
    /// The text's batch failed.
    #[error(transparent)]
    Encoder(Arc<EncoderError>),
    /// The prediction cannot be explained.
    #[error(transparent)]
    Explain(#[from] ExplainError),
}

/// Tokens of an explanation that are computed together: enough to fill batches, and not all of a long text's at once.
const EXPLAINED_TOGETHER: usize = 16 * MAX_BATCH_TOKENS;

/// A loaded model: tokenizer, encoder and labels.
///
/// All texts of a call are computed together. The result of a text is bit for bit the same alone and in any batch, and
/// a text that fails does not affect the others.
#[derive(Debug)]
pub struct Pipeline {
    tokenizer: Tokenizer,
    encoder: Encoder,
    labels: Arc<LabelMap>,
    activation: Activation,
    /// Texts with a smaller margin are computed again with f32 activations.
    escalation_margin: f32,
}

impl Pipeline {
    /// Loads a model. `threads` compute.
    ///
    /// # Errors
    /// [`LoadError`] with the file and what is wrong with it.
    pub fn load(files: &ModelFiles, options: &ModelOptions, threads: &Arc<ComputeThreads>) -> Result<Self, LoadError> {
        let Parts { config, tokenizer, checkpoint } = Parts::open(files, options)?;
        let load = if options.in_background { Encoder::load_in_background } else { Encoder::load };
        let mut encoder = load(&config, &checkpoint, options.precision, Arc::clone(threads))?;
        encoder.set_workers(match options.workers {
            Some(workers) => workers.get(),
            None => {
                let weights = weight_bytes(&config, &checkpoint, options.precision)?;
                Size { memory: available_memory(), ..Size::of(&encoder, weights, tokenizer.max_length()) }.workers()
            }
        });
        let labels = labels(files, &config, encoder.num_labels(), options)?;
        let activation = Activation::choose(config.problem_type.as_deref(), encoder.num_labels());
        let escalation_margin = if options.precision == Precision::Int8 { options.int8_margin } else { 0.0 };
        Ok(Self { tokenizer, encoder, labels: Arc::new(labels), activation, escalation_margin })
    }

    /// About how many bytes of memory a model takes when it is loaded: its weights, unless they are mapped, and a tenth more
    /// for its vocabulary and its activations. Reads no weights.
    ///
    /// # Errors
    /// [`LoadError`] with the file and what is wrong with it.
    pub fn memory(files: &ModelFiles, options: &ModelOptions) -> Result<usize, LoadError> {
        let Parts { config, checkpoint, .. } = Parts::open(files, options)?;
        let isa = Isa::chosen().map_err(EncoderError::from)?;
        let is_mapped = checkpoint.packed().is_some_and(|packed| {
            let other = packed.other_layout(|precision| WeightLayout::of(isa, precision));
            packed.precision() == options.precision && other.is_none()
        });
        let weights = if is_mapped { 0 } else { weight_bytes(&config, &checkpoint, options.precision)? };
        Ok(weights.saturating_add(weights / 10))
    }

    /// Checks what [`Pipeline::load`] checks, without reading the weights: the configuration, the labels, the tokenizer,
    /// and the types and shapes of the tensors.
    ///
    /// # Errors
    /// [`LoadError`] with the file and what is wrong with it.
    pub fn check(files: &ModelFiles, options: &ModelOptions) -> Result<(), LoadError> {
        let Parts { config, checkpoint, .. } = Parts::open(files, options)?;
        let num_labels = config.check_tensors(&checkpoint)?;
        labels(files, &config, num_labels, options).map(drop)
    }

    /// The labels, in the order of the scores.
    pub fn labels(&self) -> &LabelMap {
        &self.labels
    }

    /// The labels, shared; for [`Prediction::new`].
    pub fn shared_labels(&self) -> Arc<LabelMap> {
        Arc::clone(&self.labels)
    }

    /// The window: the most tokens of a text that are read at once, special tokens included.
    pub fn max_length(&self) -> usize {
        self.tokenizer.max_length()
    }

    /// The function from logits to probabilities.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How many batches are computed at the same time.
    pub fn workers(&self) -> usize {
        self.encoder.workers()
    }

    /// The number format of the encoder.
    pub fn precision(&self) -> Precision {
        self.encoder.precision()
    }

    /// Tokenizes a text. A text that is longer than the window is truncated, and [`Encoding::truncated`] says so.
    ///
    /// # Errors
    /// [`TokenizerError`] if the text has no tokens.
    pub fn encode(&self, text: &Text) -> Result<Encoding, TokenizerError> {
        self.tokenizer.encode(text)
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Tokenizes a text as its granularity needs it: as one encoding, or all of it in windows of sentences.
    ///
    /// # Errors
    /// [`TokenizerError`] if the text or one of its sentences has no tokens, or its sentences have more than
    /// `max_tokens` in all.
    pub fn encode_text(
        &self,
        text: &Text,
        granularity: Granularity,
        max_tokens: usize,
    ) -> Result<EncodedText, TokenizerError> {
        let split = || SplitText::new(text, &self.tokenizer, max_tokens);
        Ok(match granularity {
            Granularity::Text => EncodedText::Text(Arc::new(self.encode(text)?)),
            Granularity::Sentence => EncodedText::Sentences(split()?),
            Granularity::Document(aggregate) => EncodedText::Document(split()?, aggregate),
        })
    }

    /// Classifies texts. The predictions are in the order of the texts.
    pub fn classify(&self, texts: &[&Text]) -> Vec<Result<Prediction, ClassifyError>> {
        let encodings = texts.iter().map(|text| Ok(self.encode(text)?)).collect();
        self.score(encodings, |encoding| vec![encoding], |encoding, logits| self.prediction(&encoding, &logits[0]))
    }

    /// Classifies texts that are tokenized. The predictions are in the order of the encodings.
    pub fn classify_encodings(&self, encodings: &[&Encoding]) -> Vec<Result<Prediction, ClassifyError>> {
        let logits = self.logits(encodings).into_iter();
        encodings.iter().zip(logits).map(|(encoding, logits)| Ok(self.prediction(encoding, &logits?))).collect()
    }

    /// Classifies each sentence of the texts. A text of which a sentence fails has that sentence's error.
    pub fn classify_sentences(&self, texts: &[&Text]) -> Vec<Result<Vec<Sentence>, ClassifyError>> {
        self.score(self.split(texts), windows, |text, logits| self.sentences(text, logits))
    }

    /// Classifies all of the texts, from their sentences. A text of which a sentence fails has that sentence's error.
    pub fn classify_documents(&self, texts: &[&Text], aggregate: Aggregate) -> Vec<Result<Document, ClassifyError>> {
        self.score(self.split(texts), windows, |text, logits| self.document(text, logits, aggregate))
    }

    /// Classifies texts by a granularity that is known at run time only.
    pub fn classify_all(
        &self,
        texts: &[&Text],
        granularity: Granularity,
    ) -> Vec<Result<Classification, ClassifyError>> {
        let encoded = texts.iter().map(|text| Ok(self.encode_text(text, granularity, usize::MAX)?)).collect();
        self.classify_encoded(encoded)
    }

    /// Classifies texts that are tokenized by [`encode_text`](Self::encode_text). A text that failed earlier keeps its
    /// error.
    pub fn classify_encoded<E: From<ClassifyError>>(
        &self,
        texts: Vec<Result<EncodedText, E>>,
    ) -> Vec<Result<Classification, E>> {
        self.score(texts, encodings, |text, logits| self.classification(text, logits))
    }

    /// Turns the logits of tokenized texts into their classifications. `logits` are those of all encodings of all texts
    /// that did not fail earlier, in order; [`logits`](Self::logits) computes them.
    pub fn classify_scored<E: From<ClassifyError>>(
        &self,
        texts: Vec<Result<EncodedText, E>>,
        logits: Vec<Result<Vec<f32>, ClassifyError>>,
    ) -> Vec<Result<Classification, E>> {
        distribute(texts, logits, |text| text.encodings().count(), |text, logits| self.classification(text, logits))
    }

    /// The logits of each encoding, in order: one finite number per label.
    ///
    /// With int8, a text whose two best labels are closer than [`ModelOptions::int8_margin`] is computed again with f32
    /// activations, and has those logits.
    pub fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let mut logits = self.run(encodings, Operands::Native);
        let doubtful: Vec<usize> = (0..encodings.len()).filter(|&text| self.is_doubtful(&logits[text])).collect();
        if !doubtful.is_empty() {
            tracing::debug!(texts = encodings.len(), escalated = doubtful.len(), "low margins: computing again in f32");
            let again: Vec<&Encoding> = doubtful.iter().map(|&text| encodings[text]).collect();
            for (text, exact) in doubtful.into_iter().zip(self.run(&again, Operands::F32)) {
                logits[text] = exact;
            }
        }
        logits
    }

    /// The prediction for an encoding with these logits.
    pub fn prediction(&self, encoding: &Encoding, logits: &[f32]) -> Prediction {
        let probabilities = self.activation.probabilities(logits);
        Prediction::new(self.shared_labels(), probabilities, encoding.len(), encoding.truncated)
    }

    /// Plans the explanation of a prediction: why the model gave `text` this classification, at this granularity.
    ///
    /// # Errors
    /// [`ExplainError`] if the label is unknown, or the text has too many words for [`ExplainOptions::passes`].
    pub fn explaining(
        &self,
        text: &Text,
        classification: &Classification,
        granularity: Granularity,
        options: &ExplainOptions,
    ) -> Result<Explaining, ExplainError> {
        Explaining::new(text, classification, granularity, options, (&self.tokenizer, &self.labels))
    }

    /// Gives an explanation the logits of the token sequences that it handed out last, in their order.
    ///
    /// # Errors
    /// [`ExplainError`] if a sentence of a document cannot be tokenized.
    pub fn advance(&self, explaining: &mut Explaining, logits: &[impl AsRef<[f32]>]) -> Result<(), ExplainError> {
        let probabilities = logits.iter().map(|logits| self.activation.probabilities(logits.as_ref()));
        explaining.receive(probabilities, &self.tokenizer)
    }

    /// Explains a prediction: all token sequences are computed together, as texts are.
    ///
    /// # Errors
    /// [`ClassifyError::Explain`], or another if the encoder fails.
    pub fn explain(
        &self,
        text: &Text,
        classification: &Classification,
        granularity: Granularity,
        options: &ExplainOptions,
    ) -> Result<Explanation, ClassifyError> {
        let mut explaining = self.explaining(text, classification, granularity, options)?;
        loop {
            let encodings = explaining.next_passes(EXPLAINED_TOGETHER);
            if encodings.is_empty() {
                return Ok(explaining.finish());
            }
            let logits = self.logits(&encodings.iter().collect::<Vec<_>>());
            let logits: Vec<Vec<f32>> = logits.into_iter().collect::<Result<_, _>>()?;
            self.advance(&mut explaining, &logits)?;
        }
    }

    /// The classification of a tokenized text. `logits` are those of its encodings, in order.
    ///
    /// # Panics
    /// If there is not one row of logits per encoding.
    pub fn classification(&self, text: EncodedText, logits: &[impl AsRef<[f32]>]) -> Classification {
        match text {
            EncodedText::Text(encoding) => Classification::Text(self.prediction(&encoding, logits[0].as_ref())),
            EncodedText::Sentences(text) => Classification::Sentences(self.sentences(text, logits)),
            EncodedText::Document(text, aggregate) => Classification::Document(self.document(text, logits, aggregate)),
        }
    }

    fn sentences(&self, text: SplitText, logits: &[impl AsRef<[f32]>]) -> Vec<Sentence> {
        text.into_sentences(logits, self.activation, &self.labels)
    }

    fn document(&self, text: SplitText, logits: &[impl AsRef<[f32]>], aggregate: Aggregate) -> Document {
        let document = Document::new(self.sentences(text, logits), &self.labels, aggregate);
        document.expect("a text is not blank, so it has a sentence")
    }

    fn split(&self, texts: &[&Text]) -> Vec<Result<SplitText, ClassifyError>> {
        texts.iter().map(|text| Ok(SplitText::new(text, &self.tokenizer, usize::MAX)?)).collect()
    }

    /// Computes the encodings of all texts together, and makes each text's logits into its result.
    fn score<T, R, E: From<ClassifyError>>(
        &self,
        texts: Vec<Result<T, E>>,
        encodings: impl Fn(&T) -> Vec<&Encoding>,
        result: impl Fn(T, &[Vec<f32>]) -> R,
    ) -> Vec<Result<R, E>> {
        let all: Vec<&Encoding> = texts.iter().flatten().flat_map(&encodings).collect();
        let logits = self.logits(&all);
        distribute(texts, logits, |text| encodings(text).len(), result)
    }

    fn is_doubtful(&self, logits: &Result<Vec<f32>, ClassifyError>) -> bool {
        let margin = |logits: &Vec<f32>| margin(&self.activation.probabilities(logits));
        self.escalation_margin > 0.0 && logits.as_ref().is_ok_and(|logits| margin(logits) < self.escalation_margin)
    }

    /// The logits of each encoding, in order. A batch has encodings of similar lengths.
    fn run(&self, encodings: &[&Encoding], operands: Operands) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let lengths: Vec<usize> = encodings.iter().map(|encoding| encoding.len()).collect();
        let mut logits: Vec<Option<Result<Vec<f32>, ClassifyError>>> = encodings.iter().map(|_| None).collect();
        let batches = plan_batches(&lengths, batch_tokens(self.workers()));
        let computed = batches::compute_all(&self.encoder, batches.len(), |worker, batch| {
            let of_batch: Vec<&Encoding> = batches[batch].iter().map(|&text| encodings[text]).collect();
            self.run_batch(worker, &of_batch, operands)
        });
        for (text, of_text) in batches.into_iter().flatten().zip(computed.into_iter().flatten()) {
            logits[text] = Some(of_text);
        }
        logits.into_iter().map(|logits| logits.expect("every text is in a batch")).collect()
    }

    fn run_batch(
        &self,
        worker: &Worker<'_>,
        encodings: &[&Encoding],
        operands: Operands,
    ) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let batch = PackedBatch::pack(encodings.iter().copied());
        match self.encoder.forward_on(worker, &batch, operands) {
            Ok(logits) => logits.rows().map(finite).collect(),
            Err(error) => {
                let error = Arc::new(error);
                encodings.iter().map(|_| Err(ClassifyError::Encoder(Arc::clone(&error)))).collect()
            }
        }
    }
}

fn weight_bytes(config: &Config, checkpoint: &Checkpoint, precision: Precision) -> Result<usize, CheckpointError> {
    let bytes = config.parameters(checkpoint)?.map(|weights| bytes_of(precision, weights.is_quantized, &weights.shape));
    Ok(bytes.fold(0, usize::saturating_add))
}

/// The parts of a model that are read before its weights.
struct Parts {
    config: Config,
    tokenizer: Tokenizer,
    checkpoint: Checkpoint,
}

impl Parts {
    fn open(files: &ModelFiles, options: &ModelOptions) -> Result<Self, LoadError> {
        let config = Config::parse(&files.config.read_settings()?)
            .map_err(|source| LoadError::Config { file: files.config.to_string(), source })?;
        let max_length = config.max_length().min(options.max_length.unwrap_or(usize::MAX));
        let limits = Limits { vocab_size: config.vocab_size, max_length };
        let tokenizer = Tokenizer::load_as(&files.tokenizer, limits, config.class_of_tokenizer())?;
        let checkpoint = Checkpoint::open(&files.weights)?;
        Ok(Self { config, tokenizer, checkpoint })
    }
}

fn labels(
    files: &ModelFiles,
    config: &Config,
    num_labels: usize,
    options: &ModelOptions,
) -> Result<LabelMap, LoadError> {
    LabelMap::new(config.id2label.as_ref(), num_labels, &options.label_aliases)
        .map(|labels| if config.is_regression() { labels.without_sentiment_score() } else { labels })
        .map_err(|source| LoadError::Labels { file: files.config.to_string(), source })
}

/// Gives each text that did not fail earlier its `count` rows of the logits.
fn distribute<T, R, E: From<ClassifyError>>(
    texts: Vec<Result<T, E>>,
    logits: Vec<Result<Vec<f32>, ClassifyError>>,
    count: impl Fn(&T) -> usize,
    result: impl Fn(T, &[Vec<f32>]) -> R,
) -> Vec<Result<R, E>> {
    let mut logits = logits.into_iter();
    let distributed = |text: Result<T, E>| {
        let text = text?;
        // Take all rows of this text before one of them may fail: the next text begins after them.
        let rows: Vec<_> = logits.by_ref().take(count(&text)).collect();
        let rows: Vec<Vec<f32>> = rows.into_iter().collect::<Result<_, _>>()?;
        Ok(result(text, &rows))
    };
    texts.into_iter().map(distributed).collect()
}

fn encodings(text: &EncodedText) -> Vec<&Encoding> {
    text.encodings().map(|encoding| &**encoding).collect()
}

fn windows(text: &SplitText) -> Vec<&Encoding> {
    text.encodings().map(|encoding| &**encoding).collect()
}

fn finite(logits: &[f32]) -> Result<Vec<f32>, ClassifyError> {
    let finite = logits.iter().all(|logit| logit.is_finite());
    if finite { Ok(logits.to_vec()) } else { Err(ClassifyError::NotFinite) }
}
