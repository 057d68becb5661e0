//! Times that are numbers: digits of the calendar, and the time since 1970.

use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};

use super::written::Written;

/// Years of calendar times without separators. A time since 1970 that looks like a later or earlier one is one.
const YEARS: RangeInclusive<i32> = 1800..=2199;

pub(super) fn read(text: &str) -> Option<Written> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let calendar = || if whole.len() == text.len() { of_calendar(whole) } else { None };
    match whole.len() {
        8 => date(whole).filter(|_| whole.len() == text.len()).map(|date| Written::Local(date.into())),
        _ => calendar().map(Written::Local).or_else(|| since_epoch(whole).map(Written::Utc)),
    }
}

/// `yyyymmddHHMM`, `yyyymmddHHMMSS`, and that with milliseconds.
fn of_calendar(digits: &str) -> Option<NaiveDateTime> {
    if !matches!(digits.len(), 12 | 14 | 17) {
        return None;
    }
    let part = |from: usize| digits.get(from..from + 2).map_or(Some(0), |part| number(part, 2..=2));
    let time = NaiveTime::from_hms_opt(part(8)?, part(10)?, part(12)?)?;
    let date = date(&digits[..8]).filter(|date| YEARS.contains(&chrono::Datelike::year(date)))?;
    Some(date.and_time(time))
}

/// The date of eight digits.
pub(super) fn date(digits: &str) -> Option<NaiveDate> {
    let year = i32::try_from(number(digits.get(..4)?, 4..=4)?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&digits[4..6], 2..=2)?, number(&digits[6..8], 2..=2)?)
}

/// The time since 1970, in the unit in which it lies between 1973 and 2286.
fn since_epoch(digits: &str) -> Option<NaiveDateTime> {
    let number: i64 = digits.parse().ok()?;
    let time = match digits.len() {
        9..=10 => DateTime::from_timestamp(number, 0),
        12..=13 => DateTime::from_timestamp_millis(number),
        15..=16 => DateTime::from_timestamp_micros(number),
        18..=19 => Some(DateTime::from_timestamp_nanos(number)),
        _ => None,
    };
    time.map(|time| time.naive_utc())
}

/// A number of so many digits.
pub(super) fn number(text: &str, lengths: RangeInclusive<usize>) -> Option<u32> {
    let is_number = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}
