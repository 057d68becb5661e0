//! How much of a text has to be tokenized to fill the window.

/// The bytes before a cut whose tokens may change although their words are complete. This is longer than the name of a
/// special token, or anything else that decides where words end (a byte-level tokenizer splits `'l` into two words, but
/// not `'ll`).
const CUT_MARGIN: usize = 64;

/// The number of tokens at the beginning of `start` that are the same whatever text follows it. `encoding` is that of
/// `start`.
///
/// A cut changes the tokens of the word that it splits, and of a special token's name that it splits, which may include
/// the white space before the name. It changes no tokens before those.
pub(super) fn certain_tokens(start: &str, encoding: &tokenizers::Encoding) -> usize {
    let certain = start[..start.floor_char_boundary(start.len().saturating_sub(CUT_MARGIN))].trim_end().len();
    let words = encoding.get_word_ids();
    let ends_within = |token: &usize| encoding.get_offsets()[*token].1 <= certain;
    let mut tokens = (0..words.len()).take_while(ends_within).count();
    // The word that continues after these tokens, and the last word of all, may be incomplete.
    let incomplete = [words.get(tokens), words.last()];
    while tokens > 0 && incomplete.contains(&words.get(tokens - 1)) {
        tokens -= 1;
    }
    tokens
}
