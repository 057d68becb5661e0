//! A table for people: one line per text.

use std::io::{self, IsTerminal, Write};

use finsent_model::Prediction;
use finsent_table::{Destination, Outcome, OutputRecord, Row, RowWriter, Shape, TableError};
use unicode_width::UnicodeWidthStr;

use crate::cli::console::{Style, paint, printable};
use crate::cli::document_lines;
use crate::cli::width::{cut, pad_end, pad_start, terminal_width};

/// Narrowest column of a probability: `0.1234`.
const SCORE_WIDTH: usize = 6;

/// Writes each row as a line of columns.
pub(super) struct TextTable {
    out: Destination,
    labels: Vec<String>,
    label_width: usize,
    sentiment: bool,
    colors: bool,
    /// Width of the terminal, if the output is one.
    terminal_width: Option<usize>,
    header_written: bool,
}

impl TextTable {
    pub(super) fn new(shape: &Shape<'_>, out: Destination, colors: bool) -> Self {
        let labels: Vec<String> = shape.labels.labels().iter().map(|label| printable(label)).collect();
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        Self {
            label_width: widest.max("label".len()),
            labels,
            sentiment: shape.labels.has_sentiment_score(),
            colors,
            terminal_width: (out.is_stdout() && io::stdout().is_terminal()).then(terminal_width),
            header_written: false,
            out,
        }
    }

    fn header(&self) -> String {
        let mut line = pad_end("label", self.label_width);
        for label in &self.labels {
            line += &format!("  {}", pad_start(label, self.score_width(label)));
        }
        if self.sentiment {
            line += "  sentiment";
        }
        line + "  tokens  text"
    }

    fn score_width(&self, label: &str) -> usize {
        label.width().max(SCORE_WIDTH)
    }

    /// The columns before the text, with colors, and their width.
    fn front(&self, prediction: &Prediction) -> (String, usize) {
        let label = pad_end(&printable(prediction.label()), self.label_width);
        let mut rest = String::new();
        for ((_, probability), label) in prediction.scores().zip(&self.labels) {
            rest += &format!("  {:>width$.4}", probability, width = self.score_width(label));
        }
        if let Some(sentiment_score) = prediction.sentiment_score() {
            rest += &format!("  {sentiment_score:>+9.4}");
        }
        let cut = if prediction.truncated() { "+" } else { "" };
        rest += &format!("  {:>6}", format!("{}{cut}", prediction.tokens()));
        let width = label.width() + rest.width();
        (
            paint(&label, label_style(prediction.label(), prediction.sentiment_score().is_some()), self.colors) + &rest,
            width,
        )
    }

    fn line(&self, row: &Row, outcome: Outcome<'_>) -> String {
        let id = row.id.as_ref().map(|id| format!("[{}] ", printable(&id.to_cell()))).unwrap_or_default();
        match outcome {
            Ok(record) => {
                let (front, width) = self.front(record.prediction());
                let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
                let text = printable(record.text().unwrap_or(text));
                format!("{front}  {}", self.fit(&(id + &text), width + 2))
            }
            Err(error) => {
                let error = printable(&format!("{}: {error}", row.place));
                let label = paint(&pad_end("error", self.label_width), Style::Red, self.colors);
                format!("{label}  {}", self.fit(&(id + &error), self.label_width + 2))
            }
        }
    }

    /// `text`, cut to the rest of the terminal's line after `used` columns.
    fn fit(&self, text: &str, used: usize) -> String {
        let Some(room) = self.terminal_width.map(|width| width.saturating_sub(used).max(20)) else {
            return text.to_owned();
        };
        cut(text, room)
    }
}

impl RowWriter for TextTable {
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        if !self.header_written {
            let header = self.header();
            writeln!(self.out, "{}", paint(&header, Style::Dim, self.colors))?;
            self.header_written = true;
        }
        let line = self.line(row, outcome);
        writeln!(self.out, "{line}")?;
        if let Ok(OutputRecord::Document(document)) = outcome {
            for line in document_lines::lines(document) {
                writeln!(self.out, "  {}", paint(&self.fit(&line, 2), Style::Dim, self.colors))?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }

    fn finish(self: Box<Self>) -> Result<Destination, TableError> {
        Ok(self.out)
    }
}

/// The style of a label. Other labels than positive and negative are neutral if the model predicts sentiment.
pub(super) fn label_style(label: &str, has_sentiment: bool) -> Style {
    match label.to_ascii_lowercase().as_str() {
        "positive" | "bullish" => Style::Green,
        "negative" | "bearish" => Style::Red,
        _ if has_sentiment => Style::Yellow,
        _ => Style::Bold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use finsent_table::TemporaryName;

    #[test]
    fn a_line_is_cut_by_its_width_on_the_terminal() {
        let table = |width| TextTable {
            out: Destination::open(Some("/dev/null".as_ref()), TemporaryName::Unique).unwrap(),
            labels: vec![],
            label_width: 5,
            sentiment: false,
            colors: false,
            terminal_width: width,
            header_written: false,
        };
        assert_eq!(table(Some(30)).fit(&"日本".repeat(10), 10), "日本日本日本日本日…");
        assert_eq!(table(Some(30)).fit("short", 10), "short");
        assert_eq!(table(None).fit(&"x".repeat(500), 10).len(), 500);
    }
}
