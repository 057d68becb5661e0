//! Dates of three numbers, the first two of which may be month and day or day and month.

use super::clock;
use super::digits::number;

/// The patterns that such a date may have: with the month first, or the day.
pub(super) fn formats(text: &str) -> Option<Vec<String>> {
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
    let (first, second) = (number(first, 1..=2)?, number(second, 1..=2)?);
    let is_date = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    let rest = time_form(rest)?;
    let form = |first: &str, second: &str| format!("{first}{separator}{second}{separator}{year_form}{rest}");
    let month_first = is_date(first, second).then(|| form("%m", "%d"));
    let day_first = is_date(second, first).then(|| form("%d", "%m"));
    let formats: Vec<String> = month_first.into_iter().chain(day_first).collect();
    (!formats.is_empty()).then_some(formats)
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
