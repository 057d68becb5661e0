//! A game: players, the coalitions whose values are needed, and the weights of the players that follow from the values.
//!
//! The value of all players together is known before: it is the prediction.

use std::collections::HashMap;

use super::coalition::Coalition;
use super::method::ExplainMethod;
use super::permutations::Permutations;

/// The most players for which each set of them is scored.
const MAX_EXACT_PLAYERS: usize = 12;
/// The fewest pairs of orders from which the error can be estimated.
const MIN_PAIRS: usize = 2;

/// Which coalitions to score, and how the weights follow.
#[derive(Debug)]
pub(super) struct Game {
    players: usize,
    rule: Rule,
    /// Each once, without the one of all players. If there are players, the first is the empty one.
    coalitions: Vec<Coalition>,
}

#[derive(Debug)]
enum Rule {
    /// Coalition 1 + i is all but player i. With one player, the empty one is that.
    Occlusion,
    /// The coalition at an index has the players whose bits the index has.
    Exact,
    /// Pairs of orders. For each order, the indices of the coalitions that it goes through, from the empty one to all.
    Sampled(Vec<[Path; 2]>),
}

/// An order of the players, and the indices of its coalitions from the empty one on; the last one, all players, is left out.
#[derive(Debug)]
struct Path {
    order: Vec<usize>,
    coalitions: Vec<usize>,
}

/// The weights of the players.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// The value of no players.
    pub(super) base: f64,
    /// One per player.
    pub(super) weights: Vec<f64>,
    /// The largest standard error of a weight, if the weights are estimates.
    pub(super) standard_error: Option<f64>,
}

impl Game {
    /// A game whose weights take at most `passes` values beside that of all players.
    ///
    /// # Errors
    /// With the least number of passes, if it takes more.
    pub(super) fn new(method: ExplainMethod, players: usize, passes: usize) -> Result<Self, usize> {
        let needed = match (method, players) {
            (_, 0) => 0,
            (ExplainMethod::Occlusion, players) => {
                if players == 1 {
                    1
                } else {
                    players + 1
                }
            }
            // 2^n - 1 sets, or the sets on the way of two pairs of orders.
            (ExplainMethod::Shapley, players) => exact_passes(players).min(MIN_PAIRS * 2 * (players - 1) + 1),
        };
        if needed > passes {
            return Err(needed);
        }
        Ok(match method {
            ExplainMethod::Occlusion => Self::occlusion(players),
            ExplainMethod::Shapley if exact_passes(players) <= passes => Self::exact(players),
            ExplainMethod::Shapley => Self::sampled(players, passes),
        })
    }

    fn occlusion(players: usize) -> Self {
        let mut coalitions = Vec::new();
        coalitions.extend((players > 0).then(|| Coalition::empty(players)));
        if players > 1 {
            coalitions.extend((0..players).map(|absent| Coalition::without(players, absent)));
        }
        Self { players, rule: Rule::Occlusion, coalitions }
    }

    fn exact(players: usize) -> Self {
        let coalitions = (0..exact_passes(players) as u64).map(|bits| Coalition::of_bits(players, bits)).collect();
        Self { players, rule: Rule::Exact, coalitions }
    }

    /// As many pairs of orders as have at most `passes` different coalitions.
    fn sampled(players: usize, passes: usize) -> Self {
        let mut coalitions = vec![Coalition::empty(players)];
        let mut indices = HashMap::from([(coalitions[0].clone(), 0)]);
        let mut permutations = Permutations::new(players);
        let mut pairs = Vec::new();
        // Few players have few different coalitions, so that pairs are free in the end. More pairs than passes help nobody.
        while pairs.len() < passes {
            let pair = permutations.next_pair();
            if pairs.len() >= MIN_PAIRS && coalitions.len() + new_coalitions(&pair, &indices) > passes {
                break;
            }
            pairs.push(pair.map(|order| Path::new(order, &mut coalitions, &mut indices)));
        }
        Self { players, rule: Rule::Sampled(pairs), coalitions }
    }

    /// The coalitions to score, in order.
    pub(super) fn coalitions(&self) -> &[Coalition] {
        &self.coalitions
    }

    /// The weights, from the value of all players and those of [`coalitions`](Self::coalitions).
    ///
    /// # Panics
    /// If there is not one value per coalition.
    pub(super) fn weights(&self, all: f64, values: &[f64]) -> Weights {
        assert_eq!(values.len(), self.coalitions.len(), "one value per coalition");
        let base = values.first().copied().unwrap_or(all);
        let (weights, standard_error) = match &self.rule {
            _ if self.players == 0 => (Vec::new(), None),
            Rule::Occlusion if self.players == 1 => (vec![all - base], None),
            Rule::Occlusion => (values[1..].iter().map(|without| all - without).collect(), None),
            Rule::Exact => (exact_weights(self.players, all, values), None),
            Rule::Sampled(pairs) => sampled_weights(self.players, pairs, all, values),
        };
        Weights { base, weights, standard_error }
    }
}

/// The values that the exact weights take, beside that of all players. Too many for more players than
/// [`MAX_EXACT_PLAYERS`].
fn exact_passes(players: usize) -> usize {
    if players > MAX_EXACT_PLAYERS { usize::MAX } else { (1 << players) - 1 }
}

/// How many coalitions of a pair of orders are not known. Those of the two differ, unless they are equal sets.
fn new_coalitions(pair: &[Vec<usize>; 2], known: &HashMap<Coalition, usize>) -> usize {
    let mut new = 0;
    for order in pair {
        let mut coalition = Coalition::empty(order.len());
        for &player in &order[..order.len() - 1] {
            coalition.insert(player);
            new += usize::from(!known.contains_key(&coalition));
        }
    }
    new
}

impl Path {
    /// The path of an order. Coalitions that are new are added.
    fn new(order: Vec<usize>, coalitions: &mut Vec<Coalition>, indices: &mut HashMap<Coalition, usize>) -> Self {
        let mut coalition = Coalition::empty(order.len());
        let mut path = vec![0];
        for &player in &order[..order.len() - 1] {
            coalition.insert(player);
            let index = *indices.entry(coalition.clone()).or_insert_with(|| {
                coalitions.push(coalition.clone());
                coalitions.len() - 1
            });
            path.push(index);
        }
        Self { order, coalitions: path }
    }

    /// Adds what each player adds in this order to its weight.
    fn add_to(&self, weights: &mut [f64], all: f64, values: &[f64]) {
        for (step, &player) in self.order.iter().enumerate() {
            let after = self.coalitions.get(step + 1).map_or(all, |&index| values[index]);
            weights[player] += after - values[self.coalitions[step]];
        }
    }
}

/// Shapley values by their definition: what a player adds to a set of the others, weighted by |S|! (n - |S| - 1)! / n!.
fn exact_weights(players: usize, all: f64, values: &[f64]) -> Vec<f64> {
    let value = |bits: usize| values.get(bits).copied().unwrap_or(all);
    // For a set of `size` others: 1 / (n * binomial(n - 1, size)).
    let mut share = vec![1.0 / players as f64];
    for size in 1..players {
        share.push(share[size - 1] * size as f64 / (players - size) as f64);
    }
    let weight = |player: usize| {
        let others = (0..1_usize << players).filter(|bits| bits >> player & 1 == 0);
        others.map(|bits| share[bits.count_ones() as usize] * (value(bits | 1 << player) - value(bits))).sum()
    };
    (0..players).map(weight).collect()
}

/// The mean over the pairs, and the largest standard error of a mean.
fn sampled_weights(players: usize, pairs: &[[Path; 2]], all: f64, values: &[f64]) -> (Vec<f64>, Option<f64>) {
    let (mut sums, mut squares) = (vec![0.0; players], vec![0.0; players]);
    for pair in pairs {
        let mut of_pair = vec![0.0; players];
        pair.iter().for_each(|path| path.add_to(&mut of_pair, all, values));
        for (player, sum) in of_pair.into_iter().enumerate() {
            sums[player] += sum / 2.0;
            squares[player] += (sum / 2.0) * (sum / 2.0);
        }
    }
    let count = pairs.len() as f64;
    let variance = |(sum, square): (&f64, &f64)| ((square - sum * sum / count) / (count - 1.0)).max(0.0);
    let largest = sums.iter().zip(&squares).map(variance).fold(0.0, f64::max);
    (sums.into_iter().map(|sum| sum / count).collect(), Some((largest / count).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A game with interactions of up to three players, in which no two players are alike.
    fn value(coalition: &Coalition, players: usize) -> f64 {
        let has = |player: usize| f64::from(u8::from(player < players && coalition.contains(player)));
        let alone: f64 = (0..players).map(|player| has(player) * (player as f64 - 2.5) / 10.0).sum();
        let together: f64 = (1..players).map(|player| has(player) * has(player - 1) / player as f64).sum();
        0.2 + alone + together - 0.7 * has(0) * has(2) * has(4)
    }

    fn all(players: usize) -> Coalition {
        let mut all = Coalition::empty(players);
        (0..players).for_each(|player| all.insert(player));
        all
    }

    fn weights(method: ExplainMethod, players: usize, passes: usize) -> Weights {
        let game = Game::new(method, players, passes).unwrap();
        assert!(game.coalitions().len() <= passes);
        let values: Vec<f64> = game.coalitions().iter().map(|coalition| value(coalition, players)).collect();
        game.weights(value(&all(players), players), &values)
    }

    /// The mean over all orders: the other definition of the Shapley value.
    fn by_orders(players: usize) -> Vec<f64> {
        fn visit(order: &mut Vec<usize>, players: usize, sums: &mut [f64], orders: &mut f64) {
            if order.len() == players {
                *orders += 1.0;
                let mut coalition = Coalition::empty(players);
                for &player in order.iter() {
                    let before = value(&coalition, players);
                    coalition.insert(player);
                    sums[player] += value(&coalition, players) - before;
                }
                return;
            }
            for player in 0..players {
                if !order.contains(&player) {
                    order.push(player);
                    visit(order, players, sums, orders);
                    order.pop();
                }
            }
        }
        let (mut sums, mut orders) = (vec![0.0; players], 0.0);
        visit(&mut Vec::new(), players, &mut sums, &mut orders);
        sums.into_iter().map(|sum| sum / orders).collect()
    }

    fn largest_difference(one: &[f64], other: &[f64]) -> f64 {
        one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn exact_shapley_values_are_the_mean_over_all_orders() {
        for players in 1..=7 {
            let exact = weights(ExplainMethod::Shapley, players, 255);
            assert!(largest_difference(&exact.weights, &by_orders(players)) < 1e-12, "{players}");
            assert_eq!(exact.standard_error, None);
        }
    }

    #[test]
    fn shapley_values_add_up_to_the_value_of_all_minus_that_of_none() {
        for (players, passes) in [(1, 1), (2, 3), (8, 255), (8, 200), (9, 512), (30, 512), (100, 512), (200, 1000)] {
            let Weights { base, weights, .. } = weights(ExplainMethod::Shapley, players, passes);
            assert_eq!((base, weights.len()), (0.2, players));
            let sum: f64 = weights.iter().sum();
            assert!((sum - (value(&all(players), players) - base)).abs() < 1e-9, "{players} {sum}");
        }
    }

    #[test]
    fn sampled_shapley_values_converge_to_the_exact_ones_as_their_error_says() {
        let exact = weights(ExplainMethod::Shapley, 12, 4095).weights;
        let mut errors = Vec::new();
        for passes in [100, 400, 1600] {
            let sampled = weights(ExplainMethod::Shapley, 12, passes);
            let error = largest_difference(&sampled.weights, &exact);
            let stated = sampled.standard_error.unwrap();
            assert!(error < 4.0 * stated, "{passes}: {error}, stated {stated}");
            errors.push(stated);
        }
        assert!(errors[1] < 0.7 * errors[0] && errors[2] < 0.7 * errors[1], "{errors:?}");
    }

    #[test]
    fn occlusion_is_the_difference_that_a_player_makes_to_all() {
        let Weights { base, weights, standard_error } = weights(ExplainMethod::Occlusion, 6, 7);
        assert_eq!((base, standard_error), (0.2, None));
        for (player, weight) in weights.into_iter().enumerate() {
            assert_eq!(weight, value(&all(6), 6) - value(&Coalition::without(6, player), 6));
        }
    }

    #[test]
    fn a_single_player_has_all_of_the_difference_and_no_player_has_none() {
        for method in ExplainMethod::ALL {
            let one = Game::new(method, 1, 1).unwrap();
            assert_eq!(one.weights(0.9, &[0.25]), Weights { base: 0.25, weights: vec![0.65], standard_error: None });
            let none = Game::new(method, 0, 0).unwrap();
            assert_eq!(none.weights(0.9, &[]), Weights { base: 0.9, weights: Vec::new(), standard_error: None });
        }
    }

    #[test]
    fn too_few_passes_are_refused_with_the_number_that_it_takes() {
        assert_eq!(Game::new(ExplainMethod::Occlusion, 30, 30).unwrap_err(), 31);
        assert_eq!(Game::new(ExplainMethod::Shapley, 30, 116).unwrap_err(), 117);
        assert!(Game::new(ExplainMethod::Shapley, 30, 117).is_ok());
        assert_eq!(Game::new(ExplainMethod::Shapley, 3, 6).unwrap_err(), 7);
    }
}
