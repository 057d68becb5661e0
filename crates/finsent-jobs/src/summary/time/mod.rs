//! Points in time as data files write them.

mod ambiguous;
mod clock;
mod digits;
mod iso;
mod time_format;
mod words;
mod written;
mod zone;

use chrono::NaiveDateTime;
use thiserror::Error;

use written::Written;

pub use time_format::{TimeFormat, TimeFormatError};
pub use zone::{Zone, ZoneError};

/// Times as they are written, for messages.
pub const TIME_EXAMPLES: &str =
    "2026-03-09, 2026-03-09 14:30, 2026-03-09T14:30:00Z, 20260309, Mar 9, 2026 or seconds since 1970";

/// Characters of a cell in a message.
const QUOTED_CHARACTERS: usize = 40;

/// Why a cell is not a time; with the start of the cell.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeError {
    /// It has none of the forms that are known.
    #[error("`{0}` is not a time; expected {TIME_EXAMPLES}")]
    Unknown(String),
    /// It is a date of three numbers that does not begin with the year. Where the month stands is known only of some of them.
    #[error("the order of month and day in `{text}` must be said")]
    Ambiguous {
        /// The start of the cell.
        text: String,
        /// The patterns that it may have.
        formats: Vec<String>,
    },
    /// It does not have the form that was named.
    #[error("`{text}` is not a time of the form `{format}`")]
    OtherFormat {
        /// The start of the cell.
        text: String,
        /// The pattern.
        format: String,
    },
}

/// How times are read.
#[derive(Debug, Clone, Default)]
pub struct TimeReader {
    /// The pattern of all times; without one, they may have any of the forms that are known.
    pub format: Option<TimeFormat>,
    /// The zone of times that name none.
    pub zone: Zone,
}

impl TimeReader {
    /// The time in UTC that `text` names. White space around it is ignored. With a pattern, `text` has its form; else one of:
    ///
    /// - ISO 8601: `2024-01-31`, `2024-01-31T14:30:05.25+01:00`, `20240131T143005Z`. Other separators and shorter numbers are
    ///   understood if the year comes first.
    /// - RFC 2822 and other dates with the name of the month: `Wed, 31 Jan 2024 14:30:05 GMT`, `Jan 31, 2024 2:30 PM`.
    /// - Digits: 8 are a date; 12, 14 or 17 that make a calendar time are one. Others are the time since 1970, in seconds
    ///   (9 or 10 digits, from 1973 to 2286), milliseconds (12 or 13), microseconds (15 or 16) or nanoseconds (18 or 19).
    ///   Fewer are probably a year, or a 0 for a missing value.
    ///
    /// Fractions of a second are ignored, and a leap second counts as the second before it.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn read(&self, text: &str) -> Result<NaiveDateTime, TimeError> {
        let text = text.trim();
        let written = match &self.format {
            Some(format) => format
                .read(text)
                .ok_or_else(|| TimeError::OtherFormat { text: start(text), format: format.to_string() })?,
            None => read(text).ok_or_else(|| match ambiguous::formats(text) {
                Some(formats) => TimeError::Ambiguous { text: start(text), formats },
                None => TimeError::Unknown(start(text)),
            })?,
        };
        Ok(match written {
            Written::Utc(time) => time,
            Written::Local(time) => self.zone.to_utc(time),
        })
    }
}

fn read(text: &str) -> Option<Written> {
    digits::read(text).or_else(|| iso::read(text)).or_else(|| words::read(text))
}

fn start(text: &str) -> String {
    text.chars().take(QUOTED_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let time = TimeReader::default().read(text).ok()?;
        Some(time.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    #[test]
    fn times_are_read_as_data_files_write_them() {
        for (text, expected) in [
            ("2024-01-31", "2024-01-31 00:00:00"),
            (" 20240131\t", "2024-01-31 00:00:00"),
            ("2024-1-31", "2024-01-31 00:00:00"),
            ("2024.01.31 9:30", "2024-01-31 09:30:00"),
            ("2024-01-31 14:30", "2024-01-31 14:30:00"),
            ("2024-01-31 14:30:05", "2024-01-31 14:30:05"),
            ("2024-01-31 2:30 PM", "2024-01-31 14:30:00"),
            ("2024-01-31T14:30:05.123456789Z", "2024-01-31 14:30:05"),
            ("2024-01-31t14:30:05z", "2024-01-31 14:30:05"),
            ("2024-01-31 14:30:05.5 Z", "2024-01-31 14:30:05"),
            ("2024-01-31T14:30:05,25+00:00", "2024-01-31 14:30:05"),
            ("2024-01-31T00:30:00+01:00", "2024-01-30 23:30:00"),
            ("2024-01-31T00:30:00+01:00[Europe/Berlin]", "2024-01-30 23:30:00"),
            ("2024-12-31 20:00-0500", "2025-01-01 01:00:00"),
            ("2024/01/31", "2024-01-31 00:00:00"),
            ("2024/01/31 14:30 UTC", "2024-01-31 14:30:00"),
            ("2024-01-31 14:30 EST", "2024-01-31 19:30:00"),
            ("2024-01-31 14:30:05 -0500 EST", "2024-01-31 19:30:05"),
            ("2024-02-29 12:00:00 +05:30", "2024-02-29 06:30:00"),
            ("2024-01-31 14:30+02", "2024-01-31 12:30:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59"),
            ("20220410T013000", "2022-04-10 01:30:00"),
            ("20220410T0130Z", "2022-04-10 01:30:00"),
            ("20220410T013000.5+0200", "2022-04-09 23:30:00"),
            ("20220410 013000", "2022-04-10 01:30:00"),
            ("20220410 01:30", "2022-04-10 01:30:00"),
            ("1706711405", "2024-01-31 14:30:05"),
            ("1706711405.75", "2024-01-31 14:30:05"),
            ("1706711405123", "2024-01-31 14:30:05"),
            ("1706711405123456", "2024-01-31 14:30:05"),
            ("1706711405123456789", "2024-01-31 14:30:05"),
            ("100000000", "1973-03-03 09:46:40"),
            ("100000000000", "1973-03-03 09:46:40"),
            ("946684800000", "2000-01-01 00:00:00"),
            ("20240131143005", "2024-01-31 14:30:05"),
            ("202401311430", "2024-01-31 14:30:00"),
            ("20240131143005123", "2024-01-31 14:30:05"),
            ("0001-01-01", "0001-01-01 00:00:00"),
            ("0000-01-01T00:00:00+23:59", "-0001-12-31 00:01:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_with_the_name_of_the_month_are_read() {
        for (text, expected) in [
            ("Mar 9, 2026", "2026-03-09 00:00:00"),
            ("March 9th, 2026", "2026-03-09 00:00:00"),
            ("9 Mar 2026", "2026-03-09 00:00:00"),
            ("09-Mar-2026", "2026-03-09 00:00:00"),
            ("09/Mar/2026 14:30:05", "2026-03-09 14:30:05"),
            ("2026-Mar-09", "2026-03-09 00:00:00"),
            ("2026 March 9 14:30", "2026-03-09 14:30:00"),
            ("Mon Mar  9 14:30:05 EST 2026", "2026-03-09 19:30:05"),
            ("Sept. 9, 2026 2:30 PM EDT", "2026-09-09 18:30:00"),
            ("March 9, 2026 at 12:05 a.m.", "2026-03-09 00:05:00"),
            ("March 9, 2026 / 2PM", "2026-03-09 14:00:00"),
            ("Mon, 09 Mar 2026 14:30:05 GMT", "2026-03-09 14:30:05"),
            ("Mon, 9 Mar 2026 14:30 -0500", "2026-03-09 19:30:00"),
            ("Mon, 09 Mar 26 14:30:05 +0000", "2026-03-09 14:30:05"),
            ("9 Mar 2026 14:30:05 EST", "2026-03-09 19:30:05"),
            ("Mon Mar  9 14:30:05 2026", "2026-03-09 14:30:05"),
            ("Mon Mar 09 14:30:05 +0000 2026", "2026-03-09 14:30:05"),
            ("Mon Mar 09 2026 14:30:05 GMT+0100 (Central European Standard Time)", "2026-03-09 13:30:05"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
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
            "99999999999",
            "20241301143005",
            "20240131253005",
            "17067114051234567890",
            "99999999999999999999",
            "9999999999999999999",
            "1.7e9",
            "1706711405.",
            "2024-01/31",
            "2024-01-31 14:30+01 UTC UTC",
            "24-01-31",
            "2023-02-29",
            "2024-01-31 24:00",
            "2024-01-31 14",
            "2024-01-31 1430",
            "2024-01-31 14:3",
            "2024-01-31 14:30:61",
            "2024-01-31 14:30:05.",
            "2024-01-31 14:30 PM",
            "2024-01-31T14:30:05+24:00",
            "2024-01-31T14:30:05+1:00",
            "2024-01-31T14:30:05 CET",
            "2024-01-31T14:30:05[Europe/Berlin]",
            "2024-01-31X14:30",
            "20220410T",
            "20220410T0130001",
            "20221310T013000",
            "Tue, 09 Mar 2026 14:30:05 GMT",
            "9 Mar 26",
            "Mar 2026",
            "Mar 9",
            "Mar 9, 2026 Mar",
            "Mar 9, 2026, 14:30 and later",
            "31 Feb 2026",
            "yesterday",
            "2024-01-3\u{661}",
            "2024-01-31 14:30+\u{661}1",
            "NaT",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_date_of_numbers_that_begins_with_no_year_needs_its_form() {
        for (text, formats) in [
            ("03/09/2026", &["%m/%d/%Y", "%d/%m/%Y"][..]),
            ("3-25-26", &["%m-%d-%y"]),
            ("31.01.2024 14:30", &["%d.%m.%Y %H:%M"]),
            ("03/09/2026, 2:30:15 PM", &["%m/%d/%Y, %I:%M:%S %p", "%d/%m/%Y, %I:%M:%S %p"]),
            ("12/31/2026 14:30:15.25 +01:00", &["%m/%d/%Y %H:%M:%S%.f %z"]),
        ] {
            let formats: Vec<String> = formats.iter().map(ToString::to_string).collect();
            assert_eq!(
                TimeReader::default().read(text),
                Err(TimeError::Ambiguous { text: text.into(), formats: formats.clone() })
            );
            let reads = |format: &String| {
                let format = Some(format.parse().unwrap());
                TimeReader { format, ..TimeReader::default() }.read(text).is_ok()
            };
            assert!(formats.iter().all(reads), "{text}: {formats:?}");
        }
    }
}
