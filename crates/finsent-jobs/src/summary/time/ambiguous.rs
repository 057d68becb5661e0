//! Dates of three numbers, the first two of which may be month and day or day and month.

use super::{clock, number};

/// The patterns that such a date has if the month comes first, and if the day does.
pub(super) fn formats(text: &str) -> Option<[String; 2]> {
    let separator = text.chars().find(|letter| !letter.is_ascii_digit()).filter(|letter| "/-.".contains(*letter))?;
    let (first, rest) = text.split_once(separator)?;
    let (second, rest) = rest.split_once(separator)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (year, rest) = rest.split_at(end);
    let year_form = match year.len() {
        2 => "%y",
        4 => "%Y",
        _ => return None,
    };
    let is_date = number(first, 1..=2)?.max(number(second, 1..=2)?) <= 31;
    let rest = time_form(rest)?;
    let form = |first: &str, second: &str| format!("{first}{separator}{second}{separator}{year_form}{rest}");
    is_date.then(|| [form("%m", "%d"), form("%d", "%m")])
}

/// The pattern of what follows a date.
fn time_form(rest: &str) -> Option<String> {
    let start = rest.find(|letter: char| !matches!(letter, ' ' | ',' | 'T')).unwrap_or(rest.len());
    let (before, time) = rest.split_at(start);
    if time.is_empty() {
        return Some(String::new());
    }
    clock::read(time)?;
    let end = time.find(|letter: char| !letter.is_ascii_digit() && !":.".contains(letter)).unwrap_or(time.len());
    let (digits, after) = time.split_at(end);
    let half =
        after.trim_start().get(..2).filter(|half| half.eq_ignore_ascii_case("am") || half.eq_ignore_ascii_case("pm"));
    let mut form = format!("{before}{}:%M", if half.is_some() { "%I" } else { "%H" });
    if digits.matches(':').count() == 2 {
        form += ":%S";
    }
    if digits.contains('.') {
        form += "%.f";
    }
    let spaces = &after[..after.len() - after.trim_start().len()];
    let after = after.trim_start();
    match half {
        Some(half) => form += &format!("{spaces}%p{}", &after[half.len()..]),
        None if after.starts_with(['+', '-']) => form += &format!("{spaces}%z"),
        None => form += &format!("{spaces}{after}"),
    }
    Some(form)
}
