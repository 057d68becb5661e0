//! Which texts make the next pass. Pure: no clock, no thread, no lock.
//!
//! A text's *turn* is the count of tokens that its lane had computed when its request came, and the tokens of the request
//! up to and including its own. The lowest turn is next. So a request advances as fast as if it had the engine to itself
//! from its arrival: a headline comes before the rest of a batch of long texts that came earlier, and no text is overtaken
//! for longer than until as many tokens are computed as its turn says.

/// Whose answer is waited for by someone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Someone waits.
    Interactive,
    /// It is work in the background.
    Bulk,
}

/// A text that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub lane: Lane,
    pub turn: u64,
    pub tokens: usize,
    pub model: usize,
}

/// While both lanes wait, bulk gets a token for this many of the other's.
const INTERACTIVE_TOKENS_PER_BULK_TOKEN: usize = 8;
/// A pass may hold texts up to twice as long as its first one; below this length they are all alike.
const SHORT: usize = 32;

/// What has been computed so far, by lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FairQueue {
    interactive: u64,
    bulk: u64,
    /// Tokens' worth of interactive work for which bulk has not had its share yet.
    owed_to_bulk: usize,
}

impl FairQueue {
    /// The turns of a new request's texts of these lengths.
    pub(super) fn turns(&self, lane: Lane, lengths: impl IntoIterator<Item = usize>) -> impl Iterator<Item = u64> {
        let computed = match lane {
            Lane::Interactive => self.interactive,
            Lane::Bulk => self.bulk,
        };
        lengths.into_iter().scan(computed, |turn, tokens| {
            *turn += tokens as u64;
            Some(*turn)
        })
    }

    /// Takes the texts of the next pass from those that wait: indices into `waiting`, none when nothing waits.
    ///
    /// The interactive lane goes first; bulk goes when nothing else waits, and once for every
    /// [`INTERACTIVE_TOKENS_PER_BULK_TOKEN`] passes' worth of the other's tokens. The lane's lowest turn leads the pass.
    /// With it go, by their turns, texts of its lane and model that fit into `max_batch_tokens` and are at most twice as
    /// long: without padding a shorter one costs no more than its tokens, but a longer one would make the others wait.
    pub(super) fn next_pass(&mut self, waiting: &[Waiting], max_batch_tokens: usize) -> Vec<usize> {
        let Some(lane) = self.next_lane(waiting, max_batch_tokens) else { return Vec::new() };
        let mut by_turn: Vec<usize> = (0..waiting.len()).filter(|&text| waiting[text].lane == lane).collect();
        by_turn.sort_by_key(|&text| waiting[text].turn);
        let leader = waiting[by_turn[0]];
        let longest = 2 * leader.tokens.max(SHORT);
        let mut room = max_batch_tokens.max(leader.tokens);
        let fits = |text: &usize| {
            let Waiting { tokens, model, .. } = waiting[*text];
            let fits = model == leader.model && tokens <= longest && tokens <= room;
            room -= if fits { tokens } else { 0 };
            fits
        };
        let pass: Vec<usize> = by_turn.into_iter().filter(fits).collect();
        self.charge(lane, waiting, &pass);
        pass
    }

    fn next_lane(&self, waiting: &[Waiting], max_batch_tokens: usize) -> Option<Lane> {
        let waits = |lane| waiting.iter().any(|text| text.lane == lane);
        match (waits(Lane::Interactive), waits(Lane::Bulk)) {
            (false, false) => None,
            (true, false) => Some(Lane::Interactive),
            (false, true) => Some(Lane::Bulk),
            (true, true) if self.owed_to_bulk >= INTERACTIVE_TOKENS_PER_BULK_TOKEN * max_batch_tokens => {
                Some(Lane::Bulk)
            }
            (true, true) => Some(Lane::Interactive),
        }
    }

    fn charge(&mut self, lane: Lane, waiting: &[Waiting], pass: &[usize]) {
        let tokens: usize = pass.iter().map(|&text| waiting[text].tokens).sum();
        let bulk_waits = waiting.iter().any(|text| text.lane == Lane::Bulk);
        match lane {
            Lane::Interactive => {
                self.interactive += tokens as u64;
                self.owed_to_bulk = if bulk_waits { self.owed_to_bulk + tokens } else { 0 };
            }
            Lane::Bulk => {
                self.bulk += tokens as u64;
                self.owed_to_bulk = self.owed_to_bulk.saturating_sub(INTERACTIVE_TOKENS_PER_BULK_TOKEN * tokens);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: usize = 512;

    /// Requests and what became of them, in order.
    #[derive(Default)]
    struct Simulation {
        account: FairQueue,
        waiting: Vec<Waiting>,
        names: Vec<&'static str>,
    }

    impl Simulation {
        fn arrive(&mut self, name: &'static str, lane: Lane, lengths: &[usize]) {
            let turns: Vec<u64> = self.account.turns(lane, lengths.iter().copied()).collect();
            for (&tokens, turn) in lengths.iter().zip(turns) {
                self.waiting.push(Waiting { lane, turn, tokens, model: 0 });
                self.names.push(name);
            }
        }

        /// Names of the texts of the next pass, and their tokens.
        fn pass(&mut self) -> (Vec<&'static str>, usize) {
            let mut pass = self.account.next_pass(&self.waiting, BUDGET);
            let names = pass.iter().map(|&text| self.names[text]).collect();
            let tokens = pass.iter().map(|&text| self.waiting[text].tokens).sum();
            pass.sort_unstable();
            for text in pass.into_iter().rev() {
                self.waiting.remove(text);
                self.names.remove(text);
            }
            (names, tokens)
        }
    }

    #[test]
    fn nothing_waits_and_nothing_is_taken() {
        assert_eq!(FairQueue::default().next_pass(&[], BUDGET), [0; 0]);
    }

    #[test]
    fn a_pass_keeps_the_budget_and_every_text_has_its_pass() {
        let mut all = Simulation::default();
        all.arrive("a", Lane::Interactive, &[5, 512, 30, 31, 200, 7, 512, 90, 300, 16]);
        all.arrive("b", Lane::Bulk, &[600, 40, 40]);
        let mut seen = 0;
        while !all.waiting.is_empty() {
            let (names, tokens) = all.pass();
            assert!(!names.is_empty() && (tokens <= BUDGET || names.len() == 1), "{names:?} {tokens}");
            seen += names.len();
        }
        assert_eq!(seen, 13);
    }

    #[test]
    fn a_headline_waits_for_one_pass_of_a_batch_of_long_texts_and_no_more() {
        let mut all = Simulation::default();
        all.arrive("long", Lane::Interactive, &[512; 100]);
        assert_eq!(all.pass().0, ["long"]);
        all.arrive("headline", Lane::Interactive, &[30]);
        assert_eq!(all.pass().0, ["headline"]);
        assert_eq!(all.pass().0, ["long"]);
    }

    #[test]
    fn a_long_text_is_not_overtaken_for_ever() {
        let mut all = Simulation::default();
        all.arrive("long", Lane::Interactive, &[512]);
        all.arrive("headline", Lane::Interactive, &[30; 17]);
        let passes = (1..100).find(|_| {
            let (names, _) = all.pass();
            all.arrive("headline", Lane::Interactive, &[30; 17]);
            names.contains(&"long")
        });
        assert_eq!(passes, Some(2), "when as many tokens are computed as it has");
    }

    #[test]
    fn a_pass_holds_lengths_near_each_other() {
        let mut all = Simulation::default();
        all.arrive("short", Lane::Interactive, &[10]);
        all.arrive("near", Lane::Interactive, &[60]);
        all.arrive("far", Lane::Interactive, &[65]);
        assert_eq!(all.pass().0, ["short", "near"]);
        all.arrive("shorter", Lane::Interactive, &[5]);
        assert_eq!(all.pass().0, ["far", "shorter"]);
    }

    #[test]
    fn interactive_goes_before_bulk_and_bulk_has_its_ninth() {
        let mut all = Simulation::default();
        all.arrive("bulk", Lane::Bulk, &[512; 1000]);
        assert_eq!(all.pass().0, ["bulk"]);
        let (mut interactive, mut bulk) = (0, 0);
        for _ in 0..900 {
            all.arrive("now", Lane::Interactive, &[64; 8]);
            let (names, tokens) = all.pass();
            *(if names[0] == "bulk" { &mut bulk } else { &mut interactive }) += tokens;
        }
        let share = bulk as f64 / (bulk + interactive) as f64;
        assert!((share - 1.0 / 9.0).abs() < 0.005, "{share}");
    }

    #[test]
    fn bulk_saves_nothing_up_while_it_does_not_wait() {
        let mut all = Simulation::default();
        for _ in 0..100 {
            all.arrive("now", Lane::Interactive, &[64; 8]);
            all.pass();
        }
        all.arrive("bulk", Lane::Bulk, &[64]);
        all.arrive("now", Lane::Interactive, &[64; 8]);
        assert_eq!(all.pass().0, ["now"; 8]);
    }

    #[test]
    fn one_pass_is_of_one_model_and_the_oldest_decides_of_which() {
        let text = |turn, model| Waiting { lane: Lane::Interactive, turn, tokens: 10, model };
        let waiting = [text(30, 0), text(10, 1), text(20, 0), text(40, 1)];
        assert_eq!(FairQueue::default().next_pass(&waiting, BUDGET), [1, 3]);
    }

    #[test]
    fn a_request_advances_as_if_it_were_alone() {
        let mut all = Simulation::default();
        all.arrive("a", Lane::Interactive, &[256; 4]);
        all.arrive("b", Lane::Interactive, &[256; 4]);
        assert_eq!([all.pass().0, all.pass().0], [["a", "b"], ["a", "b"]]);
    }
}
