//! Numbers as numpy and pandas print them: scripts that read finBERT's files expect them so.

/// Most digits after the point in an array that numpy prints.
const PRECISION: usize = 8;

/// An array as `str(numpy.array(numbers, dtype=numpy.float32))` prints it: as few digits as tell the numbers apart, at most
/// [`PRECISION`] after the point, and powers of ten if the numbers differ much in size (numpy's `FloatingFormat`).
pub(super) fn array(numbers: &[f32]) -> String {
    let magnitudes = || numbers.iter().map(|number| number.abs()).filter(|&magnitude| magnitude > 0.0);
    let (largest, smallest) = (magnitudes().fold(0.0, f32::max), magnitudes().fold(f32::INFINITY, f32::min));
    let in_powers = largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1e3;
    let cells = if in_powers { scientific(numbers) } else { positional(numbers) };
    format!("[{}]", cells.join(" "))
}

/// A number as pandas writes it to a CSV file: the shortest one that parses to the same f32.
pub(super) fn number(number: f32) -> String {
    let magnitude = number.abs();
    if number == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return format!("{number:?}");
    }
    let (digits, exponent) = parts(number);
    format!("{digits}{}", power(exponent))
}

/// Padded on both sides, so that the decimal points of a column are aligned.
fn positional(numbers: &[f32]) -> Vec<String> {
    let texts: Vec<String> = numbers.iter().map(|&number| shortened(number)).collect();
    let split = |text: &str| text.split_once('.').map_or((text.len(), 0), |(whole, after)| (whole.len(), after.len()));
    let before = texts.iter().map(|text| split(text).0).max().unwrap_or(0);
    let after = texts.iter().map(|text| split(text).1).max().unwrap_or(0);
    let pad = |text: &String| {
        let (whole, rest) = split(text);
        format!("{}{text}{}", " ".repeat(before - whole), " ".repeat(after - rest))
    };
    texts.iter().map(pad).collect()
}

/// With the point, and without zeros at the end: `0.5`, `1.`.
fn shortened(number: f32) -> String {
    let shortest = format!("{number:?}");
    let digits = shortest.split_once('.').map_or(0, |(_, after)| after.len());
    let text = if digits > PRECISION { format!("{number:.PRECISION$}") } else { shortest };
    text.trim_end_matches('0').to_owned()
}

fn scientific(numbers: &[f32]) -> Vec<String> {
    let of_numbers: Vec<(String, i32)> = numbers.iter().map(|&number| parts(number)).collect();
    let decimals = |digits: &str| digits.split_once('.').map_or(0, |(_, after)| after.len());
    let most = of_numbers.iter().map(|(digits, _)| decimals(digits)).max().unwrap_or(0);
    let pad = |(digits, exponent): &(String, i32)| {
        let point = if digits.contains('.') { "" } else { "." };
        format!("{digits}{point}{}{}", "0".repeat(most - decimals(digits)), power(*exponent))
    };
    of_numbers.iter().map(pad).collect()
}

/// The digits of a number, with one before the point, and its power of ten.
fn parts(number: f32) -> (String, i32) {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

fn power(exponent: i32) -> String {
    format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy 2.4.6 prints.
    #[test]
    fn arrays_are_printed_as_numpy_prints_them() {
        let printed = [
            (&[0.898_361_f32, 0.034_474, 0.067_165][..], "[0.898361 0.034474 0.067165]"),
            (&[0.5, 0.25, 0.25], "[0.5  0.25 0.25]"),
            (&[1.0, 0.0, 0.0], "[1. 0. 0.]"),
            (&[0.997, 0.0001, 0.0029], "[9.97e-01 1.00e-04 2.90e-03]"),
            (&[0.967_870_2, 0.016_731_026, 0.015_398_79], "[0.9678702  0.01673103 0.01539879]"),
            (&[0.333_333_34, 0.333_333_34, 0.333_333_34], "[0.33333334 0.33333334 0.33333334]"),
            (&[0.999_999_9, 5e-8, 5e-8], "[9.999999e-01 5.000000e-08 5.000000e-08]"),
            (&[1.0, 1e-5], "[1.e+00 1.e-05]"),
        ];
        for (numbers, text) in printed {
            assert_eq!(array(numbers), text);
        }
    }

    #[test]
    fn numbers_are_printed_as_pandas_prints_them() {
        let printed =
            [(0.95_f32, "0.95"), (-0.5, "-0.5"), (0.0, "0.0"), (1.0, "1.0"), (1e-5, "1e-05"), (-2.5e-7, "-2.5e-07")];
        for (value, text) in printed {
            assert_eq!(number(value), text);
        }
    }
}
