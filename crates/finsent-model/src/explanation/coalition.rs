//! A set of players: the words that are left in a text.

/// A set of the players 0 to `players` - 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Coalition(Box<[u64]>);

impl Coalition {
    /// No player.
    pub(super) fn empty(players: usize) -> Self {
        Self(vec![0; players.div_ceil(64)].into())
    }

    /// The players whose bits are set.
    pub(super) fn of_bits(players: usize, bits: u64) -> Self {
        let mut coalition = Self::empty(players);
        (0..players).filter(|player| bits >> player & 1 == 1).for_each(|player| coalition.insert(player));
        coalition
    }

    /// All players but one.
    pub(super) fn without(players: usize, absent: usize) -> Self {
        let mut coalition = Self::empty(players);
        (0..players).filter(|&player| player != absent).for_each(|player| coalition.insert(player));
        coalition
    }

    pub(super) fn insert(&mut self, player: usize) {
        self.0[player / 64] |= 1 << (player % 64);
    }

    pub(super) fn contains(&self, player: usize) -> bool {
        self.0[player / 64] >> (player % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coalition_has_the_players_that_were_inserted() {
        let mut coalition = Coalition::empty(130);
        [0, 63, 64, 129].into_iter().for_each(|player| coalition.insert(player));
        let members: Vec<usize> = (0..130).filter(|&player| coalition.contains(player)).collect();
        assert_eq!(members, [0, 63, 64, 129]);
        assert_eq!(Coalition::of_bits(3, 0b101), Coalition::without(3, 1));
    }
}
