//! Dates with the name of the month: RFC 2822, those of articles, and those of C, Twitter and JavaScript.

use chrono::{Datelike, NaiveDate, NaiveTime};

use super::clock;
use super::digits::number;
use super::written::Written;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// Words between a date and a time.
const BETWEEN: [&str; 3] = ["at", "/", "|"];
/// Longest text that is a time.
const MAX_BYTES: usize = 100;

pub(super) fn read(text: &str) -> Option<Written> {
    if text.len() > MAX_BYTES {
        return None;
    }
    // The name of the zone in words, after its offset.
    let text = text.strip_suffix(')').and_then(|text| text.split_once(" (")).map_or(text, |(time, _)| time);
    let words = words(text);
    let mut words = &words[..];
    let weekday = words.first().and_then(|word| named(word, &WEEKDAYS));
    words = &words[usize::from(weekday.is_some())..];
    let (month, day) = match words {
        [month, day, ..] if named(month, &MONTHS).is_some() => (named(month, &MONTHS)?, day_of_month(day)?),
        [year, month, day, ..] if number(year, 4..=4).is_some() => (named(month, &MONTHS)?, day_of_month(day)?),
        [day, month, ..] => (named(month, &MONTHS)?, day_of_month(day)?),
        _ => return None,
    };
    // The year stands first, after the day, or at the end.
    let first_year = number(words[0], 4..=4).and_then(|_| year(words[0], false));
    words = &words[2 + usize::from(first_year.is_some())..];
    let year = match (words.first(), words.split_last()) {
        _ if first_year.is_some() => first_year?,
        (Some(first), _) if !first.contains(':') => {
            words = &words[1..];
            year(first, weekday.is_some())?
        }
        (_, Some((last, before))) => {
            words = before;
            year(last, false)?
        }
        _ => return None,
    };
    let date = NaiveDate::from_ymd_opt(year, month + 1, day)?;
    if weekday.is_some_and(|weekday| date.weekday().num_days_from_monday() != weekday) {
        return None;
    }
    let (time, offset) = match words {
        [] => (NaiveTime::MIN, None),
        words => clock::read(&words.join(" "))?,
    };
    let local = date.and_time(time);
    match offset {
        Some(offset) => local.checked_sub_signed(offset).map(Written::Utc),
        None => Some(Written::Local(local)),
    }
}

/// The words of a time. `09-Mar-2026` and `09/Mar/2026` are three.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split(|letter: char| letter.is_whitespace() || letter == ',') {
        let parts: Vec<&str> = word.split(['-', '/']).collect();
        match parts[..] {
            [_, month, _] if named(month, &MONTHS).is_some() => words.extend(parts),
            _ if word.is_empty() || BETWEEN.contains(&word.to_ascii_lowercase().as_str()) => (),
            _ => words.push(word),
        }
    }
    words
}

/// The place of a name that `word` is, or begins with at least three letters.
fn named(word: &str, names: &[&str]) -> Option<u32> {
    let word = word.strip_suffix('.').unwrap_or(word).to_ascii_lowercase();
    let place = names.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    u32::try_from(place).ok()
}

fn day_of_month(word: &str) -> Option<u32> {
    let word = word.strip_suffix('.').unwrap_or(word);
    let endings = ["st", "nd", "rd", "th"];
    let digits = endings.iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word);
    number(digits, 1..=2)
}

/// A year of four digits; with a weekday, which shows that it is meant, also of two, as RFC 2822 reads them.
fn year(word: &str, may_be_short: bool) -> Option<i32> {
    let year = match word.len() {
        2 if may_be_short => number(word, 2..=2).map(|year| year + if year < 50 { 2000 } else { 1900 }),
        _ => number(word, 4..=4),
    };
    year.and_then(|year| i32::try_from(year).ok())
}
