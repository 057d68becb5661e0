//! A table of dialects, each read from a file without being told about it.

use std::fs;

use super::{ColumnChoice, Input, Reading, encoding};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Never,
    /// Where it is needed.
    Minimal,
    All,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    delimiter: char,
    quoting: Quoting,
    escape: char,
    has_header: bool,
    line_end: &'static str,
    encoding: &'static str,
    has_mark: bool,
    /// Whether a row lacks its last value.
    is_ragged: bool,
    /// Whether each line ends in two more delimiters.
    has_blank_columns: bool,
}

const PLAIN: Case = Case {
    delimiter: ',',
    quoting: Quoting::Minimal,
    escape: '"',
    has_header: true,
    line_end: "\n",
    encoding: "utf-8",
    has_mark: false,
    is_ragged: false,
    has_blank_columns: false,
};

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let quotings = [
        (Quoting::Never, '"'),
        (Quoting::Minimal, '"'),
        (Quoting::All, '"'),
        (Quoting::Minimal, '\\'),
        (Quoting::All, '\\'),
    ];
    for delimiter in [',', ';', '\t', '|'] {
        for (quoting, escape) in quotings {
            for has_header in [true, false] {
                let case = Case { delimiter, quoting, escape, has_header, ..PLAIN };
                cases.extend(["\n", "\r\n", "\r"].map(|line_end| Case { line_end, ..case }));
                cases.push(Case { is_ragged: true, ..case });
                cases.push(Case { has_blank_columns: true, ..case });
                cases.push(Case { is_ragged: true, has_blank_columns: true, ..case });
            }
        }
        let encodings =
            [("utf-8", true), ("utf-16le", true), ("utf-16be", true), ("utf-16le", false), ("latin1", false)];
        for (encoding, has_mark) in encodings {
            cases.push(Case { delimiter, encoding, has_mark, ..PLAIN });
            cases.push(Case { delimiter, encoding, has_mark, has_header: false, line_end: "\r\n", ..PLAIN });
        }
    }
    cases
}

impl Case {
    /// The rows of the file, the header among them.
    fn rows(self) -> Vec<Vec<String>> {
        let quoted = format!("Gewinn fällt{} sagt \"der\" Vorstand", self.delimiter);
        let lines = format!("Orders doubled{}and margins rose too", self.line_end);
        let texts = match self.quoting {
            Quoting::Never => {
                ["Gewinn fällt um ein Zehntel", "7\" wafers are sold out", "Sales fell by a tenth"].map(String::from)
            }
            _ => [quoted, lines, "Sales fell by a tenth".into()],
        };
        let mut rows = vec![["id", "headline", "ticker"].map(String::from).to_vec()];
        for (place, text) in texts.into_iter().enumerate() {
            rows.push(vec![place.to_string(), text, ["NOK", "AAA", "MSFT"][place].into()]);
        }
        if self.is_ragged {
            rows[3].pop();
        }
        if self.has_blank_columns {
            rows.iter_mut().for_each(|row| row.extend([String::new(), String::new()]));
        }
        rows.split_off(usize::from(!self.has_header))
    }

    fn cell(self, cell: &str) -> String {
        let needs_quotes = cell.contains([self.delimiter, '"', '\n', '\r']);
        let is_quoted = match self.quoting {
            Quoting::Never => false,
            Quoting::Minimal => needs_quotes,
            Quoting::All => true,
        };
        if is_quoted { format!("\"{}\"", cell.replace('"', &format!("{}\"", self.escape))) } else { cell.to_owned() }
    }

    fn bytes(self) -> Vec<u8> {
        let delimiter = self.delimiter.to_string();
        let line = |row: Vec<String>| {
            row.iter().map(|cell| self.cell(cell)).collect::<Vec<_>>().join(&delimiter) + self.line_end
        };
        let text: String = self.rows().into_iter().map(line).collect();
        let text = if self.has_mark { format!("\u{feff}{text}") } else { text };
        match self.encoding {
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            "latin1" => text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect(),
            _ => text.into(),
        }
    }

    fn expected(self) -> Vec<Vec<String>> {
        let mut rows = self.rows();
        let columns = rows[0].len();
        rows.drain(..usize::from(self.has_header));
        for row in &mut rows {
            // A blank column of a row that lacks a value stands in that value's place.
            row.resize(columns, String::new());
            // Carriage returns that end lines are read as line feeds.
            let read =
                |cell: &mut String| *cell = if self.line_end == "\r" { cell.replace('\r', "\n") } else { cell.clone() };
            row.iter_mut().for_each(read);
        }
        rows
    }

    fn read(self) -> (Vec<Vec<String>>, Vec<String>) {
        let suffix = if self.delimiter == '\t' { ".tsv" } else { ".csv" };
        let file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
        fs::write(file.path(), self.bytes()).unwrap();
        let text = if self.has_header { None } else { Some("2".into()) };
        let is_told = !self.has_mark && self.encoding != "utf-8";
        let reading = Reading {
            encoding: is_told.then(|| encoding(self.encoding).unwrap()),
            columns: ColumnChoice { text, ..ColumnChoice::default() },
            ..Reading::default()
        };
        let mut input = Input::files(&[file.path().to_owned()], &reading).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = input.rows.next_row().unwrap() {
            assert_eq!(row.text.as_ref().unwrap().as_str(), row.fields[1].1.to_cell(), "{self:?}");
            rows.push(row.fields.iter().map(|(_, field)| field.to_cell()).collect());
        }
        (rows, input.notes)
    }
}

#[test]
fn every_dialect_is_read_as_it_was_written() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} dialects", cases.len());
    for case in cases {
        let (rows, notes) = case.read();
        assert_eq!(rows, case.expected(), "{case:?}\n{notes:?}");
        let is_told = |what: &str| notes.iter().any(|note| note.contains(what));
        assert_eq!(is_told("no header"), !case.has_header, "{case:?}: {notes:?}");
        assert_eq!(is_told("semicolon-separated"), case.delimiter == ';', "{case:?}: {notes:?}");
        assert_eq!(is_told("carriage return"), case.line_end == "\r", "{case:?}: {notes:?}");
        let is_escaped = case.escape == '\\' && case.quoting != Quoting::Never;
        assert_eq!(is_told("quotes escaped with \\"), is_escaped, "{case:?}: {notes:?}");
    }
}
