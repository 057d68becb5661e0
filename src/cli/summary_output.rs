//! Writes a finished summary in any format.

use std::io;
use std::path::Path;

use anyhow::Result;
use finsent_jobs::summary::{
    Report, SortKey, Summary, SummaryRow, SummaryShape, TextChanges, rows, write_report, write_summary,
};
use finsent_table::{Destination, OutputFormat, TableError};

use super::args::{Format, SummaryFormat};
use super::console::Console;
use super::exit::UsageError;
use super::output;
use super::summary_lists::Lines;
use super::summary_table;
use super::summary_trends::Trends;
use super::width::stdout_width;

/// Texts of each end that a page has, unless the user says how many.
pub(super) const QUOTES_OF_PAGE: usize = 5;

/// A summary and what it is shown with.
pub(super) struct FinishedSummary<'a> {
    pub(super) summary: &'a Summary,
    pub(super) shape: SummaryShape<'a>,
    /// The same of earlier files, if there are some.
    pub(super) before: Option<&'a Summary>,
    /// How the texts differ from those of the earlier files.
    pub(super) changes: Option<&'a TextChanges>,
    pub(super) sort: Option<&'a SortKey>,
    /// The title of a page.
    pub(super) title: String,
    /// What a page says about where the figures come from.
    pub(super) source: String,
}

impl FinishedSummary<'_> {
    /// Writes it, and returns the destination, which is to be finished.
    ///
    /// # Errors
    /// If the destination cannot be written, or there is no such column to sort by.
    pub(super) fn write(&self, format: SummaryFormat, mut out: Destination, console: Console) -> Result<Destination> {
        let of_file = match format {
            SummaryFormat::Text => {
                self.text(&mut out, console)?;
                return Ok(out);
            }
            SummaryFormat::Html => {
                self.page(&mut out)?;
                return Ok(out);
            }
            SummaryFormat::Csv => OutputFormat::Csv,
            SummaryFormat::Tsv => OutputFormat::Tsv,
            SummaryFormat::Json => OutputFormat::Json,
            SummaryFormat::Jsonl => OutputFormat::Jsonl,
            SummaryFormat::Parquet => OutputFormat::Parquet,
        };
        let mut rows = rows(self.summary, self.before, self.shape.labels);
        if let Some(sort) = self.sort {
            sort.sort(&mut rows, &self.shape)?;
        }
        Ok(write_summary(of_file, &rows, &self.shape, out)?)
    }

    fn text(&self, out: &mut Destination, console: Console) -> Result<()> {
        let room = if out.is_stdout() { stdout_width() } else { None };
        let colors = out.is_stdout() && console.colors(&io::stdout());
        self.with_totals(|rows, shape| {
            let trends = Trends::new(self.summary, &self.shape);
            let trends = trends.as_ref().filter(|_| self.shape.periods.is_some());
            let mut write = || {
                summary_table::write(rows, shape, trends, out, room, colors)?;
                if let Some(trends) = trends {
                    trends.write(rows, &self.shape, out, room, colors)?;
                }
                let lines = Lines { room, colors };
                lines.texts(rows, out)?;
                self.changes.map_or(Ok(()), |changes| lines.changes(changes, shape, out))
            };
            write().map_err(TableError::from)
        })?;
        Ok(())
    }

    fn page(&self, out: &mut Destination) -> Result<()> {
        self.with_totals(|rows, _| {
            let report = Report {
                title: &self.title,
                source: &self.source,
                rows,
                summary: self.summary,
                shape: &self.shape,
                changes: self.changes,
            };
            write_report(&report, out).map_err(TableError::from)
        })?;
        Ok(())
    }

    /// Calls `show` with a row for each group over all periods, in the order that is asked for.
    fn with_totals(
        &self,
        show: impl FnOnce(&[SummaryRow<'_>], &SummaryShape<'_>) -> Result<(), TableError>,
    ) -> Result<()> {
        let (summary, before) = (self.summary.totals(), self.before.map(Summary::totals));
        let shape = SummaryShape { periods: None, ..self.shape.clone() };
        let trends = Trends::new(self.summary, &self.shape).filter(|_| self.shape.periods.is_some());
        let mut rows: Vec<SummaryRow<'_>> = rows(&summary, before.as_ref(), shape.labels)
            .into_iter()
            .map(|row| with_change(row, trends.as_ref()))
            .collect();
        match self.sort {
            // Groups have no order of their periods.
            Some(sort) if sort.check(&shape).is_err() => _ = sort.check(&self.shape)?,
            Some(sort) => sort.sort(&mut rows, &shape)?,
            None => (),
        }
        Ok(show(&rows, &shape)?)
    }
}

fn with_change<'a>(row: SummaryRow<'a>, trends: Option<&Trends<'_>>) -> SummaryRow<'a> {
    SummaryRow { change: trends.and_then(|trends| trends.change(row.key)), ..row }
}

/// The format of a summary: the one that the user named, else that of the file's extension, else text.
pub(super) fn format(named: Option<SummaryFormat>, file: Option<&Path>) -> Result<SummaryFormat, UsageError> {
    match (named, file) {
        (Some(named), _) => Ok(named),
        (None, Some(file)) if file.extension().is_some() => format_of_file(file),
        (None, _) => Ok(SummaryFormat::Text),
    }
}

/// The format of a summary's file, by its extension.
pub(super) fn format_of_file(file: &Path) -> Result<SummaryFormat, UsageError> {
    let extension = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    if matches!(extension.as_deref(), Some("html" | "htm")) {
        return Ok(SummaryFormat::Html);
    }
    Ok(match output::format(None, Some(file))? {
        Format::Text | Format::FinbertCsv => SummaryFormat::Text,
        Format::Json => SummaryFormat::Json,
        Format::Jsonl => SummaryFormat::Jsonl,
        Format::Csv => SummaryFormat::Csv,
        Format::Tsv => SummaryFormat::Tsv,
        Format::Parquet => SummaryFormat::Parquet,
    })
}
