//! How much arithmetic a batch is.

use finsent_kernels::Reach;

use super::config::Config;
use super::structure::{FeedForwardKind, Pooling};

/// The operations of the matrix products for texts with these numbers of tokens; a multiplication and an addition count
/// as two.
pub(super) fn of(config: &Config, lengths: &[usize]) -> f64 {
    2.0 * lengths.iter().map(|&length| of_text(config, length)).sum::<f64>()
}

fn of_text(config: &Config, length: usize) -> f64 {
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
        queries as f64 * of_query + length as f64 * of_key + 2.0 * pairs * hidden
    };
    let last = num_hidden_layers - 1;
    let last_queries = match structure.pooling {
        Pooling::First => 1,
        Pooling::Mean => length,
    };
    (0..last).map(|index| layer(index, length)).sum::<f64>() + layer(last, last_queries)
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
    fn a_window_limits_the_pairs() {
        assert_eq!(pairs(Reach::All, 5, 5), 25.0);
        assert_eq!(pairs(Reach::Window(1), 5, 5), 13.0);
        assert_eq!(pairs(Reach::Window(2), 1, 5), 3.0);
        assert_eq!(pairs(Reach::Window(usize::MAX), 5, 5), 25.0);
    }
}
