//! The special tokens around the tokens of a text.

use tokenizers::{Result, Token};

use super::encoding::Encoding;
use super::model::Library;

/// What every text begins and ends with: ids with their segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    before: Vec<(u32, u32)>,
    after: Vec<(u32, u32)>,
    /// The segment of the text's own tokens.
    segment: u32,
}

impl Frame {
    /// `None` if the post-processor does anything but put the same tokens around each text.
    pub(super) fn of(tokenizer: &Library) -> Option<Self> {
        // No token of a frame has such an id.
        const TEXT: [u32; 2] = [u32::MAX - 1, u32::MAX - 2];
        let around = |ids: &[u32]| -> Option<Vec<(u32, u32)>> {
            let encoding = tokenizer.post_process(from_ids(ids), None, true).ok()?;
            Some(encoding.get_ids().iter().copied().zip(encoding.get_type_ids().iter().copied()).collect())
        };
        let framed = around(&TEXT)?;
        let start = framed.iter().position(|(id, _)| *id == TEXT[0])?;
        let segment = framed[start].1;
        let frame = Self { before: framed[..start].to_vec(), after: framed.get(start + 2..)?.to_vec(), segment };
        let is_right = |ids: &[u32]| around(ids) == Some(frame.pairs(ids).collect());
        (is_right(&TEXT) && is_right(&TEXT[..1]) && is_right(&[])).then_some(frame)
    }

    fn pairs(&self, ids: &[u32]) -> impl Iterator<Item = (u32, u32)> {
        let own = ids.iter().map(|&id| (id, self.segment));
        self.before.iter().copied().chain(own).chain(self.after.iter().copied())
    }

    /// The text with these ids.
    pub(super) fn around(&self, ids: &[u32], truncated: bool) -> Encoding {
        let (input_ids, token_type_ids) = self.pairs(ids).unzip();
        Encoding { input_ids, token_type_ids, truncated }
    }
}

/// The same for any post-processor.
pub(super) fn post_process(tokenizer: &Library, ids: &[u32], truncated: bool) -> Result<Encoding> {
    let encoding = tokenizer.post_process(from_ids(ids), None, true)?;
    let (input_ids, token_type_ids) = (encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec());
    Ok(Encoding { input_ids, token_type_ids, truncated })
}

fn from_ids(ids: &[u32]) -> tokenizers::Encoding {
    let token = |&id: &u32| Token::new(id, String::new(), (0, 0));
    tokenizers::Encoding::from_tokens(ids.iter().map(token).collect(), 0)
}

#[cfg(test)]
mod tests {
    use tokenizers::models::wordlevel::WordLevel;
    use tokenizers::processors::bert::BertProcessing;
    use tokenizers::processors::template::TemplateProcessing;

    use super::*;

    fn check(tokenizer: &Library) -> bool {
        let Some(frame) = Frame::of(tokenizer) else { return false };
        for ids in [&[][..], &[5], &[1, 2, 3], &[0; 100]] {
            assert_eq!(frame.around(ids, true), post_process(tokenizer, ids, true).unwrap());
        }
        true
    }

    fn template(single: &str) -> Library {
        let mut tokenizer = Library::new(WordLevel::default().into());
        let special = vec![("[CLS]", 1), ("[SEP]", 2)];
        let template = TemplateProcessing::builder().try_single(single).unwrap().special_tokens(special).build();
        tokenizer.with_post_processor(Some(template.unwrap()));
        tokenizer
    }

    #[test]
    fn a_frame_does_what_the_post_processor_does_or_there_is_none() {
        let mut tokenizer = Library::new(WordLevel::default().into());
        assert!(check(&tokenizer));
        tokenizer.with_post_processor(Some(BertProcessing::new(("[SEP]".into(), 2), ("[CLS]".into(), 1))));
        assert!(check(&tokenizer));
        for single in ["[CLS] $A [SEP]", "$A", "[CLS]:1 [CLS]:0 $A:1 [SEP]:2", "$0 [SEP]"] {
            assert!(check(&template(single)), "{single}");
        }
        assert!(!check(&template("[CLS] $A $A")));
        assert!(!check(&template("[CLS] [SEP]")));
    }
}
