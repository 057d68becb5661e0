//! The class of a tokenizer: which parts of its files count.

use super::error::TokenizerError;
use super::settings::Settings;
use crate::model_files::{TokenizerFiles, VocabularyFiles};

/// What config.json says about the class of the tokenizer. `tokenizer_config.json` takes precedence.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassOfModel<'a> {
    /// `tokenizer_class`.
    pub named: Option<&'a str>,
    /// The class that transformers uses for this kind of model if no file names one.
    pub default: Option<&'a str>,
}

/// How a tokenizer is built. Each class of transformers is one of these, or not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `WordPiece` with the settings of `tokenizer_config.json`, wherever the vocabulary comes from.
    Bert,
    /// Byte-level BPE with the settings of `tokenizer_config.json`, wherever the vocabulary comes from.
    Roberta,
    /// Unigram pieces, normalized by the table of the vocabulary.
    XlmRoberta,
    /// As [`Class::XlmRoberta`], with other special tokens.
    Camembert,
    /// Unigram pieces. The settings say how texts are normalized; the table of the vocabulary does not count.
    DebertaV2,
    /// Unigram pieces, normalized by the settings and then by the table of the vocabulary.
    Albert,
    /// All that `tokenizer.json` says.
    AsStored,
}

/// The classes that [`Class::Bert`] stands for; each may end in `Fast`. The last four are other names of the first.
const BERT: [&str; 6] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "LayoutLMTokenizer",
    "MobileBertTokenizer",
    "SqueezeBertTokenizer",
];
const ROBERTA: [&str; 1] = ["RobertaTokenizer"];
const XLM_ROBERTA: [&str; 1] = ["XLMRobertaTokenizer"];
const CAMEMBERT: [&str; 1] = ["CamembertTokenizer"];
const DEBERTA_V2: [&str; 1] = ["DebertaV2Tokenizer"];
const ALBERT: [&str; 1] = ["AlbertTokenizer"];
const AS_STORED: [&str; 2] = ["PreTrainedTokenizerFast", "TokenizersBackend"];

impl Class {
    /// The class that the files name, or else that of the model, or else the one that fits the vocabulary.
    ///
    /// # Errors
    /// [`TokenizerError::Class`] with the file that names an unknown one.
    pub(super) fn choose(
        settings: &Settings,
        files: &TokenizerFiles,
        model: ClassOfModel<'_>,
    ) -> Result<Option<Self>, TokenizerError> {
        let config = files.config.as_ref().map_or_else(String::new, ToString::to_string);
        let (file, name) = match (&settings.tokenizer_class, model.named, model.default) {
            (Some(name), ..) => (config, &**name),
            (None, Some(name), _) | (None, None, Some(name)) => ("config.json".into(), name),
            (None, None, None) => return Ok(None),
        };
        match Self::named(name) {
            Some(class) => Ok(Some(class)),
            None => Err(TokenizerError::Class { file, class: name.into() }),
        }
    }

    fn named(name: &str) -> Option<Self> {
        let plain = name.strip_suffix("Fast").unwrap_or(name);
        match plain {
            _ if AS_STORED.contains(&name) => Some(Self::AsStored),
            _ if BERT.contains(&plain) => Some(Self::Bert),
            _ if ROBERTA.contains(&plain) => Some(Self::Roberta),
            _ if XLM_ROBERTA.contains(&plain) => Some(Self::XlmRoberta),
            _ if CAMEMBERT.contains(&plain) => Some(Self::Camembert),
            _ if DEBERTA_V2.contains(&plain) => Some(Self::DebertaV2),
            _ if ALBERT.contains(&plain) => Some(Self::Albert),
            _ => None,
        }
    }

    /// The class for a vocabulary in these files, if nothing names one.
    pub(super) fn of_vocabulary(files: &VocabularyFiles) -> Self {
        match files {
            VocabularyFiles::Json(_) => Self::AsStored,
            VocabularyFiles::WordPiece(_) => Self::Bert,
            VocabularyFiles::ByteLevel { .. } => Self::Roberta,
            VocabularyFiles::SentencePiece(file) if file.name() == "spm.model" => Self::DebertaV2,
            VocabularyFiles::SentencePiece(file) if file.name() == "spiece.model" => Self::Albert,
            VocabularyFiles::SentencePiece(_) => Self::XlmRoberta,
        }
    }

    /// Whether texts are split into the most probable pieces.
    pub(super) fn is_unigram(self) -> bool {
        matches!(self, Self::XlmRoberta | Self::Camembert | Self::DebertaV2 | Self::Albert)
    }

    /// The name in messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bert => BERT[0],
            Self::Roberta => ROBERTA[0],
            Self::XlmRoberta => XLM_ROBERTA[0],
            Self::Camembert => CAMEMBERT[0],
            Self::DebertaV2 => DEBERTA_V2[0],
            Self::Albert => ALBERT[0],
            Self::AsStored => AS_STORED[0],
        }
    }
}
