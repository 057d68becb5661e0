//! Single properties of the two orders.

use super::*;

const BUDGET: usize = 512;

/// Requests that arrive and the batches that they get into.
#[derive(Default)]
struct Queue {
    order: FairQueue,
    waiting: Vec<QueuedText>,
    names: Vec<&'static str>,
    arrivals: u64,
}

impl Queue {
    fn arrive(&mut self, name: &'static str, lane: Lane, lengths: &[usize]) {
        self.arrive_after(Places::default(), name, lane, lengths);
    }

    /// Returns the place of the last text.
    fn arrive_after(&mut self, last: Places, name: &'static str, lane: Lane, lengths: &[usize]) -> Places {
        let places: Vec<Places> = self.order.places(last, lengths.iter().copied()).collect();
        for (&tokens, &places) in lengths.iter().zip(&places) {
            self.waiting.push(QueuedText { lane, places, arrival: self.arrivals, tokens, model: ModelId::default() });
            self.names.push(name);
            self.arrivals += 1;
        }
        places.last().copied().unwrap_or(last)
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
    let mut queue = Queue::default();
    queue.arrive("a", Lane::Interactive, &[5, 512, 30, 31, 200, 7, 512, 90, 300, 16]);
    queue.arrive("b", Lane::Bulk, &[600, 40, 40]);
    let mut seen = 0;
    while !queue.waiting.is_empty() {
        let (names, tokens) = queue.batch();
        assert!(!names.is_empty() && (tokens <= BUDGET || names.len() == 1), "{names:?} {tokens}");
        seen += names.len();
    }
    assert_eq!(seen, 13);
}

#[test]
fn more_texts_than_fit_are_taken_in_their_order() {
    let mut queue = Queue::default();
    queue.arrive("first", Lane::Interactive, &[1; BUDGET]);
    queue.arrive("second", Lane::Interactive, &[1; 5 * BUDGET]);
    let (names, tokens) = queue.batch();
    assert_eq!((names.len(), tokens), (BUDGET, BUDGET));
    assert_eq!(names.iter().filter(|&&name| name == "first").count(), BUDGET / 2, "both advance side by side");
}

#[test]
fn a_headline_waits_for_one_batch_of_earlier_long_texts_at_most() {
    let mut queue = Queue::default();
    queue.arrive("long", Lane::Interactive, &[512; 100]);
    assert_eq!(queue.batch().0, ["long"]);
    queue.arrive("headline", Lane::Interactive, &[30]);
    assert_eq!(queue.batch().0, ["headline"]);
    assert_eq!(queue.batch().0, ["long"]);
}

#[test]
fn a_headline_passes_the_batches_of_many_clients() {
    let mut queue = Queue::default();
    for _ in 0..24 {
        queue.arrive("batch", Lane::Interactive, &[20; 40]);
    }
    queue.batch();
    queue.arrive("headline", Lane::Interactive, &[20]);
    let batches = (1..).find(|_| queue.batch().0.contains(&"headline")).unwrap();
    assert!(batches <= 2, "it waited for {batches} batches, but each request has one text at most before it");
}

#[test]
fn a_long_text_is_not_overtaken_forever() {
    let mut queue = Queue::default();
    queue.arrive("long", Lane::Interactive, &[512]);
    queue.arrive("headline", Lane::Interactive, &[30; 17]);
    let batches = (1..100).find(|_| {
        let (names, _) = queue.batch();
        (0..17).for_each(|_| queue.arrive("headline", Lane::Interactive, &[30]));
        names.contains(&"long")
    });
    assert!(batches.is_some_and(|batches| batches <= 10), "{batches:?}: the order by age takes it");
}

#[test]
fn a_batch_holds_texts_of_similar_lengths() {
    let mut queue = Queue::default();
    queue.arrive("short", Lane::Interactive, &[10]);
    queue.arrive("near", Lane::Interactive, &[60]);
    queue.arrive("far", Lane::Interactive, &[65]);
    assert_eq!(queue.batch().0, ["short", "near"]);
    assert_eq!(queue.batch().0, ["far"]);
}

#[test]
fn interactive_goes_first_and_bulk_gets_a_ninth_of_the_tokens() {
    let mut queue = Queue::default();
    queue.arrive("bulk", Lane::Bulk, &[512; 1000]);
    assert_eq!(queue.batch().0, ["bulk"]);
    let (mut interactive, mut bulk) = (0, 0);
    for _ in 0..900 {
        queue.arrive("now", Lane::Interactive, &[64; 8]);
        let (names, tokens) = queue.batch();
        *(if names[0] == "bulk" { &mut bulk } else { &mut interactive }) += tokens;
    }
    let share = bulk as f64 / (bulk + interactive) as f64;
    assert!((share - 1.0 / 9.0).abs() < 0.005, "{share}");
}

#[test]
fn bulk_earns_no_more_than_one_turn_while_it_does_not_wait() {
    let mut queue = Queue::default();
    for _ in 0..100 {
        queue.arrive("now", Lane::Interactive, &[64; 8]);
        queue.batch();
    }
    queue.arrive("bulk", Lane::Bulk, &[64; 80]);
    let with_bulk = (0..10).filter(|_| {
        queue.arrive("now", Lane::Interactive, &[64; 8]);
        queue.batch().0.contains(&"bulk")
    });
    assert!(with_bulk.count() <= 2);
}

#[test]
fn the_lines_of_a_stream_have_the_places_of_one_request() {
    let mut queue = Queue::default();
    let mut last = Places::default();
    for _ in 0..50 {
        last = queue.arrive_after(last, "stream", Lane::Interactive, &[100]);
    }
    queue.arrive("request", Lane::Interactive, &[100; 2]);
    let (names, _) = queue.batch();
    assert_eq!(names, ["stream", "request", "stream", "request", "stream"]);
}

#[test]
fn a_batch_is_of_one_model_that_the_first_place_chooses() {
    let text = |place, load| {
        let places = Places { share: place, age: place };
        QueuedText { lane: Lane::Interactive, places, arrival: 0, tokens: 10, model: ModelId { index: 0, load } }
    };
    let waiting = [text(30, 0), text(10, 1), text(20, 0), text(40, 1)];
    assert_eq!(FairQueue::default().next_batch(&waiting, BUDGET), [1, 3]);
}

#[test]
fn equal_requests_advance_side_by_side() {
    let mut queue = Queue::default();
    queue.arrive("a", Lane::Interactive, &[256; 4]);
    queue.arrive("b", Lane::Interactive, &[256; 4]);
    assert_eq!([queue.batch().0, queue.batch().0], [["a", "b"], ["a", "b"]]);
}
