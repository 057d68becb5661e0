//! How the objects of a JSON file stand in it.

use super::json_object::Object;
use super::sample::Sample;

/// How objects stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// One per line.
    Lines,
    /// In an array.
    Array,
    /// One after the other, over any number of lines.
    Values,
}

impl Framing {
    pub(super) fn of(sample: &Sample) -> Self {
        match sample.trimmed() {
            [b'[', rest @ ..] => match rest.trim_ascii_start().first() {
                None | Some(b'{' | b'"' | b']') => Self::Array,
                Some(_) => Self::Lines,
            },
            [b'{', ..] => Self::of_objects(sample),
            _ => Self::Lines,
        }
    }

    /// Lines, unless only several of them make the first object.
    fn of_objects(sample: &Sample) -> Self {
        let line = sample.lines().find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        if is_object(line) {
            return Self::Lines;
        }
        match first_object(sample.trimmed()) {
            Some(object) if is_object(object) => Self::Values,
            None if line.trim_ascii() == b"{" => Self::Values,
            _ => Self::Lines,
        }
    }

    pub(super) fn describe(self) -> Option<&'static str> {
        match self {
            Self::Lines => None,
            Self::Array => Some("an array of JSON objects"),
            Self::Values => Some("JSON objects over several lines"),
        }
    }
}

fn is_object(json: &[u8]) -> bool {
    str::from_utf8(json).is_ok_and(|json| Object::parse(json, 1).1.is_ok())
}

/// The beginning up to the last bracket of its first object.
fn first_object(json: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut is_in_string, mut is_escaped) = (0_usize, false, false);
    for (at, byte) in json.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            b'{' if !is_in_string => depth += 1,
            b'}' if !is_in_string => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(&json[..=at]);
                }
            }
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_how_objects_stand() {
        let framing =
            |text: &str| Framing::of(&Sample { bytes: text.into(), is_whole: true, has_carriage_returns: false });
        for text in
            ["{\"a\":1}\n{\"a\":2}\n", "nonsense\n{\"a\":1}\n", "{\"a\":\"x\n{\"a\":2}\n", "[1]\n", "", "{\"a\":NaN}"]
        {
            assert_eq!(framing(text), Framing::Lines, "{text}");
        }
        for text in ["[{\"a\":1}]", "[\n {", "[]", " [\"up\"]"] {
            assert_eq!(framing(text), Framing::Array, "{text}");
        }
        for text in ["{\n \"a\": 1\n}\n{\n}", "{\"a\":1} {\"a\":2}", "{\n \"a\""] {
            assert_eq!(framing(text), Framing::Values, "{text}");
        }
    }
}
