//! The scripts that languages are written in.

use finsent_model::Language;

/// A script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Greek,
    Cyrillic,
    Hebrew,
    Arabic,
    Devanagari,
    Kana,
    Han,
    Hangul,
    /// Any other.
    Other,
}

/// The script of a letter.
pub(super) fn of_letter(letter: char) -> Script {
    match letter {
        '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{ff21}'..='\u{ff5a}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' | '\u{a640}'..='\u{a69f}' => Script::Cyrillic,
        '\u{590}'..='\u{5ff}' => Script::Hebrew,
        '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' => Script::Arabic,
        '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' => Script::Arabic,
        '\u{900}'..='\u{97f}' => Script::Devanagari,
        '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9d}' => Script::Kana,
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => Script::Han,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}' => Script::Hangul,
        _ => Script::Other,
    }
}

/// The scripts that texts in a language are written in.
pub(super) fn of_language(language: Language) -> &'static [Script] {
    match language.code() {
        "el" => &[Script::Greek],
        "ab" | "av" | "ba" | "be" | "bg" | "ce" | "cu" | "cv" | "kk" | "kv" | "ky" | "mk" | "mn" | "os" | "ru"
        | "tg" | "tt" | "uk" => &[Script::Cyrillic],
        "az" | "sr" | "uz" => &[Script::Latin, Script::Cyrillic],
        "ku" => &[Script::Latin, Script::Arabic],
        "ar" | "fa" | "ks" | "ps" | "sd" | "ug" | "ur" => &[Script::Arabic],
        "he" | "yi" => &[Script::Hebrew],
        "hi" | "mr" | "ne" | "pi" | "sa" => &[Script::Devanagari],
        "ja" => &[Script::Kana, Script::Han],
        "ko" => &[Script::Hangul, Script::Han],
        "zh" => &[Script::Han],
        "ae" | "am" | "as" | "bn" | "bo" | "cr" | "dv" | "dz" | "gu" | "hy" | "ii" | "iu" | "ka" | "km" | "kn"
        | "lo" | "ml" | "my" | "or" | "pa" | "si" | "ta" | "te" | "th" | "ti" => &[Script::Other],
        _ => &[Script::Latin],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_the_script_of_their_language() {
        for (code, text) in [
            ("en", "Profit"),
            ("fr", "bénéfice"),
            ("vi", "nhuận"),
            ("el", "κέρδη"),
            ("ru", "прибыль"),
            ("he", "רווח"),
            ("ar", "أرباح"),
            ("hi", "मनफ"),
            ("ja", "株価が"),
            ("zh", "利润"),
            ("ko", "이익"),
            ("th", "กำไร"),
        ] {
            let scripts = of_language(Language::parse(code).unwrap());
            let letters = text.chars().filter(|letter| letter.is_alphabetic());
            assert!(letters.map(of_letter).all(|script| scripts.contains(&script)), "{code}");
        }
    }
}
