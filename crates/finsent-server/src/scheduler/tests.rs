//! The scheduler over an engine that the tests hold in their hands.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::metrics::{Metrics, ModelInfo};

const LIMITS: SchedulerLimits = SchedulerLimits { max_batch_tokens: 100, max_queue_tokens: 1000, cache_entries: 10 };
const SOON: Duration = Duration::from_secs(60);

/// The id that makes the engine panic.
const POISON: u32 = 666;
/// The id for which the engine gives no outcome at all, which kills its thread.
const DEADLY: u32 = 999;

/// Gives each text's first id as its logit, a pass for each word of leave, and tells what it was given.
struct Puppet {
    leave: Mutex<Receiver<()>>,
    passes: Mutex<Sender<Vec<u32>>>,
}

impl Engine for Puppet {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        let ids: Vec<u32> = encodings.iter().map(|encoding| encoding.input_ids[0]).collect();
        self.passes.lock().unwrap().send(ids.clone()).unwrap();
        self.leave.lock().unwrap().recv().unwrap();
        assert!(!ids.contains(&POISON), "a text that the engine cannot bear");
        ids.into_iter().filter(|&id| id != DEADLY).map(|id| Ok(vec![id as f32])).collect()
    }
}

struct Stage {
    scheduler: Scheduler,
    leave: Sender<()>,
    passes: Receiver<Vec<u32>>,
    metrics: Metrics,
}

impl Stage {
    fn new(limits: SchedulerLimits) -> Self {
        let (leave, left) = channel();
        let (tell, passes) = channel();
        let metrics = Metrics::new();
        let info = ModelInfo { name: "m", revision: "", digest: "", precision: "f32", isa: "scalar" };
        let engine = Arc::new(Puppet { leave: Mutex::new(left), passes: Mutex::new(tell) });
        let model = EngineModel { engine, metrics: metrics.model(info) };
        Self { scheduler: Scheduler::start(vec![model], limits).unwrap(), leave, passes, metrics }
    }

    fn submit_in(&self, lane: Lane, within: Duration, texts: &[(u32, usize)]) -> Result<Vec<Pending>, Refusal> {
        let encodings = texts.iter().map(|&(id, tokens)| encoding(id, tokens)).collect();
        self.scheduler.submit(Work { model: 0, encodings, lane, deadline: Instant::now() + within })
    }

    fn submit(&self, texts: &[(u32, usize)]) -> Vec<Pending> {
        self.submit_in(Lane::Interactive, SOON, texts).unwrap()
    }

    /// The next pass begins; these are its texts.
    fn begun(&self) -> Vec<u32> {
        self.passes.recv_timeout(SOON).unwrap()
    }

    fn let_go(&self) {
        self.leave.send(()).unwrap();
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

fn answers(pending: Vec<Pending>) -> Vec<Result<f32, String>> {
    let answer = |pending: Pending| pending.wait().map(|a| a.logits[0]).map_err(|f| f.to_string());
    pending.into_iter().map(answer).collect()
}

#[test]
fn a_pass_is_formed_of_what_waits_when_the_engine_is_idle() {
    let stage = Stage::new(LIMITS);
    let first = stage.submit(&[(1, 10)]);
    assert_eq!(stage.begun(), [1]);
    let (second, third) = (stage.submit(&[(2, 10), (3, 10)]), stage.submit(&[(4, 10)]));
    assert_eq!(stage.metric("finsent_queue_texts{"), 3.0);
    assert_eq!(stage.metric("finsent_queue_tokens{"), 30.0);
    stage.let_go();
    assert_eq!(answers(first), [Ok(1.0)]);
    let mut together = stage.begun();
    together.sort_unstable();
    assert_eq!(together, [2, 3, 4]);
    stage.let_go();
    assert_eq!(answers(second), [Ok(2.0), Ok(3.0)]);
    assert_eq!(answers(third), [Ok(4.0)]);
    assert_eq!(stage.metric("finsent_queue_texts{"), 0.0);
    assert_eq!(stage.metric("finsent_batch_texts_count{"), 2.0);
}

#[test]
fn identical_texts_are_computed_once_and_then_remembered() {
    let stage = Stage::new(LIMITS);
    let first = stage.submit(&[(7, 10), (7, 10)]);
    assert_eq!(stage.begun(), [7]);
    let late = stage.submit(&[(7, 10)]);
    stage.let_go();
    for waiting in [first, late] {
        assert!(answers(waiting).iter().all(|answer| answer == &Ok(7.0)));
    }
    assert_eq!(stage.metric("finsent_shared_texts_total{"), 2.0);
    assert!(matches!(stage.submit(&[(7, 10)])[..], [Pending::Here(PassResult { computed: None, .. })]));
    assert_eq!(stage.metric("finsent_cache_hits_total{"), 1.0);
    assert_eq!(stage.metric("finsent_cache_misses_total{"), 3.0);
    // Another length is another text.
    let other = stage.submit(&[(7, 11)]);
    assert_eq!(stage.begun(), [7]);
    stage.let_go();
    assert_eq!(answers(other), [Ok(7.0)]);
}

#[test]
fn without_a_cache_a_text_is_computed_again() {
    let stage = Stage::new(SchedulerLimits { cache_entries: 0, ..LIMITS });
    for _ in 0..2 {
        let pending = stage.submit(&[(7, 10)]);
        stage.begun();
        stage.let_go();
        assert_eq!(answers(pending), [Ok(7.0)]);
    }
    assert_eq!(stage.metric("finsent_cache_misses_total{"), 0.0);
}

#[test]
fn work_whose_client_has_left_is_dropped_before_it_is_computed() {
    let stage = Stage::new(LIMITS);
    let first = stage.submit(&[(1, 10)]);
    stage.begun();
    drop(stage.submit(&[(2, 10)]));
    let (gone, stays) = (stage.submit(&[(3, 10)]), stage.submit(&[(3, 10)]));
    drop(gone);
    stage.let_go();
    assert_eq!(stage.begun(), [3], "one of the two who want it has stayed");
    stage.let_go();
    assert_eq!((answers(first), answers(stays)), (vec![Ok(1.0)], vec![Ok(3.0)]));
    assert_eq!(stage.metric("finsent_dropped_texts_total{model=\"m\",reason=\"client\"}"), 2.0);
}

#[test]
fn work_whose_deadline_has_passed_is_dropped_before_it_is_computed() {
    let stage = Stage::new(LIMITS);
    let first = stage.submit(&[(1, 10)]);
    stage.begun();
    let late = stage.submit_in(Lane::Interactive, Duration::ZERO, &[(2, 10)]).unwrap();
    stage.let_go();
    assert_eq!(answers(late), [Err("the deadline has passed".into())]);
    assert_eq!(answers(first), [Ok(1.0)]);
    assert_eq!(stage.metric("finsent_dropped_texts_total{model=\"m\",reason=\"deadline\"}"), 1.0);
    assert_eq!(stage.metric("finsent_queue_tokens{"), 0.0);
}

#[test]
fn a_full_queue_refuses_at_once_and_what_could_never_wait_is_told_so() {
    let stage = Stage::new(LIMITS);
    let mut all = stage.submit(&[(1, 10)]);
    stage.begun();
    all.extend(stage.submit(&(0..9).map(|id| (100 + id, 100)).collect::<Vec<_>>()));
    all.extend(stage.submit(&[(2, 100)]));
    let refusal = stage.submit_in(Lane::Interactive, SOON, &[(3, 1)]).unwrap_err();
    assert!(matches!(refusal, Refusal::Full { .. }), "{refusal:?}");
    let refusal = stage.submit_in(Lane::Interactive, SOON, &[(4, 1001)]).unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge { tokens: 1001, limit: 1000 });
    // Those that others have brought cost nothing.
    all.extend(stage.submit(&[(2, 100)]));
    drop(all);
    stage.let_go();
}

#[test]
fn bulk_leaves_half_of_the_queue_to_others_and_may_have_all_of_it_alone() {
    let stage = Stage::new(LIMITS);
    let _in_pass = stage.submit(&[(1, 10)]);
    stage.begun();
    let _large = stage.submit_in(Lane::Bulk, SOON, &[(2, 700)]).unwrap();
    assert!(matches!(stage.submit_in(Lane::Bulk, SOON, &[(3, 10)]).unwrap_err(), Refusal::Full { .. }));
    let _interactive = stage.submit_in(Lane::Interactive, SOON, &[(4, 300)]).unwrap();
    drop(stage.leave);
}

#[test]
fn what_cannot_be_done_by_its_deadline_is_refused() {
    let stage = Stage::new(LIMITS);
    let slow = stage.submit(&[(1, 10)]);
    stage.begun();
    std::thread::sleep(Duration::from_millis(200));
    stage.let_go();
    assert_eq!(answers(slow), [Ok(1.0)]);

    let within = Duration::from_millis(500);
    let running = stage.submit_in(Lane::Interactive, within, &[(2, 10)]).unwrap();
    stage.begun();
    let refusal = stage.submit_in(Lane::Interactive, within, &[(3, 20)]).unwrap_err();
    let Refusal::Full { retry_after } = refusal else { panic!("{refusal:?}") };
    assert!(retry_after > Duration::from_millis(100), "{retry_after:?}");
    let patient = stage.submit_in(Lane::Interactive, SOON, &[(4, 20)]).unwrap();
    for _ in 0..2 {
        stage.let_go();
    }
    assert_eq!((answers(running), answers(patient)), (vec![Ok(2.0)], vec![Ok(4.0)]));
}

#[test]
fn an_interactive_request_takes_the_bulk_text_that_it_shares_along() {
    let stage = Stage::new(SchedulerLimits { max_batch_tokens: 10, ..LIMITS });
    let first = stage.submit(&[(1, 10)]);
    stage.begun();
    let bulk = stage.submit_in(Lane::Bulk, SOON, &[(2, 10), (3, 10)]).unwrap();
    let now = stage.submit(&[(3, 10)]);
    (0..3).for_each(|_| stage.let_go());
    assert_eq!([stage.begun(), stage.begun()], [[3], [2]]);
    assert_eq!((answers(first), answers(now)), (vec![Ok(1.0)], vec![Ok(3.0)]));
    assert_eq!(answers(bulk), [Ok(2.0), Ok(3.0)]);
}

#[test]
fn a_text_that_makes_the_engine_panic_fails_alone() {
    let stage = Stage::new(LIMITS);
    let first = stage.submit(&[(1, 10)]);
    stage.begun();
    let company = stage.submit(&[(2, 10), (POISON, 10), (3, 10)]);
    (0..5).for_each(|_| stage.let_go());
    assert_eq!(answers(company), [Ok(2.0), Err("computing it failed unexpectedly".into()), Ok(3.0)]);
    assert_eq!(answers(first), [Ok(1.0)]);
    assert!(stage.scheduler.is_alive());
}

#[test]
fn a_dead_engine_leaves_nobody_waiting_and_says_so() {
    let stage = Stage::new(LIMITS);
    let running = stage.submit(&[(DEADLY, 10)]);
    stage.begun();
    let waiting = stage.submit(&[(2, 10)]);
    stage.let_go();
    assert_eq!(answers(running), [Err("the engine has stopped".into())]);
    assert_eq!(answers(waiting), [Err("the engine has stopped".into())]);
    block_on(stage.scheduler.died());
    assert!(!stage.scheduler.is_alive());
    assert_eq!(stage.submit_in(Lane::Interactive, SOON, &[(3, 1)]).unwrap_err(), Refusal::Stopped);
}
