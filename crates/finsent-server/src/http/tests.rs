//! The real server on a port of its own, over an engine that the tests hold in their hands.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use actix_web::web;
use finsent_kernels::ThreadPool;
use finsent_model::{ClassifyError, Encoding, ModelFiles, ModelOptions, Pipeline};
use tokio::sync::oneshot;

use super::*;
use crate::scheduler::{Engine, EngineModel, SchedulerLimits};

const LIMITS: HttpLimits = HttpLimits {
    max_concurrent_requests: 4,
    max_client_batch_size: 8,
    max_body_bytes: 2000,
    max_text_bytes: 500,
    request_timeout: Duration::from_secs(20),
};

/// What the engine does with a pass.
enum Order {
    Classification,
    Panic,
    /// Gives no outcome, which kills its thread.
    Die,
}

/// Does as it is ordered, a pass for each order, and tells when one begins.
struct Puppet {
    orders: Mutex<Receiver<Order>>,
    begun: Mutex<Sender<usize>>,
}

impl Engine for Puppet {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        self.begun.lock().unwrap().send(encodings.len()).unwrap();
        let order = self.orders.lock().unwrap().recv().unwrap();
        match order {
            Order::Classification => encodings.iter().map(|_| Ok(vec![2.0, 0.0, 1.0])).collect(),
            Order::Panic => panic!("as ordered"),
            Order::Die => Vec::new(),
        }
    }
}

struct Stage {
    service: Arc<Service>,
    address: String,
    orders: Sender<Order>,
    begun: Receiver<usize>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Stage {
    fn loading(limits: HttpLimits) -> Self {
        let service = Arc::new(Service::new(limits, 512, Keys::default()));
        let (stop, stopped) = oneshot::channel();
        let (tell, listening) = channel();
        let of_server = Arc::clone(&service);
        let server = thread::spawn(move || {
            let server = bind(&of_server);
            tell.send(server.addresses()[0].trim_start_matches("http://").to_owned()).unwrap();
            run(async {
                let running = server.start();
                stopped.await.unwrap_or_default();
                running.stop().await;
            })
            .unwrap();
        });
        let address = listening.recv().unwrap();
        let (orders, begun) = (channel().0, channel().1);
        Self { service, address, orders, begun, stop: Some(stop), server: Some(server) }
    }

    fn ready(limits: HttpLimits) -> Self {
        let mut stage = Self::loading(limits);
        let (orders, ordered) = channel();
        let (tell, begun) = channel();
        let model = served(&stage.service);
        let puppet = Arc::new(Puppet { orders: Mutex::new(ordered), begun: Mutex::new(tell) });
        let engine = EngineModel { engine: puppet, metrics: model.metrics.clone() };
        let limits = SchedulerLimits { max_batch_tokens: 100, max_queue_tokens: 100, cache_entries: 10 };
        let scheduler = Scheduler::start(vec![engine], limits).unwrap();
        stage.service.ready(Loaded { models: vec![Arc::new(model)], scheduler });
        (stage.orders, stage.begun) = (orders, begun);
        stage
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Sends a request and leaves its answer on the way.
    fn send(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = self.connect();
        let length = body.len();
        let head = format!("{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    fn exchange(&self, head: &str, body: &str) -> (u16, String) {
        answer(self.send(head, body))
    }

    fn score(&self, text: &str) -> TcpStream {
        self.send("POST /v1/sentiment", &format!(r#"{{"inputs": "{text}"}}"#))
    }

    fn metric(&self, line: &str) -> f64 {
        let (_, answer) = self.exchange("GET /metrics", "");
        let found = answer.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{line} in {answer}")).parse().unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.server.take().map(JoinHandle::join).unwrap().unwrap();
    }
}

/// All routes, and one that panics, at a port of its own.
fn bind(service: &Arc<Service>) -> Server {
    let settings = ServerSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        metrics_listen: None,
        cors_origins: Vec::new(),
        shutdown_timeout: Duration::from_secs(5),
    };
    let with_panic = |app: &mut web::ServiceConfig| {
        app.route("/panic", web::get().to(async || -> String { panic!("as asked") }));
        routes::all(app);
    };
    let mut server = Server::default();
    server.open(service, &settings, &settings.listen, with_panic).unwrap();
    server
}

/// Status and the rest.
fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
    (status, answer)
}

fn served(service: &Service) -> ServedModel {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/small");
    let files = ModelFiles::in_dir(&dir, &["f32.safetensors"]).unwrap();
    let pipeline = Pipeline::load(&files, &ModelOptions::default(), &Arc::new(ThreadPool::new(None).unwrap())).unwrap();
    let identity = Identity {
        name: "small".into(),
        repository: Some("acme/small".into()),
        revision: None,
        digest: "sha256:0".into(),
        golden: Vec::new(),
    };
    ServedModel::new(0, identity, pipeline, &service.metrics)
}

#[test]
fn while_models_are_loading_probes_answer_and_work_is_refused_in_every_dialect() {
    let stage = Stage::loading(LIMITS);
    assert_eq!(stage.exchange("GET /livez", "").0, 200);
    assert_eq!(stage.exchange("GET /v2/health/live", "").0, 200);
    for probe in ["/readyz", "/health", "/v2/health/ready", "/v1/models", "/info", "/v2/models/small/ready"] {
        assert_eq!(stage.exchange(&format!("GET {probe}"), "").0, 503, "{probe}");
    }
    let loading = |route: &str, words: &str| {
        let (status, answer) = stage.exchange(&format!("POST {route}"), r#"{"inputs": "a"}"#);
        assert!(status == 503 && answer.contains(words), "{route}: {answer}");
    };
    loading("/v1/sentiment", "application/problem+json");
    loading("/", r#""estimated_time":"#);
    loading("/predict", r#""error_type":"Unhealthy""#);
    loading("/v2/models/small/infer", r#"{"error":"the models are being loaded"}"#);
}

#[test]
fn a_panic_in_a_handler_is_that_requests_500() {
    let stage = Stage::ready(LIMITS);
    let (status, answer) = stage.exchange("GET /panic", "");
    assert!(status == 500 && answer.contains("x-request-id: ") && answer.contains("failed unexpectedly"), "{answer}");
    assert_eq!(stage.exchange("GET /readyz", "").0, 200);
}

#[test]
fn a_panic_in_the_engine_is_the_500_of_the_request_that_made_it() {
    let stage = Stage::ready(LIMITS);
    stage.orders.send(Order::Panic).unwrap();
    let (status, answer) = answer(stage.score("a"));
    assert!(status == 500 && answer.contains("application/problem+json"), "{answer}");
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(super::tests::answer(stage.score("b")).0, 200);
}

#[test]
fn a_dead_engine_takes_readiness_with_it() {
    let stage = Stage::ready(LIMITS);
    stage.orders.send(Order::Die).unwrap();
    assert_eq!(answer(stage.score("a")).0, 503);
    let (status, answer) = stage.exchange("GET /readyz", "");
    assert!(status == 503 && answer.contains(r#"{"status":"failed"}"#), "{answer}");
    assert_eq!(stage.exchange("GET /livez", "").0, 200);
}

#[test]
fn probes_do_not_wait_behind_the_engine_and_draining_is_not_ready() {
    let stage = Stage::ready(LIMITS);
    let waiting = stage.score("a");
    assert_eq!(stage.begun.recv().unwrap(), 1);
    assert_eq!(stage.exchange("GET /livez", "").0, 200);
    assert_eq!(stage.exchange("GET /readyz", "").0, 200);
    stage.service.drain();
    let (status, ready) = stage.exchange("GET /readyz", "");
    assert!(status == 503 && ready.contains(r#"{"status":"draining"}"#), "{ready}");
    let taken = stage.score("b");
    (0..2).for_each(|_| stage.orders.send(Order::Classification).unwrap());
    assert_eq!((answer(waiting).0, answer(taken).0), (200, 200), "requests are still taken");
}

#[test]
fn a_full_house_is_429_at_once_with_when_to_come_again() {
    let stage = Stage::ready(LIMITS);
    let waiting: Vec<TcpStream> = ["a", "b", "c", "d"].map(|text| stage.score(text)).into();
    stage.begun.recv().unwrap();
    while stage.service.permits.available_permits() > 0 {
        thread::yield_now();
    }
    for (route, words) in [
        ("/v1/sentiment", "application/problem+json"),
        ("/", r#"{"error":"#),
        ("/predict", r#""error_type":"Overloaded""#),
        ("/v2/models/small/infer", r#"{"error":"#),
    ] {
        let (status, answer) = stage.exchange(&format!("POST {route}"), r#"{"inputs": "e"}"#);
        assert!(status == 429 && answer.contains("retry-after: 1\r\n") && answer.contains(words), "{route}: {answer}");
    }
    (0..4).for_each(|_| stage.orders.send(Order::Classification).unwrap());
    assert!(waiting.into_iter().all(|stream| answer(stream).0 == 200));
}

#[test]
fn a_full_queue_is_429_and_what_never_fits_is_413() {
    let stage = Stage::ready(LIMITS);
    let running = stage.score("a");
    stage.begun.recv().unwrap();
    let many = |word: &str, count: usize| {
        let texts: Vec<String> = (0..count).map(|text| format!(r#""{word} {text} {}""#, "b ".repeat(20))).collect();
        stage.send("POST /v1/sentiment", &format!(r#"{{"inputs": [{}]}}"#, texts.join(",")))
    };
    let waiting = many("x", 3);
    while stage.metric("finsent_queue_texts{model=\"small\"}") < 3.0 {
        thread::yield_now();
    }
    let (status, refused) = answer(many("y", 2));
    assert!(status == 429 && refused.contains("retry-after: "), "{refused}");
    let (status, refused) = answer(many("z", 8));
    assert!(status == 413 && refused.contains("in parts"), "{refused}");
    (0..4).for_each(|_| stage.orders.send(Order::Classification).unwrap());
    assert_eq!((answer(running).0, answer(waiting).0), (200, 200));
}

#[test]
fn a_deadline_that_passes_is_504_and_the_work_is_dropped() {
    let stage = Stage::ready(LIMITS);
    let running = stage.score("a");
    stage.begun.recv().unwrap();
    let (status, late) = stage.exchange("POST /v1/sentiment", r#"{"inputs": "b", "deadline_ms": 50}"#);
    assert!(status == 504 && late.contains("the deadline passed"), "{late}");
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(answer(running).0, 200);
    let next = stage.score("c");
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(answer(next).0, 200);
    let passes: Vec<usize> = stage.begun.try_iter().collect();
    assert_eq!(passes, [1], "the text of the late one was not computed");
    assert_eq!(stage.metric("finsent_dropped_texts_total{model=\"small\",reason=\"client\"}"), 1.0);
}

#[test]
fn work_of_a_client_that_has_left_is_dropped() {
    let stage = Stage::ready(LIMITS);
    let running = stage.score("a");
    stage.begun.recv().unwrap();
    let leaving = stage.score("b");
    while stage.metric("finsent_queue_texts{model=\"small\"}") < 1.0 {
        thread::yield_now();
    }
    drop(leaving);
    // Its place is free again when the server has seen that it left.
    while stage.service.permits.available_permits() < LIMITS.max_concurrent_requests - 1 {
        thread::yield_now();
    }
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(answer(running).0, 200);
    let next = stage.score("c");
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(answer(next).0, 200);
    assert_eq!(stage.metric("finsent_dropped_texts_total{model=\"small\",reason=\"client\"}"), 1.0);
}

#[test]
fn a_body_that_does_not_arrive_is_408() {
    let stage = Stage::ready(HttpLimits { request_timeout: Duration::from_millis(300), ..LIMITS });
    let mut stream = stage.connect();
    let head =
        "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    write!(stream, "{head}{{\"inputs\":").unwrap();
    let (status, slow) = answer(stream);
    assert!(status == 408 && slow.contains("did not arrive within 0.3 s"), "{slow}");
}

#[test]
fn bodies_in_memory_are_bounded_in_all() {
    let stage = Stage::ready(HttpLimits { max_concurrent_requests: 100, ..LIMITS });
    let head =
        "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000\r\n\r\n";
    let hold = || {
        let mut stream = stage.connect();
        write!(stream, "{head}{}", " ".repeat(1990)).unwrap();
        stream
    };
    let held: Vec<TcpStream> = (0..32).map(|_| hold()).collect();
    while stage.service.body_bytes.load(Ordering::Relaxed) < 32 * 1990 {
        thread::yield_now();
    }
    let (status, refused) = stage.exchange("POST /v1/sentiment", &format!(r#"{{"inputs": "{}"}}"#, "a".repeat(400)));
    assert!(status == 429 && refused.contains("retry-after: 1\r\n"), "{refused}");
    drop(held);
    while stage.service.body_bytes.load(Ordering::Relaxed) > 0 {
        thread::yield_now();
    }
    let next = stage.score("a");
    stage.orders.send(Order::Classification).unwrap();
    assert_eq!(answer(next).0, 200);
}
