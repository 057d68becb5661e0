//! Whether a text looks like another language than English, which nearly all financial models read.
//!
//! A headline of names is easily taken for another language, and a note about it would be wrong. So a text in Latin letters
//! has to show it twice: the detector says so, and the text has a word that is frequent in another language, or one in lower
//! case with a letter that English does not have, and no frequent English word.

use finsent_model::{Pipeline, Text};
use whichlang::{Lang, detect_language};

/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 1024;
/// Fewer words show no language.
const MIN_WORDS: usize = 3;
/// Fewer letters of another script may be a name.
const MIN_LETTERS: usize = 3;

/// Frequent words of headlines in English that are not words of other languages with Latin letters.
const ENGLISH: [&str; 31] = [
    "after", "and", "are", "as", "at", "by", "down", "earnings", "for", "from", "has", "it", "its", "new", "of",
    "report", "reports", "sales", "says", "shares", "stock", "stocks", "that", "the", "this", "to", "up", "was",
    "were", "will", "with",
];
/// Frequent short words of other languages that are not English words, names or abbreviations in lower case.
const OTHERS: [&str; 154] = [
    "aan", "acima", "agli", "al", "alla", "ante", "ao", "après", "att", "au", "auf", "aus", "aux", "av", "avec", "bei",
    "bij", "bir", "ble", "che", "con", "cu", "của", "da", "dal", "dalla", "dan", "dans", "das", "dat", "de", "degli",
    "dei", "del", "della", "delle", "dem", "den", "dengan", "der", "des", "det", "di", "do", "dopo", "dos", "du",
    "dès", "efter", "ein", "eine", "einem", "einen", "eines", "el", "em", "en", "ensi", "entre", "está", "ett",
    "etter", "från", "för", "für", "gli", "hasta", "het", "i", "il", "ile", "im", "inom", "ist", "için", "ja", "jest",
    "la", "las", "le", "les", "leur", "lo", "los", "mais", "med", "mehr", "met", "mit", "mot", "más", "na", "naar",
    "nach", "nel", "nella", "nicht", "niet", "nog", "non", "nos", "não", "och", "og", "oli", "oraz", "os", "para",
    "pas", "pela", "pelo", "per", "più", "por", "pour", "przez", "på", "que", "se", "sedan", "ses", "sich", "sin",
    "się", "sobre", "som", "sur", "sus", "te", "til", "till", "tras", "trong", "uit", "um", "uma", "un", "una", "und",
    "une", "untuk", "ve", "vom", "von", "voor", "vor", "và", "w", "wird", "yang", "zum", "zur", "é", "över",
];

/// Whether a text looks like another language than English. Texts that are too short to tell do not.
pub fn looks_foreign(text: &str) -> bool {
    let text = &text[..text.floor_char_boundary(LOOKED_AT)];
    if text.is_ascii() && !has_frequent_word(text) {
        return false;
    }
    if is_in_another_script(text) {
        return true;
    }
    let words: Vec<&str> = words(text).collect();
    let is_english = || words.iter().any(|word| is_one_of(&ENGLISH, &word.to_lowercase()));
    let shows_another = || words.iter().any(|word| is_of_another_language(word));
    words.len() >= MIN_WORDS && !is_english() && shows_another() && detect_language(text) != Lang::Eng
}

/// Whether a model has learned English only, as far as its vocabulary shows: it has whole words of English, and no other
/// European language.
pub fn reads_only_english(pipeline: &Pipeline) -> bool {
    let tokens_per_word = |text: &str| {
        let encoded = Text::parse(text).ok().and_then(|parsed| pipeline.encode(&parsed).ok());
        encoded.map_or(0.0, |encoding| (encoding.len() - 2) as f32 / text.split(' ').count() as f32)
    };
    tokens_per_word("shareholders welcomed the quarterly report despite weaker earnings") < 1.5
        && tokens_per_word("der Gewinn des Unternehmens ist nach einem schwachen Quartal gesunken") > 1.8
}

fn has_frequent_word(text: &str) -> bool {
    words(text).any(|word| is_one_of(&OTHERS, word))
}

/// Words with a letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    // A stop may be within a word: `Booking.com` is not the word `com`.
    let parts = text.split(|letter: char| !letter.is_alphanumeric() && letter != '.');
    parts.map(|word| word.trim_matches('.')).filter(|word| word.contains(char::is_alphabetic))
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.binary_search(&word).is_ok()
}

/// Whether a word in lower case, which is not a name, is one of another language.
fn is_of_another_language(word: &str) -> bool {
    word.starts_with(char::is_lowercase) && (is_one_of(&OTHERS, word) || !word.is_ascii())
}

/// Whether most letters are not Latin ones.
fn is_in_another_script(text: &str) -> bool {
    let (mut latin, mut others) = (0, 0);
    for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
        let is_latin = matches!(letter, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}');
        *if is_latin { &mut latin } else { &mut others } += 1;
    }
    others >= MIN_LETTERS && others > latin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_sorted() {
        assert!(ENGLISH.is_sorted() && OTHERS.is_sorted());
    }

    #[test]
    fn texts_in_other_languages_look_foreign() {
        for text in [
            "Umsatz steigt im dritten Quartal um zwölf Prozent",
            "Le chiffre d'affaires progresse de 8% au troisième trimestre",
            "El beneficio neto crece un 14% hasta septiembre",
            "Il titolo crolla in Borsa dopo i conti",
            "Winst van ING stijgt met tien procent",
            "Lucro da Petrobras cai 30% no terceiro trimestre",
            "Volvo höjer utdelningen efter starkt kvartal",
            "公司第三季度净利润同比增长",
            "株価が急落",
            "삼성전자 영업이익 20% 증가",
            "Акции Газпрома упали после отчета",
            "ارتفع صافي أرباح الشركة",
        ] {
            assert!(looks_foreign(text), "{text}");
        }
    }

    #[test]
    fn english_headlines_of_names_do_not() {
        for text in [
            "Barclays Plc ( LSE : BARC ), Credit Agricole SA ( EPA : ACA )",
            "Dish EchoStar Sue TiVo",
            "Nestlé Citroën",
            "Todos AB joins OATH",
            "Rolls-Royce jet engine problems prompt £1.3bn loss",
            "Sanofi poaches finance boss",
            "$ALLY - Ally Financial pulls outlook https://t.co/G9Zdi1boy5",
            "De Beers, Van Eck",
            "up",
            "",
            "12,4 %",
            "L'Oréal raises outlook after strong sales in China (上海)",
        ] {
            assert!(!looks_foreign(text), "{text}");
        }
    }
}
