//! The known word that is nearest to an unknown one, for "did you mean".

/// The longest word that is compared, in bytes. The time for a pair of words grows with the product of their lengths, and a
/// name that someone mistyped is shorter.
const MAX_LENGTH: usize = 64;
/// Only this many words are compared. Nobody chooses a name among more.
const MAX_KNOWN: usize = 1000;

/// The most similar word in `known`, or `None` if no word is similar to `word`. Words of more than 64 bytes are similar to
/// none, and only the first 1,000 are compared.
pub fn suggest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Words that are less similar than this only share some letters.
    const MIN_SIMILARITY: f64 = 0.5;
    if word.len() > MAX_LENGTH {
        return None;
    }
    known
        .take(MAX_KNOWN)
        .filter(|candidate| candidate.len() <= MAX_LENGTH)
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

    #[test]
    fn long_words_and_those_after_many_others_are_not_compared() {
        let long = "x".repeat(MAX_LENGTH + 1);
        assert_eq!(suggest(&long, [long.as_str()].into_iter()), None);
        assert_eq!(suggest(&long[1..], [long.as_str(), &long[1..]].into_iter()), Some(&long[1..]));
        let mut taken = 0;
        let known = std::iter::repeat_n("hub", 1_000_000).inspect(|_| taken += 1);
        assert_eq!(suggest("hubs", known), Some("hub"));
        assert_eq!(taken, MAX_KNOWN);
    }
}
