//! What a network is built of, as data.
//!
//! Loading, computing, converting and counting all go by this description and by the names in
//! `Names`. An architecture of known parts is an entry in both.

use finsent_kernels::Reach;

/// What all layers of a model have in common, and what surrounds them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Structure {
    pub(crate) positions: Positions,
    pub(crate) embedding_projection: EmbeddingProjection,
    pub(crate) norm_placement: NormPlacement,
    pub(crate) projections: Projections,
    pub(crate) feed_forward: FeedForwardKind,
    pub(crate) biases: Biases,
    pub(crate) pooling: Pooling,
    pub(crate) head_activation: HeadActivation,
}

/// How a layer differs from the others of its model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerStructure {
    /// Whether there is a norm at the attention block.
    pub(crate) has_attention_norm: bool,
    pub(crate) reach: Reach,
    /// The base of the rotary position embedding.
    pub(crate) rotary_base: Option<f64>,
}

/// How a token knows its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positions {
    /// The embeddings add a row of a table.
    Table,
    /// Each layer rotates its queries and keys.
    Rotary,
    /// If at all, by the distances that the scores of each layer depend on.
    Relative,
}

/// Where embeddings are projected, if they have another width than the hidden states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmbeddingProjection {
    /// After they were normalized, with a bias.
    AfterNorm,
    /// Before they are normalized, without a bias.
    BeforeNorm,
}

/// Where a layer normalizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NormPlacement {
    /// After the result of a block was added to its input.
    After,
    /// Before a block, which adds its result to what was not normalized.
    Before,
}

/// The modules that project queries, keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Projections {
    /// A module for each.
    Separate,
    /// One module, whose outputs are the queries, the keys and the values.
    Fused,
}

/// What a feed-forward block computes between its two linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FeedForwardKind {
    /// `gelu(x)`
    Plain,
    /// `gelu(x) * gate`: the first module has twice the outputs, first those of `x`, then those of the gate (GeGLU,
    /// Shazeer 2020).
    Gated,
}

/// Which modules of the encoder and its head have a bias. The classifier always has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Biases {
    pub(crate) attention: bool,
    pub(crate) feed_forward: bool,
    pub(crate) norm: bool,
    /// The first linear layer of the head.
    pub(crate) dense: bool,
}

/// What the head reads of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// Its first token.
    First,
    /// The mean of its tokens.
    Mean,
}

/// The activation between the two linear layers of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeadActivation {
    Tanh,
    Relu,
    /// In its exact form, with the error function.
    Gelu,
}

impl Structure {
    /// BERT, as its authors built it.
    pub(crate) const BERT: Self = Self {
        positions: Positions::Table,
        embedding_projection: EmbeddingProjection::AfterNorm,
        norm_placement: NormPlacement::After,
        projections: Projections::Separate,
        feed_forward: FeedForwardKind::Plain,
        biases: Biases { attention: true, feed_forward: true, norm: true, dense: true },
        pooling: Pooling::First,
        head_activation: HeadActivation::Tanh,
    };
}

impl LayerStructure {
    /// Any layer of BERT.
    pub(crate) const BERT: Self = Self { has_attention_norm: true, reach: Reach::All, rotary_base: None };
}
