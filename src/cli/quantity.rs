//! Numbers of things in a sentence.

/// `1 text`, `2 texts`, `12,000 texts`, `no texts`. The plural of `noun` ends in an s.
pub(super) fn quantity(count: u64, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", grouped(count)),
    }
}

/// The digits of a number, in groups of three from five digits on: 1000, 12,000.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noun_agrees_with_the_number() {
        assert_eq!([0, 1, 2].map(|count| quantity(count, "text")), ["no texts", "1 text", "2 texts"]);
    }

    #[test]
    fn digits_are_grouped_from_five_on() {
        let numbers = [0, 999, 1000, 12_000, 123_456, 1_234_567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1000", "12,000", "123,456", "1,234,567"]);
    }
}
