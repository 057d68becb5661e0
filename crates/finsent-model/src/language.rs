//! The languages that a model reads, by their codes of ISO 639-1.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

/// The word for a model that reads many languages.
const MULTILINGUAL: &str = "multilingual";

/// The codes of ISO 639-1 with the English names of the languages, in the order of the codes.
const LANGUAGES: [(&str, &str); 183] = [
    ("aa", "Afar"),
    ("ab", "Abkhazian"),
    ("ae", "Avestan"),
    ("af", "Afrikaans"),
    ("ak", "Akan"),
    ("am", "Amharic"),
    ("an", "Aragonese"),
    ("ar", "Arabic"),
    ("as", "Assamese"),
    ("av", "Avaric"),
    ("ay", "Aymara"),
    ("az", "Azerbaijani"),
    ("ba", "Bashkir"),
    ("be", "Belarusian"),
    ("bg", "Bulgarian"),
    ("bi", "Bislama"),
    ("bm", "Bambara"),
    ("bn", "Bengali"),
    ("bo", "Tibetan"),
    ("br", "Breton"),
    ("bs", "Bosnian"),
    ("ca", "Catalan"),
    ("ce", "Chechen"),
    ("ch", "Chamorro"),
    ("co", "Corsican"),
    ("cr", "Cree"),
    ("cs", "Czech"),
    ("cu", "Church Slavic"),
    ("cv", "Chuvash"),
    ("cy", "Welsh"),
    ("da", "Danish"),
    ("de", "German"),
    ("dv", "Divehi"),
    ("dz", "Dzongkha"),
    ("ee", "Ewe"),
    ("el", "Greek"),
    ("en", "English"),
    ("eo", "Esperanto"),
    ("es", "Spanish"),
    ("et", "Estonian"),
    ("eu", "Basque"),
    ("fa", "Persian"),
    ("ff", "Fulah"),
    ("fi", "Finnish"),
    ("fj", "Fijian"),
    ("fo", "Faroese"),
    ("fr", "French"),
    ("fy", "Western Frisian"),
    ("ga", "Irish"),
    ("gd", "Scottish Gaelic"),
    ("gl", "Galician"),
    ("gn", "Guarani"),
    ("gu", "Gujarati"),
    ("gv", "Manx"),
    ("ha", "Hausa"),
    ("he", "Hebrew"),
    ("hi", "Hindi"),
    ("ho", "Hiri Motu"),
    ("hr", "Croatian"),
    ("ht", "Haitian"),
    ("hu", "Hungarian"),
    ("hy", "Armenian"),
    ("hz", "Herero"),
    ("ia", "Interlingua"),
    ("id", "Indonesian"),
    ("ie", "Interlingue"),
    ("ig", "Igbo"),
    ("ii", "Sichuan Yi"),
    ("ik", "Inupiaq"),
    ("io", "Ido"),
    ("is", "Icelandic"),
    ("it", "Italian"),
    ("iu", "Inuktitut"),
    ("ja", "Japanese"),
    ("jv", "Javanese"),
    ("ka", "Georgian"),
    ("kg", "Kongo"),
    ("ki", "Kikuyu"),
    ("kj", "Kuanyama"),
    ("kk", "Kazakh"),
    ("kl", "Kalaallisut"),
    ("km", "Khmer"),
    ("kn", "Kannada"),
    ("ko", "Korean"),
    ("kr", "Kanuri"),
    ("ks", "Kashmiri"),
    ("ku", "Kurdish"),
    ("kv", "Komi"),
    ("kw", "Cornish"),
    ("ky", "Kyrgyz"),
    ("la", "Latin"),
    ("lb", "Luxembourgish"),
    ("lg", "Ganda"),
    ("li", "Limburgish"),
    ("ln", "Lingala"),
    ("lo", "Lao"),
    ("lt", "Lithuanian"),
    ("lu", "Luba-Katanga"),
    ("lv", "Latvian"),
    ("mg", "Malagasy"),
    ("mh", "Marshallese"),
    ("mi", "Maori"),
    ("mk", "Macedonian"),
    ("ml", "Malayalam"),
    ("mn", "Mongolian"),
    ("mr", "Marathi"),
    ("ms", "Malay"),
    ("mt", "Maltese"),
    ("my", "Burmese"),
    ("na", "Nauru"),
    ("nb", "Norwegian Bokmål"),
    ("nd", "North Ndebele"),
    ("ne", "Nepali"),
    ("ng", "Ndonga"),
    ("nl", "Dutch"),
    ("nn", "Norwegian Nynorsk"),
    ("no", "Norwegian"),
    ("nr", "South Ndebele"),
    ("nv", "Navajo"),
    ("ny", "Chichewa"),
    ("oc", "Occitan"),
    ("oj", "Ojibwa"),
    ("om", "Oromo"),
    ("or", "Oriya"),
    ("os", "Ossetian"),
    ("pa", "Punjabi"),
    ("pi", "Pali"),
    ("pl", "Polish"),
    ("ps", "Pashto"),
    ("pt", "Portuguese"),
    ("qu", "Quechua"),
    ("rm", "Romansh"),
    ("rn", "Rundi"),
    ("ro", "Romanian"),
    ("ru", "Russian"),
    ("rw", "Kinyarwanda"),
    ("sa", "Sanskrit"),
    ("sc", "Sardinian"),
    ("sd", "Sindhi"),
    ("se", "Northern Sami"),
    ("sg", "Sango"),
    ("si", "Sinhala"),
    ("sk", "Slovak"),
    ("sl", "Slovenian"),
    ("sm", "Samoan"),
    ("sn", "Shona"),
    ("so", "Somali"),
    ("sq", "Albanian"),
    ("sr", "Serbian"),
    ("ss", "Swati"),
    ("st", "Southern Sotho"),
    ("su", "Sundanese"),
    ("sv", "Swedish"),
    ("sw", "Swahili"),
    ("ta", "Tamil"),
    ("te", "Telugu"),
    ("tg", "Tajik"),
    ("th", "Thai"),
    ("ti", "Tigrinya"),
    ("tk", "Turkmen"),
    ("tl", "Tagalog"),
    ("tn", "Tswana"),
    ("to", "Tonga"),
    ("tr", "Turkish"),
    ("ts", "Tsonga"),
    ("tt", "Tatar"),
    ("tw", "Twi"),
    ("ty", "Tahitian"),
    ("ug", "Uighur"),
    ("uk", "Ukrainian"),
    ("ur", "Urdu"),
    ("uz", "Uzbek"),
    ("ve", "Venda"),
    ("vi", "Vietnamese"),
    ("vo", "Volapük"),
    ("wa", "Walloon"),
    ("wo", "Wolof"),
    ("xh", "Xhosa"),
    ("yi", "Yiddish"),
    ("yo", "Yoruba"),
    ("za", "Zhuang"),
    ("zh", "Chinese"),
    ("zu", "Zulu"),
];

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language {
    code: &'static str,
    name: &'static str,
}

/// The languages that a model reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Setting")]
pub enum Languages {
    /// These, each once, and at least one.
    Only(Vec<Language>),
    /// Many, which are not listed.
    Multilingual,
}

/// Languages as a file names them.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a code of ISO 639-1 such as \"en\", a list of codes, or \"multilingual\"")]
enum Setting {
    One(String),
    Several(Vec<String>),
}

/// Why languages are not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// There is no such code.
    #[error("`{name}` is not a language; {}", remedy(*suggest))]
    Unknown {
        /// What was given.
        name: String,
        /// The code that may be meant.
        suggest: Option<&'static str>,
    },
    /// The list is empty.
    #[error("the list of languages is empty; leave the key out if they are not known")]
    None,
    /// A language is listed twice.
    #[error("the language `{0}` is listed twice")]
    Twice(&'static str),
    /// A list has codes, and the word for many languages.
    #[error("`multilingual` stands for all languages; list codes, or write \"multilingual\" alone")]
    Contradiction,
}

fn remedy(suggest: Option<&'static str>) -> String {
    match suggest {
        Some(code) => format!("did you mean `{code}`?"),
        None => "write a code of ISO 639-1, such as `en` for English or `fr` for French".into(),
    }
}

impl Language {
    /// The language with this code of ISO 639-1, in any case.
    ///
    /// # Errors
    /// [`LanguageError::Unknown`], with the code of a language that has this name, or of a tag such as `fr-CA`.
    pub fn parse(code: &str) -> Result<Self, LanguageError> {
        Self::of_code(code).ok_or_else(|| {
            let of_name = LANGUAGES.iter().find(|(_, name)| name.eq_ignore_ascii_case(code)).map(|&(code, _)| code);
            let of_tag = || Self::of_code(code.split(['-', '_']).next().unwrap_or(code)).map(Self::code);
            let of_longer = || longer_code(code);
            let suggest = of_name.or_else(of_tag).or_else(of_longer);
            LanguageError::Unknown { name: code.chars().take(40).collect(), suggest }
        })
    }

    fn of_code(code: &str) -> Option<Self> {
        let code = code.to_ascii_lowercase();
        let found = LANGUAGES.binary_search_by_key(&code.as_str(), |&(code, _)| code).ok()?;
        let (code, name) = LANGUAGES[found];
        Some(Self { code, name })
    }

    /// Its code in two lower-case letters.
    pub fn code(self) -> &'static str {
        self.code
    }

    /// Its English name.
    pub fn name(self) -> &'static str {
        self.name
    }
}

/// The code of two letters for one of three (ISO 639-2 and 639-3), of languages in which much is published.
fn longer_code(code: &str) -> Option<&'static str> {
    const LONGER: [(&str, &str); 24] = [
        ("ara", "ar"),
        ("ces", "cs"),
        ("chi", "zh"),
        ("cmn", "zh"),
        ("dan", "da"),
        ("deu", "de"),
        ("eng", "en"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("fre", "fr"),
        ("ger", "de"),
        ("hin", "hi"),
        ("ita", "it"),
        ("jpn", "ja"),
        ("kor", "ko"),
        ("nld", "nl"),
        ("pol", "pl"),
        ("por", "pt"),
        ("rus", "ru"),
        ("spa", "es"),
        ("swe", "sv"),
        ("tur", "tr"),
        ("vie", "vi"),
        ("zho", "zh"),
    ];
    LONGER.iter().find(|(long, _)| long.eq_ignore_ascii_case(code)).map(|&(_, code)| code)
}

impl Languages {
    /// Whether texts in this language are read.
    pub fn include(&self, language: Language) -> bool {
        match self {
            Self::Only(languages) => languages.contains(&language),
            Self::Multilingual => true,
        }
    }

    /// The codes, or `multilingual`.
    pub fn codes(&self) -> Vec<&'static str> {
        match self {
            Self::Only(languages) => languages.iter().map(|language| language.code()).collect(),
            Self::Multilingual => vec![MULTILINGUAL],
        }
    }
}

impl fmt::Display for Languages {
    /// Writes `English, German and French`, or `multilingual`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Only(languages) = self else { return f.write_str(MULTILINGUAL) };
        for (index, language) in languages.iter().enumerate() {
            let separator = if index == 0 {
                ""
            } else if index + 1 == languages.len() {
                " and "
            } else {
                ", "
            };
            write!(f, "{separator}{}", language.name())?;
        }
        Ok(())
    }
}

impl TryFrom<Setting> for Languages {
    type Error = LanguageError;

    fn try_from(setting: Setting) -> Result<Self, LanguageError> {
        let codes = match setting {
            Setting::One(code) => vec![code],
            Setting::Several(codes) => codes,
        };
        if codes.iter().any(|code| code == MULTILINGUAL) {
            return if codes.len() == 1 { Ok(Self::Multilingual) } else { Err(LanguageError::Contradiction) };
        }
        let languages = codes.iter().map(|code| Language::parse(code)).collect::<Result<Vec<_>, _>>()?;
        if languages.is_empty() {
            return Err(LanguageError::None);
        }
        let twice = languages.iter().enumerate().find(|(index, language)| languages[..*index].contains(language));
        match twice {
            Some((_, language)) => Err(LanguageError::Twice(language.code())),
            None => Ok(Self::Only(languages)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Languages, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn the_codes_are_sorted_and_have_two_letters() {
        assert!(LANGUAGES.is_sorted_by_key(|&(code, _)| code));
        assert!(LANGUAGES.iter().all(|(code, name)| code.len() == 2 && !name.is_empty()));
    }

    #[test]
    fn languages_are_one_code_several_or_many() {
        let french = Language::parse("fr").unwrap();
        assert_eq!((french.code(), french.name(), Language::parse("FR")), ("fr", "French", Ok(french)));
        let one = parsed("\"fr\"").unwrap();
        assert_eq!((one.to_string(), one.codes()), ("French".into(), vec!["fr"]));
        let several = parsed("[\"en\", \"de\", \"fr\"]").unwrap();
        assert_eq!(several.to_string(), "English, German and French");
        assert!(several.include(french) && !several.include(Language::parse("it").unwrap()));
        let many = parsed("\"multilingual\"").unwrap();
        assert_eq!((many.to_string(), many.codes()), ("multilingual".into(), vec!["multilingual"]));
        assert!(many.include(french));
    }

    #[test]
    fn an_unknown_language_is_an_error_with_the_code_that_may_be_meant() {
        for (given, suggest) in
            [("French", Some("fr")), ("fr-CA", Some("fr")), ("de_AT", Some("de")), ("ger", Some("de")), ("xx", None)]
        {
            let error = LanguageError::Unknown { name: given.into(), suggest };
            assert_eq!(Language::parse(given), Err(error), "{given}");
        }
        assert!(parsed("\"xx\"").unwrap_err().contains("such as `en` for English"));
        assert!(parsed(&format!("\"{}\"", "é".repeat(9_999))).unwrap_err().len() < 300);
        assert!(parsed("[]").unwrap_err().contains("is empty"));
        assert!(parsed("[\"en\", \"EN\"]").unwrap_err().contains("`en` is listed twice"));
        assert!(parsed("[\"en\", \"multilingual\"]").unwrap_err().contains("write \"multilingual\" alone"));
        assert!(parsed("3").unwrap_err().contains("a list of codes"));
    }
}
