//! The projections of a layer's position embeddings, packed for the products with queries and keys.

use super::relative_positions::RelativePositions;
use crate::aligned::AlignedBuffer;
use crate::attention::pack_columns;
use crate::isa::Isa;
use crate::matrix::Matrix;
use crate::simd::{Kernel, Simd};

/// The keys and queries of all relative positions, for one layer. They do not depend on the texts.
#[derive(Debug)]
pub struct PositionProjections {
    positions: RelativePositions,
    hidden_size: usize,
    heads: usize,
    /// `None` without content-to-position attention.
    keys: Option<AlignedBuffer>,
    /// `None` without position-to-content attention.
    queries: Option<AlignedBuffer>,
}

impl PositionProjections {
    /// Packs `keys` (for content-to-position attention, `c2p`) and `queries` (for position-to-content attention, `p2c`),
    /// each `[positions.rows(), hidden_size]`.
    ///
    /// # Panics
    /// If the shapes do not match.
    pub fn pack(
        isa: Isa,
        heads: usize,
        positions: RelativePositions,
        hidden_size: usize,
        [keys, queries]: [Option<&Matrix>; 2],
    ) -> Self {
        assert!(hidden_size.is_multiple_of(heads), "heads");
        let pack = |matrix: &Matrix| {
            assert_eq!((matrix.rows(), matrix.columns()), (positions.rows(), hidden_size), "positions");
            isa.run(Pack { matrix, head_size: hidden_size / heads })
        };
        let (keys, queries) = (keys.map(pack), queries.map(pack));
        Self { positions, hidden_size, heads, keys, queries }
    }

    pub(super) fn positions(&self) -> &RelativePositions {
        &self.positions
    }

    pub(super) fn hidden_size(&self) -> usize {
        self.hidden_size
    }

    pub(super) fn heads(&self) -> usize {
        self.heads
    }

    /// The position keys of a head: `[panels, head_size, NR]`.
    pub(super) fn keys(&self, isa: Isa, head: usize) -> Option<&[f32]> {
        self.keys.as_ref().map(|lanes| self.head(isa, lanes, head))
    }

    /// The position queries of a head: `[panels, head_size, NR]`.
    pub(super) fn queries(&self, isa: Isa, head: usize) -> Option<&[f32]> {
        self.queries.as_ref().map(|lanes| self.head(isa, lanes, head))
    }

    fn head<'a>(&self, isa: Isa, lanes: &'a AlignedBuffer, head: usize) -> &'a [f32] {
        let len = self.positions.rows().next_multiple_of(isa.panel_width()) * (self.hidden_size / self.heads);
        &lanes.as_slice()[head * len..(head + 1) * len]
    }
}

/// Packs the columns of [`RelativePositions`] for each head: `[heads, panels, head_size, NR]`.
struct Pack<'a> {
    matrix: &'a Matrix,
    head_size: usize,
}

impl Kernel for Pack<'_> {
    type Output = AlignedBuffer;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> AlignedBuffer {
        let Self { matrix, head_size } = self;
        let len = matrix.rows().next_multiple_of(S::NR) * head_size;
        let mut lanes = AlignedBuffer::zeros::<f32>(len * matrix.columns() / head_size);
        for (head, lanes) in lanes.as_mut_slice().chunks_exact_mut(len).enumerate() {
            let columns = head * head_size..(head + 1) * head_size;
            pack_columns::<S>(matrix, (0..matrix.rows()).rev(), columns, lanes);
        }
        lanes
    }
}
