//! Points in time as data files write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use thiserror::Error;

/// Times as they are written, for messages.
pub const TIME_EXAMPLES: &str = "2026-03-09, 2026-03-09 14:30, 2026-03-09T14:30:00Z, 20260309 or seconds since 1970";

/// A cell is not a time; with the start of the cell.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a time; expected {TIME_EXAMPLES}")]
pub struct TimeError(String);

/// The time in UTC that `text` names. White space around it is ignored.
///
/// - `2024-01-31` or `2024/01/31`, which a space or `T` and a time of day may follow (`14:30`, `14:30:05`, `14:30:05.25`), and
///   then a zone: `Z`, ` UTC`, `+01:00`, `+0100` or `+01`. Without a zone it is UTC. A leap second counts as the second before
///   it.
/// - `20240131`: eight digits are a date.
/// - Other digits are the time since 1970: in seconds up to 11 digits (the year 5138), in milliseconds up to 14, in
///   microseconds up to 17, and in nanoseconds up to 19. Fewer than 9 digits are not a time: they are probably a year, or a 0
///   for a missing value. Fractions are ignored.
///
/// # Errors
/// [`TimeError`] with the text.
pub fn parse_time(text: &str) -> Result<NaiveDateTime, TimeError> {
    let text = text.trim();
    of_digits(text).or_else(|| of_date_and_time(text)).ok_or_else(|| TimeError(text.chars().take(40).collect()))
}

fn of_digits(text: &str) -> Option<NaiveDateTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if text.len() == 8 { ymd(&text[..4], &text[4..6], &text[6..]).map(NaiveDateTime::from) } else { since_epoch(whole) }
}

fn of_date_and_time(text: &str) -> Option<NaiveDateTime> {
    let date = date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date.into());
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let clock = rest.strip_suffix(" UTC").unwrap_or(rest);
    let end = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    date.and_time(time_of_day(clock.trim_end())?).checked_sub_signed(offset(zone)?)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A number with exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<u32> {
    if text.len() == count && is_digits(text) { text.parse().ok() } else { None }
}

fn since_epoch(text: &str) -> Option<NaiveDateTime> {
    let number: i64 = text.parse().ok()?;
    let time = match text.len() {
        9..=11 => DateTime::from_timestamp(number, 0),
        12..=14 => DateTime::from_timestamp_millis(number),
        15..=17 => DateTime::from_timestamp_micros(number),
        18..=19 => Some(DateTime::from_timestamp_nanos(number)),
        _ => None,
    };
    time.map(|time| time.naive_utc())
}

fn date(text: &str) -> Option<NaiveDate> {
    let separator = if text.contains('/') { '/' } else { '-' };
    let (year, rest) = text.split_once(separator)?;
    let (month, day) = rest.split_once(separator)?;
    ymd(year, month, day)
}

fn ymd(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let year = i32::try_from(digits(year, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?)
}

/// `14:30`, `14:30:05`, `14:30:05.25`; the fraction is ignored.
fn time_of_day(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = is_digits(fraction).then_some(digits(second, 2)?)?;
    let second = if second == 60 { 59 } else { second };
    NaiveTime::from_hms_opt(digits(hour, 2)?, digits(minute, 2)?, second)
}

/// How far a zone is ahead of UTC.
fn offset(zone: &str) -> Option<TimeDelta> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(TimeDelta::zero());
    }
    let ahead = zone.strip_prefix('+');
    let clock = ahead.or(zone.strip_prefix('-'))?;
    let (hours, minutes) = match clock.len() {
        2 => (clock, "00"),
        4 if clock.is_ascii() => clock.split_at(2),
        _ => clock.split_once(':')?,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    let offset = TimeDelta::minutes(i64::from(60 * hours + minutes));
    (hours < 24 && minutes < 60).then_some(if ahead.is_some() { offset } else { -offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        parse_time(text).ok().map(|time| time.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn times_are_read_as_data_files_write_them() {
        for (text, expected) in [
            ("2024-01-31", "2024-01-31 00:00:00"),
            (" 20240131\t", "2024-01-31 00:00:00"),
            ("2024-01-31 14:30", "2024-01-31 14:30:00"),
            ("2024-01-31 14:30:05", "2024-01-31 14:30:05"),
            ("2024-01-31T14:30:05.123456789Z", "2024-01-31 14:30:05"),
            ("2024-01-31t14:30:05z", "2024-01-31 14:30:05"),
            ("2024-01-31 14:30:05.5 Z", "2024-01-31 14:30:05"),
            ("2024-01-31T00:30:00+01:00", "2024-01-30 23:30:00"),
            ("2024-12-31 20:00-0500", "2025-01-01 01:00:00"),
            ("2024/01/31", "2024-01-31 00:00:00"),
            ("2024/01/31 14:30 UTC", "2024-01-31 14:30:00"),
            ("2024-02-29 12:00:00 +05:30", "2024-02-29 06:30:00"),
            ("2024-01-31 14:30+02", "2024-01-31 12:30:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59"),
            ("1706711405", "2024-01-31 14:30:05"),
            ("1706711405.75", "2024-01-31 14:30:05"),
            ("1706711405123", "2024-01-31 14:30:05"),
            ("1706711405123456", "2024-01-31 14:30:05"),
            ("1706711405123456789", "2024-01-31 14:30:05"),
            ("100000000", "1973-03-03 09:46:40"),
            ("99999999999", "5138-11-16 09:46:39"),
            ("100000000000", "1973-03-03 09:46:40"),
            ("0001-01-01", "0001-01-01 00:00:00"),
            ("0000-01-01T00:00:00+23:59", "-0001-12-31 00:01:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_same_time_is_read_in_every_format() {
        let noon = "2026-03-09T12:30:15";
        for text in [
            "2026-03-09T12:30:15Z",
            "2026-03-09 12:30:15",
            "2026-03-09T13:30:15+01:00",
            "2026-03-09 07:30:15-0500",
            "2026-03-09 07:30:15-05",
            "2026-03-09 12:30:15 UTC",
            " 2026-03-09T12:30:15.000Z ",
            "2026/03/09 12:30:15",
            "1773059415",
            "1773059415000",
        ] {
            assert_eq!(parse_time(text).unwrap().and_utc().to_rfc3339()[..19], *noon, "{text}");
        }
        for text in ["2026-03-09", "2026/03/09", "20260309", "2026-03-09 00:00"] {
            assert_eq!(parse_time(text).unwrap().and_utc().to_rfc3339()[..19], *"2026-03-09T00:00:00", "{text}");
        }
        for text in
            ["", "monday", "2026-13-01", "2026-02-30", "12:30", "-", "9".repeat(30).as_str(), "2026-03-09 25:00"]
        {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            " ",
            "0",
            "2024",
            "202401",
            "20241301",
            "20230229",
            "1234567",
            "-1706711405",
            "17067114051234567890",
            "99999999999999999999",
            "9999999999999999999",
            "1.7e9",
            "1706711405.",
            "2024-1-31",
            "2024-01/31",
            "2024-01-31 14:30+01 UTC UTC",
            "24-01-31",
            "2023-02-29",
            "31.01.2024",
            "01/31/2024",
            "2024-01-31 24:00",
            "2024-01-31 14",
            "2024-01-31 14:3",
            "2024-01-31 14:30:61",
            "2024-01-31 14:30:05.",
            "2024-01-31T14:30:05+24:00",
            "2024-01-31T14:30:05+1:00",
            "2024-01-31T14:30:05 CET",
            "2024-01-31X14:30",
            "yesterday",
            "2024-01-3\u{661}",
            "2024-01-31 14:30+\u{661}1",
            "NaT",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
