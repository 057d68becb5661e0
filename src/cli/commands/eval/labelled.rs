//! A file of labelled texts: its rows with the ids of their labels.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, mem};

use anyhow::{Result, bail};
use finsent_jobs::evaluation::{By, LabelMatcher, MatchError};
use finsent_table::{
    self as table, ColumnChoice, ColumnSelection, Input, ItemError, Reading, Row, RowReader, UsageError,
};
use thiserror::Error;

use crate::cli::args::EvalArgs;
use crate::cli::console::{Console, printable};
use crate::cli::progress::Bar;
use crate::cli::width::cut;

/// Unknown labels that are listed.
const LISTED: usize = 10;
/// Rows between two looks at the progress.
const ROWS_A_LOOK: u64 = 1000;
/// Widest label in a list.
const LABEL_WIDTH: usize = 40;

/// The file, and how it is read.
pub(super) struct LabelledFile<'a> {
    path: &'a Path,
    reading: Reading,
    label_column: &'a str,
    limit: Option<u64>,
}

/// Why a row is left out.
#[derive(Debug, Error)]
pub(super) enum RowError {
    #[error(transparent)]
    Item(#[from] ItemError),
    #[error("there is no label in `{column}`")]
    NoLabel { column: String },
}

impl<'a> LabelledFile<'a> {
    pub(super) fn new(args: &'a EvalArgs) -> Result<Self, UsageError> {
        let columns = ColumnChoice {
            text: args.text_column.clone(),
            label: Some(args.label_column.clone()),
            ..ColumnChoice::default()
        };
        let encoding = args.encoding.as_deref().map(table::encoding).transpose()?;
        let wanted = ColumnSelection::Columns(vec![args.label_column.clone()]);
        let reading = Reading { encoding, columns, wanted };
        Ok(Self { path: &args.file, reading, label_column: &args.label_column, limit: args.limit })
    }

    /// Opens it from the beginning.
    ///
    /// # Errors
    /// When it cannot be read, or lacks a column.
    pub(super) fn open(&self) -> Result<Input> {
        let mut input = Input::files(&[self.path.to_owned()], &self.reading)?;
        if !input.columns.iter().any(|column| **column == *self.label_column) {
            let (name, column, columns) = (self.path.display(), self.label_column, table::list(&input.columns));
            return Err(UsageError(format!(
                "`{name}` has no column `{column}`: which one holds the labels? name it with --label-column; its \
                 columns are {columns}"
            ))
            .into());
        }
        if let Some(left) = self.limit {
            input.rows = Box::new(First { rows: input.rows, left });
        }
        Ok(input)
    }

    /// Refuses what cannot be read a second time.
    pub(super) fn check_can_be_read_twice(&self) -> Result<(), UsageError> {
        let name = self.path.display();
        // What is not there is told when it is opened.
        let Ok(metadata) = fs::metadata(self.path) else { return Ok(()) };
        if metadata.is_dir() {
            return Err(UsageError(format!("`{name}` is a directory; give a file")));
        }
        let message = "is no regular file, and labels are checked before anything is computed, which reads it twice; \
                       with --skip-unknown it is read once";
        if metadata.is_file() { Ok(()) } else { Err(UsageError(format!("`{name}` {message}"))) }
    }

    /// The label of a row that has a text and a label.
    pub(super) fn label(&self, row: &Row) -> Result<String, RowError> {
        row.text.as_ref().map_err(ItemError::clone)?;
        let field = row.fields.iter().find(|(name, _)| **name == *self.label_column);
        let label = field.map(|(_, value)| value.to_cell()).filter(|label| !label.trim().is_empty());
        label.ok_or_else(|| RowError::NoLabel { column: self.label_column.into() })
    }
}

/// The first rows of a file.
struct First {
    rows: Box<dyn RowReader>,
    left: u64,
}

impl RowReader for First {
    fn next_row(&mut self) -> Result<Option<Row>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.rows.next_row()
    }
}

/// The labels that were met, as the model's or as unknown.
pub(super) struct Labels<'a> {
    matcher: LabelMatcher,
    names: &'a [String],
    /// What the user is to be told of them.
    notes: Vec<String>,
    /// The model's label for each label of the file, in lower case and trimmed. They are few: each is a name, an alias or
    /// an id of a label, or in the user's table.
    taken: BTreeMap<String, &'a str>,
    unknown: UnknownLabels,
}

impl<'a> Labels<'a> {
    pub(super) fn new(matcher: LabelMatcher, names: &'a [String]) -> Self {
        Self { matcher, names, notes: Vec::new(), taken: BTreeMap::new(), unknown: UnknownLabels::default() }
    }

    /// The id of a row's label; `None` where the model has no such label, which is counted. A name that is not the model's
    /// own is noted when it is met first.
    ///
    /// # Errors
    /// When it could be either of two labels.
    pub(super) fn id(&mut self, label: &str, place: &str) -> Result<Option<usize>, UsageError> {
        match self.matcher.find(label) {
            Ok(found) => {
                let name = self.names[found.id].as_str();
                let is_new = self.taken.insert(label.trim().to_lowercase(), name).is_none();
                let why = match found.by {
                    By::Table | By::Name => None,
                    By::Alias => Some("which means the same"),
                    By::Id => Some("which has this id"),
                };
                if let Some(why) = why.filter(|_| is_new) {
                    self.notes.push(format!("{place}: label `{}` is taken for `{name}`, {why}", label.trim()));
                }
                Ok(Some(found.id))
            }
            Err(MatchError::Unknown(label)) => {
                self.unknown.count(&label, place);
                Ok(None)
            }
            Err(error @ MatchError::Ambiguous { .. }) => {
                Err(UsageError(format!("{place}: {error}; say which with --label-map")))
            }
        }
    }

    /// What is to be told since the last time.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        mem::take(&mut self.notes)
    }

    /// What each label of the file was taken for.
    pub(super) fn taken(&self) -> &BTreeMap<String, &'a str> {
        &self.taken
    }

    /// The rows with labels that the model has not.
    pub(super) fn unknown_rows(&self) -> u64 {
        self.unknown.rows
    }

    /// The labels that the model has not, as a list; `None` where there are none.
    pub(super) fn list_unknown(&self) -> Option<String> {
        (self.unknown.rows > 0).then(|| self.unknown.list())
    }

    /// Refuses labels that the model has not.
    pub(super) fn check(&self, file: &LabelledFile<'_>) -> Result<(), UsageError> {
        let Some(list) = self.list_unknown() else { return Ok(()) };
        let (name, labels) = (file.path.display(), self.names.join(", "));
        Err(UsageError(format!(
            "`{name}` has unknown labels: {list}. The model's labels are {labels}; map the file's to them \
             with --label-map FROM=TO, or leave those rows out with --skip-unknown"
        )))
    }
}

/// Labels of the file that are none of the model's.
#[derive(Debug, Default)]
struct UnknownLabels {
    rows: u64,
    /// The first few, so that a wrong column does not fill the memory.
    first: Vec<Unknown>,
    /// Rows with others.
    others: u64,
}

#[derive(Debug)]
struct Unknown {
    label: String,
    place: String,
    rows: u64,
}

impl UnknownLabels {
    fn count(&mut self, label: &str, place: &str) {
        self.rows += 1;
        let label = cut(&printable(label), LABEL_WIDTH);
        if let Some(unknown) = self.first.iter_mut().find(|unknown| unknown.label == label) {
            unknown.rows += 1;
        } else if self.first.len() < LISTED {
            self.first.push(Unknown { label, place: place.into(), rows: 1 });
        } else {
            self.others += 1;
        }
    }

    fn list(&self) -> String {
        let one = |Unknown { label, place, rows }: &Unknown| match rows {
            1 => format!("`{label}` ({place})"),
            _ => format!("`{label}` ({rows} rows, first {place})"),
        };
        let mut list = self.first.iter().map(one).collect::<Vec<_>>().join(", ");
        if self.others > 0 {
            list += &format!(", and {} rows with others", self.others);
        }
        list
    }
}

/// Reads all labels of the file, and refuses those that the model has not.
pub(super) fn check_labels(file: &LabelledFile<'_>, labels: &mut Labels<'_>, console: Console) -> Result<()> {
    let Input { mut rows, progress, .. } = file.open()?;
    let progress = progress.filter(|_| console.draws_progress());
    let bar = progress.as_ref().map_or_else(|| Bar::new(None), Bar::of);
    let mut read = 0;
    while let Some(row) = rows.next_row()? {
        if let Ok(label) = file.label(&row) {
            labels.id(&label, &row.place)?;
        }
        read += 1;
        if read % ROWS_A_LOOK == 0 {
            let done = progress.as_ref().map_or(0, |progress| progress.done(read));
            bar.update(done, "labels are checked".into());
        }
    }
    drop(bar);
    labels.take_notes().iter().for_each(|note| console.note(note));
    Ok(labels.check(file)?)
}

/// Ends the work on a file whose labels were all known a moment ago.
pub(super) fn changed<T>(file: &LabelledFile<'_>, place: &str) -> Result<T> {
    bail!(
        "`{}` {place} has an unknown label, and had none when labels were checked: the file has changed",
        file.path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_unknown_labels_the_first_ten_are_listed_and_the_others_counted() {
        let mut unknown = UnknownLabels::default();
        for line in 0..30 {
            unknown.count(&format!("u{}", line % 12), &format!("line {line}"));
        }
        let list = unknown.list();
        assert!(list.starts_with("`u0` (3 rows, first line 0), `u1` (3 rows, first line 1)"), "{list}");
        assert!(list.ends_with("`u9` (2 rows, first line 9), and 4 rows with others"), "{list}");
        assert_eq!(unknown.rows, 30);
    }

    #[test]
    fn an_unknown_label_cannot_steer_the_terminal_or_fill_it() {
        let mut unknown = UnknownLabels::default();
        unknown.count(&"\x1b[2J".repeat(1000), "line 2");
        assert!(unknown.list().len() < 200 && !unknown.list().contains('\x1b'));
    }
}
