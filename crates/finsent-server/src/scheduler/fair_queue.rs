//! Which texts make the next batch. Pure: no clock, no thread, no lock.
//!
//! This is fair queuing, with tokens as the unit of work. The *virtual finish time* of a text is the number of tokens that
//! its lane had computed when its request arrived, plus the tokens of the request up to and including this text. The text
//! with the lowest finish time is next. So a request advances as fast as if it had the engine to itself from its arrival: a
//! headline comes before the rest of a batch of long texts that arrived earlier, and a long text cannot be overtaken any
//! longer once as many tokens are computed as its finish time says.

/// The priority of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Someone waits for the answer.
    Interactive,
    /// Background work.
    Bulk,
}

/// A text that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueuedText {
    pub lane: Lane,
    /// Virtual finish time, in tokens of its lane.
    pub finish: u64,
    pub tokens: usize,
    pub model: usize,
}

/// While both lanes wait, this many interactive tokens are computed per bulk token.
const INTERACTIVE_TOKENS_PER_BULK_TOKEN: usize = 8;
/// A batch may hold texts up to twice as long as its first one. Texts shorter than this count as equally long.
const SHORT: usize = 32;

/// What has been computed so far, by lane, in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FairQueue {
    interactive: u64,
    bulk: u64,
    /// Interactive tokens that were computed while bulk waited and has not had its share for.
    owed_to_bulk: usize,
}

impl FairQueue {
    /// The virtual finish times of a new request's texts of these lengths.
    pub(super) fn finish_times(
        &self,
        lane: Lane,
        lengths: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = u64> {
        let computed = match lane {
            Lane::Interactive => self.interactive,
            Lane::Bulk => self.bulk,
        };
        lengths.into_iter().scan(computed, |finish, tokens| {
            *finish += tokens as u64;
            Some(*finish)
        })
    }

    /// Chooses the next batch: indices into `waiting`, none if nothing waits. Its tokens are charged to its lane.
    ///
    /// The interactive lane goes first. Bulk goes if nothing else waits, and once for every
    /// [`INTERACTIVE_TOKENS_PER_BULK_TOKEN`] batches' worth of interactive tokens. The lane's lowest finish time leads the
    /// batch. Other texts of its lane and model join in the order of their finish times if they fit into `max_batch_tokens`
    /// and are at most twice as long: without padding, a shorter text costs only its own tokens, but a longer one would
    /// make the others wait.
    pub(super) fn next_batch(&mut self, waiting: &[QueuedText], max_batch_tokens: usize) -> Vec<usize> {
        let Some(lane) = self.next_lane(waiting, max_batch_tokens) else { return Vec::new() };
        let mut by_finish: Vec<usize> = (0..waiting.len()).filter(|&text| waiting[text].lane == lane).collect();
        by_finish.sort_by_key(|&text| waiting[text].finish);
        let leader = waiting[by_finish[0]];
        let longest = 2 * leader.tokens.max(SHORT);
        let mut room = max_batch_tokens.max(leader.tokens);
        let fits = |text: &usize| {
            let QueuedText { tokens, model, .. } = waiting[*text];
            let fits = model == leader.model && tokens <= longest && tokens <= room;
            room -= if fits { tokens } else { 0 };
            fits
        };
        let batch: Vec<usize> = by_finish.into_iter().filter(fits).collect();
        self.charge(lane, waiting, &batch);
        batch
    }

    fn next_lane(&self, waiting: &[QueuedText], max_batch_tokens: usize) -> Option<Lane> {
        let has = |lane| waiting.iter().any(|text| text.lane == lane);
        match (has(Lane::Interactive), has(Lane::Bulk)) {
            (false, false) => None,
            (true, false) => Some(Lane::Interactive),
            (false, true) => Some(Lane::Bulk),
            (true, true) if self.owed_to_bulk >= INTERACTIVE_TOKENS_PER_BULK_TOKEN * max_batch_tokens => {
                Some(Lane::Bulk)
            }
            (true, true) => Some(Lane::Interactive),
        }
    }

    fn charge(&mut self, lane: Lane, waiting: &[QueuedText], batch: &[usize]) {
        let tokens: usize = batch.iter().map(|&text| waiting[text].tokens).sum();
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

    /// Requests that arrive and the batches that they get into.
    #[derive(Default)]
    struct Simulation {
        order: FairQueue,
        waiting: Vec<QueuedText>,
        names: Vec<&'static str>,
    }

    impl Simulation {
        fn arrive(&mut self, name: &'static str, lane: Lane, lengths: &[usize]) {
            let finish_times: Vec<u64> = self.order.finish_times(lane, lengths.iter().copied()).collect();
            for (&tokens, finish) in lengths.iter().zip(finish_times) {
                self.waiting.push(QueuedText { lane, finish, tokens, model: 0 });
                self.names.push(name);
            }
        }

        /// Names of the texts of the next batch, and their tokens.
        fn batch(&mut self) -> (Vec<&'static str>, usize) {
            let mut batch = self.order.next_batch(&self.waiting, BUDGET);
            let names = batch.iter().map(|&text| self.names[text]).collect();
            let tokens = batch.iter().map(|&text| self.waiting[text].tokens).sum();
            batch.sort_unstable();
            for text in batch.into_iter().rev() {
                self.waiting.remove(text);
                self.names.remove(text);
            }
            (names, tokens)
        }
    }

    #[test]
    fn nothing_waits_and_nothing_is_taken() {
        assert_eq!(FairQueue::default().next_batch(&[], BUDGET), [0; 0]);
    }

    #[test]
    fn a_batch_keeps_the_budget_and_every_text_gets_into_one() {
        let mut all = Simulation::default();
        all.arrive("a", Lane::Interactive, &[5, 512, 30, 31, 200, 7, 512, 90, 300, 16]);
        all.arrive("b", Lane::Bulk, &[600, 40, 40]);
        let mut seen = 0;
        while !all.waiting.is_empty() {
            let (names, tokens) = all.batch();
            assert!(!names.is_empty() && (tokens <= BUDGET || names.len() == 1), "{names:?} {tokens}");
            seen += names.len();
        }
        assert_eq!(seen, 13);
    }

    #[test]
    fn a_headline_waits_for_one_batch_of_earlier_long_texts_at_most() {
        let mut all = Simulation::default();
        all.arrive("long", Lane::Interactive, &[512; 100]);
        assert_eq!(all.batch().0, ["long"]);
        all.arrive("headline", Lane::Interactive, &[30]);
        assert_eq!(all.batch().0, ["headline"]);
        assert_eq!(all.batch().0, ["long"]);
    }

    #[test]
    fn a_long_text_is_not_overtaken_forever() {
        let mut all = Simulation::default();
        all.arrive("long", Lane::Interactive, &[512]);
        all.arrive("headline", Lane::Interactive, &[30; 17]);
        let batches = (1..100).find(|_| {
            let (names, _) = all.batch();
            all.arrive("headline", Lane::Interactive, &[30; 17]);
            names.contains(&"long")
        });
        assert_eq!(batches, Some(2), "once as many tokens are computed as it has");
    }

    #[test]
    fn a_batch_holds_texts_of_similar_lengths() {
        let mut all = Simulation::default();
        all.arrive("short", Lane::Interactive, &[10]);
        all.arrive("near", Lane::Interactive, &[60]);
        all.arrive("far", Lane::Interactive, &[65]);
        assert_eq!(all.batch().0, ["short", "near"]);
        all.arrive("shorter", Lane::Interactive, &[5]);
        assert_eq!(all.batch().0, ["far", "shorter"]);
    }

    #[test]
    fn interactive_goes_first_and_bulk_gets_a_ninth_of_the_tokens() {
        let mut all = Simulation::default();
        all.arrive("bulk", Lane::Bulk, &[512; 1000]);
        assert_eq!(all.batch().0, ["bulk"]);
        let (mut interactive, mut bulk) = (0, 0);
        for _ in 0..900 {
            all.arrive("now", Lane::Interactive, &[64; 8]);
            let (names, tokens) = all.batch();
            *(if names[0] == "bulk" { &mut bulk } else { &mut interactive }) += tokens;
        }
        let share = bulk as f64 / (bulk + interactive) as f64;
        assert!((share - 1.0 / 9.0).abs() < 0.005, "{share}");
    }

    #[test]
    fn bulk_earns_no_credit_while_it_does_not_wait() {
        let mut all = Simulation::default();
        for _ in 0..100 {
            all.arrive("now", Lane::Interactive, &[64; 8]);
            all.batch();
        }
        all.arrive("bulk", Lane::Bulk, &[64]);
        all.arrive("now", Lane::Interactive, &[64; 8]);
        assert_eq!(all.batch().0, ["now"; 8]);
    }

    #[test]
    fn a_batch_is_of_one_model_that_the_lowest_finish_time_chooses() {
        let text = |finish, model| QueuedText { lane: Lane::Interactive, finish, tokens: 10, model };
        let waiting = [text(30, 0), text(10, 1), text(20, 0), text(40, 1)];
        assert_eq!(FairQueue::default().next_batch(&waiting, BUDGET), [1, 3]);
    }

    #[test]
    fn equal_requests_advance_side_by_side() {
        let mut all = Simulation::default();
        all.arrive("a", Lane::Interactive, &[256; 4]);
        all.arrive("b", Lane::Interactive, &[256; 4]);
        assert_eq!([all.batch().0, all.batch().0], [["a", "b"], ["a", "b"]]);
    }
}
