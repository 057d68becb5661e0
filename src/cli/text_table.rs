//! A table for people: one line per text.

use std::io::Write;

use finsent_model::{ExplainedPart, Explanation, Prediction};
use finsent_table::{Destination, Outcome, OutputRecord, Row, RowWriter, Shape, TableError};
use unicode_width::UnicodeWidthStr;

use crate::cli::console::{Style, paint, printable};
use crate::cli::document_lines;
use crate::cli::explained_text::{largest, strongest};
use crate::cli::label_style::label_style;
use crate::cli::marked_text::{MarkedText, Palette};
use crate::cli::width::{cut, pad_end, pad_start, stdout_width};

/// Narrowest column of a probability: `0.1234`.
const SCORE_WIDTH: usize = 6;
/// Narrowest column of the texts on a terminal.
const TEXT_WIDTH: usize = 20;
/// Narrowest and widest column of the input's.
const KEY_WIDTHS: [usize; 2] = [6, 20];
/// Words of an explanation that are listed below a line.
const WORDS_BELOW: usize = 4;
/// Shown for a missing value.
const MISSING: &str = "-";

/// The columns of the table beside the label, the sentiment score and the text.
#[derive(Debug, Clone, Default)]
pub(super) struct TableColumns {
    /// Columns of the input.
    pub(super) keys: Vec<String>,
    /// Whether the probability of each label and the number of tokens are shown.
    pub(super) is_wide: bool,
}

/// Writes each row as a line of columns.
pub(super) struct TextTable {
    out: Destination,
    labels: Vec<String>,
    label_width: usize,
    has_sentiment: bool,
    columns: TableColumns,
    colors: bool,
    palette: Palette,
    /// The columns that a line may have.
    width: Option<usize>,
    /// The widths of the input's columns; `None` until the first lines are known.
    key_widths: Option<Vec<usize>>,
    /// The lines before that. They are those of one window of rows.
    pending: Vec<Line>,
}

/// A line before it is laid out.
enum Line {
    Scored {
        label: (String, Style),
        front: String,
        keys: Vec<String>,
        text: String,
        /// The text with its words marked, if the prediction is explained.
        marked: Option<MarkedText>,
        /// The lines about the sentences of a document, and about the words of an explanation.
        below: Vec<String>,
    },
    Failed(String),
}

impl TextTable {
    pub(super) fn new(shape: &Shape<'_>, out: Destination, columns: TableColumns, colors: bool) -> Self {
        let labels: Vec<String> = shape.labels.labels().iter().map(|label| printable(label)).collect();
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        Self {
            label_width: widest.max("label".len()),
            labels,
            has_sentiment: shape.labels.has_sentiment_score(),
            columns,
            colors,
            palette: Palette::of_terminal(colors),
            width: out.is_stdout().then(stdout_width).flatten(),
            key_widths: None,
            pending: Vec::new(),
            out,
        }
    }

    fn header(&self, key_widths: &[usize]) -> String {
        let mut line = pad_end("label", self.label_width);
        if self.columns.is_wide {
            for label in &self.labels {
                line += &format!("  {}", pad_start(label, score_width(label)));
            }
        }
        match self.has_sentiment {
            true => line += "  sentiment",
            false if self.columns.is_wide => {}
            false => line += &format!("  {:>SCORE_WIDTH$}", "score"),
        }
        if self.columns.is_wide {
            line += "  tokens";
        }
        line + &keys(&self.columns.keys, key_widths, self.width.is_some()) + "  text"
    }

    /// The columns between the label and those of the input.
    fn front(&self, prediction: &Prediction) -> String {
        let mut front = String::new();
        if self.columns.is_wide {
            for ((_, probability), label) in prediction.scores().zip(&self.labels) {
                front += &format!("  {probability:>width$.4}", width = score_width(label));
            }
        }
        match prediction.sentiment_score() {
            Some(sentiment_score) => front += &format!("  {sentiment_score:>+9.4}"),
            None if self.columns.is_wide => {}
            None => front += &format!("  {:>SCORE_WIDTH$.4}", prediction.score()),
        }
        if self.columns.is_wide {
            let cut = if prediction.truncated() { "+" } else { "" };
            front += &format!("  {:>6}", format!("{}{cut}", prediction.tokens()));
        }
        front
    }

    fn line(&self, row: &Row, outcome: Outcome<'_>) -> Line {
        let id = row.id.as_ref().map(|id| format!("[{}] ", printable(&id.to_cell()))).unwrap_or_default();
        match outcome {
            Ok(record) => {
                let prediction = record.prediction();
                let style = label_style(prediction.label(), prediction.sentiment_score().is_some());
                let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
                let cell = |name: &String| row.cell(name).filter(|cell| !cell.trim().is_empty());
                let key = |name| cell(name).map_or_else(|| MISSING.to_owned(), |cell| printable(&cell));
                Line::Scored {
                    label: (printable(prediction.label()), style),
                    front: self.front(prediction),
                    keys: self.columns.keys.iter().map(key).collect(),
                    text: id + &printable(record.text().unwrap_or(text)),
                    marked: None,
                    below: match record {
                        OutputRecord::Document(document) => document_lines::lines(document),
                        _ => Vec::new(),
                    },
                }
            }
            Err(error) => Line::Failed(id + &printable(&format!("{}: {error}", row.place))),
        }
    }

    /// The widths of the input's columns, from their names and their first values. On a terminal, they leave room for the text.
    fn fitted_key_widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.keys.iter().map(|name| name.width()).collect();
        let mut front_width = 0;
        for line in &self.pending {
            if let Line::Scored { front, keys, .. } = line {
                front_width = front.width();
                for (width, key) in widths.iter_mut().zip(keys) {
                    *width = (*width).max(key.width());
                }
            }
        }
        let Some(width) = self.width else { return widths };
        let [least, most] = KEY_WIDTHS;
        widths.iter_mut().for_each(|width| *width = (*width).clamp(least, most));
        let room = width.saturating_sub(self.label_width + front_width + 2 + TEXT_WIDTH);
        fit(&mut widths, room, least);
        widths
    }

    fn laid_out(&self, line: &Line, key_widths: &[usize]) -> String {
        match line {
            Line::Scored { label: (label, style), front, keys: cells, text, marked, .. } => {
                let label = pad_end(label, self.label_width);
                let rest = format!("{front}{}  ", keys(cells, key_widths, self.width.is_some()));
                let used = label.width() + rest.width();
                let text = match marked {
                    Some(marked) => marked.cut(self.room(used), self.palette),
                    None => self.fit_text(text, used),
                };
                paint(&label, *style, self.colors) + &rest + &text
            }
            Line::Failed(error) => {
                let label = paint(&pad_end("error", self.label_width), Style::Red, self.colors);
                format!("{label}  {}", self.fit_text(error, self.label_width + 2))
            }
        }
    }

    /// `text`, cut to the rest of the terminal's line after `used` columns.
    fn fit_text(&self, text: &str, used: usize) -> String {
        self.room(used).map_or_else(|| text.to_owned(), |room| cut(text, room))
    }

    /// The rest of the terminal's line after `used` columns.
    fn room(&self, used: usize) -> Option<usize> {
        self.width.map(|width| width.saturating_sub(used).max(TEXT_WIDTH))
    }

    fn write_line(&mut self, line: &Line, key_widths: &[usize]) -> Result<(), TableError> {
        writeln!(self.out, "{}", self.laid_out(line, key_widths))?;
        if let Line::Scored { below, .. } = line {
            for below in below {
                writeln!(self.out, "  {}", paint(&self.fit_text(below, 2), Style::Dim, self.colors))?;
            }
        }
        Ok(())
    }

    /// Writes the header and the first lines, once they are known.
    fn settle(&mut self) -> Result<(), TableError> {
        if self.pending.is_empty() || self.key_widths.is_some() {
            return Ok(());
        }
        let widths = self.fitted_key_widths();
        let header = self.header(&widths);
        writeln!(self.out, "{}", paint(&header, Style::Dim, self.colors))?;
        for line in std::mem::take(&mut self.pending) {
            self.write_line(&line, &widths)?;
        }
        self.key_widths = Some(widths);
        Ok(())
    }
}

/// Cells of the input's columns. Longer ones than their columns are cut where lines must fit.
fn keys(cells: &[String], widths: &[usize], must_fit: bool) -> String {
    let cell = |(cell, width): (&String, &usize)| {
        let cell = if must_fit { cut(cell, *width) } else { cell.clone() };
        format!("  {}", pad_end(&cell, *width))
    };
    cells.iter().zip(widths).map(cell).collect()
}

/// Narrows the widest until all have room, each after two spaces, or cannot be narrowed: who names many columns gets long
/// lines.
fn fit(widths: &mut [usize], room: usize, least: usize) {
    let total = |widths: &[usize]| widths.iter().map(|width| width + 2).sum::<usize>();
    while total(widths) > room
        && let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > least)
    {
        *widest -= 1;
    }
}

fn score_width(label: &str) -> usize {
    label.width().max(SCORE_WIDTH)
}

impl RowWriter for TextTable {
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        let line = self.line(row, outcome);
        self.add(line)
    }

    fn write_explained(
        &mut self,
        row: &Row,
        record: OutputRecord<'_>,
        explanation: &Explanation,
    ) -> Result<(), TableError> {
        let mut line = self.line(row, Ok(record));
        if let Line::Scored { text, marked, below, .. } = &mut line {
            let given = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
            let words = MarkedText::new(given, 0, explanation.words().iter(), largest(explanation.words()));
            // An id stands before the text.
            let before = text.len() - printable(given).len();
            *marked = Some(words.after(&text[..before]));
            below.extend(words_line(explanation));
        }
        self.add(line)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        self.settle()?;
        Ok(self.out.flush()?)
    }

    fn finish(mut self: Box<Self>) -> Result<Destination, TableError> {
        self.settle()?;
        Ok(self.out)
    }
}

/// The words that speak most for the label, and against it: `negative: plunged +0.55, 12% +0.18`.
fn words_line(explanation: &Explanation) -> Option<String> {
    let words = strongest(explanation.words(), WORDS_BELOW);
    let word = |word: &&ExplainedPart| format!("{} {:+.2}", printable(word.text()), word.weight());
    let words: Vec<String> = words.iter().map(word).collect();
    (!words.is_empty()).then(|| format!("{}: {}", printable(explanation.label()), words.join(", ")))
}

impl TextTable {
    /// Writes a line, once the widths of the columns are known.
    fn add(&mut self, line: Line) -> Result<(), TableError> {
        if let Some(widths) = self.key_widths.take() {
            let written = self.write_line(&line, &widths);
            self.key_widths = Some(widths);
            return written;
        }
        self.pending.push(line);
        // Without columns of the input, nothing is to be settled on the first lines.
        if self.columns.keys.is_empty() { self.settle() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finsent_table::TemporaryName;

    fn table(width: Option<usize>) -> TextTable {
        TextTable {
            out: Destination::open(Some("/dev/null".as_ref()), TemporaryName::Unique).unwrap(),
            labels: vec![],
            label_width: 8,
            has_sentiment: true,
            columns: TableColumns { keys: vec!["ticker".into(), "published".into()], is_wide: false },
            colors: false,
            palette: Palette::None,
            width,
            key_widths: None,
            pending: Vec::new(),
        }
    }

    fn scored(keys: [&str; 2], text: &str) -> Line {
        let label = ("neutral".to_owned(), Style::Dim);
        Line::Scored {
            label,
            front: "    +0.0012".into(),
            keys: keys.map(String::from).to_vec(),
            text: text.into(),
            marked: None,
            below: Vec::new(),
        }
    }

    #[test]
    fn a_line_is_cut_by_its_width_on_the_terminal() {
        assert_eq!(table(Some(30)).fit_text(&"日本".repeat(10), 10), "日本日本日本日本日…");
        assert_eq!(table(Some(30)).fit_text("short", 10), "short");
        assert_eq!(table(None).fit_text(&"x".repeat(500), 10).len(), 500);
    }

    #[test]
    fn columns_of_the_input_are_as_wide_as_their_first_values_and_leave_room_for_the_text() {
        let mut table = table(Some(80));
        table.pending = vec![scored(["ACME", "2026-03-02T08:30:00Z, London"], &"x".repeat(90))];
        let widths = table.fitted_key_widths();
        assert_eq!(widths, [6, 20]);
        let line = table.laid_out(&table.pending[0], &widths);
        assert_eq!(line.width(), 80, "{line}");
        assert!(line.starts_with("neutral     +0.0012  ACME    2026-03-02T08:30:00…  xxx"), "{line}");
        assert_eq!(table.header(&widths), "label     sentiment  ticker  published             text");
    }

    #[test]
    fn many_columns_are_narrowed_but_never_left_out() {
        let mut widths = [20, 10, 6];
        fit(&mut widths, 34, 6);
        assert_eq!(widths, [12, 10, 6]);
        fit(&mut widths, 20, 6);
        assert_eq!(widths, [6, 6, 6]);
    }
}
