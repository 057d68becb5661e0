//! Where the parts of a plain text are in the text that it was made from.

use std::ops::Range;

/// The offsets of a plain text, which was made in one or more passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offsets(Vec<Pass>);

/// What one pass has replaced, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pass(Vec<Replaced>);

/// A part that was replaced. A text has fewer bytes than a `u32` can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Replaced {
    plain_start: u32,
    plain_end: u32,
    source_start: u32,
    source_end: u32,
}

impl Offsets {
    pub(super) fn of(pass: Pass) -> Self {
        Self(vec![pass])
    }

    pub(super) fn add(&mut self, pass: Pass) {
        self.0.push(pass);
    }

    /// The range in the source for one in the plain text. What was replaced is a whole: it is all in it, or not.
    pub(crate) fn source(&self, plain: Range<usize>) -> Range<usize> {
        self.0.iter().rev().fold(plain, |range, pass| pass.source(range))
    }
}

impl Pass {
    pub(super) fn push(&mut self, plain: Range<usize>, source: Range<usize>) {
        let [plain_start, plain_end, source_start, source_end] =
            [plain.start, plain.end, source.start, source.end].map(|place| place as u32);
        self.0.push(Replaced { plain_start, plain_end, source_start, source_end });
    }

    fn source(&self, plain: Range<usize>) -> Range<usize> {
        let (start, end) = (plain.start, plain.end);
        // Tags before the start are left out, and those after the end.
        let before_start = self.0.partition_point(|replaced| replaced.plain_end as usize <= start);
        let source_start = match self.0.get(before_start).filter(|next| (next.plain_start as usize) < start) {
            Some(inside) => inside.source_start as usize,
            None => after(before_start.checked_sub(1).map(|last| self.0[last]), start),
        };
        let before_end = self.0.partition_point(|replaced| (replaced.plain_start as usize) < end);
        let source_end = match before_end.checked_sub(1).map(|last| self.0[last]) {
            Some(inside) if end <= inside.plain_end as usize => inside.source_end as usize,
            last => after(last, end),
        };
        source_start..source_end.max(source_start)
    }
}

/// The place in the source for one in the plain text behind what was replaced last.
fn after(last: Option<Replaced>, plain: usize) -> usize {
    last.map_or(plain, |last| last.source_end as usize + plain - last.plain_end as usize)
}
