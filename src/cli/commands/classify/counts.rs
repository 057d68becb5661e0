//! What a run has scored, for the message at its end.

use finsent_model::{Classification, Granularity, Pipeline, has_html};
use finsent_table::{ItemError, OutputRecord, Row};

use crate::cli::foreign::ForeignTexts;
use crate::cli::quantity::{grouped, quantity};
use crate::cli::row_places::RowPlaces;
use crate::cli::tally::Tally;

/// Reasons of failed texts that are counted one by one.
const MAX_REASONS: usize = 20;

/// Counts of the texts of a run.
pub(super) struct Counts {
    granularity: Granularity,
    /// How many predictions have each label, in the order of the model.
    labels: Vec<(String, u64)>,
    truncated: RowPlaces,
    /// `None` if the model may read all languages.
    foreign: Option<ForeignTexts>,
    /// `None` if HTML is left out.
    html: Option<RowPlaces>,
    reasons: Vec<(String, RowPlaces)>,
}

impl Counts {
    pub(super) fn new(
        pipeline: &Pipeline,
        foreign: Option<ForeignTexts>,
        granularity: Granularity,
        unescape_html: bool,
    ) -> Self {
        Self {
            granularity,
            labels: pipeline.labels().labels().iter().map(|label| (label.clone(), 0)).collect(),
            truncated: RowPlaces::default(),
            foreign,
            html: (!unescape_html).then(RowPlaces::default),
            reasons: Vec::new(),
        }
    }

    /// Counts a row.
    pub(super) fn add(&mut self, row: &Row, outcome: Result<&Classification, &ItemError>) {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.add_failed(row, &error.to_string()),
        };
        for record in OutputRecord::all_of(answer) {
            self.labels[record.prediction().label_id()].1 += 1;
        }
        if matches!(answer, Classification::Text(prediction) if prediction.truncated()) {
            self.truncated.add(row);
        }
        let Ok(text) = &row.text else { return };
        if let Some(foreign) = &mut self.foreign {
            foreign.look_at(row, text.as_str());
        }
        if let Some(html) = self.html.as_mut().filter(|_| has_html(text.as_str())) {
            html.add(row);
        }
    }

    fn add_failed(&mut self, row: &Row, reason: &str) {
        let known = self.reasons.iter().position(|(known, _)| known == reason);
        match known {
            Some(known) => self.reasons[known].1.add(row),
            None if self.reasons.len() < MAX_REASONS => {
                let mut rows = RowPlaces::default();
                rows.add(row);
                self.reasons.push((reason.to_owned(), rows));
            }
            None => (),
        }
    }

    /// The note about truncated texts of a model that reads `window` tokens.
    pub(super) fn truncation(&self, window: usize) -> Option<String> {
        let (were, it) = match self.truncated.count() {
            0 => return None,
            1 => ("was", "it"),
            _ => ("were", "them"),
        };
        let (texts, places) = (quantity(self.truncated.count(), "text"), self.truncated.places());
        Some(format!(
            "{texts} {were} longer than {window} tokens, and the rest was not scored: {places}. To score all of {it}: \
             --granularity document"
        ))
    }

    /// The note about texts in other languages.
    pub(super) fn foreign(&self) -> Option<String> {
        self.foreign.as_ref().and_then(ForeignTexts::note)
    }

    /// The note about HTML.
    pub(super) fn html(&self) -> Option<String> {
        let rows = self.html.as_ref().filter(|rows| rows.count() > 0)?;
        let (has, was) = if rows.count() == 1 { ("has", "It was") } else { ("have", "They were") };
        let (texts, places) = (quantity(rows.count(), "text"), rows.places());
        Some(format!(
            "{texts} {has} HTML entities or tags: {places}. {was} scored with them; to leave them out: --unescape-html"
        ))
    }

    /// Why texts failed, the most frequent reason first.
    pub(super) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<&(String, RowPlaces)> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.count()));
        let note = |(reason, rows): &(String, RowPlaces)| {
            format!("{reason}: {}, at {}", quantity(rows.count(), "text"), rows.places())
        };
        reasons.into_iter().map(note).collect()
    }

    /// The message at the end: `398 positive, 617 negative, 2 failed -> scored.csv (1017 texts in 2.5 s, 412 per second)`.
    pub(super) fn total(&self, tally: &Tally, copies: u64, destination: Option<&str>) -> String {
        let mut parts: Vec<String> = Vec::new();
        let labels = self.labels.iter().filter(|(_, count)| *count > 0);
        parts.extend(labels.map(|(label, count)| format!("{} {label}", grouped(*count))));
        match parts.last_mut() {
            None => parts.push("nothing scored".into()),
            Some(last) if self.granularity == Granularity::Sentence => *last += " sentences",
            Some(_) => (),
        }
        let failed = tally.failed.count();
        parts.extend((failed > 0).then(|| format!("{} failed", grouped(failed))));
        let to = destination.map(|destination| format!(" -> {destination}")).unwrap_or_default();
        let copies = match (copies, self.granularity) {
            (0, _) => String::new(),
            (1, Granularity::Text) => ", 1 of them a copy".into(),
            (copies, Granularity::Text) => format!(", {} of them copies", grouped(copies)),
            (1, _) => ", 1 sentence was a copy".into(),
            (copies, _) => format!(", {} were copies", quantity(copies, "sentence")),
        };
        format!("{}{to} ({}{copies})", parts.join(", "), tally.speed("text"))
    }
}
