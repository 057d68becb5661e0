//! The buckets of DeBERTa's relative positions are those of transformers.

use finsent_kernels::RelativePositions;
use serde::Deserialize;

use crate::reference;

#[derive(Deserialize)]
struct Golden {
    pairs: Vec<Pair>,
}

/// The row of each distance from `-LONGEST` to `LONGEST`, as runs of a row and a count.
#[derive(Deserialize)]
struct Pair {
    position_buckets: usize,
    max_relative_positions: usize,
    rows: Vec<(usize, usize)>,
}

const LONGEST: isize = 24_576;

#[test]
fn every_distance_has_the_row_of_transformers() {
    let golden: Golden = reference::read_json(&reference::file("relative_positions.json"));
    for Pair { position_buckets, max_relative_positions, rows } in golden.pairs {
        let positions = RelativePositions::of_buckets(position_buckets, max_relative_positions);
        let rows: Vec<usize> = rows.into_iter().flat_map(|(row, count)| std::iter::repeat_n(row, count)).collect();
        assert_eq!(rows.len(), 2 * LONGEST.unsigned_abs() + 1);
        for (distance, expected) in (-LONGEST..=LONGEST).zip(rows) {
            let found = positions.row(distance);
            assert_eq!(found, expected, "{position_buckets}, {max_relative_positions}: distance {distance}");
        }
    }
}
