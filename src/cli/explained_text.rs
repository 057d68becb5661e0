//! Explanations for people: the text with its words marked, and the strongest words with their weights.

use std::io::Write;

use finsent_model::{ExplainedPart, Explanation};
use finsent_table::{Destination, Outcome, OutputRecord, Row, RowWriter, TableError};
use unicode_width::UnicodeWidthStr;

use super::console::{Style, paint, printable};
use super::label_style::label_style;
use super::marked_text::{MarkedText, Palette};
use super::quantity::{grouped, quantity};
use super::width::{cut, pad_end, stdout_width};

/// Words that are listed with their weights.
const LISTED_WORDS: usize = 8;
/// Sentences of a document that are listed.
const LISTED_SENTENCES: usize = 12;
/// Columns of the longest bar, and of the longest word beside it.
const BAR: f32 = 24.0;
const WORD_WIDTH: usize = 24;
/// Spaces before what belongs to a text.
const INDENT: &str = "  ";

/// Writes each explanation as some lines.
pub(super) struct ExplainedText {
    out: Destination,
    colors: bool,
    palette: Palette,
    /// The columns that a line may have.
    width: Option<usize>,
    rows: u64,
}

impl ExplainedText {
    pub(super) fn new(out: Destination, colors: bool) -> Self {
        let width = out.is_stdout().then(stdout_width).flatten();
        Self { colors, palette: Palette::of_terminal(colors), width, rows: 0, out }
    }

    fn line(&mut self, line: &str) -> Result<(), TableError> {
        Ok(writeln!(self.out, "{line}")?)
    }

    /// A blank line between texts.
    fn begin(&mut self) -> Result<(), TableError> {
        self.rows += 1;
        if self.rows > 1 { self.line("") } else { Ok(()) }
    }

    /// `negative 0.9812`, or what is explained instead: `negative 0.9812, why positive 0.0103`.
    fn header(&mut self, id: &str, record: OutputRecord<'_>, explanation: &Explanation) -> Result<(), TableError> {
        let prediction = record.prediction();
        let style = label_style(prediction.label(), prediction.sentiment_score().is_some());
        let label = paint(&printable(prediction.label()), style, self.colors);
        let other = match explanation.label() == prediction.label() {
            true => String::new(),
            false => format!("; explained: {} {:.4}", printable(explanation.label()), explanation.score()),
        };
        self.line(&format!("{id}{label} {:.4}{other}", prediction.score()))
    }

    fn text(&mut self, text: &str, explanation: &Explanation) -> Result<(), TableError> {
        let marked = MarkedText::new(text, 0, explanation.words().iter(), largest(explanation.words()));
        let room = self.width.map(|width| width.saturating_sub(INDENT.len()));
        marked.wrapped(room, self.palette).iter().try_for_each(|line| self.line(&format!("{INDENT}{line}")))
    }

    /// The strongest sentences in the order of the document, with their words marked.
    fn sentences(&mut self, sentences: &[ExplainedPart], words: &[ExplainedPart]) -> Result<(), TableError> {
        let mut shown: Vec<&ExplainedPart> = strongest(sentences, LISTED_SENTENCES);
        shown.sort_by_key(|sentence| sentence.bytes().start);
        let largest = largest(words);
        for sentence in &shown {
            let bytes = sentence.bytes();
            let of_sentence = words.iter().filter(|word| bytes.contains(&word.bytes().start));
            // With HTML left out, the sentence is shorter than its bytes, and words are not where they are in it.
            let marked = match bytes.len() == sentence.text().len() {
                true => MarkedText::new(sentence.text(), bytes.start, of_sentence, largest),
                false => MarkedText::new(sentence.text(), bytes.start, std::iter::empty(), largest),
            };
            let weight = format!("{INDENT}{:+.4}  ", sentence.weight());
            let room = self.width.map(|width| width.saturating_sub(weight.len()));
            let line = weight + &marked.cut(room, self.palette);
            self.line(&line)?;
        }
        match sentences.len() - shown.len() {
            0 => Ok(()),
            more => self.line(&format!("{INDENT}{} not shown", quantity(more as u64, "sentence"))),
        }
    }

    /// A bar for each of the strongest words.
    fn words(&mut self, words: &[ExplainedPart]) -> Result<(), TableError> {
        let shown = strongest(words, LISTED_WORDS);
        let largest = largest(words);
        let texts: Vec<String> = shown.iter().map(|word| cut(&printable(word.text()), WORD_WIDTH)).collect();
        let widest = texts.iter().map(|text| text.width()).max().unwrap_or(0);
        for (word, text) in shown.into_iter().zip(texts) {
            let length = if largest > 0.0 { (word.weight().abs() / largest * BAR).round() as usize } else { 0 };
            let (sign, style) = if word.weight() < 0.0 { ("░", Style::Yellow) } else { ("█", Style::Cyan) };
            let bar = paint(&sign.repeat(length), style, self.colors);
            let line = format!("{INDENT}{}  {:+.4}  {bar}", pad_end(&text, widest), word.weight());
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// `8 words, base 0.2141; shapley, 255 passes`.
    fn footer(&mut self, explanation: &Explanation) -> Result<(), TableError> {
        let parts = match explanation.sentences() {
            Some(sentences) => quantity(sentences.len() as u64, "sentence"),
            None => quantity(explanation.words().len() as u64, "word"),
        };
        let error = explanation.standard_error().map(|error| format!(", standard error up to {error:.4}"));
        let passes = explanation.passes() as u64;
        let passes = if passes == 1 { "1 pass".into() } else { format!("{} passes", grouped(passes)) };
        let (base, method) = (explanation.base(), explanation.method());
        let line = format!("{INDENT}{parts}, base {base:.4}; {method}, {passes}{}", error.unwrap_or_default());
        self.line(&paint(&line, Style::Dim, self.colors))
    }
}

impl RowWriter for ExplainedText {
    fn write(&mut self, row: &Row, outcome: Outcome<'_>) -> Result<(), TableError> {
        self.begin()?;
        let message = outcome.err().map_or_else(|| "no explanation".into(), ToString::to_string);
        let error = paint("error", Style::Red, self.colors);
        self.line(&format!("{}{error} {}", id(row), printable(&format!("{}: {message}", row.place))))
    }

    fn write_explained(
        &mut self,
        row: &Row,
        record: OutputRecord<'_>,
        explanation: &Explanation,
    ) -> Result<(), TableError> {
        self.begin()?;
        self.header(&id(row), record, explanation)?;
        match explanation.sentences() {
            Some(sentences) => self.sentences(sentences, explanation.words())?,
            None => {
                let text = row.text.as_ref().map(|text| text.as_str()).unwrap_or_default();
                self.text(text, explanation)?;
            }
        }
        self.words(explanation.words())?;
        self.footer(explanation)
    }

    fn flush(&mut self) -> Result<(), TableError> {
        Ok(self.out.flush()?)
    }

    fn finish(self: Box<Self>) -> Result<Destination, TableError> {
        Ok(self.out)
    }
}

fn id(row: &Row) -> String {
    row.id.as_ref().map(|id| format!("[{}] ", printable(&id.to_cell()))).unwrap_or_default()
}

/// The largest weight, whatever its sign.
pub(super) fn largest(parts: &[ExplainedPart]) -> f32 {
    parts.iter().map(|part| part.weight().abs()).fold(0.0, f32::max)
}

/// The parts with the largest weights, whatever their signs; the largest first.
pub(super) fn strongest(parts: &[ExplainedPart], most: usize) -> Vec<&ExplainedPart> {
    let mut sorted: Vec<&ExplainedPart> = parts.iter().collect();
    sorted.sort_by(|one, other| other.weight().abs().total_cmp(&one.weight().abs()));
    sorted.truncate(most);
    sorted
}
