//! Times as people write them, and the periods that they fall into.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use thiserror::Error;

/// A length of time that a summary is cut by: `15m`, `6h`, `1d`, `1w`, `1mo`, `1q`, `1y`. Periods begin at midnight and on
/// Mondays, months and years on their first day, all in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Every {
    Minutes(u32),
    /// From the first of January 1970.
    Days(u32),
    /// From the Monday before it.
    Weeks(u32),
    /// From the January of the year 0.
    Months(u32),
}

/// Why what was typed is no [`Every`].
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum EveryError {
    #[error("expected a number and a unit: `15m`, `6h`, `1d`, `1w`, `1mo`, `1q`, `1y`")]
    NotALength,
    #[error("minutes and hours are to divide a day: `{0}` does not")]
    NoPartOfADay(String),
}

/// Why a cell is no time.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{0}` is no time; times are `2026-03-09`, `2026-03-09 14:30`, RFC 3339, or seconds since 1970")]
pub(crate) struct TimeError(String);

const MINUTES_A_DAY: u32 = 24 * 60;
/// Numbers from here on are milliseconds since 1970, below it seconds: the seconds of the year 5138.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;
/// The Monday before the first of January 1970, in days from there.
const FIRST_MONDAY: i64 = -3;

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, EveryError> {
        let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(EveryError::NotALength)?;
        let number: u32 = text[..unit].parse().map_err(|_| EveryError::NotALength)?;
        let times = |factor: u32| number.checked_mul(factor).filter(|&length| length > 0).ok_or(EveryError::NotALength);
        let of_a_day = |minutes: u32| match MINUTES_A_DAY % minutes {
            0 => Ok(Self::Minutes(minutes)),
            _ => Err(EveryError::NoPartOfADay(text.to_owned())),
        };
        match &text[unit..] {
            "m" | "min" => of_a_day(times(1)?),
            "h" => of_a_day(times(60)?),
            "d" => times(1).map(Self::Days),
            "w" => times(1).map(Self::Weeks),
            "mo" => times(1).map(Self::Months),
            "q" => times(3).map(Self::Months),
            "y" => times(12).map(Self::Months),
            _ => Err(EveryError::NotALength),
        }
    }
}

impl Every {
    /// The beginning of the period that `time` falls into.
    pub(crate) fn start(self, time: NaiveDateTime) -> NaiveDateTime {
        let midnight = NaiveDateTime::from(time.date());
        let start = match self {
            Self::Minutes(minutes) => {
                let since = (time - midnight).num_minutes();
                midnight.checked_add_signed(TimeDelta::minutes(since - since.rem_euclid(minutes.into())))
            }
            Self::Days(days) => back(midnight, 0, days.into()),
            Self::Weeks(weeks) => back(midnight, FIRST_MONDAY, 7 * i64::from(weeks)),
            Self::Months(months) => {
                let since = i64::from(time.year()) * 12 + i64::from(time.month0());
                let over = since.rem_euclid(months.into()) as u32;
                let first = time.date().with_day(1).and_then(|first| first.checked_sub_months(Months::new(over)));
                first.map(NaiveDateTime::from)
            }
        };
        // At the ends of the calendar, where there is no such day, the day itself.
        start.unwrap_or(midnight)
    }

    /// The beginning of a period as it is written.
    pub(crate) fn format(self, start: NaiveDateTime) -> String {
        match self {
            Self::Minutes(_) => start.and_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            Self::Days(_) | Self::Weeks(_) | Self::Months(_) => start.date().to_string(),
        }
    }
}

/// The last midnight, up to this one, that is a multiple of `days` from `origin`, in days from 1970.
fn back(midnight: NaiveDateTime, origin: i64, days: i64) -> Option<NaiveDateTime> {
    let since = midnight.and_utc().timestamp().div_euclid(24 * 60 * 60) - origin;
    midnight.checked_sub_days(Days::new(since.rem_euclid(days).unsigned_abs()))
}

/// The time, in UTC, that `text` names: RFC 3339, a date, a date and a time of the day with or without an offset (without one
/// it is UTC), `20260309`, or seconds or milliseconds since 1970.
///
/// # Errors
/// [`TimeError`] with the text.
pub(crate) fn parse_time(text: &str) -> Result<NaiveDateTime, TimeError> {
    let text = text.trim();
    let found =
        of_digits(text).or_else(|| of_date(text)).or_else(|| with_offset(text)).or_else(|| without_offset(text));
    found.ok_or_else(|| TimeError(text.chars().take(40).collect()))
}

fn of_digits(text: &str) -> Option<NaiveDateTime> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.len() == 8
        && let Ok(date) = NaiveDate::parse_from_str(text, "%Y%m%d")
    {
        return Some(date.into());
    }
    let number: i64 = text.parse().ok()?;
    let time = match number.abs() < FIRST_MILLISECONDS {
        true => DateTime::from_timestamp(number, 0),
        false => DateTime::from_timestamp_millis(number),
    };
    time.map(|time| time.naive_utc())
}

fn of_date(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d", "%Y/%m/%d"].iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok()).map(NaiveDateTime::from)
}

fn with_offset(text: &str) -> Option<NaiveDateTime> {
    let text = text.strip_suffix(" UTC").map_or_else(|| text.to_owned(), |time| format!("{time}Z"));
    if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
        return Some(time.with_timezone(&Utc).naive_utc());
    }
    ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z", "%Y-%m-%dT%H:%M%#z"]
        .iter()
        .find_map(|form| DateTime::parse_from_str(&text, form).ok())
        .map(|time| time.with_timezone(&Utc).naive_utc())
}

fn without_offset(text: &str) -> Option<NaiveDateTime> {
    let (date, time) = text.split_once(['T', ' '])?;
    let date = of_date(date)?.date();
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|form| NaiveTime::parse_from_str(time, form).ok())?;
    Some(date.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(every: &str, time: &str) -> String {
        let every: Every = every.parse().unwrap();
        every.format(every.start(parse_time(time).unwrap()))
    }

    #[test]
    fn times_are_read_as_people_write_them() {
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
    fn periods_begin_at_midnight_on_mondays_and_on_the_first() {
        let time = "2026-03-11T15:47:10Z";
        let starts = [
            ("15m", "2026-03-11T15:45:00Z"),
            ("6h", "2026-03-11T12:00:00Z"),
            ("1d", "2026-03-11"),
            ("1w", "2026-03-09"),
            ("1mo", "2026-03-01"),
            ("1q", "2026-01-01"),
            ("1y", "2026-01-01"),
        ];
        for (every, expected) in starts {
            assert_eq!(start(every, time), expected, "{every}");
        }
        assert_eq!(start("1w", "1969-12-31"), "1969-12-29");
        assert_eq!(start("2d", "1969-12-31"), "1969-12-30");
        assert_eq!(start("1q", "2024-12-31T23:59:59"), "2024-10-01");
    }

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for text in ["", "d", "1", "0d", "1x", "-1d", "1.5h", "99999999999d", "4294967295y"] {
            assert_eq!(text.parse::<Every>(), Err(EveryError::NotALength), "{text}");
        }
        assert_eq!("7h".parse::<Every>(), Err(EveryError::NoPartOfADay("7h".into())));
        assert_eq!("90m".parse::<Every>(), Ok(Every::Minutes(90)));
    }
}
