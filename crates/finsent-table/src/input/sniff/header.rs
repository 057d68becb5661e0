//! Whether the first record of a sample names the columns.

/// Names that columns of texts and of their facts have. A first record with one of them is a header.
const KNOWN: [&str; 44] = [
    "text",
    "headline",
    "title",
    "sentence",
    "tweet",
    "body",
    "content",
    "message",
    "id",
    "date",
    "time",
    "datetime",
    "timestamp",
    "published",
    "label",
    "sentiment",
    "ticker",
    "tickers",
    "symbol",
    "source",
    "url",
    "author",
    "news",
    "name",
    "score",
    "company",
    "category",
    "summary",
    "description",
    "index",
    "created_at",
    "published_at",
    "isin",
    "user",
    "datum",
    "titel",
    "schlagzeile",
    "titre",
    "titulo",
    "fecha",
    "headlines",
    "texts",
    "article",
    "comment",
];

/// What the first record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum FirstRecord {
    Names,
    Data,
    Unclear,
}

/// The number of well-known names among these.
pub(in crate::input) fn known_names(names: &[String]) -> usize {
    names.iter().filter(|name| KNOWN.contains(&name.trim().to_lowercase().as_str())).count()
}

/// What the first of these records is; `text_column` is a name that the user says.
pub(in crate::input) fn first_record(records: &[Vec<String>], text_column: Option<&str>) -> FirstRecord {
    let Some((first, rest)) = records.split_first() else { return FirstRecord::Names };
    let is_named = text_column.is_some_and(|column| first.iter().any(|cell| cell == column));
    if is_named || known_names(first) > 0 {
        return FirstRecord::Names;
    }
    let columns: Vec<Column<'_>> = (0..first.len()).map(|place| Column { first, rest, place }).collect();
    if columns.iter().any(|column| column.repeats() || column.has_sentences()) {
        return FirstRecord::Data;
    }
    let has_numbers = columns.iter().any(Column::has_numbers);
    let has_identifiers = first.iter().any(|cell| is_identifier(cell));
    match (has_numbers, has_identifiers) {
        (true, true) => FirstRecord::Unclear,
        (true, false) => FirstRecord::Data,
        (false, _) if first.len() == 1 && first[0].contains(' ') => FirstRecord::Unclear,
        (false, _) => FirstRecord::Names,
    }
}

/// A column: the cell of the first record, and those below it.
struct Column<'a> {
    first: &'a Vec<String>,
    rest: &'a [Vec<String>],
    place: usize,
}

impl Column<'_> {
    fn cell(&self) -> &str {
        &self.first[self.place]
    }

    /// Whether at least half of the cells below are like this; true if there are none.
    fn are_below(&self, is: impl Fn(&str) -> bool) -> bool {
        let count = self.rest.iter().filter(|record| record.get(self.place).is_some_and(|cell| is(cell))).count();
        count * 2 >= self.rest.len()
    }

    fn has_numbers(&self) -> bool {
        is_number(self.cell()) && self.are_below(is_number)
    }

    fn has_sentences(&self) -> bool {
        is_sentence(self.cell()) && self.are_below(|cell| cell.contains(' '))
    }

    /// Whether the cell is one of a few that occur again and again. Files that were put together repeat whole headers.
    fn repeats(&self) -> bool {
        let cell = self.cell();
        let is_again = |record: &Vec<String>| record != self.first && record.get(self.place).is_some_and(|c| c == cell);
        !cell.trim().is_empty() && !is_number(cell) && self.rest.iter().any(is_again)
    }
}

/// A number, or a time that begins with one.
fn is_number(cell: &str) -> bool {
    let cell = cell.trim();
    let is_digital = |letter: char| letter.is_ascii_digit() || "+-.,:/ TZ".contains(letter);
    cell.contains(|letter: char| letter.is_ascii_digit()) && cell.chars().all(is_digital)
}

fn is_identifier(cell: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || "_-.%#".contains(letter);
    cell.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') && cell.chars().all(is_part)
}

/// Words that are no name.
fn is_sentence(cell: &str) -> bool {
    let words = cell.split_whitespace().count();
    let is_share = cell.as_bytes().windows(2).any(|pair| pair[0].is_ascii_digit() && pair[1] == b'%');
    words >= 4 || (words >= 2 && (is_share || cell.trim_end().ends_with(['.', '!', '?'])))
}
