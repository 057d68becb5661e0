//! How much arithmetic a batch is.

use std::ops::RangeInclusive;

use finsent_kernels::{Reach, RelativePositions};

use super::config::Config;
use super::structure::{FeedForwardKind, Pooling};

/// The operations of the matrix products for texts with these numbers of tokens; a multiplication and an addition count
/// as two.
pub(super) fn of(config: &Config, lengths: &[usize]) -> f64 {
    let positions = config.relative_positions();
    2.0 * lengths.iter().map(|&length| of_text(config, positions.as_ref(), length)).sum::<f64>()
}

fn of_text(config: &Config, positions: Option<&RelativePositions>, length: usize) -> f64 {
    let &Config { hidden_size, intermediate_size, num_hidden_layers, .. } = config;
    let (hidden, intermediate, structure) = (hidden_size as f64, intermediate_size as f64, config.structure());
    let inner = match structure.feed_forward {
        FeedForwardKind::Plain => 1.0,
        FeedForwardKind::Gated => 2.0,
    };
    let of_query = 2.0 * hidden * hidden + (inner + 1.0) * hidden * intermediate;
    let of_key = 2.0 * hidden * hidden;
    let layer = |index: usize, queries: usize| {
        let pairs = pairs(config.layer_structure(index).reach, queries, length);
        let with_positions =
            positions.map_or(0.0, |positions| position_products(config, positions, queries, length) * hidden);
        queries as f64 * of_query + length as f64 * of_key + 2.0 * pairs * hidden + with_positions
    };
    let last = num_hidden_layers - 1;
    let last_queries = match structure.pooling {
        Pooling::First => 1,
        Pooling::Mean => length,
    };
    let of_embedding =
        if config.embedding_size() == hidden_size { 0.0 } else { config.embedding_size() as f64 * hidden };
    let whole_layers = (0..last).map(|index| layer(index, length)).sum::<f64>();
    length as f64 * of_embedding + whole_layers + layer(last, last_queries)
}

/// The products of a query or a key with the relative positions that it reaches, for the first `queries` tokens of a
/// text.
fn position_products(config: &Config, positions: &RelativePositions, queries: usize, length: usize) -> f64 {
    let [queries, length] = [queries, length].map(usize::cast_signed);
    // The position grows with the distance from key to query.
    let reached = |distances: RangeInclusive<isize>| {
        (positions.row(*distances.end()) - positions.row(*distances.start()) + 1) as f64
    };
    let mut products = 0.0;
    if config.deberta.content_to_position {
        products += (0..queries).map(|query| reached(query + 1 - length..=query)).sum::<f64>();
    }
    if config.deberta.position_to_content {
        products += (0..length).map(|key| reached(-key..=queries - 1 - key)).sum::<f64>();
    }
    products
}

/// The pairs of a query and a token that it attends to, for the first `queries` tokens of a text.
fn pairs(reach: Reach, queries: usize, length: usize) -> f64 {
    match reach {
        Reach::All => queries as f64 * length as f64,
        Reach::Window(_) => (0..queries).map(|position| reach.tokens(position, length).len() as f64).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operations_of_a_text_are_counted_by_hand() {
        let bert = Config {
            hidden_size: 4,
            num_attention_heads: 2,
            intermediate_size: 6,
            num_hidden_layers: 2,
            ..Config::default()
        };
        // Per token 4 projections of 4 x 4 and 2 of 4 x 6, and per pair 2 x 4; in the last layer one query.
        let whole = 3 * (4 * 16 + 2 * 24) + 9 * 2 * 4;
        let last = 2 * 16 + 2 * 24 + 3 * 2 * 16 + 3 * 2 * 4;
        assert_eq!(of(&bert, &[3]), 2.0 * f64::from(whole + last));
        assert_eq!(of(&bert, &[3, 3]), 2.0 * of(&bert, &[3]));
    }

    #[test]
    fn positions_are_counted_once_for_each_token_that_reaches_them() {
        let parse = |types: &str| {
            let json = format!(
                r#"{{"model_type":"deberta-v2","hidden_size":4,"num_attention_heads":2,"intermediate_size":6,
                "num_hidden_layers":1,"relative_attention":true,"position_buckets":4,"pos_att_type":"{types}"}}"#
            );
            Config::parse(json.as_bytes()).unwrap()
        };
        let positions = parse("").relative_positions().unwrap();
        assert_eq!((positions.rows(), positions.row(0), positions.row(1), positions.row(3)), (8, 4, 5, 7));
        let products = |types, queries| position_products(&parse(types), &positions, queries, 3);
        // Three tokens reach three distances each; one query reaches three, and is reached by each key once.
        assert_eq!([products("c2p", 3), products("p2c", 3), products("c2p|p2c", 3)], [9.0, 9.0, 18.0]);
        assert_eq!([products("c2p", 1), products("p2c", 1), products("", 3)], [3.0, 3.0, 0.0]);
        // Most keys of a long text share the last bucket.
        assert_eq!(position_products(&parse("c2p"), &positions, 1, 500), 4.0);
        assert_eq!(of(&parse("c2p"), &[3]) - of(&parse(""), &[3]), 2.0 * 3.0 * 4.0);
    }

    #[test]
    fn a_window_limits_the_pairs() {
        assert_eq!(pairs(Reach::All, 5, 5), 25.0);
        assert_eq!(pairs(Reach::Window(1), 5, 5), 13.0);
        assert_eq!(pairs(Reach::Window(2), 1, 5), 3.0);
        assert_eq!(pairs(Reach::Window(usize::MAX), 5, 5), 25.0);
    }
}
