//! What programs write into JSON that is not JSON: NaN, infinities, and halves of surrogate pairs.

/// What stands for no number, longest first.
const NO_NUMBERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
/// U+FFFD as an escape.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// `json` with null for what is no number, and U+FFFD for halves of surrogate pairs; `None` if it has neither.
pub(super) fn repaired(json: &str) -> Option<String> {
    let may_need_it = ["\\ud", "\\uD", "NaN", "Infinity"].iter().any(|part| json.contains(part));
    let repaired = may_need_it.then(|| repair(json.as_bytes()))??;
    String::from_utf8(repaired).ok()
}

fn repair(json: &[u8]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut is_in_string, mut is_changed) = (Vec::with_capacity(json.len()), 0, false, false);
    while let Some(&byte) = json.get(at) {
        let rest = &json[at..];
        let (length, replacement): (usize, Option<&[u8]>) = match byte {
            b'\\' if is_in_string => escape(rest),
            b'-' | b'I' | b'N' if !is_in_string => {
                let found = NO_NUMBERS.into_iter().find(|word| rest.starts_with(word));
                found.map_or((1, None), |word| (word.len(), Some(b"null")))
            }
            _ => (1, None),
        };
        is_in_string ^= byte == b'"';
        is_changed |= replacement.is_some();
        let end = json.len().min(at + length);
        out.extend_from_slice(replacement.unwrap_or(&json[at..end]));
        at = end;
    }
    is_changed.then_some(out)
}

/// The length of the escape at the beginning, and what is to replace it.
fn escape(rest: &[u8]) -> (usize, Option<&'static [u8]>) {
    match (unit(rest), unit(rest.get(6..).unwrap_or_default())) {
        (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (12, None),
        (Some(0xd800..=0xdfff), _) => (6, Some(REPLACEMENT)),
        _ => (2, None),
    }
}

/// The UTF-16 unit that an escape at the beginning stands for.
fn unit(rest: &[u8]) -> Option<u16> {
    let digits = rest.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_json_is_replaced() {
        let cases = [
            (r#"{"a":NaN,"b":-Infinity,"c":[Infinity]}"#, r#"{"a":null,"b":null,"c":[null]}"#),
            (r#"{"a":"NaN \" NaN","b":NaN}"#, r#"{"a":"NaN \" NaN","b":null}"#),
            (r#"{"a":"\ud83d"}"#, r#"{"a":"\ufffd"}"#),
            (r#"{"a":"\ude80 \ud83d\ud83d\ude80"}"#, r#"{"a":"\ufffd \ufffd\ud83d\ude80"}"#),
        ];
        for (json, expected) in cases {
            assert_eq!(repaired(json).as_deref(), Some(expected));
        }
        for json in [r#"{"a":"NaN"}"#, r#"{"a":"\ud83d\ude80"}"#, r#"{"a":"\\ud83d"}"#, r#"{"a":-1}"#, "\"\\ud8"] {
            assert_eq!(repaired(json), None, "{json}");
        }
    }
}
