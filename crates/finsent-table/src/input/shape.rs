//! What an input whose format nobody named is, by its first lines: texts, or a table.

use super::dialect::{COMMA, TAB};
use super::json_framing::Framing;
use super::json_object::Object;
use super::reading::Reading;
use super::sample::Sample;

/// Names of columns of texts: with one of them, a line of names is a header.
const TEXT_NAMES: [&str; 8] = ["text", "headline", "title", "sentence", "tweet", "body", "content", "message"];
/// Lines after the first that show a table.
const ROWS: usize = 2;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One text per line.
    Lines,
    /// JSON objects.
    Json,
    /// Separated values, with a header.
    Delimited(u8),
    /// Lines of so many words without spaces, with commas between them.
    Unclear(usize),
}

impl Shape {
    /// What is to be told about an input that is not lines of text.
    pub(super) fn note(self) -> Option<String> {
        let how = match self {
            Self::Lines | Self::Unclear(_) => return None,
            Self::Json => "JSON",
            Self::Delimited(_) => "a table with a header",
        };
        Some(format!("read as {how}; --input-format text reads one text per line"))
    }

    /// What the first lines show.
    pub(super) fn of(sample: &Sample, reading: &Reading) -> Self {
        let first = sample.lines().find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let Ok(first) = str::from_utf8(first) else { return Shape::Lines };
        let is_object = first.trim_start().starts_with('{') && Object::parse(first, 1).1.is_ok();
        let is_document = match Framing::of(sample) {
            Framing::Lines => is_object,
            // `[Reuters] Profit rose` is a text; so is a lone bracket.
            Framing::Array | Framing::Values => {
                sample.trimmed().get(1..).is_some_and(|rest| !rest.trim_ascii().is_empty())
            }
        };
        if is_document || first.trim() == "[" || first.trim() == "{" {
            return Shape::Json;
        }
        let delimiters = [COMMA, b';', TAB, b'|'].map(char::from);
        let chosen = reading.dialect.delimiter.map(char::from);
        let found = chosen.into_iter().chain(delimiters).find(|&delimiter| first.contains(delimiter));
        match found {
            Some(delimiter) => table_shape(sample, first, delimiter),
            None => Shape::Lines,
        }
    }
}

fn table_shape(sample: &Sample, first: &str, delimiter: char) -> Shape {
    let names: Vec<&str> = first.split(delimiter).map(|name| name.trim_matches('"')).collect();
    let is_word = |name: &&str| {
        !name.is_empty()
            && !name.contains(char::is_whitespace)
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    // pandas' index has no name.
    let are_words = names.iter().skip(usize::from(names[0].is_empty())).all(is_word);
    if are_words && names.iter().any(|name| TEXT_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))) {
        return Shape::Delimited(u8::try_from(delimiter).unwrap_or(COMMA));
    }
    let is_row = |line: &[u8]| line.iter().filter(|&&byte| char::from(byte) == delimiter).count() + 1 == names.len();
    let rows: Vec<&[u8]> = sample.lines().skip(1).filter(|line| !line.is_empty()).collect();
    match are_words && rows.len() >= ROWS && rows.into_iter().all(is_row) {
        true => Shape::Unclear(names.len()),
        false => Shape::Lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape_of(text: &str) -> Shape {
        let sample = Sample { bytes: text.into(), is_whole: true, has_carriage_returns: false };
        Shape::of(&sample, &Reading::default())
    }

    #[test]
    fn objects_and_headers_are_a_table_and_sentences_are_not() {
        for text in ["{\"text\":\"up\"}\n", "[{\"text\":\"up\"}]", "[\n{\"text\":\"up\"}\n]", "{\n\"text\": \"up\"\n}"]
        {
            assert_eq!(shape_of(text), Shape::Json, "{text}");
        }
        assert_eq!(shape_of("id,headline\n1,Profit rose\n"), Shape::Delimited(b','));
        assert_eq!(shape_of("id;Title\n"), Shape::Delimited(b';'));
        assert_eq!(shape_of(",text\n0,up\n"), Shape::Delimited(b','));
        assert_eq!(shape_of("Apple,up\nTesla,down\nNvidia,flat\n"), Shape::Unclear(2));
        for text in
            ["Profit rose, costs fell\nUp, up\nDown, down\n", "[Reuters] Profit\n", "{hopeful} text\n", "", "Up\n"]
        {
            assert_eq!(shape_of(text), Shape::Lines, "{text}");
        }
    }
}
