//! `--errors FILE`: the rows that a model gets wrong, or on which models differ, as `classify` writes rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use finsent_jobs::evaluation::LabelledFile;
use finsent_model::{Granularity, LabelMap, Prediction};
use finsent_table::{Destination, Field, Input, OutputRecord, Row, RowWriter, Shape, TemporaryName, check_outputs};

use super::compared::{CandidateName, Compared};
use super::differences::differ;
use crate::cli::args::Format;
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::output;
use crate::cli::quantity::quantity;
use crate::cli::text_table::TableColumns;

/// Before a column that the input has already.
const PREFIX: &str = "eval_";

/// The file, before the columns are known.
pub(super) struct ErrorsTarget {
    path: PathBuf,
    format: Format,
    destination: Destination,
}

/// The file, and the columns that it adds to the input's.
pub(super) struct ErrorsFile {
    path: PathBuf,
    writer: Box<dyn RowWriter>,
    names: Names,
    candidates: Vec<CandidateName>,
    rows: u64,
}

/// The names of the columns before the prediction's, if there are such columns.
struct Names {
    /// Where the row is in the input.
    row: Arc<str>,
    /// The true label, as the model calls it.
    expected: Option<Arc<str>>,
    model: Option<Arc<str>>,
    format: Option<Arc<str>>,
}

impl ErrorsTarget {
    /// Opens the file, so that an error with it comes before the work. Nothing of it is written over before the end.
    pub(super) fn open(path: &Path, file: &LabelledFile) -> Result<Self> {
        if Destination::file(path).is_none() && path.as_os_str() == "-" {
            return Err(UsageError("--errors needs a file: the report goes to standard output".into()).into());
        }
        let format = output::format(None, Some(path)).map_err(|_| {
            let path = path.display();
            UsageError(format!(
                "cannot tell the format of `{path}`: end its name in .csv, .jsonl, .json, .parquet or .txt"
            ))
        })?;
        check_outputs(&[path.to_owned()], &[file.path().to_owned()])?;
        let destination = Destination::open(Some(path), TemporaryName::Unique)?;
        Ok(Self { path: path.to_owned(), format, destination })
    }

    /// Whether the columns of all rows must be known before the first is written.
    pub(super) fn needs_all_columns(&self) -> bool {
        !matches!(self.format, Format::Json | Format::Jsonl | Format::Text)
    }

    /// The file for rows of this input.
    pub(super) fn for_rows(
        self,
        input: &Input,
        has_labels: bool,
        compared: &Compared,
        labels: &LabelMap,
        console: Console,
    ) -> ErrorsFile {
        let names = Names::beside(&input.columns, has_labels, compared);
        let columns: Vec<Arc<str>> = input.columns.iter().cloned().chain(names.all()).collect();
        let shape = Shape {
            columns: &columns,
            writes_id: false,
            granularity: Granularity::Text,
            labels,
            parquet: None,
            is_beginning: true,
            is_explained: false,
            is_csv_safe: false,
        };
        let table = TableColumns { keys: names.all().map(|name| name.to_string()).collect(), is_wide: false };
        let writer = output::writer(self.format, &shape, self.destination, table, console);
        ErrorsFile { path: self.path, writer, names, candidates: compared.names.clone(), rows: 0 }
    }
}

impl Names {
    fn beside(columns: &[Arc<str>], has_labels: bool, compared: &Compared) -> Self {
        let free = |name: &str| {
            let mut name = name.to_owned();
            while columns.iter().any(|column| **column == *name) {
                name = format!("{PREFIX}{name}");
            }
            Arc::from(name)
        };
        let has_several_formats = compared.candidates.len() > 1 && !compared.has_several_models;
        Self {
            row: free("row"),
            expected: has_labels.then(|| free("expected")),
            model: compared.has_several_models.then(|| free("model")),
            format: has_several_formats.then(|| free("format")),
        }
    }

    fn all(&self) -> impl Iterator<Item = Arc<str>> {
        let optional = [&self.expected, &self.model, &self.format].into_iter().flatten();
        std::iter::once(&self.row).chain(optional).cloned()
    }
}

impl ErrorsFile {
    /// Writes a row if a prediction is wrong, or, without a true label, if predictions differ: a line for each label that is
    /// predicted by a model, with the scores of its first number format.
    pub(super) fn write(
        &mut self,
        row: Row,
        truth: Option<(usize, &String)>,
        predictions: &[Prediction],
    ) -> Result<()> {
        let is_wanted = |prediction: &Prediction| truth.is_none_or(|(truth, _)| prediction.label_id() != truth);
        if truth.is_none() && !differ(predictions) || !predictions.iter().any(is_wanted) {
            return Ok(());
        }
        self.rows += 1;
        let mut row = row;
        let own = row.fields.len();
        for (index, prediction) in predictions.iter().enumerate().filter(|(_, prediction)| is_wanted(prediction)) {
            let is_same = |other: &usize| {
                self.candidates[*other].model == self.candidates[index].model
                    && predictions[*other].label_id() == prediction.label_id()
            };
            if (0..index).any(|other| is_same(&other)) {
                continue;
            }
            let formats =
                (index..predictions.len()).filter(is_same).map(|other| self.candidates[other].format.as_str());
            let formats = formats.collect::<Vec<_>>().join(", ");
            row.fields.truncate(own);
            let values = [
                (&self.names.expected, truth.map(|(_, name)| name.clone()).unwrap_or_default()),
                (&self.names.model, self.candidates[index].model.clone()),
                (&self.names.format, formats),
            ];
            let named = values.into_iter().filter_map(|(name, value)| Some((name.clone()?, Field::Text(value))));
            row.fields.push((Arc::clone(&self.names.row), Field::Text(row.place.clone())));
            row.fields.extend(named);
            match self.writer.check(&row) {
                Ok(()) => self.writer.write(&row, Ok(OutputRecord::Text(prediction)))?,
                Err(error) => self.writer.write(&row, Err(&error))?,
            }
        }
        Ok(())
    }

    /// Completes the file; returns the note about it.
    pub(super) fn finish(self, has_labels: bool) -> Result<String> {
        self.writer.finish()?.finish()?;
        let labels = if has_labels { "wrong labels" } else { "different labels" };
        Ok(format!("{} with {labels} -> {}", quantity(self.rows, "row"), self.path.display()))
    }
}
