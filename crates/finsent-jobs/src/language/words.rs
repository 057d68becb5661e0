//! Frequent short words of languages.

use finsent_model::Language;

/// Frequent words, sorted, by the codes of their languages, which are sorted too. Those of English are frequent in headlines
/// and are not words of other languages with Latin letters; the others are not English words, names or abbreviations in lower
/// case.
const FREQUENT: [(&str, &[&str]); 18] = [
    ("cs", &["do", "i", "na", "se"]),
    ("da", &["de", "den", "det", "du", "efter", "en", "i", "med", "mot", "og", "os", "på", "se", "sin", "som", "til"]),
    (
        "de",
        &[
            "auf", "aus", "bei", "da", "das", "dem", "den", "der", "des", "du", "ein", "eine", "einem", "einen",
            "eines", "für", "im", "ist", "ja", "los", "mehr", "mit", "nach", "nicht", "sich", "um", "und", "vom",
            "von", "vor", "wird", "zum", "zur",
        ],
    ),
    (
        "en",
        &[
            "after", "and", "are", "as", "at", "by", "down", "earnings", "for", "from", "has", "it", "its", "new",
            "of", "report", "reports", "sales", "says", "shares", "stock", "stocks", "that", "the", "this", "to", "up",
            "was", "were", "will", "with",
        ],
    ),
    (
        "es",
        &[
            "al", "ante", "con", "de", "del", "el", "en", "entre", "está", "hasta", "la", "las", "lo", "los", "más",
            "nos", "para", "por", "que", "se", "sin", "sobre", "sus", "te", "tras", "un", "una",
        ],
    ),
    ("et", &["ja"]),
    ("fi", &["ensi", "ja", "oli", "se", "te"]),
    (
        "fr",
        &[
            "après", "au", "aux", "avec", "dans", "de", "des", "du", "dès", "en", "entre", "il", "la", "le", "les",
            "leur", "mais", "mot", "non", "nos", "pas", "pour", "que", "se", "ses", "sur", "te", "un", "une",
        ],
    ),
    ("id", &["dan", "dengan", "di", "untuk", "yang"]),
    (
        "it",
        &[
            "agli", "al", "alla", "ante", "che", "con", "da", "dal", "dalla", "degli", "dei", "del", "della", "delle",
            "di", "do", "dopo", "gli", "i", "il", "la", "le", "lo", "nel", "nella", "non", "per", "più", "se", "te",
            "un", "una",
        ],
    ),
    (
        "nl",
        &[
            "aan", "al", "bij", "dan", "dat", "de", "den", "des", "en", "het", "ja", "met", "naar", "niet", "nog",
            "te", "uit", "voor",
        ],
    ),
    (
        "no",
        &[
            "av", "ble", "de", "den", "det", "du", "en", "etter", "i", "med", "mot", "og", "på", "se", "sin", "som",
            "til",
        ],
    ),
    ("pl", &["do", "i", "ja", "jest", "na", "oraz", "przez", "się", "te", "w"]),
    (
        "pt",
        &[
            "acima", "ante", "ao", "da", "das", "de", "do", "dos", "em", "entre", "está", "la", "mais", "na", "nos",
            "não", "os", "para", "pela", "pelo", "por", "que", "se", "sobre", "te", "um", "uma", "é",
        ],
    ),
    ("ro", &["al", "au", "cu", "de", "la", "se", "te", "un"]),
    (
        "sv",
        &[
            "att", "av", "de", "den", "det", "du", "efter", "en", "ett", "från", "för", "i", "inom", "ja", "med",
            "mot", "och", "på", "se", "sedan", "sin", "som", "till", "över",
        ],
    ),
    ("tr", &["bir", "da", "de", "en", "ile", "için", "ve"]),
    ("vi", &["của", "trong", "và"]),
];

/// The words that are frequent in one of these languages, sorted.
pub(super) fn frequent_in(languages: &[Language]) -> Vec<&'static str> {
    sorted(FREQUENT.iter().filter(|(code, _)| has(languages, code)))
}

/// The words that are frequent in other languages than these, sorted, without those of English.
pub(super) fn frequent_in_others(languages: &[Language]) -> Vec<&'static str> {
    sorted(FREQUENT.iter().filter(|(code, _)| *code != ENGLISH && !has(languages, code)))
}

/// The frequent words of English, sorted.
pub(super) fn english() -> Vec<&'static str> {
    sorted(FREQUENT.iter().filter(|(code, _)| *code == ENGLISH))
}

fn has(languages: &[Language], code: &str) -> bool {
    languages.iter().any(|language| language.code() == code)
}

fn sorted<'a>(of: impl Iterator<Item = &'a (&'static str, &'static [&'static str])>) -> Vec<&'static str> {
    let mut words: Vec<&str> = of.flat_map(|(_, words)| words.iter().copied()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// The code of English, whose words count in any case: its headlines have words in capitals.
pub(super) const ENGLISH: &str = "en";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_are_sorted_and_known() {
        assert!(FREQUENT.is_sorted_by_key(|&(code, _)| code));
        assert!(FREQUENT.iter().all(|(code, words)| Language::parse(code).is_ok() && words.is_sorted()));
    }

    #[test]
    fn no_english_word_is_frequent_elsewhere() {
        let others = frequent_in_others(&[]);
        assert_eq!((english().len(), others.len()), (31, 154));
        assert!(english().iter().all(|word| !others.contains(word)));
        let french = [Language::parse("fr").unwrap()];
        assert!(frequent_in(&french).contains(&"après") && !frequent_in(&french).contains(&"und"));
        assert!(frequent_in_others(&french).contains(&"und") && !frequent_in_others(&french).contains(&"après"));
        assert!(frequent_in_others(&french).contains(&"de"), "Spanish has it too");
    }
}
