//! "Did you mean": the known word that is most like an unknown one.

/// The word of `known` that is most like `word`, if any is like it at all.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this, two words only share letters.
    const ALIKE: f64 = 0.5;
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|&(likeness, _)| likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_close_or_there_is_none() {
        let known = ["license", "label_aliases", "hub"];
        assert_eq!(suggest("licence", known.into_iter()), Some("license"));
        assert_eq!(suggest("label_alias", known.into_iter()), Some("label_aliases"));
        assert_eq!(suggest("quux", known.into_iter()), None);
    }
}
