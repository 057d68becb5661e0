//! DeBERTa's relative positions: their embeddings, which all layers share, and what a layer makes of them.

use finsent_kernels::{
    Activation, DisentangledAttention, Matrix, Operand, PositionProjections, RelativePositions, Scratch,
};

use super::config::Config;
use super::engine::Engine;
use super::parameters::{RELATIVE_EMBEDDINGS, RELATIVE_NORM};
use super::weights::{Part, Weights};
use crate::checkpoint::CheckpointError;

/// The embeddings of all relative positions. Layers project them when they are loaded.
#[derive(Debug)]
pub(super) struct RelativeEmbeddings {
    positions: RelativePositions,
    /// `[positions.rows(), hidden_size]`
    embeddings: Matrix,
}

impl RelativeEmbeddings {
    /// `None` if the model has none. `weights` are those of the whole model.
    pub(super) fn load(weights: &Weights<'_>, config: &Config) -> Result<Option<Self>, CheckpointError> {
        let Some(positions) = config.relative_positions() else { return Ok(None) };
        let &Config { hidden_size, layer_norm_eps, .. } = config;
        let mut embeddings = weights.matrix(RELATIVE_EMBEDDINGS, positions.rows(), hidden_size)?;
        if config.deberta.normalizes_positions() {
            let Engine { isa, pool, .. } = weights.engine();
            let norm = weights.layer_norm(RELATIVE_NORM, hidden_size, layer_norm_eps, true)?;
            norm.forward(isa, pool, None, &mut embeddings, None);
        }
        Ok(Some(Self { positions, embeddings }))
    }
}

/// The disentangled attention of a layer (`DisentangledSelfAttention`), without the projections of contents.
#[derive(Debug)]
pub(super) struct RelativeAttention {
    positions: PositionProjections,
    scale: f32,
}

impl RelativeAttention {
    /// `weights` are those of the layer. The projections of the positions are f32 in every precision.
    pub(super) fn load(
        weights: &Weights<'_>,
        config: &Config,
        embeddings: Option<&RelativeEmbeddings>,
    ) -> Result<Self, CheckpointError> {
        let &Config { hidden_size, num_attention_heads, .. } = config;
        let Engine { isa, pool, .. } = weights.engine();
        let project = |name: Option<&'static str>| {
            let Some((name, relative)) = name.zip(embeddings) else { return Ok(None) };
            let linear = weights.in_f32().linear(&[Part::whole(name, hidden_size)], hidden_size, true)?;
            let mut projected = Matrix::new(hidden_size);
            linear.forward(pool, Operand::F32(&relative.embeddings), Activation::Identity, &mut projected);
            Ok::<_, CheckpointError>(Some(projected))
        };
        let [key, query] = config.position_projections();
        let (keys, queries) = (project(key)?, project(query)?);
        // Without embeddings, no product has positions.
        let positions =
            embeddings.map_or_else(|| RelativePositions::of_distances(1), |relative| relative.positions.clone());
        let head_size = hidden_size / num_attention_heads;
        Ok(Self {
            positions: PositionProjections::pack(
                isa,
                num_attention_heads,
                positions,
                hidden_size,
                [keys.as_ref(), queries.as_ref()],
            ),
            scale: 1.0 / ((head_size * config.deberta.addends()) as f32).sqrt(),
        })
    }

    pub(super) fn forward(
        &self,
        engine: Engine<'_>,
        queries_and_keys: [&Matrix; 2],
        cu_lens: [&[usize]; 2],
        scratch: &mut Scratch,
        context: &mut Matrix,
    ) {
        let attention = DisentangledAttention { isa: engine.isa, positions: &self.positions, scale: self.scale };
        attention.forward(engine.pool, queries_and_keys, cu_lens, scratch, context);
    }
}
