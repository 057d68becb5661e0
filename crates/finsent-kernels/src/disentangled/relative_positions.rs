//! Which position embedding stands for the distance between two tokens.

/// Distances from which on a bucket of distances is never left: no text is longer.
const LONGEST: usize = u32::MAX as usize;

/// The rows of a table of relative positions: one for each distance, or one for each bucket of distances.
///
/// Row `span + b` of the table stands for the bucket `b` of the distance from a key to a query. Here the rows have
/// *columns*, in the opposite order, so that columns grow with the position of the key: `span - 1 - b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelativePositions {
    /// Half the rows of the table.
    span: usize,
    /// Up to this distance, each distance has a bucket of its own.
    linear: usize,
    /// For each bucket after `linear`: the shortest distance whose bucket it is, or a later one.
    first_distances: Vec<usize>,
}

impl RelativePositions {
    /// One row for each distance from `-span` to `span - 1`. Longer ones have the rows of these two.
    pub fn of_distances(span: usize) -> Self {
        assert!(span > 0, "a table of positions has rows");
        Self { span, linear: span - 1, first_distances: vec![span] }
    }

    /// One row for each of `2 span` buckets (`make_log_bucket_position` in transformers). Distances up to `span / 2`
    /// have a bucket each. For longer ones the bucket grows with the logarithm of the distance, until it is the last one
    /// at `max_distance - 1`.
    ///
    /// Rounding decides between two buckets, so every step is rounded to f32, as in torch.
    ///
    /// # Panics
    /// Unless `1 <= span / 2 < max_distance - 1`.
    pub fn of_buckets(span: usize, max_distance: usize) -> Self {
        let middle = span / 2;
        assert!(middle >= 1 && middle < max_distance - 1, "{span} buckets up to a distance of {max_distance}");
        let bucket = |distance: usize| log_bucket(distance, middle, max_distance);
        let first_distance = |wanted: usize| first_from(middle + 1, |distance| bucket(distance) >= wanted);
        Self { span, linear: middle.min(span - 1), first_distances: (middle + 1..=span).map(first_distance).collect() }
    }

    /// Returns the number of rows of the table.
    pub fn rows(&self) -> usize {
        2 * self.span
    }

    /// Returns the row of the table for the distance `query - key`.
    pub fn row(&self, distance: isize) -> usize {
        self.rows() - 1 - self.column(-distance)
    }

    /// The column for the distance `key - query`. It never falls when the distance grows.
    fn column(&self, distance: isize) -> usize {
        let bucket = self.bucket(distance.unsigned_abs());
        match distance {
            0.. => (self.span - 1 + bucket).min(2 * self.span - 1),
            _ => (self.span - 1).saturating_sub(bucket),
        }
    }

    /// The bucket of a distance, at most `span`.
    fn bucket(&self, distance: usize) -> usize {
        match distance <= self.linear {
            true => distance,
            false => self.linear + self.first_distances.partition_point(|&first| first <= distance),
        }
    }

    /// The columns for the distances `key - query` from `1 - tokens` to `tokens - 1`.
    pub(super) fn columns(&self, tokens: usize) -> Vec<u32> {
        let longest = tokens.saturating_sub(1).cast_signed();
        (-longest..=longest).map(|distance| self.column(distance) as u32).collect()
    }
}

/// `⌈ln(distance / middle) / ln((max_distance - 1) / middle) (middle - 1)⌉ + middle`
fn log_bucket(distance: usize, middle: usize, max_distance: usize) -> usize {
    let ln = |x: f32| f64::from(x).ln() as f32;
    let whole = ln(((max_distance - 1) as f64 / middle as f64) as f32);
    let part = ln(distance as f32 / middle as f32) / whole * (middle - 1) as f32;
    part.ceil() as usize + middle
}

/// The smallest number from `start` on that is `enough`, if larger ones are too.
fn first_from(start: usize, enough: impl Fn(usize) -> bool) -> usize {
    let (mut start, mut end) = (start, LONGEST);
    while start < end {
        let middle = start.midpoint(end);
        if enough(middle) { end = middle } else { start = middle + 1 }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_beyond_the_table_have_its_last_rows() {
        let positions = RelativePositions::of_distances(3);
        assert_eq!(
            (-5..=5).map(|distance| positions.row(distance)).collect::<Vec<_>>(),
            [0, 0, 0, 1, 2, 3, 4, 5, 5, 5, 5]
        );
        assert_eq!(positions.rows(), 6);
    }

    #[test]
    fn short_distances_have_a_bucket_each_and_long_ones_share_them() {
        let positions = RelativePositions::of_buckets(8, 16);
        let rows = |distances: std::ops::RangeInclusive<isize>| distances.map(|d| positions.row(d)).collect::<Vec<_>>();
        assert_eq!(rows(-5..=5), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(rows(5..=20), [13, 13, 14, 14, 14, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
        assert_eq!((positions.row(-14), positions.row(-15), positions.row(-1_000)), (1, 1, 0));
    }

    #[test]
    fn columns_grow_by_one_up_to_the_linear_distance_and_never_fall() {
        for positions in [
            RelativePositions::of_distances(1),
            RelativePositions::of_distances(4),
            RelativePositions::of_buckets(2, 9),
            RelativePositions::of_buckets(3, 9),
            RelativePositions::of_buckets(7, 30),
            RelativePositions::of_buckets(8, 40),
        ] {
            let columns = positions.columns(60);
            assert!(columns.is_sorted() && (*columns.last().unwrap() as usize) < positions.rows(), "{positions:?}");
            let (middle, linear) = (59, positions.linear);
            for (index, &column) in columns[middle - linear..=middle + linear].iter().enumerate() {
                assert_eq!(column as usize + linear, positions.span - 1 + index, "{positions:?}");
            }
        }
    }
}
