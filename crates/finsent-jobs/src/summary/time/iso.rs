//! ISO 8601, in its basic and its extended form, and dates like it that begin with the year.

use chrono::NaiveDate;

use super::digits::number;
use super::written::Written;
use super::{clock, digits};

pub(super) fn read(text: &str) -> Option<Written> {
    // Java and RFC 9557 add the name of the zone to its offset.
    if let Some((time, _)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        return of_date_and_time(time).filter(|time| matches!(time, Written::Utc(_)));
    }
    of_date_and_time(text)
}

fn of_date_and_time(text: &str) -> Option<Written> {
    let basic = text.get(..8).filter(|date| date.bytes().all(|byte| byte.is_ascii_digit()));
    let (date, rest) = match basic {
        Some(date) => (digits::date(date)?, &text[8..]),
        None => extended_date(text)?,
    };
    if rest.is_empty() {
        return Some(Written::Local(date.and_time(chrono::NaiveTime::MIN)));
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    let of_basic = if basic.is_some() || !rest.starts_with(' ') { clock::read_basic(time) } else { None };
    let (time, offset) =
        of_basic.or_else(|| clock::read(time).filter(|_| time.contains(':') || rest.starts_with(' ')))?;
    let local = date.and_time(time);
    match offset {
        Some(offset) => local.checked_sub_signed(offset).map(Written::Utc),
        None => Some(Written::Local(local)),
    }
}

/// `2024-01-31`, `2024/1/31` or `2024.01.31`, and the rest.
fn extended_date(text: &str) -> Option<(NaiveDate, &str)> {
    let separator = text.get(4..5).filter(|separator| ["-", "/", "."].contains(separator))?;
    let year = number(&text[..4], 4..=4)?;
    let (month, rest) = text[5..].split_once(separator)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (day, rest) = rest.split_at(end);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(month, 1..=2)?, number(day, 1..=2)?)?;
    Some((date, rest))
}
