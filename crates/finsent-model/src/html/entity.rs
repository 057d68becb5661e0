//! HTML entities: `&amp;`, `&#8217;`, `&#x27;`.

use html_escape::NAMED_ENTITIES;

/// Bytes of the longest entity, `&CounterClockwiseContourIntegral;`.
const LONGEST: usize = 33;
/// What the numbers 128 to 159 stand for, in which Windows has letters and Unicode has none.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The length of the entity at the start of `text`, and the letters that it stands for. It has to end with a semicolon: `&reg`
/// is also the beginning of a word.
pub(super) fn at_start(text: &str) -> Option<(usize, String)> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
    let end = 1 + text.bytes().skip(1).take(LONGEST).take_while(is_name).count();
    let name = &text[1..end];
    if text.as_bytes().get(end) != Some(&b';') {
        return None;
    }
    let letters = match name.strip_prefix('#') {
        Some(number) => letter(number)?.to_string(),
        None => {
            let place = NAMED_ENTITIES.binary_search_by(|(known, _)| (*known).cmp(name.as_bytes())).ok()?;
            NAMED_ENTITIES[place].1.to_owned()
        }
    };
    Some((end + 1, letters))
}

/// The letter with a number such as `8217` or `x27`.
fn letter(number: &str) -> Option<char> {
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
    match code {
        0 => None,
        128..160 => Some(WINDOWS[code as usize - 128]),
        code => char::from_u32(code),
    }
}
