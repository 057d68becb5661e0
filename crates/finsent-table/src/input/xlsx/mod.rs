//! Rows of .xlsx workbooks: those of one sheet.

mod cell;
mod check;
mod sheet;

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use calamine::{Reader, Sheet, SheetType, SheetVisible, Xlsx};
use finsent_model::{Text, catch_panic};

use self::cell::Cell;
use self::sheet::{SheetRow, SheetRows};
use super::columns::ItemColumns;
use super::header_names::HeaderNames;
use super::opened::Opened;
use super::read_stats::ReadStats;
use super::reading::Reading;
use super::sniff::{FirstRecord, first_record, known_names};
use crate::error::{TableError, list};
use crate::item_error::ItemError;
use crate::row::{Row, RowReader};

/// Rows that show what the columns are.
const SAMPLE_ROWS: usize = 100;
/// The first bytes of a ZIP archive, and of the files that Excel wrote before 2007 or writes with a password.
const ZIP_MAGIC: &[u8] = b"PK";
const OLE_MAGIC: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];

/// The rows of a sheet.
pub(super) struct XlsxRows {
    name: String,
    rows: SheetRows,
    /// Empty columns before the first.
    margin: usize,
    header: Vec<Arc<str>>,
    /// Where the text and the id are in the header.
    text: usize,
    id: Option<usize>,
}

/// A file whose bytes are counted.
struct CountedFile {
    file: File,
    stats: Arc<ReadStats>,
}

impl XlsxRows {
    /// The reader, its columns, and what is to be told about how it reads.
    pub(super) fn open(path: &Path, reading: &Reading, stats: &Arc<ReadStats>) -> Result<Opened<Self>, TableError> {
        let name = path.display().to_string();
        let failed = |reason: String| TableError::NotXlsx { file: name.clone(), reason };
        let workbook = open(path, &name, stats)?;
        let sheets: Vec<&Sheet> =
            workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
        let sheet = choose(&sheets, reading.sheet.as_deref(), &name)?;
        let (told, how) = match sheets.len() {
            0 | 1 => (None, String::new()),
            count => {
                let order = if reading.sheet.is_some() { "one" } else { "the first" };
                let told = format!("read from the sheet `{sheet}`, {order} of {count}; --sheet names another");
                (Some(told).filter(|_| reading.sheet.is_none()), format!("sheet {sheet}"))
            }
        };
        let mut rows = SheetRows::start(workbook, sheet.clone()).map_err(|error| TableError::read(&name, error))?;
        let Some(sample) = rows.peek(SAMPLE_ROWS).map_err(failed)? else {
            return Err(TableError::EmptySheet { file: name, sheet });
        };
        let margin = sample.iter().filter_map(first_filled).min().unwrap_or(0);
        let sample: Vec<SheetRow> = sample.iter().map(|row| row.clone().without(margin)).collect();
        let layout = Layout::of(&sample, reading, &name)?;
        for _ in 0..layout.rows_before {
            rows.next().map_err(failed)?;
        }
        let columns = reading.columns.settle(&name, &layout.names, &layout.strings)?;
        let ItemColumns { text, id } = columns;
        let place = |name: &Arc<str>| layout.names.iter().position(|column| column == name);
        let (text, id) = (place(&text).unwrap_or(0), id.as_ref().and_then(place));
        let notes = told.into_iter().chain(layout.notes).collect();
        let rows = Self { name, rows, margin, header: layout.names.clone(), text, id };
        Ok(Opened { rows, columns: layout.names, notes, how })
    }

    fn next_sheet_row(&mut self) -> Result<Option<SheetRow>, TableError> {
        self.rows.next().map_err(|reason| TableError::NotXlsx { file: self.name.clone(), reason })
    }

    fn row(&self, row: SheetRow) -> Row {
        let found = row.cells.len();
        let is_in_margin = first_filled(&row).is_some_and(|first| first < self.margin);
        let SheetRow { number, mut cells } = row.without(self.margin);
        let is_ragged = is_in_margin || cells.len() > self.header.len();
        cells.resize(self.header.len(), Cell::Empty);
        let text = match is_ragged {
            true => Err(ItemError::Ragged { expected: self.header.len(), found }),
            false => Text::parse(cells[self.text].text()).map_err(ItemError::from),
        };
        let id = self.id.map(|id| cells[id].field());
        let fields = self.header.iter().cloned().zip(cells.iter().map(Cell::field)).collect();
        Row { place: format!("row {number}"), text, id, fields, origin: None }
    }
}

impl RowReader for XlsxRows {
    fn next_row(&mut self) -> Result<Option<Row>, TableError> {
        Ok(self.next_sheet_row()?.map(|row| self.row(row)))
    }

    fn skip_row(&mut self) -> Result<bool, TableError> {
        Ok(self.next_sheet_row()?.is_some())
    }
}

/// Opens a workbook after it was checked.
fn open(path: &Path, name: &str, stats: &Arc<ReadStats>) -> Result<Xlsx<BufReader<CountedFile>>, TableError> {
    let cannot_read = |error: io::Error| TableError::read(name, error);
    let failed = |reason: String| TableError::NotXlsx { file: name.to_owned(), reason };
    let mut file = File::open(path).map_err(cannot_read)?;
    if !file.metadata().map_err(cannot_read)?.is_file() {
        return Err(TableError::NotRegularFile { path: path.to_owned() });
    }
    let mut start = Vec::new();
    file.by_ref().take(OLE_MAGIC.len() as u64).read_to_end(&mut start).map_err(cannot_read)?;
    if start == OLE_MAGIC {
        return Err(failed("it has a password, or is an .xls file; save it as .xlsx without a password".into()));
    }
    if !start.starts_with(ZIP_MAGIC) {
        return Err(failed("it has another format, or is damaged".into()));
    }
    catch_panic(|| check::check(BufReader::new(&file))).and_then(|checked| checked).map_err(failed)?;
    file.rewind().map_err(cannot_read)?;
    let counted = BufReader::new(CountedFile { file, stats: Arc::clone(stats) });
    let opened = catch_panic(|| Xlsx::new(counted).map_err(|error| error.to_string()));
    opened.and_then(|opened| opened).map_err(failed)
}

/// The sheet that the user named, or the first that is shown.
fn choose(sheets: &[&Sheet], named: Option<&str>, file: &str) -> Result<String, TableError> {
    let shown = || sheets.iter().find(|sheet| sheet.visible == SheetVisible::Visible).or(sheets.first());
    let found = match named {
        Some(name) => sheets.iter().find(|sheet| sheet.name == name),
        None => shown(),
    };
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| TableError::NoSheet {
        file: file.to_owned(),
        sheet: named.unwrap_or_default().to_owned(),
        sheets: sheets.iter().map(|sheet| sheet.name.as_str().into()).collect(),
    })
}

/// What the first rows of a sheet show.
struct Layout {
    names: Vec<Arc<str>>,
    /// Columns of texts.
    strings: Vec<Arc<str>>,
    /// Rows up to the header, which are no data.
    rows_before: usize,
    notes: Vec<String>,
}

impl Layout {
    fn of(sample: &[SheetRow], reading: &Reading, file: &str) -> Result<Self, TableError> {
        let text_column = reading.columns.text.as_deref();
        let titles = if reading.dialect.no_header { 0 } else { titles(sample, text_column) };
        let records: Vec<Vec<String>> = sample[titles..].iter().map(texts).collect();
        let has_header = !reading.dialect.no_header && names_columns(&records, text_column, file)?;
        let rows_before = titles + usize::from(has_header);
        let width = sample[titles..].iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let mut notes = Vec::new();
        let names = match has_header {
            true => {
                let cells = (0..width).map(|place| records[0].get(place).map_or("", String::as_str).into()).collect();
                let HeaderNames { names, renamed } = HeaderNames::of(cells);
                if !renamed.is_empty() {
                    notes.push(format!("columns with blank or repeated names are read as {}", list(&renamed)));
                }
                names
            }
            false => HeaderNames::numbered(width),
        };
        if titles > 0 {
            notes.insert(0, format!("row {} names the columns; what is above it is left out", sample[titles].number));
        }
        if !has_header {
            notes.push(format!("no header; its columns are {}", list(&names)));
        }
        let data = &sample[rows_before..];
        let strings = names.iter().enumerate().filter(|(place, _)| holds_texts(data, *place));
        Ok(Self { strings: strings.map(|(_, name)| name.clone()).collect(), names, rows_before, notes })
    }
}

fn names_columns(records: &[Vec<String>], text_column: Option<&str>, file: &str) -> Result<bool, TableError> {
    match first_record(records, text_column) {
        FirstRecord::Names => Ok(true),
        FirstRecord::Data => Ok(false),
        FirstRecord::Unclear => {
            let line = records.first().map(|cells| cells.join(", ")).unwrap_or_default();
            Err(TableError::UnclearHeader { file: file.to_owned(), line })
        }
    }
}

fn texts(row: &SheetRow) -> Vec<String> {
    row.cells.iter().map(Cell::text).collect()
}

fn first_filled(row: &SheetRow) -> Option<usize> {
    row.cells.iter().position(|cell| !cell.is_blank())
}

/// The rows above the header: each has only its first cell, and the row after them has well-known names, which those do not.
fn titles(sample: &[SheetRow], text_column: Option<&str>) -> usize {
    let count = sample.iter().take_while(|row| row.cells.len() == 1).count();
    let are_names = |row: &SheetRow| {
        let texts = texts(row);
        known_names(&texts) > 0 || text_column.is_some_and(|column| texts.iter().any(|text| text == column))
    };
    let is_title = sample.get(count).is_some_and(are_names) && !sample[..count].iter().any(are_names);
    if is_title { count } else { 0 }
}

/// Whether a column has texts, and nothing else.
fn holds_texts(rows: &[SheetRow], place: usize) -> bool {
    let mut cells = rows.iter().filter_map(|row| row.cells.get(place)).filter(|cell| !cell.is_blank()).peekable();
    cells.peek().is_some() && cells.all(|cell| matches!(cell, Cell::Text(_)))
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.stats.add(read as u64);
        Ok(read)
    }
}

impl Seek for CountedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
