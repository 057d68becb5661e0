//! Compares disentangled attention with plain f64 arithmetic, on every instruction set of this CPU.

use super::*;
use crate::reference;
use crate::tests::{pool, random, to_f64};

/// Which of the two products with positions there are.
const KINDS: [[bool; 2]; 4] = [[true, true], [true, false], [false, true], [false, false]];

/// Random activations of some texts.
struct Batch {
    heads: usize,
    head_size: usize,
    cu_seqlens: Vec<usize>,
    query: Vec<f32>,
    key_value: Vec<f32>,
    position_keys: Vec<f32>,
    position_queries: Vec<f32>,
}

impl Batch {
    fn random(heads: usize, head_size: usize, lens: &[usize], positions: usize) -> Self {
        let hidden = heads * head_size;
        let cu_seqlens: Vec<usize> = [0]
            .into_iter()
            .chain(lens.iter().scan(0, |sum, len| {
                *sum += len;
                Some(*sum)
            }))
            .collect();
        let scaled = |len, seed| random(len, seed).into_iter().map(|x| 2.0 * x).collect::<Vec<_>>();
        let total = cu_seqlens[lens.len()];
        Self {
            heads,
            head_size,
            cu_seqlens,
            query: scaled(total * hidden, 1),
            key_value: scaled(total * hidden * 2, 2),
            position_keys: scaled(positions * hidden, 3),
            position_queries: scaled(positions * hidden, 4),
        }
    }

    fn hidden(&self) -> usize {
        self.heads * self.head_size
    }

    fn scale(&self, kind: [bool; 2]) -> f32 {
        let addends = 1 + kind.iter().filter(|&&is_there| is_there).count();
        1.0 / ((self.head_size * addends) as f32).sqrt()
    }

    fn pack(&self, isa: Isa, positions: &RelativePositions, kind: [bool; 2]) -> PositionProjections {
        let matrix = |values: &[f32]| Matrix::from_rows(self.hidden(), values);
        let [keys, queries] = [matrix(&self.position_keys), matrix(&self.position_queries)];
        let given = [kind[0].then_some(&keys), kind[1].then_some(&queries)];
        PositionProjections::pack(isa, self.heads, positions.clone(), self.hidden(), given)
    }

    /// The contexts of the given texts, packed: of all their tokens, or of the first ones.
    fn forward(
        &self,
        isa: Isa,
        threads: usize,
        positions: &PositionProjections,
        kind: [bool; 2],
        texts: Range<usize>,
        only_first: bool,
    ) -> Matrix {
        let hidden = self.hidden();
        let tokens = self.cu_seqlens[texts.start]..self.cu_seqlens[texts.end];
        let cu_seqlens: Vec<usize> =
            self.cu_seqlens[texts.start..=texts.end].iter().map(|at| at - tokens.start).collect();
        let one_each: Vec<usize> = (0..cu_seqlens.len()).collect();
        let mut query = Matrix::from_rows(hidden, &self.query[tokens.start * hidden..tokens.end * hidden]);
        if only_first {
            let all = query;
            let first: Vec<f32> = cu_seqlens[..texts.len()].iter().flat_map(|&row| all.row(row)).copied().collect();
            query = Matrix::from_rows(hidden, &first);
        }
        let key_value =
            Matrix::from_rows(2 * hidden, &self.key_value[2 * tokens.start * hidden..2 * tokens.end * hidden]);
        let mut context = Matrix::new(hidden);
        DisentangledAttention { isa, positions, scale: self.scale(kind) }.forward(
            &pool(threads),
            [&query, &key_value],
            [if only_first { &one_each } else { &cu_seqlens }, &cu_seqlens],
            &mut Scratch::default(),
            &mut context,
        );
        context
    }

    /// The context of a text and a head by the reference.
    fn expected(&self, text: usize, head: usize, positions: &RelativePositions, kind: [bool; 2]) -> Vec<f64> {
        let (hidden, head_size) = (self.hidden(), self.head_size);
        let part = |from: &[f32], rows: Range<usize>, width: usize, start: usize| -> Vec<f64> {
            rows.flat_map(|row| to_f64(&from[row * width + start..][..head_size])).collect()
        };
        let (rows, column) = (self.cu_seqlens[text]..self.cu_seqlens[text + 1], head * head_size);
        let position = |from: &[f32]| part(from, 0..positions.rows(), hidden, column);
        let [keys, queries] = [position(&self.position_keys), position(&self.position_queries)];
        reference::disentangled_attention(
            [
                &part(&self.query, rows.clone(), hidden, column),
                &part(&self.key_value, rows.clone(), 2 * hidden, column),
                &part(&self.key_value, rows, 2 * hidden, hidden + column),
            ],
            [kind[0].then_some(&keys), kind[1].then_some(&queries)],
            |distance| positions.row(distance),
            f64::from(self.scale(kind)),
            head_size,
        )
    }
}

fn check(isa: Isa, batch: &Batch, positions: &RelativePositions, kind: [bool; 2]) {
    let packed = batch.pack(isa, positions, kind);
    let texts = batch.cu_seqlens.len() - 1;
    let whole = batch.forward(isa, 2, &packed, kind, 0..texts, false);
    let first = batch.forward(isa, 2, &packed, kind, 0..texts, true);
    for text in 0..texts {
        for head in 0..batch.heads {
            let expected = batch.expected(text, head, positions, kind);
            let columns = head * batch.head_size..(head + 1) * batch.head_size;
            let rows = batch.cu_seqlens[text]..batch.cu_seqlens[text + 1];
            let found = rows.flat_map(|row| &whole.row(row)[columns.clone()]);
            let found = found.zip(&expected).chain(first.row(text)[columns.clone()].iter().zip(&expected));
            for (found, expected) in found {
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 2e-5, "{isa} {positions:?} {kind:?} text {text}: {found} instead of {expected}");
            }
        }
    }
}

#[test]
fn disentangled_attention_equals_the_reference_for_every_text_of_a_packed_batch() {
    let (sizes, lens): (&[usize], &[usize]) =
        if cfg!(miri) { (&[3], &[1, 7]) } else { (&[3, 16, 24, 64], &[1, 5, 33, 12, 13, 130]) };
    for isa in Isa::available() {
        for &head_size in sizes {
            let tables = [
                RelativePositions::of_buckets(8, 16),
                RelativePositions::of_distances(1),
                RelativePositions::of_buckets(32, 512),
                // Consecutive distances skip buckets.
                RelativePositions::of_buckets(32, 20),
                RelativePositions::of_distances(20),
            ];
            for positions in tables.into_iter().take(if cfg!(miri) { 2 } else { usize::MAX }) {
                let batch = Batch::random(2, head_size, lens, positions.rows());
                KINDS.into_iter().for_each(|kind| check(isa, &batch, &positions, kind));
            }
        }
    }
}

/// Several blocks of queries and chunks of keys, with all kinds of distances.
#[test]
#[cfg_attr(miri, ignore = "takes too long")]
fn long_texts_equal_the_reference() {
    for isa in Isa::available() {
        for positions in [RelativePositions::of_buckets(256, 512), RelativePositions::of_distances(700)] {
            let batch = Batch::random(1, 8, &[2 * BLOCK + 1, 600], positions.rows());
            check(isa, &batch, &positions, [true, true]);
        }
    }
}

#[test]
fn a_text_has_the_same_bits_in_any_batch_and_for_any_number_of_threads() {
    let lens: &[usize] = if cfg!(miri) { &[3, 7] } else { &[40, 1, 17, 200] };
    for isa in Isa::available() {
        let positions = RelativePositions::of_buckets(16, 64);
        let batch = Batch::random(3, 5, lens, positions.rows());
        let packed = batch.pack(isa, &positions, [true, true]);
        let bits = |matrix: &Matrix, rows: Range<usize>| -> Vec<u32> {
            rows.flat_map(|row| matrix.row(row).iter().map(|x| x.to_bits())).collect()
        };
        let together = batch.forward(isa, 1, &packed, [true, true], 0..lens.len(), false);
        for threads in [2, 3] {
            let again = batch.forward(isa, threads, &packed, [true, true], 0..lens.len(), false);
            assert_eq!(bits(&again, 0..again.rows()), bits(&together, 0..together.rows()), "{isa}");
        }
        for (text, &len) in lens.iter().enumerate() {
            let alone = batch.forward(isa, 2, &packed, [true, true], text..text + 1, false);
            let rows = batch.cu_seqlens[text]..batch.cu_seqlens[text + 1];
            assert_eq!(bits(&alone, 0..len), bits(&together, rows), "{isa} text {text}");
        }
    }
}

#[test]
fn a_batch_without_texts_has_no_context() {
    let positions = RelativePositions::of_distances(4);
    for isa in Isa::available() {
        let batch = Batch::random(1, 4, &[1], positions.rows());
        let packed = batch.pack(isa, &positions, [true, true]);
        assert_eq!(batch.forward(isa, 1, &packed, [true, true], 0..0, false).rows(), 0);
    }
}
