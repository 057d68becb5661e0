//! Random mixes of clients and numbers of workers, each simulated twice: with a probe that is interactive, and with the same
//! probe as bulk.

use std::collections::VecDeque;

use super::*;

const BUDGET: usize = 256;
/// Simulated mixes. Their seeds are 0, 1, 2, ...
const MIXES: u64 = 100;
const BATCHES: usize = 200;

/// A client that sends its next request when all texts of its last one are computed.
struct Client {
    lane: Lane,
    lengths: Vec<usize>,
    /// Batches that it waits before it sends again.
    pause: usize,
    sends_at: usize,
    unanswered: usize,
}

struct Simulation {
    order: FairQueue,
    waiting: Vec<(QueuedText, Sender)>,
    clients: Vec<Client>,
    /// Batches that are computed at the same time.
    workers: usize,
    /// The batches that are being computed; the first one ends first.
    running: VecDeque<Vec<Sender>>,
    arrivals: u64,
    computed: usize,
    /// The most tokens that ever waited.
    most_waiting: usize,
    /// The longest wait of a text, in computed tokens, after its request arrived.
    longest_wait: usize,
}

/// Who has sent a text, and what had been computed by then.
#[derive(Debug, Clone, Copy)]
struct Sender {
    client: Option<usize>,
    computed: usize,
}

impl Simulation {
    fn random(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let clients = (0..random.usize(1..30)).map(|_| Client::random(&mut random)).collect();
        let workers = [1, 2, 4][seed as usize % 3];
        Self {
            order: FairQueue::default(),
            waiting: Vec::new(),
            clients,
            workers,
            running: VecDeque::new(),
            arrivals: 0,
            computed: 0,
            most_waiting: 0,
            longest_wait: 0,
        }
    }

    fn arrive(&mut self, client: Option<usize>, lane: Lane, lengths: &[usize]) {
        let sender = Sender { client, computed: self.computed };
        for (&tokens, places) in lengths.iter().zip(self.order.places(Places::default(), lengths.iter().copied())) {
            let text = QueuedText { lane, places, arrival: self.arrivals, tokens, model: ModelId::default() };
            self.waiting.push((text, sender));
            self.arrivals += 1;
        }
    }

    /// Lets the clients send, then begins a batch, and ends the oldest one if no worker is idle. Returns whether the probe,
    /// which no client has sent, was in the batch.
    fn step(&mut self, batch: usize) -> bool {
        for client in 0..self.clients.len() {
            let Client { lane, unanswered, sends_at, .. } = self.clients[client];
            if unanswered == 0 && sends_at <= batch {
                let lengths = self.clients[client].lengths.clone();
                self.clients[client].unanswered = lengths.len();
                self.arrive(Some(client), lane, &lengths);
            }
        }
        let texts: Vec<QueuedText> = self.waiting.iter().map(|(text, _)| *text).collect();
        self.most_waiting = self.most_waiting.max(texts.iter().map(|text| text.tokens).sum());
        let mut chosen = self.order.next_batch(&texts, BUDGET);
        assert!(!chosen.is_empty() || texts.is_empty(), "texts wait, and none is computed");
        self.computed += chosen.iter().map(|&text| texts[text].tokens).sum::<usize>();
        chosen.sort_unstable();
        let taken: Vec<Sender> = chosen.into_iter().rev().map(|text| self.waiting.remove(text).1).collect();
        for sender in &taken {
            self.longest_wait = self.longest_wait.max(self.computed - sender.computed);
        }
        let has_probe = taken.iter().any(|sender| sender.client.is_none());
        self.running.push_back(taken);
        if self.running.len() >= self.workers {
            let ended = self.running.pop_front();
            for client in ended.into_iter().flatten().filter_map(|sender| sender.client) {
                self.clients[client].unanswered -= 1;
                self.clients[client].sends_at = batch + self.clients[client].pause;
            }
        }
        has_probe
    }
}

impl Client {
    fn random(random: &mut fastrand::Rng) -> Self {
        let lane = if random.bool() { Lane::Interactive } else { Lane::Bulk };
        let texts = if random.bool() { 1 } else { random.usize(1..40) };
        let longest = if random.u8(..4) == 0 { 512 } else { 60 };
        let lengths = (0..texts).map(|_| random.usize(3..=longest)).collect();
        let pause = if random.bool() { 0 } else { random.usize(0..20) };
        Self { lane, lengths, pause, sends_at: random.usize(0..10), unanswered: 0 }
    }
}

/// After how many batches a text of this length is computed that arrives when the mix has run for a while.
fn batches_until_computed(seed: u64, lane: Lane) -> usize {
    let mut random = fastrand::Rng::with_seed(!seed);
    let (arrives, tokens) = (random.usize(0..200), random.usize(3..100));
    let mut simulation = Simulation::random(seed);
    for batch in 0.. {
        if batch == arrives {
            simulation.arrive(None, lane, &[tokens]);
        }
        if simulation.step(batch) {
            return batch - arrives;
        }
    }
    unreachable!("the loop ends when the probe is computed")
}

#[test]
fn an_interactive_text_never_waits_longer_than_it_would_as_a_bulk_one() {
    let mut sooner = 0;
    for seed in 0..MIXES {
        let [interactive, bulk] = [Lane::Interactive, Lane::Bulk].map(|lane| batches_until_computed(seed, lane));
        assert!(interactive <= bulk, "seed {seed}: {interactive} batches as interactive, {bulk} as bulk");
        sooner += u64::from(interactive < bulk);
    }
    assert!(sooner > MIXES / 4, "the priority makes a difference in {sooner} of {MIXES} mixes only");
}

#[test]
fn no_text_starves_in_any_mix() {
    // The order by age computes a ninth of the tokens, so that all that is older is computed while nine times as much is.
    // What arrives later than a text is behind it there by as many tokens as were computed since.
    for seed in 0..MIXES {
        let mut simulation = Simulation::random(seed);
        for batch in 0..BATCHES {
            simulation.step(batch);
        }
        let Simulation { longest_wait, most_waiting, .. } = simulation;
        let bound = (TOKENS_BY_SHARE_PER_TOKEN_BY_AGE + 1) * (2 * most_waiting + 2 * BUDGET);
        assert!(longest_wait <= bound, "seed {seed}: {longest_wait} tokens, and {most_waiting} waited at most");
    }
}
