//! Word lists: abbreviations that end with a full stop, and words that begin sentences.

/// The meaning of a full stop after a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Abbreviation {
    /// Not an abbreviation: the full stop ends the sentence.
    None,
    /// Never the last word of a sentence: `Mr.`, `e.g.`
    Leads,
    /// Followed by a number, or the end of a sentence: `No. 4`, `Jan. 3`, but `He said no.`
    Numbered,
    /// Followed by a day or a time zone, or the end of a sentence: `9 a.m. Eastern time`.
    Clock,
    /// Within a sentence or at its end: `Corp.`, `U.S.`, `J.`
    MayEnd,
}

const LEADING: [&str; 29] = [
    "mr", "mrs", "ms", "dr", "prof", "messrs", "gen", "sen", "rep", "gov", "lt", "col", "capt", "sgt", "maj", "cmdr",
    "adm", "hon", "pres", "supt", "vs", "approx", "ca", "cf", "e.g", "i.e", "incl", "excl", "resp",
];

const NUMBERED: [&str; 46] = [
    "no", "nos", "nr", "art", "arts", "sec", "sect", "fig", "figs", "vol", "ch", "p", "pp", "para", "paras", "par",
    "eq", "ed", "c", "est", "avg", "rev", "min", "max", "cl", "v", "ext", "tel", "jan", "feb", "mar", "apr", "jun",
    "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "tues", "wed", "thu", "fri",
];

const MAY_END: [&str; 47] = [
    "inc", "corp", "ltd", "co", "cos", "bros", "plc", "llc", "llp", "lp", "pty", "pte", "cie", "jr", "sr", "st", "ave",
    "blvd", "rd", "mt", "ft", "dept", "div", "univ", "assn", "assoc", "intl", "int'l", "nat'l", "mfg", "hldgs", "grp",
    "govt", "gov't", "bhd", "sdn", "tbk", "gmbh", "al", "thurs", "sq", "jct", "mgmt", "comm", "indus", "ins", "esq",
];

/// Words that begin a sentence rather than continue a name.
const STARTERS: &str = "\
    the a an it its he his she her they their we our i my you your this that these those there here in on at for \
    from with without within by to under over between during before after since until while when where if as \
    because although though despite besides unlike and but or nor so yet then thus hence also however meanwhile \
    moreover furthermore additionally therefore nevertheless nonetheless separately overall finally instead still \
    now today yesterday earlier later recently currently previously last next both each every all some many most \
    several such other others another no not nobody none nothing what who why how which whether according \
    following based including shares sales revenue revenues profit profits earnings analysts investors \
    shareholders management costs margins orders operating net total talks neither either once only even just \
    again";

/// Places and time zones after a time of day, except those written in capitals.
const ZONES: [&str; 10] =
    ["Eastern", "Central", "Mountain", "Pacific", "Greenwich", "London", "New", "Frankfurt", "Tokyo", "Local"];

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Words that do not end a sentence or a heading.
const UNFINISHED: [&str; 30] = [
    "a", "an", "the", "of", "on", "in", "at", "to", "for", "from", "by", "with", "and", "or", "but", "as", "than",
    "that", "its", "their", "his", "our", "is", "are", "was", "were", "be", "been", "will", "into",
];

/// Currencies that are written before their amount.
const CURRENCIES: [&str; 14] =
    ["EUR", "USD", "GBP", "JPY", "CHF", "SEK", "NOK", "DKK", "CAD", "AUD", "CNY", "RMB", "HKD", "INR"];

/// The longest word in the lists, in bytes.
pub(super) const LONGEST: usize = 24;

impl Abbreviation {
    /// The meaning of a full stop after `word`.
    pub(super) fn of(word: &str) -> Self {
        let is_in = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is_in(&LEADING) {
            Self::Leads
        } else if is_in(&["a.m", "p.m"]) {
            Self::Clock
        } else if is_in(&NUMBERED) && word != "C" && word != "V" && word != "P" {
            Self::Numbered
        } else if is_in(&MAY_END) || is_initial(word) || is_dotted(word) {
            Self::MayEnd
        } else {
            Self::None
        }
    }
}

fn is_initial(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_none()
}

/// `U.S`, `a.m`, `Ph.D`: dots between parts of one or two letters.
fn is_dotted(word: &str) -> bool {
    let is_part = |part: &str| (1..=2).contains(&part.chars().count()) && part.chars().all(char::is_alphabetic);
    word.contains('.') && word.split('.').all(is_part)
}

/// Whether `word`, followed by `rest`, probably begins a sentence rather than continues a name.
pub(super) fn starts_sentence(word: &str, rest: &str) -> bool {
    let is_initial = word.len() == 1 && rest.starts_with('.');
    !is_initial && STARTERS.split(' ').any(|starter| starter.eq_ignore_ascii_case(word))
}

/// Whether `word` continues a time of day.
pub(super) fn is_of_a_time(word: &str) -> bool {
    let is_zone = (2..=4).contains(&word.len()) && word.bytes().all(|letter| letter.is_ascii_uppercase());
    is_zone || ZONES.contains(&word) || DAYS.contains(&word)
}

/// Whether a sentence cannot end with `word`.
pub(super) fn is_unfinished(word: &str) -> bool {
    UNFINISHED.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether `word` begins an amount or is a number: a currency, or a Roman numeral in capitals.
pub(super) fn is_number_like(word: &str) -> bool {
    let is_roman = word != "I" && word.bytes().all(|letter| matches!(letter, b'I' | b'V' | b'X'));
    CURRENCIES.contains(&word) || is_roman
}

/// Whether `word` numbers a list item, before a full stop or a bracket: `1`, `1.2`, `b`, `iv`.
pub(super) fn is_counter(word: &str) -> bool {
    let is_number = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|digit| digit.is_ascii_digit());
    let is_letter = word.len() == 1 && word.bytes().all(|letter| letter.is_ascii_alphabetic());
    let is_roman = (1..=4).contains(&word.len())
        && (word.bytes().all(|letter| matches!(letter, b'i' | b'v' | b'x'))
            || word.bytes().all(|letter| matches!(letter, b'I' | b'V' | b'X')));
    is_letter || is_roman || word.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_in_one_list_in_lower_case_and_not_too_long() {
        let lists = [&LEADING[..], &NUMBERED, &MAY_END].concat();
        for (index, word) in lists.iter().enumerate() {
            assert!(!lists[..index].contains(word), "{word}");
            assert!(word.len() <= LONGEST && *word == word.to_lowercase(), "{word}");
        }
        let starters: Vec<&str> = STARTERS.split(' ').collect();
        for (index, word) in starters.iter().enumerate() {
            assert!(!word.is_empty() && !starters[..index].contains(word), "{word:?}");
        }
    }

    #[test]
    fn dots_between_letters_make_an_abbreviation() {
        for word in ["U.S", "Ph.D", "S.p.A", "N.V"] {
            assert_eq!(Abbreviation::of(word), Abbreviation::MayEnd, "{word}");
        }
        for word in ["5.3", "ir.nordvik.example", "U..S", "share"] {
            assert_eq!(Abbreviation::of(word), Abbreviation::None, "{word}");
        }
    }

    #[test]
    fn list_items_are_numbered_by_short_numbers_letters_and_roman_numerals() {
        assert!(["1", "12", "1.2", "3.1.4", "b", "B", "iv", "XIV"].into_iter().all(is_counter));
        assert!(!["2019", "", "1..2", "mix", "ab", "Iv", "iiiii"].into_iter().any(is_counter));
    }
}
