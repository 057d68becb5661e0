//! The memory of the activations: allocated once, and grown to the largest batch so far.

use finsent_kernels::{Matrix, Operand, OperandFormat, QuantizedMatrix, Rotary, Scratch, operand_format};

use super::config::Config;
use super::engine::{Engine, Operands};
use super::structure::FeedForwardKind;

/// Activations that a matrix product reads: in f32, and in the operand format of the precision.
#[derive(Debug)]
pub(super) struct Activations {
    pub(super) values: Matrix,
    /// `None` if that format is f32.
    rounded: Option<QuantizedMatrix>,
}

impl Activations {
    fn new(format: OperandFormat, columns: usize) -> Self {
        let rounded = (format != OperandFormat::F32).then(|| QuantizedMatrix::new(format, columns));
        Self { values: Matrix::new(columns), rounded }
    }

    /// The values, and where to write the rounded ones if `operands` needs them.
    pub(super) fn parts(&mut self, operands: Operands) -> (&mut Matrix, Option<&mut QuantizedMatrix>) {
        let rounded = if operands == Operands::Native { self.rounded.as_mut() } else { None };
        (&mut self.values, rounded)
    }

    /// Rounds the values. Call this after writing them, unless the kernel has rounded them.
    pub(super) fn round(&mut self, engine: Engine<'_>, operands: Operands) {
        if let (values, Some(rounded)) = self.parts(operands) {
            rounded.quantize(engine.isa, engine.pool, values);
        }
    }

    pub(super) fn operand(&self, operands: Operands) -> Operand<'_> {
        match (&self.rounded, operands) {
            (Some(rounded), Operands::Native) => Operand::Quantized(rounded),
            _ => Operand::F32(&self.values),
        }
    }
}

/// The hidden states of some tokens: `[rows, hidden_size]`.
#[derive(Debug)]
pub(super) struct Hidden {
    pub(super) states: Activations,
    /// What a block reads if it normalizes the states first.
    pub(super) normalized: Activations,
}

impl Hidden {
    fn new(format: OperandFormat, hidden_size: usize) -> Self {
        Self { states: Activations::new(format, hidden_size), normalized: Activations::new(format, hidden_size) }
    }
}

/// All matrices of a forward pass.
#[derive(Debug)]
pub(super) struct Arena {
    /// One row per token: the embeddings, if they are narrower than the layers.
    pub(super) embedded: Matrix,
    /// One row per token.
    pub(super) hidden: Hidden,
    /// One row per text: what the head reads.
    pub(super) pooled: Hidden,
    pub(super) work: Work,
}

/// The intermediate results of a layer.
#[derive(Debug)]
pub(super) struct Work {
    /// `[queries, hidden_size]`
    pub(super) query: Matrix,
    /// `[total_tokens, 2 hidden_size]`
    pub(super) key_value: Matrix,
    pub(super) rotaries: Rotaries,
    /// `[queries, hidden_size]`
    pub(super) context: Activations,
    /// `[queries, hidden_size]`
    pub(super) projected: Matrix,
    /// `[queries, intermediate_size]`
    pub(super) intermediate: Activations,
    /// `[queries, intermediate_size]`, if there is a gate
    pub(super) gate: Matrix,
    pub(super) scratch: Scratch,
}

impl Arena {
    pub(super) fn new(config: &Config, engine: Engine<'_>) -> Self {
        let &Config { hidden_size, intermediate_size, .. } = config;
        let format = operand_format(engine.isa, engine.precision);
        Self {
            embedded: Matrix::new(config.embedding_size()),
            hidden: Hidden::new(format, hidden_size),
            pooled: Hidden::new(format, hidden_size),
            work: Work {
                query: Matrix::new(hidden_size),
                key_value: Matrix::new(2 * hidden_size),
                rotaries: Rotaries { head_size: hidden_size / config.num_attention_heads, by_base: Vec::new() },
                context: Activations::new(format, hidden_size),
                projected: Matrix::new(hidden_size),
                intermediate: Activations::new(format, intermediate_size),
                gate: Matrix::new(intermediate_size),
                scratch: Scratch::default(),
            },
        }
    }
}

/// The bytes of activations per token of a batch, at most: what [`Arena`] grows to, but for the memory of each thread.
pub(super) fn bytes_per_token(config: &Config, engine: Engine<'_>) -> usize {
    let &Config { hidden_size, intermediate_size, .. } = config;
    let is_gated = config.structure().feed_forward == FeedForwardKind::Gated;
    let rounded = match operand_format(engine.isa, engine.precision) {
        OperandFormat::F32 => 0,
        _ => size_of::<u16>(),
    };
    // Hidden states, normalized ones, queries, keys, values, contexts and what they are projected to.
    let floats = config.embedding_size() + 7 * hidden_size + intermediate_size * (1 + usize::from(is_gated));
    // Three of these, and the intermediate states, are operands.
    floats * size_of::<f32>() + rounded * (3 * hidden_size + intermediate_size)
}

/// The rotary position embeddings of a model, which has few bases.
#[derive(Debug)]
pub(super) struct Rotaries {
    head_size: usize,
    by_base: Vec<(f64, Rotary)>,
}

impl Rotaries {
    pub(super) fn get(&mut self, base: f64) -> &mut Rotary {
        let known = self.by_base.iter().position(|(known, _)| *known == base);
        let index = known.unwrap_or_else(|| {
            self.by_base.push((base, Rotary::new(base, self.head_size)));
            self.by_base.len() - 1
        });
        &mut self.by_base[index].1
    }
}
