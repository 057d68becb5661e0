//! Which texts make the next batch. Pure: no clock, no thread, no lock.
//!
//! Two orders take turns, with tokens as the unit of work:
//!
//! - *By share*: fair queuing among interactive requests. Each request advances by the same number of tokens, whatever its
//!   size, so that a headline does not wait for the rest of the batches of others. A request that arrives starts where the
//!   others are.
//! - *By age*: of all texts, bulk ones included, the one that arrived first, where a text counts as arriving after the
//!   texts of its request that are before it. This is what keeps any text from waiting forever, and what bulk texts live on
//!   while interactive ones wait.
//!
//! Of nine tokens, eight are computed by share. The order by age does not know priorities: a request that is interactive has
//! the same place in it as it would have as a bulk one, and a place in the other order besides. Therefore an interactive text
//! never waits longer than it would as a bulk text. The simulation in `simulation` tests this.

use super::backend::ModelId;

/// The priority of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Someone waits for the answer.
    Interactive,
    /// Background work.
    Bulk,
}

/// The places of a text in the two orders, in tokens; the lowest is next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The tokens that its request will have had when it is computed, counted from where the others were. A short text counts
    /// as `SHORT`.
    pub share: u64,
    /// The tokens that were computed when its request arrived, plus those of the request up to and including this text.
    pub age: u64,
}

/// A text that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueuedText {
    pub lane: Lane,
    pub places: Places,
    /// Counts the texts that arrived before. It decides between equal places.
    pub arrival: u64,
    pub tokens: usize,
    pub model: ModelId,
}

/// While interactive texts wait, this many tokens are computed by share for each one that is computed by age.
const TOKENS_BY_SHARE_PER_TOKEN_BY_AGE: usize = 8;
/// A batch may hold texts up to twice as long as its first one. Texts shorter than this count as equally long, there and in
/// the share of a request: otherwise a headline of 30 tokens would wait three times as long as one of ten.
const SHORT: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Share,
    Age,
}

/// What has been computed so far, in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FairQueue {
    /// Where the requests are that have had the least: what the last batch by share has reached.
    share: u64,
    /// All tokens.
    computed: u64,
    /// Tokens that were computed by share since the order by age had its turn.
    since_age: usize,
}

impl FairQueue {
    /// The places of a new request's texts of these lengths. `last` is the place of the last text of the same client's
    /// stream, or the default.
    pub(super) fn places(
        &self,
        last: Places,
        lengths: impl IntoIterator<Item = usize>,
    ) -> impl Iterator<Item = Places> {
        let start = Places { share: self.share.max(last.share), age: self.computed.max(last.age) };
        lengths.into_iter().scan(start, |places, tokens| {
            places.share += tokens.max(SHORT) as u64;
            places.age += tokens as u64;
            Some(*places)
        })
    }

    /// Chooses the next batch: indices into `waiting`, none if nothing waits. Its tokens count as computed.
    ///
    /// The first text of the order whose turn it is leads the batch. Others of its model join in that order if they fit into
    /// `max_batch_tokens` and are at most twice as long: without padding, a shorter text costs only its own tokens, but a
    /// longer one would make the others wait. The time is linear in the number of texts that wait.
    pub(super) fn next_batch(&mut self, waiting: &[QueuedText], max_batch_tokens: usize) -> Vec<usize> {
        let order = self.next_order(waiting, max_batch_tokens);
        let takes_part = |text: &usize| order == Order::Age || waiting[*text].lane == Lane::Interactive;
        let place = |text: &usize| order.place(&waiting[*text]);
        let Some(leader) = (0..waiting.len()).filter(takes_part).min_by_key(place) else { return Vec::new() };
        let leader = waiting[leader];
        let longest = 2 * leader.tokens.max(SHORT);
        let mut room = max_batch_tokens.max(leader.tokens);
        let is_similar = |text: &usize| waiting[*text].model == leader.model && waiting[*text].tokens <= longest;
        let mut batch: Vec<usize> = (0..waiting.len()).filter(takes_part).filter(is_similar).collect();
        if batch.len() > room {
            // Each text has a token, so no more of them fit. Only these are sorted.
            batch.select_nth_unstable_by_key(room, place);
            batch.truncate(room);
        }
        batch.sort_unstable_by_key(place);
        let (mut reached, mut is_full) = (leader.places, false);
        batch.retain(|&text| {
            let fits = waiting[text].tokens <= room;
            room -= if fits { waiting[text].tokens } else { 0 };
            is_full |= !fits;
            reached = if is_full { reached } else { waiting[text].places };
            fits
        });
        self.charge(order, reached, batch.iter().map(|&text| waiting[text].tokens).sum());
        batch
    }

    fn next_order(&self, waiting: &[QueuedText], max_batch_tokens: usize) -> Order {
        let is_turn_of_age = self.since_age >= TOKENS_BY_SHARE_PER_TOKEN_BY_AGE * max_batch_tokens;
        let has_interactive = waiting.iter().any(|text| text.lane == Lane::Interactive);
        if has_interactive && !is_turn_of_age { Order::Share } else { Order::Age }
    }

    /// `reached` are the places of the last text before the first one for which the batch had no room.
    fn charge(&mut self, order: Order, reached: Places, tokens: usize) {
        self.computed += tokens as u64;
        match order {
            Order::Share => {
                self.share = self.share.max(reached.share);
                self.since_age += tokens;
            }
            Order::Age => {
                self.since_age = self.since_age.saturating_sub(TOKENS_BY_SHARE_PER_TOKEN_BY_AGE * tokens);
            }
        }
    }
}

impl Order {
    fn place(self, text: &QueuedText) -> (u64, u64) {
        let place = match self {
            Self::Share => text.places.share,
            Self::Age => text.places.age,
        };
        (place, text.arrival)
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
