//! What the table says of a document besides its prediction: its sentences by label, and the strongest of them.

use finsent_model::Document;

use crate::cli::console::printable;
use crate::cli::quantity::{grouped, quantity};

/// The lines below a document's own; none if it has only one sentence.
pub(super) fn lines(document: &Document) -> Vec<String> {
    if document.sentences().len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![counts(document)];
    if let Some(strongest) = document.strongest() {
        let ways = [('+', strongest.positive()), ('-', strongest.negative())];
        for (sign, places) in ways {
            let line = |&place: &usize| {
                let sentence = strongest.sentence(place);
                format!("{sign} {:.4}  {}", sentence.prediction().score(), printable(sentence.text()))
            };
            lines.extend(places.iter().map(line));
        }
    }
    lines
}

/// `14 negative, 2 positive, 60 neutral of 76 sentences`, in the order of the labels.
fn counts(document: &Document) -> String {
    let counts = document.label_counts().filter(|(_, count)| *count > 0);
    let counts: Vec<String> =
        counts.map(|(label, count)| format!("{} {}", grouped(count as u64), printable(label))).collect();
    format!("{} of {}", counts.join(", "), quantity(document.sentences().len() as u64, "sentence"))
}
