//! Orders of the players, drawn at random in antithetic pairs.

/// Draws orders. The same ones every time, so that an explanation has the same bits every time.
#[derive(Debug)]
pub(super) struct Permutations {
    players: usize,
    state: u64,
}

impl Permutations {
    pub(super) fn new(players: usize) -> Self {
        Self { players, state: 0 }
    }

    /// An order and its reverse. Where the one adds a player early, the other adds it late, so the errors of the two partly
    /// cancel (Mitchell et al., "Sampling permutations for Shapley value estimation", 2022).
    pub(super) fn next_pair(&mut self) -> [Vec<usize>; 2] {
        let mut order: Vec<usize> = (0..self.players).collect();
        // Fisher and Yates.
        for last in (1..self.players).rev() {
            order.swap(last, self.below(last + 1));
        }
        let reverse = order.iter().rev().copied().collect();
        [order, reverse]
    }

    /// A number below `limit`. The bias is `limit` / 2^64, which does not matter.
    fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next_u64()) * limit as u128) >> 64) as usize
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_an_order_of_all_players_and_its_reverse() {
        let mut permutations = Permutations::new(9);
        let [order, mut reverse] = permutations.next_pair();
        reverse.reverse();
        assert_eq!(order, reverse);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..9).collect::<Vec<_>>());
        assert_ne!(order, permutations.next_pair()[0]);
        assert_eq!(order, Permutations::new(9).next_pair()[0]);
    }

    #[test]
    fn each_player_is_first_equally_often() {
        let mut permutations = Permutations::new(5);
        let mut first = [0; 5];
        (0..5000).for_each(|_| first[permutations.next_pair()[0][0]] += 1);
        assert!(first.iter().all(|count| (850..1150).contains(count)), "{first:?}");
    }
}
