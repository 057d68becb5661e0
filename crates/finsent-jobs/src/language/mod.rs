//! Whether a text looks like another language than those that a model reads.
//!
//! A headline of names is easily taken for another language, and a note about it would be wrong. So a text in Latin letters
//! has to show it twice: the detector says so, and the text has a word that is frequent in another language and none that is
//! frequent in one that the model reads. For a model that reads English only, a word in lower case with a letter that
//! English does not have shows it too.

mod script;
mod words;

use finsent_model::{Language, Pipeline, Text};
use whichlang::{LANGUAGES, Lang, detect_language};

use self::script::Script;
use self::words::ENGLISH;

/// Bytes of a text that are looked at.
const LOOKED_AT: usize = 1024;
/// Fewer words show no language.
const MIN_WORDS: usize = 3;
/// Fewer letters of another script may be a name.
const MIN_LETTERS: usize = 3;

/// Tells texts that are plainly in another language than a model reads.
#[derive(Debug)]
pub struct LanguageCheck {
    read: Vec<Language>,
    /// The frequent words of the languages that are read.
    own: Vec<&'static str>,
    /// The frequent words of others, which show one where they are in lower case: with a capital they may be names.
    others: Vec<&'static str>,
    /// The frequent words of English, if it is not read, which show it in any case.
    english: Vec<&'static str>,
    /// Whether a word with letters that English does not have shows another language.
    reads_only_english: bool,
    /// Whether the detector knows all languages with Latin letters that are read. It takes one that it does not know for
    /// another.
    can_tell_latin: bool,
}

impl LanguageCheck {
    /// A check for a model that reads these languages.
    pub fn new(read: Vec<Language>) -> Self {
        let reads_english = read.iter().any(|language| language.code() == ENGLISH);
        let is_known = |language: &Language| LANGUAGES.iter().any(|&lang| language_of(lang) == Some(*language));
        let is_latin = |language: &Language| script::of_language(*language).contains(&Script::Latin);
        Self {
            own: words::frequent_in(&read),
            others: words::frequent_in_others(&read),
            english: if reads_english { Vec::new() } else { words::english() },
            reads_only_english: reads_english && read.len() == 1,
            can_tell_latin: read.iter().all(|language| is_known(language) || !is_latin(language)),
            read,
        }
    }

    /// The languages that the model reads.
    pub fn read(&self) -> &[Language] {
        &self.read
    }

    /// The language of a text that is plainly none of those that are read, as well as it can be told. `None` if the text
    /// may be in one of them, or is too short to tell.
    pub fn foreign(&self, text: &str) -> Option<Language> {
        let text = &text[..text.floor_char_boundary(LOOKED_AT)];
        if text.is_ascii() && !words(text).any(|word| self.shows_another(word)) {
            return None;
        }
        if self.is_in_another_script(text) {
            return language_of(detect_language(text));
        }
        let words: Vec<&str> = words(text).collect();
        let is_own = |word: &&str| is_one_of(&self.own, &word.to_lowercase());
        let shows_another = || words.iter().any(|word| self.shows_another(word));
        if words.len() < MIN_WORDS || words.iter().any(is_own) || !shows_another() || !self.can_tell_latin {
            return None;
        }
        language_of(detect_language(text)).filter(|language| !self.read.contains(language))
    }

    fn shows_another(&self, word: &str) -> bool {
        let is_small = word.starts_with(char::is_lowercase);
        is_small && (is_one_of(&self.others, word) || self.reads_only_english && !word.is_ascii())
            || !self.english.is_empty() && is_one_of(&self.english, &word.to_lowercase())
    }

    /// Whether most letters are of a script in which nothing that is read is written. Latin ones are in every language's
    /// texts.
    fn is_in_another_script(&self, text: &str) -> bool {
        let (mut own, mut others) = (0, 0);
        for letter in text.chars().filter(|letter| letter.is_alphabetic()) {
            let script = script::of_letter(letter);
            let is_read = |language: &Language| script::of_language(*language).contains(&script);
            *if script == Script::Latin || self.read.iter().any(is_read) { &mut own } else { &mut others } += 1;
        }
        others >= MIN_LETTERS && others > own
    }
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

/// Words with a letter.
fn words(text: &str) -> impl Iterator<Item = &str> {
    // A stop may be within a word: `Booking.com` is not the word `com`.
    let parts = text.split(|letter: char| !letter.is_alphanumeric() && letter != '.');
    parts.map(|word| word.trim_matches('.')).filter(|word| word.contains(char::is_alphabetic))
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.binary_search(&word).is_ok()
}

/// The language that the detector means; always one, as a test asserts.
fn language_of(lang: Lang) -> Option<Language> {
    let code = match lang {
        Lang::Ara => "ar",
        Lang::Cmn => "zh",
        Lang::Deu => "de",
        Lang::Eng => ENGLISH,
        Lang::Fra => "fr",
        Lang::Hin => "hi",
        Lang::Ita => "it",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Nld => "nl",
        Lang::Por => "pt",
        Lang::Rus => "ru",
        Lang::Spa => "es",
        Lang::Swe => "sv",
        Lang::Tur => "tr",
        Lang::Vie => "vi",
    };
    Language::parse(code).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(codes: &[&str]) -> Vec<Language> {
        codes.iter().map(|code| Language::parse(code).unwrap()).collect()
    }

    /// What is told of a text to a model that reads these languages.
    fn told(text: &str, read: &[&str]) -> Option<&'static str> {
        LanguageCheck::new(languages(read)).foreign(text).map(Language::code)
    }

    fn looks_foreign(text: &str) -> bool {
        told(text, &["en"]).is_some()
    }

    #[test]
    fn the_detectors_languages_have_codes() {
        assert!(LANGUAGES.iter().all(|&lang| language_of(lang).is_some()));
    }

    #[test]
    fn a_text_is_told_to_a_model_that_reads_none_of_its_languages() {
        const ENGLISH: &str = "Shares of the retailer fell after the profit warning";
        const GERMAN: &str = "Der Umsatz steigt im dritten Quartal um zwölf Prozent";
        const FRENCH: &str = "Le chiffre d'affaires progresse de 8% au troisième trimestre";
        const CHINESE: &str = "公司第三季度净利润同比增长";
        for (text, read, expected) in [
            (ENGLISH, &["fr"][..], Some("en")),
            (GERMAN, &["fr"], Some("de")),
            (FRENCH, &["fr"], None),
            (FRENCH, &["de"], Some("fr")),
            (CHINESE, &["fr"], Some("zh")),
            (ENGLISH, &["en", "fr"], None),
            (GERMAN, &["en", "fr"], Some("de")),
            (GERMAN, &["en", "de"], None),
            (ENGLISH, &["zh"], Some("en")),
            (CHINESE, &["zh"], None),
            (CHINESE, &["ja"], None),
            ("삼성전자 영업이익 20% 증가", &["zh"], Some("ko")),
            ("株価が急落した", &["ja"], None),
            // The detector knows no Finnish, and would take it for Swedish or Estonian.
            (ENGLISH, &["fi"], None),
            (CHINESE, &["fi"], Some("zh")),
        ] {
            assert_eq!(told(text, read), expected, "{text} to {read:?}");
        }
    }

    #[test]
    fn a_text_of_names_is_told_to_no_model() {
        for text in ["Barclays, Credit Agricole, Dish EchoStar", "Apple Tesla Nvidia Microsoft", "LVMH", "", "12,4 %"] {
            for read in ["en", "fr", "de", "zh", "fi"] {
                assert_eq!(told(text, &[read]), None, "{text} to {read}");
            }
        }
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
