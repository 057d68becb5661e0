//! What comes of directories of tokenizers that transformers loads or refuses, beside what comes of them there.

use std::collections::BTreeMap;

use finsent_model::{Text, Tokenizer};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Case {
    /// The index of the contents of each file.
    pub(crate) files: BTreeMap<String, usize>,
    /// Six hexadecimal digits for each text: the hash of its ids, or dashes if one of them is not in the model's table.
    ids: Option<String>,
    /// Why transformers refuses the directory.
    error: Option<String>,
}

/// The directories that both load, and those that only transformers does.
#[derive(Default)]
pub(crate) struct Outcomes {
    pub(crate) same: usize,
    pub(crate) refused: Vec<String>,
}

impl Outcomes {
    /// Compares the directory of `case` with transformers. `about` describes its files.
    ///
    /// # Panics
    /// If the ids of a text are others, or a message does not name a field.
    pub(crate) fn add(
        &mut self,
        number: usize,
        loaded: Result<Tokenizer, String>,
        Case { ids, error, .. }: &Case,
        texts: &[String],
        about: impl Fn() -> String,
    ) {
        match (loaded, ids) {
            (Ok(tokenizer), Some(expected)) => {
                let wrong = differences(&tokenizer, texts, expected);
                assert!(wrong.is_empty(), "case {number} has other ids: {wrong:?}\n    {}", about());
                self.same += 1;
            }
            (Err(message), Some(_)) => {
                assert!(message.contains('`'), "case {number} is refused without a name: {message}");
                self.refused.push(format!("case {number}: {message}\n    {}", about()));
            }
            (Ok(_), None) => assert!(error.is_some()),
            (Err(_), None) => (),
        }
    }
}

/// The low 24 bits of FNV-1a.
fn hash(ids: &[u32]) -> String {
    let bytes = ids.iter().flat_map(|id| id.to_le_bytes());
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{:06x}", hash & 0xff_ffff)
}

fn hash_of(tokenizer: &Tokenizer, text: &str) -> String {
    match tokenizer.encode(&Text::parse(text).unwrap()) {
        Ok(encoding) => hash(&encoding.input_ids),
        Err(error) if error.to_string().contains("vocab_size") => "------".into(),
        Err(error) => error.to_string(),
    }
}

/// What differs from transformers in a directory that both load.
fn differences(tokenizer: &Tokenizer, texts: &[String], expected: &str) -> Vec<String> {
    let expected = (0..texts.len()).map(|text| &expected[6 * text..][..6]);
    let is_text = |(text, _): &(&String, &str)| Text::parse(*text).is_ok();
    let differs = |(text, expected): &(&String, &str)| hash_of(tokenizer, text) != *expected;
    texts.iter().zip(expected).filter(is_text).filter(differs).map(|(text, _)| text.clone()).collect()
}
