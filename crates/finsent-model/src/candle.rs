//! The encoder for programs that use candle.
//!
//! [`PackedClassifier`] is a [`Module`]. It computes on finsent's kernels, with their speed, and gives a tensor.
//! candle's types appear in no other public item of this crate.

use std::sync::Arc;

use candle_core::{DType, Device, Error, Module, Result, Tensor};

use crate::batch::PackedBatch;
use crate::encoder::Encoder;
use crate::tokenizer::Encoding;

/// An [`Encoder`] as a candle module on the CPU: token ids in, logits out. It has no backward pass.
///
/// The ids of a text include its special tokens, as [`Tokenizer`](crate::Tokenizer) gives them. All texts are single
/// segments. Clones share the weights.
#[derive(Debug, Clone)]
pub struct PackedClassifier {
    encoder: Arc<Encoder>,
}

impl PackedClassifier {
    /// Wraps a loaded encoder.
    pub fn new(encoder: impl Into<Arc<Encoder>>) -> Self {
        Self { encoder: encoder.into() }
    }

    /// Classifies texts of different lengths without padding.
    ///
    /// `input_ids` is `[total_tokens]` in u32: the ids of all texts, one text after the other. `cu_seqlens`, as for flash
    /// attention, is `[texts + 1]` in u32: the cumulative lengths. Text `i` has the ids from `cu_seqlens[i]` to before
    /// `cu_seqlens[i + 1]`. Returns the logits, `[texts, labels]` in f32.
    ///
    /// # Errors
    /// If a type or shape is different, `cu_seqlens` does not rise from 0 to `total_tokens`, a text is longer than the
    /// model's table of positions, or an id is not in the vocabulary.
    pub fn forward_packed(&self, input_ids: &Tensor, cu_seqlens: &Tensor) -> Result<Tensor> {
        let ids = u32s(input_ids, "input_ids")?;
        let lengths = lengths(&u32s(cu_seqlens, "cu_seqlens")?, ids.len())?;
        self.classify(&ids, lengths)
    }

    fn classify(&self, ids: &[u32], lengths: impl IntoIterator<Item = usize>) -> Result<Tensor> {
        let mut rest = ids;
        let encodings = lengths.into_iter().map(|length| {
            let (input_ids, others) = rest.split_at(length);
            rest = others;
            Encoding { input_ids: input_ids.into(), token_type_ids: vec![0; length], truncated: false }
        });
        let encodings: Vec<Encoding> = encodings.collect();
        self.encoder.forward_tensor(&Tensor::new(ids, &Device::Cpu)?, &PackedBatch::pack(&encodings))
    }
}

/// Texts of one length: `[length]` or `[texts, length]` in u32 becomes `[texts, labels]` in f32.
impl Module for PackedClassifier {
    fn forward(&self, input_ids: &Tensor) -> Result<Tensor> {
        let (texts, length) = match *input_ids.dims() {
            [length] => (1, length),
            [texts, length] => (texts, length),
            _ => {
                return Err(Error::Msg(format!(
                    "`input_ids` has the shape {:?}, not [texts, length]",
                    input_ids.dims()
                )));
            }
        };
        if texts == 0 || length == 0 {
            return Err(Error::Msg("`input_ids` is empty".into()));
        }
        self.classify(&u32s(&input_ids.flatten_all()?, "input_ids")?, std::iter::repeat_n(length, texts))
    }
}

fn u32s(tensor: &Tensor, name: &str) -> Result<Vec<u32>> {
    if tensor.dtype() != DType::U32 || tensor.rank() != 1 {
        let (dtype, shape) = (tensor.dtype().as_str(), tensor.dims());
        return Err(Error::Msg(format!("`{name}` is {dtype} of the shape {shape:?}; expected one dimension of u32")));
    }
    tensor.to_device(&Device::Cpu)?.to_vec1()
}

fn lengths(cu_seqlens: &[u32], total_tokens: usize) -> Result<Vec<usize>> {
    let is_whole =
        cu_seqlens.first() == Some(&0) && cu_seqlens.last().is_some_and(|&last| last as usize == total_tokens);
    let rises = cu_seqlens.len() > 1 && cu_seqlens.is_sorted_by(|a, b| a < b);
    if !is_whole || !rises {
        return Err(Error::Msg(format!("`cu_seqlens` must rise from 0 to the {total_tokens} tokens of `input_ids`")));
    }
    Ok(cu_seqlens.windows(2).map(|pair| (pair[1] - pair[0]) as usize).collect())
}
