//! The pattern of times that the user names.

use std::fmt;
use std::str::FromStr;

use chrono::format::{Fixed, Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, NaiveTime};
use thiserror::Error;

use super::written::Written;

/// A pattern of strftime, such as `%m/%d/%Y`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeFormat(String);

/// Why a string is not a [`TimeFormat`].
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeFormatError {
    /// It has a part that is not known.
    #[error("`{0}` is not a pattern of strftime, such as %m/%d/%Y or %d.%m.%Y %H:%M")]
    Unknown(String),
    /// It has the name of a zone, which may mean several.
    #[error("the name of a zone (%Z) cannot be read; leave it out of the times, or use %z for an offset")]
    ZoneName,
    /// It does not say which day is meant.
    #[error("`{0}` has no year, month and day, such as %m/%d/%Y")]
    NoDate(String),
}

impl FromStr for TimeFormat {
    type Err = TimeFormatError;

    fn from_str(text: &str) -> Result<Self, TimeFormatError> {
        let items = || StrftimeItems::new(text);
        if items().any(|item| item == Item::Error) {
            return Err(TimeFormatError::Unknown(text.to_owned()));
        }
        if items().any(|item| item == Item::Fixed(Fixed::TimezoneName)) {
            return Err(TimeFormatError::ZoneName);
        }
        let format = Self(text.to_owned());
        let day = DateTime::from_timestamp(1_773_066_615, 0).unwrap_or_default();
        let written = day.format(text).to_string();
        let date = format.read(&written).map(|read| match read {
            Written::Utc(time) | Written::Local(time) => time.date(),
        });
        match date == Some(day.date_naive()) {
            true => Ok(format),
            false => Err(TimeFormatError::NoDate(text.to_owned())),
        }
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TimeFormat {
    /// The time that `text` names, if it has this form. Without a time of day it is midnight.
    pub(super) fn read(&self, text: &str) -> Option<Written> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, StrftimeItems::new(&self.0)).ok()?;
        if parsed.timestamp().is_some() {
            return parsed.to_naive_datetime_with_offset(0).ok().map(Written::Utc);
        }
        let time = match parsed.hour_div_12().is_some() || parsed.hour_mod_12().is_some() {
            true => parsed.to_naive_time().ok()?,
            false => NaiveTime::MIN,
        };
        let local = parsed.to_naive_date().ok()?.and_time(time);
        match parsed.to_fixed_offset() {
            Ok(offset) => local.checked_sub_offset(offset).map(Written::Utc),
            Err(_) => Some(Written::Local(local)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, text: &str) -> Option<Written> {
        format.parse::<TimeFormat>().unwrap().read(text)
    }

    #[test]
    fn a_pattern_says_what_the_numbers_are() {
        let local = |text: &str| Some(Written::Local(text.parse().unwrap()));
        assert_eq!(read("%m/%d/%Y", "03/09/2026"), local("2026-03-09T00:00:00"));
        assert_eq!(read("%d/%m/%Y", "3/9/2026"), local("2026-09-03T00:00:00"));
        assert_eq!(read("%d.%m.%y %H:%M", "09.03.26 14:30"), local("2026-03-09T14:30:00"));
        assert_eq!(read("%m/%d/%Y %I:%M %p", "03/09/2026 02:30 pm"), local("2026-03-09T14:30:00"));
        let utc = Some(Written::Utc("2026-03-09T19:30:00".parse().unwrap()));
        assert_eq!(read("%d %b %Y %H:%M %z", "09 Mar 2026 14:30 -0500"), utc);
        assert_eq!(read("%s", "1773084600"), utc);
        assert_eq!(read("%m/%d/%Y", "25/03/2026"), None);
        assert_eq!(read("%m/%d/%Y", "03/09/2026 x"), None);
    }

    #[test]
    fn a_pattern_without_a_day_or_with_a_zones_name_is_refused() {
        let error = |text: &str| text.parse::<TimeFormat>().unwrap_err();
        assert!(matches!(error("%Q"), TimeFormatError::Unknown(_)));
        assert!(matches!(error("%H:%M"), TimeFormatError::NoDate(_)));
        assert!(matches!(error("%m/%Y"), TimeFormatError::NoDate(_)));
        assert_eq!(error("%d %b %Y %Z"), TimeFormatError::ZoneName);
    }
}
