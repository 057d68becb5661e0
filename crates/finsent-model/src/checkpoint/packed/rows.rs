//! A packed tensor, row by row.

use std::ops::Range;
use std::sync::Arc;

use finsent_kernels::{PackedWeights, WeightRows};

/// Some rows of a tensor, and the packed matrix that has them.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) rows: Range<usize>,
    pub(super) weights: Arc<PackedWeights>,
    /// The first of them in the packed matrix.
    pub(super) first: usize,
}

/// The rows of a tensor, which one or several packed matrices have.
#[derive(Debug)]
pub(crate) struct PackedRows<'a> {
    segments: &'a [Segment],
    columns: usize,
}

impl<'a> PackedRows<'a> {
    pub(super) fn new(segments: &'a [Segment], columns: usize) -> Self {
        Self { segments, columns }
    }

    /// For each segment with some of `rows`: the segment, the rows of its matrix, and their range within `rows`.
    fn parts(&self, rows: Range<usize>) -> impl Iterator<Item = (&'a Segment, Range<usize>, Range<usize>)> {
        self.segments.iter().filter_map(move |segment| {
            let (start, end) = (rows.start.max(segment.rows.start), rows.end.min(segment.rows.end));
            let own = |row: usize| row - segment.rows.start + segment.first;
            (start < end).then(|| (segment, own(start)..own(end), start - rows.start..end - rows.start))
        })
    }
}

impl WeightRows for PackedRows<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        for (segment, rows, at) in self.parts(rows) {
            segment.weights.read(rows, &mut to[at.start * self.columns..at.end * self.columns]);
        }
    }

    fn are_int8(&self) -> bool {
        self.segments.iter().all(|segment| segment.weights.are_int8())
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        for (segment, rows, at) in self.parts(rows) {
            let to = &mut to[at.start * self.columns..at.end * self.columns];
            segment.weights.read_int8(rows, to, &mut scales[at]);
        }
    }
}
