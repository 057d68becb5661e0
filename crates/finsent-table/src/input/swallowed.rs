//! Whether a quoted value has swallowed records, because a quote in it was taken for the end or the beginning of a value.

use csv::ByteRecord;

/// Whether a value with line ends holds what looks like whole records: a line with as many delimiters as the record has, and a
/// first or last cell of the same kind as the record's own.
pub(super) fn swallows_rows(record: &ByteRecord, delimiter: u8) -> bool {
    let (Some(first), Some(last)) = (record.get(0), record.iter().next_back()) else { return false };
    record.len() > 1 && record.iter().any(|cell| holds_rows(cell, delimiter, record.len() - 1, (first, last)))
}

fn holds_rows(cell: &[u8], delimiter: u8, delimiters: usize, (first, last): (&[u8], &[u8])) -> bool {
    if !cell.contains(&b'\n') {
        return false;
    }
    let lines: Vec<&[u8]> = cell.split(|&byte| byte == b'\n').collect();
    let is_whole = |line: &[u8]| line.iter().filter(|&&byte| byte == delimiter).count() == delimiters;
    let after_first = lines[1..].iter().filter(|line| is_whole(line));
    let before_last = lines[..lines.len() - 1].iter().filter(|line| is_whole(line));
    let start = |line: &[u8]| line.split(|&byte| byte == delimiter).next().is_some_and(|cell| is_alike(cell, first));
    let end = |line: &[u8]| line.rsplit(|&byte| byte == delimiter).next().is_some_and(|cell| is_alike(cell, last));
    after_first.into_iter().any(|line| start(line)) || before_last.into_iter().any(|line| end(line))
}

/// Whether two cells have the same pattern of digits and capitals: those of numbers, times, and codes, not those of words.
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    let one = one.trim_ascii();
    let is_code = one.iter().any(u8::is_ascii_digit) || one.iter().all(u8::is_ascii_uppercase);
    !one.is_empty() && is_code && !one.contains(&b' ') && pattern(one) == pattern(other.trim_ascii())
}

/// The pattern of a cell, in which a run of digits is one digit.
fn pattern(cell: &[u8]) -> Vec<u8> {
    let kinds = cell.iter().map(|byte| match byte {
        b'0'..=b'9' => b'9',
        b'A'..=b'Z' => b'A',
        b'a'..=b'z' => b'a',
        &byte => byte,
    });
    let mut pattern: Vec<u8> = kinds.collect();
    pattern.dedup_by(|one, other| one == other && *one == b'9');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_records_in_a_value_are_noticed_and_paragraphs_are_not() {
        let swallows = |cells: &[&str]| swallows_rows(&ByteRecord::from(cells.to_vec()), b',');
        assert!(swallows(&["1", "Short squeeze\n2,Margin call of 7"]));
        assert!(swallows(&["Short squeeze,1\nMargin call", "22"]));
        assert!(swallows(&["AAA", "Short squeeze\nBBB,Margin call"]));
        assert!(!swallows(&["1", "Profit rose, sharply.\n\nHowever, sales fell, too."]));
        assert!(!swallows(&["1", "Profit rose\nSales fell"]));
        assert!(!swallows(&["Profit rose\n2,Sales fell"]));
    }
}
