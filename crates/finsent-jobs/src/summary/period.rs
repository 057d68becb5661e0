//! Periods of time.

use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDateTime, TimeDelta};
use thiserror::Error;

use super::Zone;

/// The length of a summary's periods: `15m`, `6h`, `1d`, `1w`, `1mo`, `1q`, `1y`. Days start at midnight, weeks on Monday,
/// months and years on their first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// Minutes, from midnight; they divide a day.
    Minutes(u32),
    /// Days, from 1 January 1970.
    Days(u32),
    /// Weeks, from the Monday before 1 January 1970.
    Weeks(u32),
    /// Months, from January of the year 0.
    Months(u32),
}

/// Why a string is not an [`Every`].
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EveryError {
    /// It is not a number from 1 and a unit.
    #[error("expected a number and a unit, for example 15m, 6h, 1d, 1w, 1mo, 1q or 1y")]
    NotALength,
    /// The minutes or hours do not divide a day.
    #[error("`{0}` must divide 24 hours evenly")]
    NotAPartOfADay(String),
}

const MINUTES_A_DAY: u32 = 24 * 60;
/// The Monday before 1 January 1970, in days from that date.
const FIRST_MONDAY: i64 = -3;

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, EveryError> {
        let unit = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(EveryError::NotALength)?;
        let number: u32 = text[..unit].parse().map_err(|_| EveryError::NotALength)?;
        let times = |factor: u32| number.checked_mul(factor).filter(|&length| length > 0).ok_or(EveryError::NotALength);
        let of_a_day = |minutes: u32| match MINUTES_A_DAY % minutes {
            0 => Ok(Self::Minutes(minutes)),
            _ => Err(EveryError::NotAPartOfADay(text.to_owned())),
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
    /// The start of the period that contains `time`, both as a clock shows them.
    fn start(self, time: NaiveDateTime) -> NaiveDateTime {
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
        // At the ends of the calendar there may be no such day.
        start.unwrap_or(midnight)
    }
}

/// Periods of a length, by the clocks of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// Their length.
    pub every: Every,
    /// The zone.
    pub zone: Zone,
}

impl Periods {
    /// The start of the period that contains a time in UTC: in UTC for minutes, as clocks may show an hour twice; as the clocks
    /// show it for days.
    pub fn start(&self, utc: NaiveDateTime) -> NaiveDateTime {
        let start = self.every.start(self.zone.at(utc).naive_local());
        if self.has_dates() { start } else { self.zone.to_utc_before(start, utc) }
    }

    /// The start of a period as it is written in a summary: a date, or a date and time.
    pub fn format(&self, start: NaiveDateTime) -> String {
        match self.has_dates() {
            true => start.date().to_string(),
            false => self.zone.at(start).to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        }
    }

    /// Whether all periods start at midnight, so that dates name them.
    pub fn has_dates(&self) -> bool {
        !matches!(self.every, Every::Minutes(_))
    }
}

/// The last midnight, up to this one, that is a multiple of `days` after `origin`, both in days from 1970.
fn back(midnight: NaiveDateTime, origin: i64, days: i64) -> Option<NaiveDateTime> {
    let since = midnight.and_utc().timestamp().div_euclid(24 * 60 * 60) - origin;
    midnight.checked_sub_days(Days::new(since.rem_euclid(days).unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::TimeReader;

    fn start_in(zone: &str, every: &str, time: &str) -> String {
        let zone: Zone = zone.parse().unwrap();
        let periods = Periods { every: every.parse().unwrap(), zone: zone.clone() };
        periods.format(periods.start(TimeReader { format: None, zone }.read(time).unwrap()))
    }

    fn start(every: &str, time: &str) -> String {
        start_in("UTC", every, time)
    }

    #[test]
    fn periods_start_at_midnight_on_mondays_and_on_the_first() {
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
    fn periods_are_those_of_the_zone() {
        let new_york = |every: &str, time: &str| start_in("America/New_York", every, time);
        assert_eq!(new_york("1d", "2026-03-09T03:30:00Z"), "2026-03-08");
        assert_eq!(new_york("1d", "2026-03-09 00:30"), "2026-03-09");
        assert_eq!(new_york("1d", "2026-03-09"), "2026-03-09");
        assert_eq!(new_york("1mo", "2026-03-01T03:00:00Z"), "2026-02-01");
        assert_eq!(new_york("6h", "2026-03-09T13:30:00Z"), "2026-03-09T06:00:00-04:00");
        assert_eq!(new_york("30m", "2026-03-09 09:45"), "2026-03-09T09:30:00-04:00");
        // Clocks show the hour from 1:00 twice on this day.
        assert_eq!(new_york("1h", "2026-11-01T05:30:00Z"), "2026-11-01T01:00:00-04:00");
        assert_eq!(new_york("1h", "2026-11-01T06:30:00Z"), "2026-11-01T01:00:00-05:00");
        // And that from 2:00 never on this one.
        assert_eq!(new_york("2h", "2026-03-08T07:30:00Z"), "2026-03-08T03:00:00-04:00");
        assert_eq!(start_in("Asia/Kolkata", "1h", "2026-03-09T00:00:00Z"), "2026-03-09T05:00:00+05:30");
    }

    #[test]
    fn a_length_is_a_number_from_1_and_a_unit_and_minutes_divide_a_day() {
        for text in ["", "d", "1", "0d", "1x", "-1d", "1.5h", "99999999999d", "4294967295y"] {
            assert_eq!(text.parse::<Every>(), Err(EveryError::NotALength), "{text}");
        }
        assert_eq!("7h".parse::<Every>(), Err(EveryError::NotAPartOfADay("7h".into())));
        assert_eq!("90m".parse::<Every>(), Ok(Every::Minutes(90)));
    }
}
