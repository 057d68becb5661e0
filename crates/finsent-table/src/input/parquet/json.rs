//! Values of a Parquet file as fields of a row.

use chrono::{DateTime, NaiveDate, TimeDelta};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::record::{Field as ParquetValue, List, Map, Row as Group};
use parquet::schema::types::{Type, TypePtr};
use serde_json::value::{RawValue, to_raw_value};

use crate::row::Field;

/// A value of a column as a field of a row: strings as they are, numbers with all their digits (null if they are not finite,
/// which JSON does not have), times in ISO 8601, bytes as a string if they are UTF-8 without control characters and else in
/// hexadecimal digits, lists as arrays, groups and maps as objects.
pub(super) fn to_field(value: ParquetValue, column: &Type) -> Field {
    match value {
        ParquetValue::Str(text) => Field::Text(text),
        value => {
            let mut json = String::new();
            write_value(&value, Some(column), &mut json);
            Field::Json(RawValue::from_string(json).expect("the functions below write JSON"))
        }
    }
}

/// Writes a value; `of` is its type, if the schema follows the format's rules.
fn write_value(value: &ParquetValue, of: Option<&Type>, out: &mut String) {
    match value {
        ParquetValue::Null => out.push_str("null"),
        ParquetValue::Bool(flag) => out.push_str(&flag.to_string()),
        ParquetValue::Byte(number) => out.push_str(&number.to_string()),
        ParquetValue::Short(number) => out.push_str(&number.to_string()),
        ParquetValue::Int(number) => out.push_str(&number.to_string()),
        ParquetValue::Long(number) => match nanoseconds(of) {
            Some(Nanoseconds::Day) => write_text(&time_of_day(*number), out),
            Some(Nanoseconds::Time { is_utc }) => {
                write_time(Some(DateTime::from_timestamp_nanos(*number)), is_utc, *number, out);
            }
            None => out.push_str(&number.to_string()),
        },
        ParquetValue::UByte(number) => out.push_str(&number.to_string()),
        ParquetValue::UShort(number) => out.push_str(&number.to_string()),
        ParquetValue::UInt(number) => out.push_str(&number.to_string()),
        ParquetValue::ULong(number) => out.push_str(&number.to_string()),
        ParquetValue::Float16(number) => write_json(&number.to_f32(), out),
        ParquetValue::Float(number) => write_json(number, out),
        ParquetValue::Double(number) => write_json(number, out),
        ParquetValue::Decimal(_) => out.push_str(&value.to_string()),
        ParquetValue::Str(text) => write_text(text, out),
        ParquetValue::Bytes(bytes) => match str::from_utf8(bytes.data()) {
            Ok(text) if !text.contains(is_binary) => write_text(text, out),
            _ => write_text(&bytes.data().iter().map(|byte| format!("{byte:02x}")).collect::<String>(), out),
        },
        ParquetValue::Date(days) => match date(*days) {
            Some(date) => write_text(&date.to_string(), out),
            None => out.push_str(&days.to_string()),
        },
        ParquetValue::TimeMillis(time) => write_text(&time_of_day(i64::from(*time) * 1_000_000), out),
        ParquetValue::TimeMicros(time) => write_text(&time_of_day(time.saturating_mul(1000)), out),
        ParquetValue::TimestampMillis(time) => {
            write_time(DateTime::from_timestamp_millis(*time), is_utc(of), *time, out);
        }
        ParquetValue::TimestampMicros(time) => {
            write_time(DateTime::from_timestamp_micros(*time), is_utc(of), *time, out);
        }
        ParquetValue::Group(group) => write_group(group, of, out),
        ParquetValue::ListInternal(list) => write_list(list, of.and_then(element), out),
        ParquetValue::MapInternal(map) => write_map(map, of, out),
    }
}

/// Whether a character is in bytes rather than in texts.
fn is_binary(letter: char) -> bool {
    letter.is_control() && !letter.is_whitespace()
}

fn write_json(number: &impl serde::Serialize, out: &mut String) {
    out.push_str(to_raw_value(number).expect("a number is JSON").get());
}

fn write_text(text: &str, out: &mut String) {
    out.push_str(to_raw_value(text).expect("a string is JSON").get());
}

/// Writes a point in time, or its number if it is outside the calendar.
fn write_time(time: Option<DateTime<chrono::Utc>>, is_utc: bool, number: i64, out: &mut String) {
    match time {
        Some(time) => {
            let zone = if is_utc { "Z" } else { "" };
            write_text(&format!("{}{zone}", time.format("%Y-%m-%dT%H:%M:%S%.f")), out);
        }
        None => out.push_str(&number.to_string()),
    }
}

fn date(days: i32) -> Option<NaiveDate> {
    DateTime::UNIX_EPOCH.date_naive().checked_add_signed(TimeDelta::days(days.into()))
}

fn time_of_day(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds).format("%H:%M:%S%.f").to_string()
}

/// Whether the points in time of a type are in UTC; else they are in an unknown local time.
fn is_utc(of: Option<&Type>) -> bool {
    match of.and_then(|of| of.get_basic_info().logical_type_ref()) {
        Some(LogicalType::Timestamp(timestamp)) => timestamp.is_adjusted_to_u_t_c,
        _ => of.is_none_or(|of| !of.is_primitive() || of.get_physical_type() != PhysicalType::INT96),
    }
}

/// Times in nanoseconds, which the library returns as plain numbers.
enum Nanoseconds {
    Day,
    Time { is_utc: bool },
}

fn nanoseconds(of: Option<&Type>) -> Option<Nanoseconds> {
    match of?.get_basic_info().logical_type_ref()? {
        LogicalType::Time(time) if time.unit == TimeUnit::NANOS => Some(Nanoseconds::Day),
        LogicalType::Timestamp(timestamp) if timestamp.unit == TimeUnit::NANOS => {
            Some(Nanoseconds::Time { is_utc: timestamp.is_adjusted_to_u_t_c })
        }
        _ => None,
    }
}

fn write_group(group: &Group, of: Option<&Type>, out: &mut String) {
    let types = of.map_or(&[][..], fields);
    out.push('{');
    for (index, (name, value)) in group.get_column_iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        write_text(name, out);
        out.push(':');
        write_value(value, types.get(index).map(AsRef::as_ref), out);
    }
    out.push('}');
}

fn write_list(list: &List, element: Option<&Type>, out: &mut String) {
    out.push('[');
    for (index, value) in list.elements().iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        write_value(value, element, out);
    }
    out.push(']');
}

/// Writes an object. Keys that are not strings become strings of their JSON.
fn write_map(map: &Map, of: Option<&Type>, out: &mut String) {
    let entry = of.and_then(|of| fields(of).first()).map_or(&[][..], |entry| fields(entry));
    out.push('{');
    for (index, (key, value)) in map.entries().iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        let mut name = String::new();
        write_value(key, entry.first().map(AsRef::as_ref), &mut name);
        match name.starts_with('"') {
            true => out.push_str(&name),
            false => write_text(&name, out),
        }
        out.push(':');
        write_value(value, entry.get(1).map(AsRef::as_ref), out);
    }
    out.push('}');
}

/// The fields of a group; a primitive type has none.
fn fields(of: &Type) -> &[TypePtr] {
    if of.is_primitive() { &[] } else { of.get_fields() }
}

/// The type of a list's elements, by the format's rules, including those for old files.
fn element(list: &Type) -> Option<&Type> {
    if list.is_primitive() || list.get_basic_info().converted_type() != ConvertedType::LIST {
        // A repeated field that is not in a list.
        return Some(list);
    }
    let repeated =
        list.get_fields().first().filter(|field| field.get_basic_info().repetition() == Repetition::REPEATED)?;
    match fields(repeated) {
        [element] if repeated.name() != "array" && !repeated.name().ends_with("_tuple") => Some(element),
        _ => Some(repeated),
    }
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{ByteArray, Decimal};
    use parquet::schema::parser::parse_message_type;

    use super::*;

    fn json(value: ParquetValue, column: &str) -> String {
        let schema = parse_message_type(&format!("message row {{ {column} }}")).unwrap();
        match to_field(value, &schema.get_fields()[0]) {
            Field::Text(text) => text,
            Field::Json(json) => json.get().to_owned(),
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(
            json(ParquetValue::ULong(u64::MAX), "required int64 a (integer(64, false));"),
            "18446744073709551615"
        );
        assert_eq!(json(ParquetValue::Float(0.1), "required float a;"), "0.1");
        assert_eq!(json(ParquetValue::Double(f64::NAN), "required double a;"), "null");
        let decimal = ParquetValue::Decimal(Decimal::from_i64(-1230, 9, 2));
        assert_eq!(json(decimal, "required int64 a (decimal(9, 2));"), "-12.30");
    }

    #[test]
    fn times_are_iso_8601_and_say_whether_they_are_utc() {
        let micros = ParquetValue::TimestampMicros(1_700_000_000_123_456);
        assert_eq!(
            json(micros.clone(), "required int64 a (timestamp(micros, true));"),
            r#""2023-11-14T22:13:20.123456Z""#
        );
        assert_eq!(json(micros, "required int64 a (timestamp(micros, false));"), r#""2023-11-14T22:13:20.123456""#);
        let nanos = ParquetValue::Long(1_700_000_000_123_456_789);
        assert_eq!(json(nanos, "required int64 a (timestamp(nanos, true));"), r#""2023-11-14T22:13:20.123456789Z""#);
        assert_eq!(json(ParquetValue::Date(-1), "required int32 a (date);"), r#""1969-12-31""#);
        assert_eq!(json(ParquetValue::Date(i32::MAX), "required int32 a (date);"), "2147483647");
        assert_eq!(
            json(ParquetValue::TimeMillis(61_001), "required int32 a (time(millis, true));"),
            r#""00:01:01.001""#
        );
        let day = ParquetValue::TimestampMillis(0);
        assert_eq!(json(day, "required int64 a (timestamp(millis, true));"), r#""1970-01-01T00:00:00Z""#);
    }

    #[test]
    fn bytes_are_text_or_hexadecimal_digits() {
        assert_eq!(json(ParquetValue::Bytes(ByteArray::from("Zürich")), "required binary a;"), r#""Zürich""#);
        assert_eq!(json(ParquetValue::Bytes(ByteArray::from(vec![0xff, 0x0a])), "required binary a;"), r#""ff0a""#);
        assert_eq!(json(ParquetValue::Bytes(ByteArray::from(vec![0, 7])), "required binary a;"), r#""0007""#);
    }
}
