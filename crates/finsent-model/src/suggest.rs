//! The known word that is nearest to an unknown one, for "did you mean".

/// The most similar word in `known`, or `None` if no word is similar to `word`.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Words that are less similar than this only share some letters.
    const MIN_SIMILARITY: f64 = 0.5;
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|&(similarity, _)| similarity >= MIN_SIMILARITY)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_similar_word_is_suggested() {
        let known = ["license", "label_aliases", "hub"];
        assert_eq!(suggest("licence", known.into_iter()), Some("license"));
        assert_eq!(suggest("label_alias", known.into_iter()), Some("label_aliases"));
        assert_eq!(suggest("quux", known.into_iter()), None);
    }
}
