//! Standard input: lines of text, or a table if its first lines show one.

use std::io::{self, BufRead, Seek, Write};

use super::delimited::Delimited;
use super::dialect::{COMMA, TAB};
use super::format::FileFormat;
use super::json_framing::Framing;
use super::json_object::Object;
use super::json_rows::JsonRows;
use super::open_file::{OpenFile, Opened};
use super::reading::Reading;
use super::sample::Sample;
use super::source::Source;
use super::text_lines::StandardInput;
use crate::error::TableError;

/// Names of columns of texts: with one of them, a line of names is a header.
const TEXT_NAMES: [&str; 8] = ["text", "headline", "title", "sentence", "tweet", "body", "content", "message"];
/// Lines after the first that show a table.
const ROWS: usize = 2;

/// What standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Lines,
    Json,
    Delimited(u8),
    /// Lines of so many words without spaces, with commas between them.
    Unclear(usize),
}

/// Opens standard input in the format that the user named or its first lines show. Lines of text are given on as they come.
pub(super) fn open(reading: &Reading) -> Result<OpenFile, TableError> {
    let mut source = Source::standard_input(reading.encoding);
    let shape = match reading.format {
        Some(FileFormat::Text) => Shape::Lines,
        Some(FileFormat::Csv) => Shape::Delimited(COMMA),
        Some(FileFormat::Tsv) => Shape::Delimited(TAB),
        Some(FileFormat::Json) => Shape::Json,
        Some(FileFormat::Parquet) => return Err(TableError::StandardInputFormat { format: "a Parquet file" }),
        Some(FileFormat::Xlsx) => return Err(TableError::StandardInputFormat { format: "a workbook" }),
        None => shape(&source.sample_lines(1)?, reading),
    };
    let note = |how: &str| format!("standard input is read as {how}; --input-format text reads one text per line");
    let mut opened = match shape {
        Shape::Lines if reading.columns.text.is_some() || reading.columns.id.is_some() => {
            return Err(TableError::NoColumns);
        }
        Shape::Lines => return Ok(OpenFile::without_columns(StandardInput::new(source, reading.encoding_errors))),
        Shape::Unclear(columns) => return Err(TableError::UnclearStandardInput { columns }),
        Shape::Json if reading.all_columns => OpenFile::untyped(spooled(source, reading)?),
        Shape::Json => {
            let sample = source.sample_lines(1)?;
            OpenFile::untyped(JsonRows::open(source, &sample, reading)?)
        }
        Shape::Delimited(delimiter) => {
            let sample = source.sample_lines(2)?;
            OpenFile::untyped(Delimited::open(source, &sample, delimiter, reading)?)
        }
    };
    if reading.format.is_none() {
        opened.notes.insert(0, note(if shape == Shape::Json { "JSON" } else { "a table with a header" }));
    }
    Ok(opened)
}

/// Rows of JSON with the columns of all of them: they are kept in a file without a name, and read twice.
fn spooled(mut source: Source, reading: &Reading) -> Result<Opened<JsonRows>, TableError> {
    let name = source.name.clone();
    let cannot_keep = |error: io::Error| TableError::Spool { source: error.into() };
    let mut file = tempfile::tempfile().map_err(cannot_keep)?;
    loop {
        let chunk = source.reader.fill_buf().map_err(|error| TableError::read(&name, error))?;
        let length = chunk.len();
        if length == 0 {
            break;
        }
        file.write_all(chunk).map_err(cannot_keep)?;
        source.reader.consume(length);
        source.stats.end_record();
    }
    let mut open = || {
        file.rewind().map_err(cannot_keep)?;
        let mut source = Source::decoded(name.clone(), file.try_clone().map_err(cannot_keep)?);
        let sample = source.sample()?;
        JsonRows::open(source, &sample, reading)
    };
    let first = open()?;
    let columns = first.rows.all_names(first.columns)?;
    Ok(Opened { columns, ..open()? })
}

/// What the first lines show.
fn shape(sample: &Sample, reading: &Reading) -> Shape {
    let first = sample.lines().find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let Ok(first) = str::from_utf8(first) else { return Shape::Lines };
    let is_object = first.trim_start().starts_with('{') && Object::parse(first, 1).1.is_ok();
    let is_document = match Framing::of(sample) {
        Framing::Lines => is_object,
        // `[Reuters] Profit rose` is a text; so is a lone bracket.
        Framing::Array | Framing::Values => sample.trimmed().get(1..).is_some_and(|rest| !rest.trim_ascii().is_empty()),
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
        shape(&sample, &Reading::default())
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
