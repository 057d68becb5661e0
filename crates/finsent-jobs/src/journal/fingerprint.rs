//! What the logits in a journal depend on.

use finsent_kernels::Precision;
use finsent_model::{Granularity, ModelOptions, Pipeline, Text};
use twox_hash::XxHash64;

/// The first bytes of a journal.
pub(super) const MAGIC: &[u8] = b"finsent journal 1\n";
/// Bytes of a fact that are kept; of a longer one, also its hash.
const LONGEST_FACT: usize = 1000;
/// Scored to tell models apart without reading their files.
const TEST_TEXT: &str =
    "Quarterly revenue grew by a fifth, but the lender warned of heavy losses at two of its borrowers.";

/// What logits depend on besides the tokens: a run can be resumed only with the same.
#[derive(Debug)]
pub struct Fingerprint {
    /// Names and values, such as `precision` and `int8`. They are part of the journal.
    pub facts: Vec<(String, String)>,
    /// Logits per encoding.
    pub num_labels: usize,
}

impl Fingerprint {
    /// The fingerprint of a run with a loaded model. The weights are represented by the logits of a test text.
    pub fn of(
        version: &str,
        model: &str,
        options: &ModelOptions,
        pipeline: &Pipeline,
        granularity: Granularity,
    ) -> Self {
        let encoder = pipeline.encoder();
        let about = match granularity {
            Granularity::Text => "text",
            Granularity::Sentence | Granularity::Document(_) => "sentence",
        };
        let mut facts = vec![
            ("finsent", version.into()),
            ("model", model.into()),
            ("precision", pipeline.precision().to_string()),
            ("window", pipeline.max_length().to_string()),
            ("granularity", about.into()),
            ("kernels", encoder.isa_name().into()),
            ("logits of a test text", test_logits(pipeline)),
        ];
        if pipeline.precision() == Precision::Int8 {
            facts.push(("int8 margin", options.int8_margin.to_string()));
        }
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Self { facts, num_labels: encoder.num_labels() }
    }

    /// Of a run that reads its input in this way, unless that is the plain one.
    #[must_use]
    pub fn with_reading(mut self, how: &str) -> Self {
        if !how.is_empty() {
            self.facts.push(("reading of the input".into(), shortened(how)));
        }
        self
    }

    /// The header of the journal of such a run.
    pub fn header(&self) -> Vec<u8> {
        let facts = serde_json::to_vec(&self.facts).expect("strings can be written as JSON");
        [MAGIC, &facts, b"\n"].concat()
    }

    /// The differences from the header of a journal.
    pub(super) fn differences(&self, header: &[u8]) -> Vec<String> {
        let theirs = header.strip_prefix(MAGIC).and_then(|json| serde_json::from_slice(json).ok());
        let Some(theirs): Option<Vec<(String, String)>> = theirs else { return vec!["its header is damaged".into()] };
        let value = |facts: &[(String, String)], name: &str| {
            let found = facts.iter().find(|(known, _)| known == name);
            found.map_or_else(|| "none".to_owned(), |(_, value)| format!("`{value}`"))
        };
        let names = self.facts.iter().chain(&theirs).map(|(name, _)| name.as_str());
        let mut differences: Vec<String> = Vec::new();
        for name in names {
            let (ours, theirs) = (value(&self.facts, name), value(&theirs, name));
            let difference = format!("its {name} was {theirs} and is now {ours}");
            if ours != theirs && !differences.contains(&difference) {
                differences.push(difference);
            }
        }
        differences
    }
}

/// A fact that fits into the header, whatever its length: that of many files can be long.
fn shortened(fact: &str) -> String {
    match fact.len() {
        ..=LONGEST_FACT => fact.to_owned(),
        _ => {
            let start = &fact[..fact.floor_char_boundary(LONGEST_FACT)];
            format!("{start}... ({:016x})", XxHash64::oneshot(0, fact.as_bytes()))
        }
    }
}

/// The bits of a test text's logits, or why there are none.
fn test_logits(pipeline: &Pipeline) -> String {
    let text = Text::parse(TEST_TEXT).expect("the test text is not blank");
    let encoding = match pipeline.encode(&text) {
        Ok(encoding) => encoding,
        Err(error) => return error.to_string(),
    };
    match pipeline.logits(&[&encoding]).remove(0) {
        Ok(logits) => logits.iter().map(|logit| format!("{:08x}", logit.to_bits())).collect::<Vec<_>>().join(" "),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_fact_is_kept_short_and_still_told_from_others() {
        let of_many = |last: &str| shortened(&format!("{}{last}", "a.csv: semicolon-separated; ".repeat(5000)));
        assert!(of_many("x").len() < 1100);
        assert_ne!(of_many("x"), of_many("y"));
        assert_eq!(shortened("not quoted"), "not quoted");
    }
}
