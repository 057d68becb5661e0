//! Cells that the tables of a summary have in common.

use finsent_jobs::summary::{GroupKey, SummaryRow, SummaryShape};
use unicode_width::UnicodeWidthStr;

use super::console::printable;
use super::width::{cut, pad_end};

/// Shown for a missing value.
pub(super) const MISSING: &str = "-";
/// Widest column of groups, and what is left of it before other columns are.
pub(super) const GROUP_WIDTHS: [usize; 2] = [32, 12];

/// The widths of the columns of groups.
pub(super) fn group_widths(rows: &[SummaryRow<'_>], shape: &SummaryShape<'_>) -> Vec<usize> {
    let width = |(column, name): (usize, &String)| {
        let widest = rows.iter().map(|row| value(row.key, column).width()).max().unwrap_or(0);
        widest.max(name.width()).min(GROUP_WIDTHS[0])
    };
    shape.groups.iter().enumerate().map(width).collect()
}

/// Cells of these widths at the beginning of a line.
pub(super) fn cells(values: impl Iterator<Item = impl AsRef<str>>, widths: &[usize]) -> Vec<String> {
    values.zip(widths).map(|(value, &width)| pad_end(&cut(&printable(value.as_ref()), width), width)).collect()
}

/// The value of a group in one of its columns.
fn value(key: &GroupKey, column: usize) -> String {
    key.values.get(column).and_then(Option::as_ref).map_or_else(|| MISSING.to_owned(), |value| printable(value))
}

/// The values of a group in one line.
pub(super) fn group_name(key: &GroupKey) -> String {
    if key.values.is_empty() {
        "all".to_owned()
    } else {
        (0..key.values.len()).map(|column| value(key, column)).collect::<Vec<_>>().join(", ")
    }
}

/// A number with its sign and so many decimals.
pub(super) fn signed(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| format!("{number:+.digits$}"))
}
