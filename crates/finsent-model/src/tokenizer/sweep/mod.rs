//! The ids of ordinary text in one pass, for BERT's tokenizer: characters are normalized, words are found and split into
//! pieces as they come.
//!
//! Ordinary is what consists of ASCII, Latin letters and common symbols, and has no names of added tokens. All else is
//! given to the library, with what is around it up to white space. So the ids are the library's: what becomes of an
//! ordinary character does not depend on its neighbors, and nothing reaches across white space, which ends a word however
//! it is normalized, is in no name, and does not combine with marks.

mod letters;
mod names;
#[cfg(test)]
mod tests;

use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Result};

use self::letters::{Kind, Letter, Letters};
use self::names::Names;
use crate::tokenizer::model::{AnyModel, Library, Word, WordPieceModel};

/// What is known about a tokenizer like BERT's.
#[derive(Debug)]
pub(super) struct Sweep {
    letters: Letters,
    names: Names,
}

/// Why a sweep ends.
enum Stop {
    /// The text or the ids that are needed are complete.
    Complete,
    /// Something that only the library knows, at some byte; its part of the text begins at `from`.
    Foreign { from: usize, at: usize },
}

impl Sweep {
    /// That of a tokenizer; `None` if it is not like BERT's.
    pub(super) fn of(tokenizer: &Library) -> Option<Self> {
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else { return None };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else { return None };
        let AnyModel::WordPiece(model) = tokenizer.get_model() else { return None };
        if !model.has_unknown() {
            return None;
        }
        let mut letters = Letters::new(normalizer).ok()?;
        let names = Names::of(tokenizer, normalizer, &mut letters).ok()??;
        Some(Self { letters, names })
    }

    /// The ids of `text` without special tokens, or the first ones if at least `enough` of them are known. `library` is
    /// the tokenizer that this is of.
    ///
    /// `None` if more than `longest` bytes in a row are not ordinary.
    ///
    /// # Errors
    /// Those of `library`.
    pub(super) fn ids(&self, text: &str, enough: usize, longest: usize, library: &Library) -> Result<Option<Vec<u32>>> {
        let AnyModel::WordPiece(model) = library.get_model() else { return Ok(None) };
        // Four bytes per token are usual.
        let mut ids = Vec::with_capacity((text.len() / 3).min(enough) + 8);
        let mut from = 0;
        while let Stop::Foreign { from: start, at } = self.advance((text, from), enough, model, &mut ids) {
            let end = self.end_of_foreign(text, at, start.saturating_add(longest));
            if end - start > longest {
                return Ok(None);
            }
            ids.extend_from_slice(library.encode_fast(&text[start..end], false)?.get_ids());
            if ids.len() >= enough {
                break;
            }
            from = end;
        }
        Ok(Some(ids))
    }

    /// Appends ids of `text` from the byte `from`, at which a part of it begins.
    fn advance(&self, (text, from): (&str, usize), enough: usize, model: &WordPieceModel, ids: &mut Vec<u32>) -> Stop {
        let mut word = Word::default();
        // Where the part of the text begins, and its ids.
        let (mut part, mut known) = (from, ids.len());
        let mut at = from;
        while let Some(&byte) = text.as_bytes().get(at) {
            let (letter, length) = match byte {
                0..128 => (self.letters.ascii(byte), 1),
                _ => text[at..]
                    .chars()
                    .next()
                    .map_or((Letter::FOREIGN, 1), |letter| (self.letters.get(letter), letter.len_utf8())),
            };
            let is_name = letter.may_begin_token && self.names.may_begin(&text[at..], &self.letters);
            if is_name || letter.kind == Kind::Foreign {
                ids.truncate(known);
                return Stop::Foreign { from: part, at };
            }
            at += length;
            match letter.kind {
                Kind::Letter => {
                    model.extend(&mut word, letter.normalized);
                    continue;
                }
                Kind::Removed | Kind::Foreign => continue,
                Kind::Blank => model.finish(&mut word, ids),
                Kind::Punctuation => {
                    model.finish(&mut word, ids);
                    model.extend(&mut word, letter.normalized);
                    model.finish(&mut word, ids);
                }
            }
            if ids.len() >= enough {
                return Stop::Complete;
            }
            if is_break(byte) {
                (part, known) = (at, ids.len());
            }
        }
        model.finish(&mut word, ids);
        Stop::Complete
    }

    /// The end of the parts of `text` that are for the library: of the one with the byte `at`, and of those that follow it
    /// and have such characters too. It may be any place after `limit`.
    fn end_of_foreign(&self, text: &str, at: usize, limit: usize) -> usize {
        let mut end = end_of_part(text, at);
        while end < text.len() && end <= limit {
            let blanks = text.as_bytes()[end..].iter().take_while(|&&byte| is_break(byte)).count();
            let next = end_of_part(text, end + blanks);
            let is_foreign = |letter: char| {
                let letter = self.letters.get(letter);
                letter.kind == Kind::Foreign || letter.may_begin_token
            };
            if !text[end + blanks..next].contains(is_foreign) {
                break;
            }
            end = next;
        }
        end
    }
}

/// Whether a byte ends a part of a text: it ends a word, whatever the settings are.
fn is_break(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// The end of the part of `text` with the byte `at`.
fn end_of_part(text: &str, at: usize) -> usize {
    text.as_bytes()[at..].iter().position(|&byte| is_break(byte)).map_or(text.len(), |length| at + length)
}
