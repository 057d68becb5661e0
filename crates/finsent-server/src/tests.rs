//! The real server, with a backend whose batches the tests control.

#[cfg(feature = "grpc")]
mod grpc;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use actix_web::web;
use finsent_kernels::ComputeThreads;
use finsent_model::{ClassifyError, Encoding, ModelFiles, ModelOptions, Pipeline};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::sync::oneshot;

use crate::memory_budget::Holder;
use crate::scheduler::{Backend, BackendModel, SchedulerLimits};
use crate::server::{Server, ServerSettings};
use crate::{ApiKeys, HttpLimits, LoadedModels, ModelCard, ModelIdentity, ServedModel, Service, probes, routes};

pub(crate) const LIMITS: HttpLimits = HttpLimits {
    max_concurrent_requests: 4,
    max_client_batch_size: 8,
    max_body_bytes: 2000,
    max_text_bytes: 500,
    request_timeout: Duration::from_secs(20),
    explain_budget: 100,
};

/// What the backend does with a batch.
enum Instruction {
    Compute,
    Panic,
    /// Returns no outcome, which kills the engine thread.
    Die,
}

/// Reports each batch, then follows one instruction.
struct ManualBackend {
    instructions: Mutex<Receiver<Instruction>>,
    batches: Mutex<Sender<usize>>,
}

impl Backend for ManualBackend {
    fn logits(&self, encodings: &[&Encoding]) -> Vec<Result<Vec<f32>, ClassifyError>> {
        self.batches.lock().unwrap().send(encodings.len()).unwrap();
        let instruction = self.instructions.lock().unwrap().recv().unwrap();
        match instruction {
            Instruction::Compute => encodings.iter().map(|_| Ok(vec![2.0, 0.0, 1.0])).collect(),
            Instruction::Panic => panic!("as instructed"),
            Instruction::Die => Vec::new(),
        }
    }
}

struct Harness {
    service: Arc<Service>,
    address: String,
    #[cfg(feature = "grpc")]
    grpc_address: String,
    instructions: Sender<Instruction>,
    batches: Receiver<usize>,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

impl Harness {
    fn loading(limits: HttpLimits) -> Self {
        Self::with_keys(limits, ApiKeys::default())
    }

    fn with_keys(limits: HttpLimits, keys: ApiKeys) -> Self {
        Self::of(Service::new(limits, 512, keys))
    }

    fn of(service: Service) -> Self {
        let service = Arc::new(service);
        let (stop, stopped) = oneshot::channel();
        let (sender, listening) = channel();
        let served = Arc::clone(&service);
        let server = thread::spawn(move || {
            let server = bind(&served);
            sender.send(server.addresses().to_vec()).unwrap();
            let running = server.start().unwrap();
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
                stopped.await.unwrap_or_default();
                running.stop().await;
            });
        });
        let addresses = listening.recv().unwrap();
        let (instructions, batches) = (channel().0, channel().1);
        Self {
            service,
            address: addresses[0].trim_start_matches("http://").to_owned(),
            #[cfg(feature = "grpc")]
            grpc_address: addresses[1].trim_end_matches(" (gRPC)").to_owned(),
            instructions,
            batches,
            stop: Some(stop),
            server: Some(server),
        }
    }

    fn ready(limits: HttpLimits) -> Self {
        let mut harness = Self::loading(limits);
        harness.load();
        harness
    }

    fn load(&mut self) {
        let (instructions, received) = channel();
        let (sender, batches) = channel();
        let mut model = small_model(&self.service);
        let backend = Arc::new(ManualBackend { instructions: Mutex::new(received), batches: Mutex::new(sender) });
        model.backend = Arc::new(BackendModel::new(0, backend, model.metrics.clone()));
        let limits = SchedulerLimits { max_batch_tokens: 100, max_queue_tokens: 100, cache_entries: 10 };
        self.service.set_loaded(LoadedModels::start(vec![model], limits).unwrap());
        (self.instructions, self.batches) = (instructions, batches);
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).unwrap()
    }

    /// Sends a request. Its response is still to be read.
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

impl Drop for Harness {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.server.take().map(JoinHandle::join).unwrap().unwrap();
    }
}

/// A server with all routes, and one that panics.
fn bind(service: &Arc<Service>) -> Server {
    let settings = ServerSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        grpc_listen: Vec::new(),
        metrics_listen: None,
        page: true,
        cors_origins: Vec::new(),
        drain_delay: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(5),
    };
    let with_panic = |app: &mut web::ServiceConfig| {
        app.route("/panic", web::get().to(async || -> String { panic!("as intended") }));
        routes::register_all(app);
    };
    let mut server = Server::new(service, &settings).unwrap();
    server.listen(&settings, &settings.listen, with_panic, probes::OF_SERVICE).unwrap();
    #[cfg(feature = "grpc")]
    server.listen_for_grpc(&settings.listen).unwrap();
    server
}

/// The status and the whole response.
fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("{answer:?}")).parse().unwrap();
    (status, answer)
}

pub(crate) fn small_model(service: &Service) -> ServedModel {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/small");
    let files = ModelFiles::in_dir(&dir, &["f32.safetensors"]).unwrap();
    let pipeline =
        Pipeline::load(&files, &ModelOptions::default(), &Arc::new(ComputeThreads::new(None).unwrap())).unwrap();
    let identity = ModelIdentity {
        name: "small".into(),
        repository: Some("acme/small".into()),
        revision: None,
        digest: "sha256:0".into(),
        golden: Vec::new(),
        card: ModelCard::default(),
    };
    ServedModel::new(0, identity, pipeline, &service.metrics)
}

#[test]
fn while_models_are_loading_probes_answer_and_requests_fail_in_every_protocol() {
    let harness = Harness::loading(LIMITS);
    assert_eq!(harness.exchange("GET /livez", "").0, 200);
    assert_eq!(harness.exchange("GET /v2/health/live", "").0, 200);
    for probe in ["/readyz", "/health", "/v2/health/ready", "/v1/models", "/info", "/v2/models/small/ready"] {
        assert_eq!(harness.exchange(&format!("GET {probe}"), "").0, 503, "{probe}");
    }
    let loading = |route: &str, words: &str| {
        let (status, answer) = harness.exchange(&format!("POST {route}"), r#"{"inputs": "a"}"#);
        assert!(status == 503 && answer.contains(words), "{route}: {answer}");
    };
    loading("/v1/sentiment", "application/problem+json");
    loading("/", r#""estimated_time":"#);
    loading("/predict", r#""error_type":"Unhealthy""#);
    loading("/v2/models/small/infer", r#"{"error":"the models are still loading"#);
}

#[test]
fn a_panic_in_a_handler_is_a_500_for_its_request() {
    let harness = Harness::ready(LIMITS);
    let (status, answer) = harness.exchange("GET /panic", "");
    assert!(status == 500 && answer.contains("x-request-id: ") && answer.contains("unexpected error"), "{answer}");
    assert_eq!(harness.exchange("GET /readyz", "").0, 200);
}

#[test]
fn a_panic_in_the_backend_is_a_500_for_the_request_that_caused_it() {
    let harness = Harness::ready(LIMITS);
    harness.instructions.send(Instruction::Panic).unwrap();
    let (status, failed) = answer(harness.score("a"));
    assert!(status == 500 && failed.contains("application/problem+json"), "{failed}");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(harness.score("b")).0, 200);
}

#[test]
fn a_service_whose_engine_has_died_is_not_ready() {
    let harness = Harness::ready(LIMITS);
    harness.instructions.send(Instruction::Die).unwrap();
    assert_eq!(answer(harness.score("a")).0, 503);
    let (status, answer) = harness.exchange("GET /readyz", "");
    assert!(status == 503 && answer.contains(r#"{"status":"failed"}"#), "{answer}");
    assert_eq!(harness.exchange("GET /livez", "").0, 200);
}

#[test]
fn probes_do_not_wait_for_the_engine_and_a_draining_service_is_not_ready() {
    let harness = Harness::ready(LIMITS);
    let waiting = harness.score("a");
    assert_eq!(harness.batches.recv().unwrap(), 1);
    assert_eq!(harness.exchange("GET /livez", "").0, 200);
    assert_eq!(harness.exchange("GET /readyz", "").0, 200);
    harness.service.drain();
    let (status, ready) = harness.exchange("GET /readyz", "");
    assert!(status == 503 && ready.contains(r#"{"status":"draining"}"#), "{ready}");
    let accepted = harness.score("b");
    (0..2).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    assert_eq!((answer(waiting).0, answer(accepted).0), (200, 200), "requests are still answered");
}

#[test]
fn too_many_concurrent_requests_are_429_with_retry_after() {
    let harness = Harness::ready(LIMITS);
    let waiting: Vec<TcpStream> = ["a", "b", "c", "d"].map(|text| harness.score(text)).into();
    harness.batches.recv().unwrap();
    while harness.service.permits.available_permits() > 0 {
        thread::yield_now();
    }
    for (route, words) in [
        ("/v1/sentiment", "application/problem+json"),
        ("/", r#"{"error":"#),
        ("/predict", r#""error_type":"Overloaded""#),
        ("/v2/models/small/infer", r#"{"error":"#),
    ] {
        let (status, answer) = harness.exchange(&format!("POST {route}"), r#"{"inputs": "e"}"#);
        assert!(status == 429 && answer.contains("retry-after: 1\r\n") && answer.contains(words), "{route}: {answer}");
    }
    (0..4).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    assert!(waiting.into_iter().all(|stream| answer(stream).0 == 200));
}

#[test]
fn a_full_queue_is_429_and_a_request_larger_than_the_queue_is_413() {
    let harness = Harness::ready(LIMITS);
    let running = harness.score("a");
    harness.batches.recv().unwrap();
    let many = |word: &str, count: usize| {
        let texts: Vec<String> = (0..count).map(|text| format!(r#""{word} {text} {}""#, "b ".repeat(20))).collect();
        harness.send("POST /v1/sentiment", &format!(r#"{{"inputs": [{}]}}"#, texts.join(",")))
    };
    let waiting = many("x", 3);
    while harness.metric("finsent_queue_texts{model=\"small\"}") < 3.0 {
        thread::yield_now();
    }
    let (status, refused) = answer(many("y", 2));
    assert!(status == 429 && refused.contains("retry-after: "), "{refused}");
    let (status, refused) = answer(many("z", 8));
    assert!(status == 413 && refused.contains("in parts"), "{refused}");
    (0..4).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    assert_eq!((answer(running).0, answer(waiting).0), (200, 200));
}

#[test]
fn a_missed_deadline_is_504_and_its_work_is_dropped() {
    let harness = Harness::ready(LIMITS);
    let running = harness.score("a");
    harness.batches.recv().unwrap();
    let (status, late) = harness.exchange("POST /v1/sentiment", r#"{"inputs": "b", "deadline_ms": 50}"#);
    assert!(status == 504 && late.contains("the deadline passed"), "{late}");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(running).0, 200);
    let next = harness.score("c");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(next).0, 200);
    let batches: Vec<usize> = harness.batches.try_iter().collect();
    assert_eq!(batches, [1], "the text of the late request was computed");
    assert_eq!(harness.metric("finsent_dropped_texts_total{model=\"small\",reason=\"client\"}"), 1.0);
}

#[test]
fn work_of_a_disconnected_client_is_dropped() {
    let harness = Harness::ready(LIMITS);
    let running = harness.score("a");
    harness.batches.recv().unwrap();
    let leaving = harness.score("b");
    while harness.metric("finsent_queue_texts{model=\"small\"}") < 1.0 {
        thread::yield_now();
    }
    drop(leaving);
    // Its permit is free again once the server has noticed.
    while harness.service.permits.available_permits() < LIMITS.max_concurrent_requests - 1 {
        thread::yield_now();
    }
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(running).0, 200);
    let next = harness.score("c");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(next).0, 200);
    assert_eq!(harness.metric("finsent_dropped_texts_total{model=\"small\",reason=\"client\"}"), 1.0);
}

#[test]
fn an_explanation_is_counted_and_fills_no_cache() {
    let harness = Harness::ready(LIMITS);
    (0..100).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    let body =
        r#"{"inputs": ["a b c", {"id": 7, "text": ""}, "a"], "explain": {"method": "occlusion", "label": "LABEL_0"}}"#;
    let (status, answer) = harness.exchange("POST /v1/sentiment", &body.replace("LABEL_0", &label(&harness)));
    assert_eq!(status, 200, "{answer}");
    let results = &json(&answer)["results"];
    assert_eq!(results[0]["explanation"]["words"].as_array().unwrap().len(), 3, "{answer}");
    assert_eq!(
        (results[0]["explanation"]["passes"].as_u64(), results[2]["explanation"]["passes"].as_u64()),
        (Some(4), Some(1))
    );
    assert!(results[1]["error"].is_string() && results[1].get("explanation").is_none(), "{answer}");
    assert_eq!(harness.metric("finsent_explanations_total{model=\"small\"}"), 2.0);
    assert_eq!(harness.metric("finsent_explanation_passes_total{model=\"small\"}"), 5.0);
    assert_eq!(harness.metric("finsent_cache_misses_total{model=\"small\"}"), 2.0);
    let (_, answer) = harness.exchange("POST /v1/sentiment", r#"{"inputs": ["b c", "a b c"]}"#);
    assert!(!answer.contains("explanation"), "{answer}");
    assert_eq!(harness.metric("finsent_cache_hits_total{model=\"small\"}"), 1.0, "a pass was cached");
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}

#[test]
fn texts_beyond_the_budget_of_explanations_fail_and_0_turns_them_off() {
    let harness = Harness::ready(HttpLimits { explain_budget: 7, ..LIMITS });
    (0..100).for_each(|_| harness.instructions.send(Instruction::Compute).unwrap());
    let body = r#"{"inputs": ["a b", "b a", "a", "a b c a b c a"], "explain": true}"#;
    let (status, found) = harness.exchange("POST /v1/sentiment", body);
    let results = &json(&found)["results"];
    assert_eq!((status, results[0]["explanation"]["passes"].as_u64()), (200, Some(3)), "{found}");
    assert_eq!(results[1]["explanation"]["method"], "shapley");
    assert_eq!(results[2]["explanation"]["words"][0]["text"], "a");
    assert!(results[3]["error"].as_str().unwrap().contains("send `method` `occlusion`"), "{found}");
    let (_, found) = harness.exchange("POST /v1/sentiment", &body.replace("\"a\",", "\"a b\","));
    let refused = json(&found)["results"][2]["error"].to_string();
    assert!(refused.contains("may take 7 passes in all (--explain-budget); send fewer texts"), "{found}");

    let harness = Harness::ready(HttpLimits { explain_budget: 0, ..LIMITS });
    let (status, found) = harness.exchange("POST /v1/sentiment", body);
    assert!(status == 422 && found.contains("explains no predictions"), "{found}");
}

#[test]
fn an_explanation_that_is_malformed_is_refused_before_the_work() {
    let harness = Harness::ready(LIMITS);
    for (explain, granularity, words) in [
        ("1", "text", "`explain`: expected true, false or an object, found a number"),
        (
            r#"{"method": "lime"}"#,
            "text",
            "`explain`: `method`: unknown variant `lime`, expected `occlusion` or `shapley`",
        ),
        (r#"{"lable": "a"}"#, "text", "unknown field `lable`; did you mean `label`?"),
        (r#"{"label": "optimistic"}"#, "text", "`explain`: no label `optimistic` to explain; the labels are"),
        ("true", "sentence", "`explain` needs `granularity` `text` or `document`"),
    ] {
        let body = format!(r#"{{"inputs": "a", "granularity": "{granularity}", "explain": {explain}}}"#);
        let (status, refused) = harness.exchange("POST /v1/sentiment", &body);
        let detail = json(&refused)["detail"].as_str().unwrap_or_default().to_owned();
        assert!(status == 422 && detail.contains(words), "{explain}: {refused}");
    }
}

#[test]
fn an_explanation_ends_when_its_client_leaves_or_its_deadline_passes() {
    let harness = Harness::ready(LIMITS);
    let explain = |deadline: u32| {
        let body = format!(r#"{{"inputs": "a b c a b c a b", "explain": true, "deadline_ms": {deadline}}}"#);
        harness.send("POST /v1/sentiment", &body)
    };
    for deadline in [20_000, 300] {
        let explained = explain(deadline);
        // The prediction, from the cache the second time, and the first batch of the explanation.
        if deadline == 20_000 {
            harness.batches.recv().unwrap();
            harness.instructions.send(Instruction::Compute).unwrap();
        }
        harness.batches.recv().unwrap();
        if deadline == 20_000 {
            drop(explained);
        } else {
            assert_eq!(answer(explained).0, 504);
        }
        while harness.service.permits.available_permits() < LIMITS.max_concurrent_requests {
            thread::yield_now();
        }
        harness.instructions.send(Instruction::Compute).unwrap();
        let next = harness.score(&format!("c {deadline}"));
        harness.instructions.send(Instruction::Compute).unwrap();
        assert_eq!(answer(next).0, 200);
        assert_eq!(harness.batches.recv().unwrap(), 1, "more of the explanation was computed");
    }
}

/// The first label of the model.
fn label(harness: &Harness) -> String {
    json(&harness.exchange("GET /v1/models", "").1)["models"][0]["labels"][0].as_str().unwrap().to_owned()
}

/// The body of an answer.
fn json(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_body_that_does_not_arrive_is_408() {
    let harness = Harness::ready(HttpLimits { request_timeout: Duration::from_millis(300), ..LIMITS });
    let mut stream = harness.connect();
    let head =
        "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    write!(stream, "{head}{{\"inputs\":").unwrap();
    let (status, slow) = answer(stream);
    assert!(status == 408 && slow.contains("did not arrive within 0.3 s"), "{slow}");
}

#[test]
fn a_request_is_refused_while_others_hold_all_memory() {
    let harness = Harness::ready(LIMITS);
    let memory = &harness.service.memory;
    let taken = 1000 * (0..).take_while(|_| memory.take(Holder::Request, 1000)).count();
    let (status, refused) = harness.exchange("POST /v1/sentiment", &format!(r#"{{"inputs": "{}"}}"#, "a".repeat(1200)));
    assert!(status == 429 && refused.contains("retry-after: 1\r\n"), "{refused}");
    memory.give_back(Holder::Request, taken);
    let next = harness.score("a");
    harness.instructions.send(Instruction::Compute).unwrap();
    assert_eq!(answer(next).0, 200);
}

#[test]
fn nothing_is_held_after_a_request_however_it_ends() {
    let harness = Harness::ready(LIMITS);
    let requests = [
        ("/v1/sentiment", r#"{"inputs": ["a", "b"], "granularity": "document"}"#, 200),
        ("/", r#"{"inputs": ["c", "d"]}"#, 200),
        ("/predict", r#"{"inputs": ["e", "f"]}"#, 200),
        ("/v1/models/small:predict", r#"{"instances": ["g", "h"]}"#, 200),
        ("/v2/models/small/infer", r#"{"inputs": [{"name": "text", "data": ["i", "j"]}]}"#, 200),
        ("/v1/sentiment", r#"{"inputs": ["a"#, 400),
        ("/v1/sentiment", r#"{"inputs": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}"#, 413),
        ("/v1/sentiment", r#"{"inputs": 1}"#, 422),
        ("/v1/sentiment", r#"{"inputs": "late", "deadline_ms": 1}"#, 504),
    ];
    for _ in 0..requests.len() {
        harness.instructions.send(Instruction::Compute).unwrap();
    }
    for (route, body, expected) in requests {
        let (status, found) = harness.exchange(&format!("POST {route}"), body);
        assert!(status == expected || (expected == 504 && status == 200), "{route} {body}: {found}");
    }
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}

#[test]
fn an_upgrade_with_a_body_is_refused_and_the_connection_is_closed() {
    let harness = Harness::ready(LIMITS);
    for kind in ["application/json", "application/x-ndjson"] {
        let mut stream = harness.connect();
        let body = r#"{"inputs": "a"}"#;
        let head = format!("POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n");
        let upgrade = "Connection: Upgrade\r\nUpgrade: WebSocket\r\n";
        let next = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
        // In one piece: the head is refused before the rest is there.
        let request = format!("{head}{upgrade}Content-Length: {}\r\n\r\n{body}{next}", body.len());
        stream.write_all(request.as_bytes()).unwrap();
        let (status, refused) = answer(stream);
        assert!(status == 400 && refused.contains("upgrade"), "{refused}");
        assert_eq!(refused.matches("HTTP/1.1").count(), 1, "what follows is answered as another request: {refused}");
    }
}

/// The answer to a stream with this body.
fn stream(harness: &Harness, coding: &str, body: &[u8]) -> String {
    let mut stream = harness.connect();
    let head = "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\n";
    write!(stream, "{head}Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(body).unwrap();
    answer(stream).1
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn a_stream_that_is_mostly_compression_or_blank_is_ended() {
    let harness = Harness::ready(HttpLimits { max_body_bytes: 1 << 20, ..LIMITS });
    let (ratio, blank) = ("the body decompresses to more than 64 times its size", "1048576 blank bytes in a row");
    for (endless, reason) in [(&b"\n"[..], ratio), (b"1\n", ratio), (b"x", ratio), (b"   \r\n", blank)] {
        let found = stream(&harness, "gzip", &gzip(&endless.repeat(30_000_000 / endless.len())));
        assert!(found.contains(reason), "{found}");
    }
    let blank = stream(&harness, "identity", &b"   \r\n".repeat(1 << 18));
    assert!(blank.contains("more than 1048576 blank bytes in a row"), "{blank}");
    let short = stream(&harness, "gzip", &gzip(&vec![b'x'; 4_000_000]));
    assert!(short.contains("the line is longer than 1048576 bytes"), "{short}");
    while harness.service.memory.held() > 0 {
        thread::yield_now();
    }
}
