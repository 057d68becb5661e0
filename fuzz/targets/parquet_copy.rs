//! Copying from Parquet to Parquet: what can be copied once can be read and copied again.
#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use finsent_fuzz::scratch_path;
use finsent_model::{Granularity, LabelMap, silence_caught_panics};
use finsent_table::{
    ColumnChoice, ColumnSelection, Destination, Input, ItemError, OutputFormat, Reading, Shape, TableError,
    TemporaryName, writer,
};
use libfuzzer_sys::fuzz_target;

/// Rows that are copied of a file. A small compressed file can hold more rows than there is time for.
const MAX_ROWS: usize = 1 << 14;

// Panics of the parquet library are caught and become errors. Any other one ends the run.
fuzz_target!(init: silence_caught_panics(), |file: &[u8]| {
    let [original, once, twice] = ["in.parquet", "once.parquet", "twice.parquet"].map(scratch_path);
    fs::write(&original, file).expect("there is room in /dev/shm");
    let Some(text) = text_column(&original) else { return };
    if copy(&original, &text, &once).is_ok() {
        copy(&once, &text, &twice).expect("a copy can be copied");
    }
});

/// A column that can be that of the texts.
fn text_column(file: &Path) -> Option<String> {
    let input = Input::files(&[file.to_owned()], &Reading::default()).ok()?;
    let holds_texts = |column: &&Arc<str>| Input::files(&[file.to_owned()], &reading(column)).is_ok();
    input.columns.iter().find(holds_texts).map(|column| column.to_string())
}

fn reading(text: &str) -> Reading {
    let columns = ColumnChoice { text: Some(text.to_owned()), ..ColumnChoice::default() };
    Reading { columns, selection: ColumnSelection::Columns(Vec::new()), ..Reading::default() }
}

/// Copies the columns of a file, with an error as the prediction of each row.
fn copy(from: &Path, text: &str, to: &Path) -> Result<(), TableError> {
    let mut input = Input::files(&[from.to_owned()], &reading(text))?;
    let labels = LabelMap::new(None, 2, &BTreeMap::new()).expect("two labels are valid");
    let shape = Shape {
        columns: &input.columns,
        writes_id: false,
        granularity: Granularity::Text,
        labels: &labels,
        parquet: input.types.file()?,
        is_beginning: true,
        is_explained: false,
        is_csv_safe: false,
    };
    let mut writer = writer(OutputFormat::Parquet, &shape, Destination::open(Some(to), TemporaryName::Unique)?);
    for _ in 0..MAX_ROWS {
        let Some(row) = input.rows.next_row()? else { break };
        writer.write(&row, Err(&ItemError::Null("text".into())))?;
    }
    writer.finish()?.finish()
}
