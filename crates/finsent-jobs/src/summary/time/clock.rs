//! The time of a day, and its zone.

use chrono::{NaiveTime, TimeDelta};

use super::digits::number;

/// Zones that RFC 2822 defines, in hours from UTC.
const ZONES: [(&str, i64); 12] = [
    ("Z", 0),
    ("UT", 0),
    ("UTC", 0),
    ("GMT", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// `14:30`, `14:30:05.25`, `2:30 PM`, `2PM`, and a zone: how far it is ahead of UTC, if there is one.
pub(super) fn read(text: &str) -> Option<(NaiveTime, Option<TimeDelta>)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !":.,".contains(letter)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let (half, zone) = half_of_day(rest.trim_start());
    let time = match half {
        Some(half) => of_half(digits, half)?,
        None => of_day(digits)?,
    };
    Some((time, zone_of(zone)?))
}

/// `143005.25` or `1430`, and a zone.
pub(super) fn read_basic(text: &str) -> Option<(NaiveTime, Option<TimeDelta>)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && !".,".contains(letter)).unwrap_or(text.len());
    let (digits, zone) = text.split_at(end);
    let (digits, fraction) = split_fraction(digits);
    let is_time = matches!(digits.len(), 4 | 6) && is_fraction(fraction) && (digits.len() == 6 || fraction.is_none());
    let seconds = if digits.len() == 6 { digits.get(4..)? } else { "00" };
    let time = of_numbers(digits.get(..2)?, digits.get(2..4)?, seconds).filter(|_| is_time)?;
    Some((time, zone_of(zone.trim_start())?))
}

/// What the text begins with, if that says which half of the day is meant, and the rest.
fn half_of_day(text: &str) -> (Option<Half>, &str) {
    let halves = [("am", Half::Am), ("a.m.", Half::Am), ("pm", Half::Pm), ("p.m.", Half::Pm)];
    for (name, half) in halves {
        let rest = text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &text[name.len()..]);
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            return (Some(half), rest.trim_start());
        }
    }
    (None, text)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Am,
    Pm,
}

fn of_half(text: &str, half: Half) -> Option<NaiveTime> {
    let (hour, rest) = text.split_once(':').unwrap_or((text, "00"));
    let hour = number(hour, 1..=2).filter(|hour| (1..=12).contains(hour))?;
    let hour = hour % 12 + if half == Half::Pm { 12 } else { 0 };
    of_day(&format!("{hour}:{rest}"))
}

/// `14:30`, `14:30:05`, `14:30:05.25`; the fraction is ignored.
fn of_day(text: &str) -> Option<NaiveTime> {
    let (hour, rest) = text.split_once(':')?;
    let (minute, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
    let (second, fraction) = split_fraction(seconds);
    of_numbers(hour, minute, second).filter(|_| is_fraction(fraction))
}

fn split_fraction(text: &str) -> (&str, Option<&str>) {
    text.split_once(['.', ',']).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)))
}

fn is_fraction(text: Option<&str>) -> bool {
    text.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn of_numbers(hour: &str, minute: &str, second: &str) -> Option<NaiveTime> {
    let second = number(second, 2..=2)?;
    let second = if second == 60 { 59 } else { second };
    NaiveTime::from_hms_opt(number(hour, 1..=2)?, number(minute, 2..=2)?, second)
}

/// How far a zone is ahead of UTC: `None` inside if there is no zone, outside if it is not known.
fn zone_of(text: &str) -> Option<Option<TimeDelta>> {
    if text.is_empty() {
        return Some(None);
    }
    if let Some((_, hours)) = ZONES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
        return Some(Some(TimeDelta::hours(*hours)));
    }
    // The offset decides; Go writes the name of the zone after it.
    let is_name = |name: &str| (2..=5).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let text = text.split_once(' ').filter(|(_, name)| is_name(name)).map_or(text, |(offset, _)| offset);
    let of_utc = text.strip_prefix("GMT").or(text.strip_prefix("UTC")).unwrap_or(text);
    let ahead = of_utc.strip_prefix('+');
    let clock = ahead.or(of_utc.strip_prefix('-'))?;
    let (hours, minutes) = match clock.len() {
        2 => (clock, "00"),
        4 if clock.is_ascii() => clock.split_at(2),
        _ => clock.split_once(':')?,
    };
    let (hours, minutes) = (number(hours, 2..=2)?, number(minutes, 2..=2)?);
    let offset = TimeDelta::minutes(i64::from(60 * hours + minutes));
    let signed = if ahead.is_some() { offset } else { -offset };
    (hours < 24 && minutes < 60).then_some(Some(signed))
}
