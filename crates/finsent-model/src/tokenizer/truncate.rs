//! How much of a text has to be tokenized to fill the window.

use tokenizers::Encoding;
use unicode_categories::UnicodeCategories;

use super::model::Library;
use super::pieces_of_word::UnigramPieces;

/// The bytes before a cut whose tokens may change although their words are complete. This is longer than the name of a
/// special token, or anything else that decides where words end (a byte-level tokenizer splits `'l` into two words, but
/// not `'ll`).
const CUT_MARGIN: usize = 64;
/// Tokens of a word that are looked at beyond those that are needed: the last ones depend on what follows. If that many
/// do not settle the first ones, more would hardly do.
const AHEAD: usize = 64;

/// The number of tokens at the beginning of `start` that are the same whatever text follows it. `encoding` is that of
/// `start`.
///
/// A cut changes the tokens of the word that it splits, and of a special token's name that it splits, which may include
/// the white space before the name. It changes no tokens before those.
pub(super) fn certain_tokens(start: &str, encoding: &Encoding) -> usize {
    let words = encoding.get_word_ids();
    let mut tokens = before_margin(start, encoding);
    // The word that continues after these tokens, and the last word of all, may be incomplete.
    let incomplete = [words.get(tokens), words.last()];
    while tokens > 0 && incomplete.contains(&words.get(tokens - 1)) {
        tokens -= 1;
    }
    tokens
}

/// Like [`certain_tokens`], also within the word that the cut splits: whether there are more than `needed` of them.
pub(super) fn has_certain_pieces(
    start: &str,
    encoding: &Encoding,
    needed: usize,
    (tokenizer, pieces): (&Library, UnigramPieces),
) -> bool {
    let tokens = before_margin(start, encoding);
    let words = encoding.get_word_ids();
    if tokens <= needed || words[tokens - 1].is_none() {
        return false;
    }
    let first = words[..tokens].iter().take_while(|word| **word != words[tokens - 1]).count();
    // The words before that one are certain.
    if first > needed {
        return true;
    }
    let end = tokens.min(needed + AHEAD);
    let (found, ids) = (&encoding.get_tokens()[first..end], &encoding.get_ids()[first..end]);
    first + pieces.settled(tokenizer, found, ids) > needed
}

/// The number of tokens that end so far before the cut that it does not change their letters.
fn before_margin(start: &str, encoding: &Encoding) -> usize {
    let certain = &start[..start.floor_char_boundary(start.len().saturating_sub(CUT_MARGIN))];
    // Marks combine with the letter before them, however many there are.
    let letters = certain.trim_end_matches(|letter: char| letter.is_whitespace() || letter.is_mark());
    let before_marks = match letters.len() < certain.trim_end().len() {
        true => letters.char_indices().next_back().map_or(0, |(index, _)| index),
        false => letters.len(),
    };
    let ends_within = |offsets: &&(usize, usize)| offsets.1 <= before_marks;
    encoding.get_offsets().iter().take_while(ends_within).count()
}
