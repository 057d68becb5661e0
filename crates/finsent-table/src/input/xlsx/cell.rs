//! The cells of a sheet.

use calamine::{DataRef, ExcelDateTime};
use serde_json::Number;
use serde_json::value::RawValue;

use crate::row::Field;

/// The largest whole number up to which a double has all.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// No value, or an error such as `#N/A`.
    Empty,
    Text(String),
    /// A date, a time or a duration, in ISO 8601.
    Time(String),
    Number(f64),
    Flag(bool),
}

impl Cell {
    pub(super) fn of(value: &DataRef<'_>) -> Self {
        match value {
            DataRef::Empty | DataRef::Error(_) => Self::Empty,
            DataRef::String(text) => Self::Text(text.clone()),
            DataRef::SharedString(text) => Self::Text((*text).to_owned()),
            DataRef::Int(number) => Self::Number(*number as f64),
            DataRef::Float(number) => Self::Number(*number),
            DataRef::Bool(flag) => Self::Flag(*flag),
            DataRef::DateTime(time) => Self::Time(iso(time)),
            DataRef::DateTimeIso(time) | DataRef::DurationIso(time) => Self::Time(time.clone()),
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Time(text) => size_of::<Self>() + text.len(),
            _ => size_of::<Self>(),
        }
    }

    /// The value as it is written in CSV.
    pub(super) fn text(&self) -> String {
        self.field().to_cell()
    }

    pub(super) fn field(&self) -> Field {
        match self {
            Self::Empty => Field::null(),
            Self::Text(text) | Self::Time(text) => Field::Text(text.clone()),
            Self::Number(number) => json(&number_of(*number)),
            Self::Flag(flag) => json(&flag.to_string()),
        }
    }
}

fn json(value: &str) -> Field {
    RawValue::from_string(value.to_owned()).map_or_else(|_| Field::null(), Field::Json)
}

/// A number in JSON. Workbooks have only doubles, and most of them are whole.
fn number_of(number: f64) -> String {
    match number.fract() == 0.0 && number.abs() < MAX_EXACT {
        true => format!("{number:.0}"),
        false => Number::from_f64(number).map_or_else(|| "null".into(), |number| number.to_string()),
    }
}

/// A date, a time of day, both, or a duration.
fn iso(time: &ExcelDateTime) -> String {
    let value = time.as_f64();
    if time.is_duration() {
        let seconds = (value * 86_400.0).round() as i64;
        return format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, millisecond) = time.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let fraction = if millisecond == 0 { String::new() } else { format!(".{millisecond:03}") };
    let clock = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    match (value < 1.0, value.fract() == 0.0) {
        (true, _) => clock,
        (false, true) => date,
        (false, false) => format!("{date}T{clock}"),
    }
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn values_keep_their_types() {
        let text = |value: DataRef<'_>| Cell::of(&value).text();
        let json = |value: DataRef<'_>| serde_json::to_string(&Cell::of(&value).field()).unwrap();
        assert_eq!(
            [json(DataRef::Float(12.0)), json(DataRef::Float(-0.5)), json(DataRef::Float(1e300))],
            ["12", "-0.5", "1e+300"]
        );
        assert_eq!(
            [json(DataRef::Bool(true)), json(DataRef::Float(f64::NAN)), json(DataRef::Empty)],
            ["true", "null", "null"]
        );
        assert_eq!(json(DataRef::SharedString("12")), "\"12\"");
        let time = |value, kind| text(DataRef::DateTime(ExcelDateTime::new(value, kind, false)));
        assert_eq!(time(46090.0, DateTime), "2026-03-09");
        assert_eq!(time(46_090.604_166_666_664, DateTime), "2026-03-09T14:30:00");
        assert_eq!(time(0.5, DateTime), "12:00:00");
        assert_eq!(time(1.5, TimeDelta), "36:00:00");
    }
}
