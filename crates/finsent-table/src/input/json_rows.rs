//! Rows of JSON: objects, one per line, one after the other, or in an array.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::columns::ItemColumns;
use super::encoding_errors::EncodingErrors;
use super::json_framing::Framing;
use super::json_object::Object;
use super::json_values::JsonValues;
use super::line_reader::LineReader;
use super::opened::Opened;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::sample::Sample;
use super::source::Source;
use crate::column_names::check_count;
use crate::error::TableError;
use crate::item_error::ItemError;
use crate::row::{Field, Row, RowReader};

/// Lines that are read ahead in search of the first object, which names the columns.
const LOOK_AHEAD: usize = 100;

/// A file of JSON objects. Blank lines are skipped.
pub(super) struct JsonRows {
    values: Values,
    errors: EncodingErrors,
    columns: ItemColumns,
    /// What was read ahead.
    ahead: VecDeque<ObjectAt>,
}

/// The object of a line, as far as it could be read.
struct ObjectAt {
    line: u64,
    object: Object,
    parsed: Result<(), ItemError>,
}

impl JsonRows {
    /// The reader and its columns: the fields of the first object.
    pub(super) fn open(source: Source, sample: &Sample, reading: &Reading) -> Result<Opened<Self>, TableError> {
        let framing = Framing::of(sample);
        let mut values = Values::new(source, framing);
        let errors = reading.encoding_errors;
        let ahead = read_ahead(&mut values, errors)?;
        let Some(first) = ahead.back().filter(|object| object.parsed.is_ok()) else {
            return Err(no_object(values.name(), ahead));
        };
        let names: Vec<Arc<str>> = first.object.fields.iter().map(|(name, _)| name.clone()).collect();
        let strings = |object: &Object| -> Vec<Arc<str>> {
            let strings = object.fields.iter().filter(|(_, value)| value.get().starts_with('"'));
            strings.map(|(name, _)| name.clone()).collect()
        };
        let is_of_text = |name: &str| names.iter().any(|known| **known == *name);
        let columns = match reading.columns.text.as_deref().unwrap_or("text") {
            // A field of the text, or the one that is named, may be missing in the first object.
            name if !is_of_text(name) => {
                let (union, of_strings) = sampled_names(sample, framing, &names, strings(&first.object));
                reading.columns.settle(values.name(), &union, &of_strings)?
            }
            _ => reading.columns.settle(values.name(), &names, &strings(&first.object))?,
        };
        let notes = framing.describe().map(|how| format!("read as {how}")).into_iter().collect();
        let how = framing.describe().unwrap_or_default().to_owned();
        Ok(Opened { rows: Self { values, errors, columns, ahead }, columns: names, notes, how })
    }

    /// The names of all fields in the rows that are left, in order, after those that are known.
    pub(super) fn all_names(mut self, known: Vec<Arc<str>>) -> Result<Vec<Arc<str>>, TableError> {
        let mut union = Union::of(known);
        while let Some(found) = self.next_object()? {
            union.add(&found.object);
            check_count(self.values.name(), union.names.len())?;
        }
        Ok(union.names)
    }

    fn next_object(&mut self) -> Result<Option<ObjectAt>, TableError> {
        match self.ahead.pop_front() {
            Some(found) => Ok(Some(found)),
            None => next_object(&mut self.values, self.errors),
        }
    }

    fn row(&self, found: ObjectAt) -> Row {
        let ObjectAt { line, object, parsed } = found;
        let text = parsed.and_then(|()| object.text(&self.columns.text));
        let id = self.columns.id.as_ref().and_then(|id| object.get(id)).map(|id| Field::Json(id.to_owned()));
        let fields = object.fields.into_iter().map(|(name, value)| (name, Field::Json(value))).collect();
        Row { place: format!("line {line}"), text, id, fields, origin: None }
    }
}

impl RowReader for JsonRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        Ok(self.next_object()?.map(|found| self.row(found)))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(self.ahead.pop_front().is_some() || self.values.next(|_, _, _| ())?.is_some())
    }

    fn would_wait(&self) -> bool {
        self.ahead.is_empty() && self.values.would_wait()
    }
}

/// The values of a file, each with the line in which it starts.
enum Values {
    Lines(LineReader),
    Document(JsonValues),
}

impl Values {
    fn new(source: Source, framing: Framing) -> Self {
        match framing {
            Framing::Lines => Self::Lines(LineReader::new(source)),
            Framing::Array => Self::Document(JsonValues::new(source, true)),
            Framing::Values => Self::Document(JsonValues::new(source, false)),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Lines(lines) => lines.name(),
            Self::Document(values) => values.name(),
        }
    }

    fn stats(&self) -> &ReadStats {
        match self {
            Self::Lines(lines) => lines.stats(),
            Self::Document(values) => values.stats(),
        }
    }

    fn would_wait(&self) -> bool {
        match self {
            Self::Lines(lines) => lines.would_wait(),
            Self::Document(_) => false,
        }
    }

    /// What `read` returns for the line of the next value, the value, and whether it stands in a document; and the line. `None`
    /// at the end.
    fn next<T>(
        &mut self,
        read: impl FnOnce(u64, Result<&[u8], ItemError>, bool) -> T,
    ) -> Result<Option<(u64, T)>, TableError> {
        match self {
            Self::Lines(lines) => loop {
                let number = lines.number() + 1;
                match lines.next_line()? {
                    None => return Ok(None),
                    Some(Ok(line)) if line.trim_ascii().is_empty() => (),
                    Some(line) => return Ok(Some((number, read(number, line, false)))),
                }
            },
            Self::Document(values) => {
                let has_value = values.advance()?;
                let number = values.number();
                Ok(has_value.then(|| (number, read(number, Ok(values.value()), true))))
            }
        }
    }
}

/// The objects up to the first that can be read, or a bounded number of them.
fn read_ahead(values: &mut Values, errors: EncodingErrors) -> Result<VecDeque<ObjectAt>, TableError> {
    let mut ahead = VecDeque::new();
    while ahead.len() < LOOK_AHEAD {
        let Some(found) = next_object(values, errors)? else { break };
        let is_object = found.parsed.is_ok();
        ahead.push_back(found);
        if is_object {
            break;
        }
    }
    Ok(ahead)
}

/// The error of a file in which none of these is an object.
fn no_object(file: &str, mut ahead: VecDeque<ObjectAt>) -> TableError {
    let file = file.to_owned();
    match ahead.pop_front().and_then(|found| Some((found.line, found.parsed.err()?))) {
        None => TableError::Empty { file, expected: "it should hold one JSON object per line" },
        Some((line, error)) => TableError::NoJsonObject { file, reason: format!("line {line}: {error}") },
    }
}

/// The next object.
fn next_object(values: &mut Values, errors: EncodingErrors) -> Result<Option<ObjectAt>, TableError> {
    let Some((line, (object, parsed))) =
        values.next(|line, value, is_document| parse((line, value), is_document, errors))?
    else {
        return Ok(None);
    };
    match parsed {
        Err(ItemError::NotUtf8(error)) if errors == EncodingErrors::Strict => {
            let (file, place) = (values.name().to_owned(), format!("line {line}"));
            Err(TableError::WrongEncoding { file, place, error })
        }
        parsed => {
            if object.is_repaired {
                values.stats().oddities().repairs.add(values.name(), line);
            }
            Ok(Some(ObjectAt { line, object, parsed }))
        }
    }
}

/// The object of a value. One that is not UTF-8 fails, but its fields are known.
fn parse(
    (line, value): (u64, Result<&[u8], ItemError>),
    is_document: bool,
    errors: EncodingErrors,
) -> (Object, Result<(), ItemError>) {
    let value = match value {
        Ok(value) => value,
        Err(error) => return (Object::default(), Err(error)),
    };
    let (json, wrong) = errors.decode(value);
    let (object, parsed) = match is_document && json.starts_with('"') {
        true => Object::of_string(&json, line),
        false => Object::parse(&json, line),
    };
    (object, wrong.map_or(parsed, |error| Err(error.into())))
}

/// The names of the fields in the first rows, and those of strings.
fn sampled_names(
    sample: &Sample,
    framing: Framing,
    first: &[Arc<str>],
    strings: Vec<Arc<str>>,
) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
    let (mut union, mut of_strings) = (Union::of(first.to_vec()), Union::of(strings));
    if framing == Framing::Lines {
        for line in sample.lines().take(LOOK_AHEAD).filter_map(|line| str::from_utf8(line).ok()) {
            let (mut object, _) = Object::parse(line, 1);
            union.add(&object);
            object.fields.retain(|(_, value)| value.get().starts_with('"'));
            of_strings.add(&object);
        }
    }
    (union.names, of_strings.names)
}

/// Names, each once, in the order in which they were found.
struct Union {
    names: Vec<Arc<str>>,
    known: HashSet<Arc<str>>,
}

impl Union {
    fn of(names: Vec<Arc<str>>) -> Self {
        let mut union = Self { names: Vec::new(), known: HashSet::new() };
        names.into_iter().for_each(|name| union.insert(name));
        union
    }

    fn add(&mut self, object: &Object) {
        object.fields.iter().for_each(|(name, _)| self.insert(name.clone()));
    }

    fn insert(&mut self, name: Arc<str>) {
        if self.known.insert(name.clone()) {
            self.names.push(name);
        }
    }
}
