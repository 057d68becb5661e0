//! What the logits in a journal depend on.

use anyhow::Result;
use finsent_kernels::Precision;
use finsent_model::{Granularity, ModelOptions, Pipeline, Text};

use super::MAGIC;

/// Scored to tell one model from another without reading its files.
const TEST_TEXT: &str =
    "Quarterly revenue grew by a fifth, but the lender warned of heavy losses at two of its borrowers.";

/// What logits depend on beside the tokens.
#[derive(Debug)]
pub struct Fingerprint {
    /// Names and values, for people.
    pub facts: Vec<(String, String)>,
    pub num_labels: usize,
    /// What an encoding is of, for people.
    pub unit: &'static str,
}

impl Fingerprint {
    /// That of a run of finsent `version` with a model as it is loaded here. The model's weights are in it by what they make of a text.
    pub fn of(
        version: &str,
        model: &str,
        options: &ModelOptions,
        pipeline: &Pipeline,
        granularity: Granularity,
    ) -> Result<Self> {
        let encoder = pipeline.encoder();
        let (about, unit) = match granularity {
            Granularity::Text => ("text", "texts"),
            Granularity::Sentence | Granularity::Document(_) => ("sentence", "windows of sentences"),
        };
        let test = pipeline.encode(&Text::parse(TEST_TEXT)?)?;
        let logits = match pipeline.logits(&[&test]).remove(0) {
            Ok(logits) => logits.iter().map(|logit| format!("{:08x}", logit.to_bits())).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        let mut facts = vec![
            ("finsent", version.into()),
            ("model", model.into()),
            ("precision", pipeline.precision().to_string()),
            ("window", pipeline.max_length().to_string()),
            ("granularity", about.into()),
            ("kernels", encoder.isa_name().into()),
            ("logits of a test text", logits),
        ];
        if pipeline.precision() == Precision::Int8 {
            facts.push(("int8 margin", options.int8_margin.to_string()));
        }
        let facts = facts.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Ok(Self { facts, num_labels: encoder.num_labels(), unit })
    }

    /// What the journal of such a run begins with.
    pub fn header(&self) -> Result<Vec<u8>> {
        Ok([MAGIC, &serde_json::to_vec(&self.facts)?, b"\n"].concat())
    }

    /// In what this differs from what the header of a journal says.
    pub fn differences(&self, header: &[u8]) -> String {
        let theirs = header.strip_prefix(MAGIC).and_then(|json| serde_json::from_slice(json).ok());
        let Some(theirs): Option<Vec<(String, String)>> = theirs else { return "its beginning is damaged".into() };
        let value = |facts: &[(String, String)], name: &str| {
            let found = facts.iter().find(|(known, _)| known == name);
            found.map_or_else(|| "none".to_owned(), |(_, value)| format!("`{value}`"))
        };
        let names = self.facts.iter().chain(&theirs).map(|(name, _)| name.as_str());
        let mut differences: Vec<String> = Vec::new();
        for name in names {
            let (ours, theirs) = (value(&self.facts, name), value(&theirs, name));
            let difference = format!("its {name} was {theirs}, now it is {ours}");
            if ours != theirs && !differences.contains(&difference) {
                differences.push(difference);
            }
        }
        differences.join("; ")
    }
}
