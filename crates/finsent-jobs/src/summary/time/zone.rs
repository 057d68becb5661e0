//! Time zones of the IANA database.

use std::fmt;
use std::str::FromStr;

use chrono::offset::LocalResult;
use chrono::{DateTime, Days, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use thiserror::Error;

/// A time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(Tz);

/// A string names no time zone.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{name}` is not a time zone; expected a name such as America/New_York, Europe/London or UTC{}", did_you_mean(nearest.as_deref()))]
pub struct ZoneError {
    name: String,
    nearest: Option<String>,
}

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::UTC)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    /// The zone with this name, in any case.
    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let found = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text));
        found.map(|zone| Self(*zone)).ok_or_else(|| ZoneError { name: text.to_owned(), nearest: nearest(text) })
    }
}

/// The zone of the city with this name, or the one with the most similar name.
fn nearest(text: &str) -> Option<String> {
    let city = text.replace(' ', "_");
    let of_city = |zone: &&Tz| zone.name().rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(&city));
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let found = TZ_VARIANTS.iter().find(of_city).map(|zone| zone.name());
    found.or_else(|| finsent_model::suggest(text, names())).map(String::from)
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl Zone {
    /// The time in UTC of a time in this zone. Of the two that a clock shows twice, it is the first; one that the clock
    /// leaves out is counted on from the time before.
    pub(super) fn to_utc(self, local: NaiveDateTime) -> NaiveDateTime {
        self.candidates(local)[0]
    }

    /// The time in UTC of a time in this zone, the last one that is not after `most` if the clock shows it twice.
    pub(in crate::summary) fn to_utc_before(self, local: NaiveDateTime, most: NaiveDateTime) -> NaiveDateTime {
        let [first, second] = self.candidates(local);
        if second <= most { second } else { first }
    }

    fn candidates(self, local: NaiveDateTime) -> [NaiveDateTime; 2] {
        match self.0.from_local_datetime(&local) {
            LocalResult::Single(time) => [time.naive_utc(); 2],
            LocalResult::Ambiguous(first, second) => [first.naive_utc(), second.naive_utc()],
            LocalResult::None => {
                let before = local.checked_sub_days(Days::new(1)).unwrap_or(local);
                let offset = self.0.offset_from_utc_datetime(&before).fix();
                [local.checked_sub_offset(offset).unwrap_or(local); 2]
            }
        }
    }

    /// A time in UTC as the clocks of this zone show it.
    pub(in crate::summary) fn at(self, utc: NaiveDateTime) -> DateTime<Tz> {
        self.0.from_utc_datetime(&utc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_utc(zone: &str, local: &str) -> String {
        let zone: Zone = zone.parse().unwrap();
        zone.to_utc(local.parse().unwrap()).to_string()
    }

    #[test]
    fn a_zone_has_a_name_in_any_case() {
        assert_eq!("america/new_york".parse::<Zone>().unwrap().to_string(), "America/New_York");
        assert!("New York".parse::<Zone>().unwrap_err().to_string().ends_with("did you mean `America/New_York`?"));
        assert!("Europe/Lodnon".parse::<Zone>().unwrap_err().to_string().ends_with("did you mean `Europe/London`?"));
    }

    #[test]
    fn times_that_a_clock_shows_twice_or_never_are_settled() {
        assert_eq!(to_utc("America/New_York", "2026-03-09T09:30:00"), "2026-03-09 13:30:00");
        assert_eq!(to_utc("America/New_York", "2026-11-01T01:30:00"), "2026-11-01 05:30:00");
        assert_eq!(to_utc("America/New_York", "2026-03-08T02:30:00"), "2026-03-08 07:30:00");
    }
}
