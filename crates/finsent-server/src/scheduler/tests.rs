//! The scheduler with a backend whose batches the tests start and end.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use finsent_model::{ClassifyError, Encoding};

use super::*;
use crate::metrics::Metrics;

const LIMITS: SchedulerLimits = SchedulerLimits { max_batch_tokens: 100, max_queue_tokens: 1000, cache_entries: 10 };
const SOON: Duration = Duration::from_secs(60);

/// The token id that makes the backend panic.
const POISON: u32 = 666;
/// The token id without an outcome, which kills the engine thread.
const DEADLY: u32 = 999;

/// Returns the first token id of each text as its logit. Reports each batch, then waits until it is released.
struct ManualBackend {
    release: Mutex<Receiver<()>>,
    batches: Mutex<Sender<Vec<u32>>>,
}

impl Backend for ManualBackend {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let ids: Vec<u32> = encodings.iter().map(|encoding| encoding.input_ids[0]).collect();
        self.batches.lock().unwrap().send(ids.clone()).unwrap();
        self.release.lock().unwrap().recv().unwrap();
        assert!(!ids.contains(&POISON), "this token id makes the backend panic");
        ids.into_iter().filter(|&id| id != DEADLY).map(|id| Ok(vec![id as f32])).collect()
    }
}

struct Harness {
    scheduler: Scheduler,
    /// The model of all requests.
    model: Arc<BackendModel>,
    release: Sender<()>,
    batches: Receiver<Vec<u32>>,
    metrics: Metrics,
}

impl Harness {
    fn new(limits: SchedulerLimits) -> Self {
        let (release, released) = channel();
        let (sender, batches) = channel();
        let metrics = Metrics::new();
        let backend = Arc::new(ManualBackend { release: Mutex::new(released), batches: Mutex::new(sender) });
        let model = Arc::new(BackendModel::new(0, backend, metrics.model("m")));
        let scheduler = Scheduler::start(&[Arc::clone(&model)], limits).unwrap();
        Self { scheduler, model, release, batches, metrics }
    }

    fn submit_in(&self, lane: Lane, within: Duration, texts: &[(u32, usize)]) -> Result<Vec<Pending>, Refusal> {
        self.submit_to(&self.model, lane, within, texts)
    }

    fn submit_to(
        &self,
        model: &Arc<BackendModel>,
        lane: Lane,
        within: Duration,
        texts: &[(u32, usize)],
    ) -> Result<Vec<Pending>, Refusal> {
        let encodings = texts.iter().map(|&(id, tokens)| encoding(id, tokens)).collect();
        self.scheduler.submit(Work {
            model: Arc::clone(model),
            encodings,
            lane,
            deadline: Instant::now() + within,
            flow: Flow::default(),
            is_cached: true,
        })
    }

    fn submit(&self, texts: &[(u32, usize)]) -> Vec<Pending> {
        self.submit_in(Lane::Interactive, SOON, texts).unwrap()
    }

    /// Waits for the next batch to start. Returns its token ids.
    fn next_batch(&self) -> Vec<u32> {
        self.batches.recv_timeout(SOON).unwrap()
    }

    fn finish_batch(&self) {
        self.release.send(()).unwrap();
    }

    fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.render();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn encoding(id: u32, tokens: usize) -> Arc<Encoding> {
    Arc::new(Encoding { input_ids: vec![id; tokens], token_type_ids: vec![0; tokens], truncated: false })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn outputs(pending: Vec<Pending>) -> Vec<Result<f32, String>> {
    let output =
        |pending: Pending| pending.wait().map(|output| output.logits[0]).map_err(|failure| failure.to_string());
    pending.into_iter().map(output).collect()
}

/// Returns the first token id of each text and a thousand as its logit.
struct Successor;

impl Backend for Successor {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        encodings.iter().map(|encoding| Ok(vec![1000.0 + encoding.input_ids[0] as f32])).collect()
    }
}

#[test]
fn a_model_in_the_place_of_another_shares_no_batch_and_no_result_with_it() {
    let harness = Harness::new(LIMITS);
    let new = Arc::new(BackendModel::new(0, Arc::new(Successor), harness.metrics.model("m")));
    let submit_to_new = || harness.submit_to(&new, Lane::Interactive, SOON, &[(2, 10)]).unwrap();
    let running = harness.submit(&[(1, 10)]);
    harness.next_batch();
    let (of_old, of_new) = (harness.submit(&[(2, 10), (3, 10)]), submit_to_new());
    harness.finish_batch();
    assert_eq!(outputs(running), [Ok(1.0)]);
    assert_eq!(harness.next_batch(), [3, 2], "the batch has texts of both models");
    harness.finish_batch();
    assert_eq!(outputs(of_old), [Ok(2.0), Ok(3.0)]);
    assert_eq!(outputs(of_new), [Ok(1002.0)]);
    assert_eq!(outputs(submit_to_new()), [Ok(1002.0)], "the cache has the result of the old model");
    assert_eq!(outputs(harness.submit(&[(2, 10)])), [Ok(2.0)], "the cache has the result of the new model");
    assert_eq!(harness.metric("finsent_cache_hits_total"), 2.0);

    assert_eq!(harness.metric("finsent_model_copies"), 2.0);
    let waiting = submit_to_new();
    drop((new, waiting));
    // The worker may be about to drop its last batch.
    while harness.metric("finsent_model_copies") > 1.0 {
        std::thread::yield_now();
    }
}

/// Computes up to two batches at the same time. A batch ends when its first text is released.
struct TwoWorkers {
    released: Mutex<Vec<u32>>,
    changed: Condvar,
    batches: Mutex<Sender<Vec<u32>>>,
}

impl Backend for TwoWorkers {
    fn workers(&self) -> usize {
        2
    }

    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let ids: Vec<u32> = encodings.iter().map(|encoding| encoding.input_ids[0]).collect();
        self.batches.lock().unwrap().send(ids.clone()).unwrap();
        let released = self.released.lock().unwrap();
        let waits = |released: &mut Vec<u32>| !released.contains(&ids[0]);
        drop(self.changed.wait_timeout_while(released, SOON, waits).unwrap());
        ids.into_iter().filter(|&id| id != DEADLY).map(|id| Ok(vec![id as f32])).collect()
    }
}

impl TwoWorkers {
    fn release(&self, id: u32) {
        self.released.lock().unwrap().push(id);
        self.changed.notify_all();
    }
}

/// A scheduler with two workers, whose batches hold a text of 10 tokens each.
fn two_workers() -> (Harness, Arc<TwoWorkers>) {
    let (sender, batches) = channel();
    let (release, _) = channel();
    let metrics = Metrics::new();
    let backend =
        Arc::new(TwoWorkers { released: Mutex::default(), changed: Condvar::new(), batches: Mutex::new(sender) });
    let model = Arc::new(BackendModel::new(0, Arc::clone(&backend) as _, metrics.model("m")));
    let limits = SchedulerLimits { max_batch_tokens: 10, ..LIMITS };
    let scheduler = Scheduler::start(&[Arc::clone(&model)], limits).unwrap();
    (Harness { scheduler, model, release, batches, metrics }, backend)
}

/// The ids of the next two batches, which may start in any order.
fn next_two(harness: &Harness) -> [u32; 2] {
    let mut ids = [harness.next_batch()[0], harness.next_batch()[0]];
    ids.sort_unstable();
    ids
}

#[test]
fn two_workers_compute_two_batches_at_the_same_time() {
    let (harness, backend) = two_workers();
    assert_eq!(harness.scheduler.workers(), 2);
    // One request wakes both.
    let pending = harness.submit(&[(1, 10), (2, 10), (3, 10)]);
    assert_eq!(next_two(&harness), [1, 2]);
    backend.release(2);
    assert_eq!(harness.next_batch(), [3], "the worker that is idle takes the next batch");
    backend.release(3);
    backend.release(1);
    assert_eq!(outputs(pending), [Ok(1.0), Ok(2.0), Ok(3.0)], "results are in the order of the request");
}

#[test]
fn with_two_workers_priorities_and_fairness_are_those_of_one_queue() {
    let (harness, backend) = two_workers();
    let running = harness.submit(&[(1, 10), (2, 10)]);
    next_two(&harness);
    let bulk = harness.submit_in(Lane::Bulk, SOON, &[(3, 10), (4, 10)]).unwrap();
    let large = harness.submit(&[(5, 10), (6, 10)]);
    let small = harness.submit(&[(7, 10)]);
    let mut order = Vec::new();
    for id in [1, 5, 7, 6, 3] {
        backend.release(id);
        order.push(harness.next_batch()[0]);
    }
    assert_eq!(
        order,
        [5, 7, 6, 3, 4],
        "interactive before bulk, and a request of one text before the second of another"
    );
    [2, 4].into_iter().for_each(|id| backend.release(id));
    for (pending, count) in [(running, 2), (bulk, 2), (large, 2), (small, 1)] {
        assert_eq!(outputs(pending).into_iter().filter(Result::is_ok).count(), count);
    }
}

#[test]
fn a_text_that_one_worker_computes_is_not_computed_by_the_other() {
    let (harness, backend) = two_workers();
    let (first, second) = (harness.submit(&[(1, 10)]), harness.submit(&[(1, 10), (2, 10)]));
    assert_eq!(next_two(&harness), [1, 2]);
    [1, 2].into_iter().for_each(|id| backend.release(id));
    assert_eq!((outputs(first), outputs(second)), (vec![Ok(1.0)], vec![Ok(1.0), Ok(2.0)]));
    assert_eq!(harness.metric("finsent_shared_texts_total{"), 1.0);
}

#[test]
fn with_two_workers_work_that_nobody_waits_for_is_dropped() {
    let (harness, backend) = two_workers();
    let running = harness.submit(&[(1, 10), (2, 10)]);
    next_two(&harness);
    drop(harness.submit(&[(3, 10)]));
    let late = harness.submit_in(Lane::Interactive, Duration::ZERO, &[(4, 10)]).unwrap();
    let stays = harness.submit(&[(5, 10)]);
    backend.release(2);
    assert_eq!(harness.next_batch(), [5]);
    [1, 5].into_iter().for_each(|id| backend.release(id));
    assert_eq!(outputs(running), [Ok(1.0), Ok(2.0)]);
    assert_eq!(outputs(stays), [Ok(5.0)]);
    assert_eq!(outputs(late), [Err("the deadline has passed".into())]);
}

#[test]
fn a_scheduler_with_two_workers_computes_all_that_waits_before_it_ends() {
    let (harness, backend) = two_workers();
    let pending = harness.submit(&[(1, 10), (2, 10), (3, 10), (4, 10)]);
    next_two(&harness);
    (1..=4).for_each(|id| backend.release(id));
    drop(harness.scheduler);
    assert_eq!(outputs(pending), [Ok(1.0), Ok(2.0), Ok(3.0), Ok(4.0)]);
}

#[test]
fn the_death_of_one_of_two_workers_fails_what_both_have() {
    let (harness, backend) = two_workers();
    let pending = harness.submit(&[(1, 10), (DEADLY, 10), (3, 10)]);
    next_two(&harness);
    backend.release(DEADLY);
    block_on(harness.scheduler.died());
    assert!(!harness.scheduler.is_alive());
    // The death is told before the queue is emptied. Until then, the other worker would take the third text.
    while harness.submit_in(Lane::Interactive, SOON, &[(1, 10)]).is_ok() {
        std::thread::yield_now();
    }
    backend.release(1);
    assert!(outputs(pending).iter().all(|output| output == &Err("the inference engine has stopped".into())));
}

#[test]
fn a_batch_is_formed_from_what_waits_when_the_engine_is_idle() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(1, 10)]);
    assert_eq!(harness.next_batch(), [1]);
    let (second, third) = (harness.submit(&[(2, 10), (3, 10)]), harness.submit(&[(4, 10)]));
    assert_eq!(harness.metric("finsent_queue_texts{"), 3.0);
    assert_eq!(harness.metric("finsent_queue_tokens{"), 30.0);
    harness.finish_batch();
    assert_eq!(outputs(first), [Ok(1.0)]);
    let mut together = harness.next_batch();
    together.sort_unstable();
    assert_eq!(together, [2, 3, 4]);
    harness.finish_batch();
    assert_eq!(outputs(second), [Ok(2.0), Ok(3.0)]);
    assert_eq!(outputs(third), [Ok(4.0)]);
    assert_eq!(harness.metric("finsent_queue_texts{"), 0.0);
    assert_eq!(harness.metric("finsent_batch_texts_count{"), 2.0);
}

#[test]
fn identical_texts_are_computed_once_and_then_cached() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(7, 10), (7, 10)]);
    assert_eq!(harness.next_batch(), [7]);
    let late = harness.submit(&[(7, 10)]);
    harness.finish_batch();
    for waiting in [first, late] {
        assert!(outputs(waiting).iter().all(|output| output == &Ok(7.0)));
    }
    assert_eq!(harness.metric("finsent_shared_texts_total{"), 2.0);
    assert!(matches!(harness.submit(&[(7, 10)])[..], [Pending::Ready(EncodingOutput { computed: None, .. })]));
    assert_eq!(harness.metric("finsent_cache_hits_total{"), 1.0);
    assert_eq!(harness.metric("finsent_cache_misses_total{"), 3.0);
    // A different length is a different text.
    let other = harness.submit(&[(7, 11)]);
    assert_eq!(harness.next_batch(), [7]);
    harness.finish_batch();
    assert_eq!(outputs(other), [Ok(7.0)]);
}

#[test]
fn without_a_cache_a_text_is_computed_again() {
    let harness = Harness::new(SchedulerLimits { cache_entries: 0, ..LIMITS });
    for _ in 0..2 {
        let pending = harness.submit(&[(7, 10)]);
        harness.next_batch();
        harness.finish_batch();
        assert_eq!(outputs(pending), [Ok(7.0)]);
    }
    assert_eq!(harness.metric("finsent_cache_misses_total{"), 0.0);
}

#[test]
fn work_of_a_disconnected_client_is_dropped_before_it_is_computed() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(1, 10)]);
    harness.next_batch();
    drop(harness.submit(&[(2, 10)]));
    let (gone, stays) = (harness.submit(&[(3, 10)]), harness.submit(&[(3, 10)]));
    drop(gone);
    harness.finish_batch();
    assert_eq!(harness.next_batch(), [3], "one of the two clients still waits for it");
    harness.finish_batch();
    assert_eq!((outputs(first), outputs(stays)), (vec![Ok(1.0)], vec![Ok(3.0)]));
    assert_eq!(harness.metric("finsent_dropped_texts_total{model=\"m\",reason=\"client\"}"), 2.0);
}

#[test]
fn work_whose_deadline_has_passed_is_dropped_before_it_is_computed() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(1, 10)]);
    harness.next_batch();
    let late = harness.submit_in(Lane::Interactive, Duration::ZERO, &[(2, 10)]).unwrap();
    harness.finish_batch();
    assert_eq!(outputs(late), [Err("the deadline has passed".into())]);
    assert_eq!(outputs(first), [Ok(1.0)]);
    assert_eq!(harness.metric("finsent_dropped_texts_total{model=\"m\",reason=\"deadline\"}"), 1.0);
    assert_eq!(harness.metric("finsent_queue_tokens{"), 0.0);
}

#[test]
fn a_full_queue_refuses_at_once_and_a_request_larger_than_the_queue_is_too_large() {
    let harness = Harness::new(LIMITS);
    let mut all = harness.submit(&[(1, 10)]);
    harness.next_batch();
    all.extend(harness.submit(&(0..9).map(|id| (100 + id, 100)).collect::<Vec<_>>()));
    all.extend(harness.submit(&[(2, 100)]));
    let refusal = harness.submit_in(Lane::Interactive, SOON, &[(3, 1)]).unwrap_err();
    assert!(matches!(refusal, Refusal::Full { .. }), "{refusal:?}");
    let refusal = harness.submit_in(Lane::Interactive, SOON, &[(4, 1001)]).unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge { tokens: 1001, limit: 1000 });
    // Texts that are in the queue already need no room.
    all.extend(harness.submit(&[(2, 100)]));
    drop(all);
    harness.finish_batch();
}

#[test]
fn bulk_leaves_half_of_the_queue_free_but_may_fill_an_empty_one() {
    let harness = Harness::new(LIMITS);
    let _running = harness.submit(&[(1, 10)]);
    harness.next_batch();
    let _large = harness.submit_in(Lane::Bulk, SOON, &[(2, 700)]).unwrap();
    assert!(matches!(harness.submit_in(Lane::Bulk, SOON, &[(3, 10)]).unwrap_err(), Refusal::Full { .. }));
    let _interactive = harness.submit_in(Lane::Interactive, SOON, &[(4, 300)]).unwrap();
    drop(harness.release);
}

#[test]
fn the_deadline_is_compared_with_the_speed_of_the_last_batches() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(1, 10)]);
    harness.next_batch();
    harness.finish_batch();
    assert_eq!(outputs(first), [Ok(1.0)]);

    let running = harness.submit(&[(2, 10)]);
    harness.next_batch();
    let hopeless = harness.submit_in(Lane::Interactive, Duration::ZERO, &[(3, 20)]).unwrap_err();
    let Refusal::Full { retry_after } = hopeless else { panic!("{hopeless:?}") };
    assert!(retry_after > Duration::ZERO, "a batch was measured");
    let patient = harness.submit(&[(4, 20)]);
    for _ in 0..2 {
        harness.finish_batch();
    }
    assert_eq!((outputs(running), outputs(patient)), (vec![Ok(2.0)], vec![Ok(4.0)]));
}

#[test]
fn an_interactive_request_moves_a_shared_bulk_text_to_its_lane() {
    let harness = Harness::new(SchedulerLimits { max_batch_tokens: 10, ..LIMITS });
    let first = harness.submit(&[(1, 10)]);
    harness.next_batch();
    let bulk = harness.submit_in(Lane::Bulk, SOON, &[(2, 10), (3, 10)]).unwrap();
    let now = harness.submit(&[(3, 10)]);
    (0..3).for_each(|_| harness.finish_batch());
    assert_eq!([harness.next_batch(), harness.next_batch()], [[3], [2]]);
    assert_eq!((outputs(first), outputs(now)), (vec![Ok(1.0)], vec![Ok(3.0)]));
    assert_eq!(outputs(bulk), [Ok(2.0), Ok(3.0)]);
}

#[test]
fn a_text_that_makes_the_engine_panic_fails_alone() {
    let harness = Harness::new(LIMITS);
    let first = harness.submit(&[(1, 10)]);
    harness.next_batch();
    let batch = harness.submit(&[(2, 10), (POISON, 10), (3, 10)]);
    (0..5).for_each(|_| harness.finish_batch());
    assert_eq!(
        outputs(batch),
        [Ok(2.0), Err("an unexpected error occurred while computing the prediction".into()), Ok(3.0)]
    );
    assert_eq!(outputs(first), [Ok(1.0)]);
    assert!(harness.scheduler.is_alive());
}

#[test]
fn a_dead_engine_fails_every_request_and_is_reported() {
    let harness = Harness::new(LIMITS);
    let running = harness.submit(&[(DEADLY, 10)]);
    harness.next_batch();
    let waiting = harness.submit(&[(2, 10)]);
    harness.finish_batch();
    assert_eq!(outputs(running), [Err("the inference engine has stopped".into())]);
    assert_eq!(outputs(waiting), [Err("the inference engine has stopped".into())]);
    block_on(harness.scheduler.died());
    assert!(!harness.scheduler.is_alive());
    assert_eq!(harness.submit_in(Lane::Interactive, SOON, &[(3, 1)]).unwrap_err(), Refusal::Stopped);
}
