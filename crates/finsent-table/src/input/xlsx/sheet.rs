//! The rows of a sheet, which a thread of their own reads: the library lends the cells from the workbook.

use std::collections::VecDeque;
use std::io::{Read, Seek};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use calamine::{Xlsx, XlsxCellReader};
use finsent_model::catch_panic;

use super::cell::Cell;
use crate::input::read_stats::MAX_RECORD_BYTES;

/// Most columns of a sheet.
const MAX_COLUMNS: u32 = 16_384;
/// Rows that are handed over at once, and their bytes.
const ROWS_AT_ONCE: usize = 128;
const BYTES_AT_ONCE: usize = 1 << 20;

/// A row that is not empty.
#[derive(Debug, Clone)]
pub(super) struct SheetRow {
    /// Its number in the sheet, from 1.
    pub(super) number: u64,
    /// Its cells, up to the last that has a value.
    pub(super) cells: Vec<Cell>,
}

impl SheetRow {
    /// The row without so many columns at its start.
    pub(super) fn without(mut self, columns: usize) -> Self {
        self.cells.drain(..columns.min(self.cells.len()));
        self
    }
}

type Rows = Result<Vec<SheetRow>, String>;

/// The rows of a sheet that are not empty.
pub(super) struct SheetRows {
    arriving: Receiver<Rows>,
    arrived: VecDeque<SheetRow>,
}

impl SheetRows {
    /// Starts to read a sheet.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub(super) fn start<R: Read + Seek + Send + 'static>(
        mut workbook: Xlsx<R>,
        sheet: String,
    ) -> std::io::Result<Self> {
        let (sender, arriving) = sync_channel(1);
        let read = move || {
            let read = catch_panic(|| read(&mut workbook, &sheet, &sender));
            if let Err(reason) = read.and_then(|read| read) {
                // Ignore send errors: nobody wants more rows.
                sender.send(Err(reason)).unwrap_or_default();
            }
        };
        thread::Builder::new().name("workbook".into()).spawn(read)?;
        Ok(Self { arriving, arrived: VecDeque::new() })
    }

    /// The next row.
    ///
    /// # Errors
    /// What is wrong with the workbook.
    pub(super) fn next(&mut self) -> Result<Option<SheetRow>, String> {
        Ok(self.peek(1)?.is_some().then(|| self.arrived.pop_front()).flatten())
    }

    /// The next rows, as many as there are up to so many; `None` at the end.
    pub(super) fn peek(&mut self, most: usize) -> Result<Option<&[SheetRow]>, String> {
        while self.arrived.len() < most {
            match self.arriving.recv() {
                Ok(rows) => self.arrived.extend(rows?),
                Err(_) => break,
            }
        }
        let rows = self.arrived.make_contiguous();
        Ok((!rows.is_empty()).then(|| &rows[..rows.len().min(most)]))
    }
}

/// Reads the rows of a sheet and hands them over, until it or their reader ends.
fn read<R: Read + Seek>(workbook: &mut Xlsx<R>, sheet: &str, to: &SyncSender<Rows>) -> Result<(), String> {
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(|error| error.to_string())?;
    let mut batch = Batch { rows: Vec::new(), bytes: 0, to };
    let mut row: Option<SheetRow> = None;
    let mut bytes = 0;
    while let Some((number, column, cell)) = next_cell(&mut cells)? {
        if row.as_ref().is_none_or(|row| row.number != number) {
            let is_read = row.replace(SheetRow { number, cells: Vec::new() }).is_none_or(|row| batch.push(row, bytes));
            if !is_read {
                return Ok(());
            }
            bytes = 0;
        }
        bytes += cell.bytes();
        if bytes as u64 > MAX_RECORD_BYTES {
            return Err(format!("row {number} has more than {MAX_RECORD_BYTES} bytes"));
        }
        if let Some(row) = &mut row
            && !cell.is_blank()
        {
            row.cells.resize(row.cells.len().max(column + 1), Cell::Empty);
            row.cells[column] = cell;
        }
    }
    if row.is_none_or(|row| batch.push(row, bytes)) {
        batch.send();
    }
    Ok(())
}

/// The next cell, with the number of its row from 1 and its column from 0.
fn next_cell<R: Read + Seek>(cells: &mut XlsxCellReader<'_, R>) -> Result<Option<(u64, usize, Cell)>, String> {
    let Some(cell) = cells.next_cell().map_err(|error| error.to_string())? else { return Ok(None) };
    let (row, column) = cell.get_position();
    if column >= MAX_COLUMNS {
        return Err(format!("row {} has more than {MAX_COLUMNS} columns", u64::from(row) + 1));
    }
    Ok(Some((u64::from(row) + 1, column as usize, Cell::of(cell.get_value()))))
}

/// Rows that are handed over together.
struct Batch<'a> {
    rows: Vec<SheetRow>,
    bytes: usize,
    to: &'a SyncSender<Rows>,
}

impl Batch<'_> {
    /// Adds a row, unless it is empty; false if nobody wants more.
    fn push(&mut self, row: SheetRow, bytes: usize) -> bool {
        if !row.cells.is_empty() {
            self.rows.push(row);
            self.bytes += bytes;
        }
        let is_full = self.rows.len() >= ROWS_AT_ONCE || self.bytes >= BYTES_AT_ONCE;
        !is_full || self.send()
    }

    fn send(&mut self) -> bool {
        self.bytes = 0;
        self.to.send(Ok(std::mem::take(&mut self.rows))).is_ok()
    }
}
