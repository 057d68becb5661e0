//! Models that are exchanged and unloaded while requests are answered.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use finsent_testing::models::{copy_files, mini, negate_weights, small_model};
use finsent_testing::{Address, Response, Stream, wait_until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{self, Server};

const KEY: &str = "open-sesame";
/// Part of the name of the folder with the models.
const FOLDER: &str = "hidden-place";
const CLIENTS: usize = 6;
const INT8: [&str; 2] = ["--precision", "int8"];

/// A server that may exchange its models, and the folder of the first one.
struct Service {
    server: Server,
    model: PathBuf,
    dir: TempDir,
}

impl Service {
    /// With the small model `small`; `more` are further arguments.
    fn start(more: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix(FOLDER).tempdir().unwrap();
        let model = small_model(dir.path(), "small");
        Self::of(dir, model, more)
    }

    fn of(dir: TempDir, model: PathBuf, more: &[&str]) -> Self {
        let keys = dir.path().join("keys");
        fs::write(&keys, KEY).unwrap();
        let args = ["--model", model.to_str().unwrap(), "--allow-reload", "--api-key-file", keys.to_str().unwrap()];
        Self { server: server::start(&[&args, more].concat()), model, dir }
    }

    fn post(&self, path: &str, body: &str) -> Response {
        post(&self.server.address, path, body)
    }

    fn load(&self, name: &str) -> Response {
        self.post(&format!("/v2/repository/models/{name}/load"), "")
    }

    fn unload(&self, name: &str) -> Response {
        self.post(&format!("/v2/repository/models/{name}/unload"), "")
    }

    /// State and reason of the first model.
    fn state(&self) -> (String, String) {
        let model = self.post("/v2/repository/index", "").expect(200)[0].clone();
        (model["state"].as_str().unwrap().into(), model["reason"].as_str().unwrap().into())
    }

    fn of_small(&self, name: &str) -> f64 {
        self.server.metric(&format!("finsent_{name}{{model=\"small\"}}"))
    }

    fn reloads(&self, result: &str) -> f64 {
        self.server.metric(&format!("finsent_model_reloads_total{{model=\"small\",result=\"{result}\"}}"))
    }
}

fn post(address: &Address, path: &str, body: &str) -> Response {
    address.request("POST", path).header("Authorization", format!("Bearer {KEY}")).body(body).send()
}

/// Texts that differ, of different lengths.
fn texts() -> Vec<String> {
    (1..=20).map(|number| format!("item {number} {}", "profit rose and costs fell ".repeat(number % 5))).collect()
}

fn sentiment(address: &Address) -> Value {
    let request = address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let request = request.header("Authorization", format!("Bearer {KEY}"));
    request.body(json!({"inputs": texts()}).to_string()).send().expect(200)
}

/// What a service that has just been started answers with a model: that of `model` at present.
fn answers_of_a_fresh_service(model: &Path, more: &[&str]) -> Value {
    sentiment(&server::start(&[&["--model", model.to_str().unwrap()], more].concat()).address)
}

/// How many exchanges have begun, and how many are done.
#[derive(Default)]
struct Exchanges {
    begun: AtomicUsize,
    done: AtomicUsize,
    is_over: AtomicBool,
}

/// Sends requests on one connection until the exchanges are over. Each answer is wholly that of the model which may answer at
/// that time. Returns how many requests were answered.
fn ask_on_one_connection(address: &Address, number: usize, exchanges: &Exchanges, expected: &[Value; 2]) -> usize {
    let texts = texts();
    let mut stream = BufReader::new(address.connect());
    let mut answered = 0;
    while !exchanges.is_over.load(Ordering::SeqCst) {
        let first = (answered * 7 + number) % texts.len();
        let last = (first + 1 + answered % 5).min(texts.len());
        let body = json!({"inputs": texts[first..last]}).to_string();
        let request = address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        let request = request.header("Authorization", format!("Bearer {KEY}")).body(body);
        let done = exchanges.done.load(Ordering::SeqCst);
        stream.get_mut().write_all(&request.bytes()).unwrap();
        let answer = Response::read(&mut stream).expect("a request was not answered").expect(200);
        let begun = exchanges.begun.load(Ordering::SeqCst);
        let is_of = |exchanges: usize| {
            let expected = &expected[exchanges % 2];
            answer["model"] == expected["model"]
                && answer["results"].as_array().unwrap()[..] == expected["results"].as_array().unwrap()[first..last]
        };
        assert!((done..=begun).any(is_of), "after {done} to {begun} exchanges: {answer}");
        answered += 1;
    }
    answered
}

/// Clients that ask until the exchanges are over.
fn clients(service: &Service, exchanges: &Arc<Exchanges>, expected: &Arc<[Value; 2]>) -> Vec<JoinHandle<usize>> {
    let ready = Arc::new(Barrier::new(CLIENTS + 1));
    let client = |number| {
        let (address, ready) = (service.server.address.clone(), Arc::clone(&ready));
        let (exchanges, expected) = (Arc::clone(exchanges), Arc::clone(expected));
        thread::spawn(move || {
            ready.wait();
            ask_on_one_connection(&address, number, &exchanges, &expected)
        })
    };
    let clients = (0..CLIENTS).map(client).collect();
    ready.wait();
    clients
}

/// Exchanges the model until `is_enough`, which gets the number of exchanges, by requests and by signals in turn.
fn exchange(service: &Service, exchanges: &Exchanges, mut is_enough: impl FnMut(usize) -> bool) -> usize {
    let name = service.model.file_name().unwrap().to_str().unwrap();
    let answered = || service.server.metric(&format!("finsent_texts_total{{model=\"{name}\"}}"));
    let mut count = 0;
    while !is_enough(count) {
        if count > 0 {
            negate_weights(&service.model);
        }
        exchanges.begun.store(count + 1, Ordering::SeqCst);
        if count % 2 == 0 {
            assert_eq!(service.load(name).expect(200)["state"], "READY");
        } else {
            service.server.signal("HUP");
        }
        service.server.logged("in place of sha256:");
        count += 1;
        exchanges.done.store(count, Ordering::SeqCst);
        let before = answered();
        wait_until("the new model has answered", || answered() > before + 20.0);
    }
    exchanges.is_over.store(true, Ordering::SeqCst);
    count
}

#[test]
fn every_answer_is_that_of_the_old_model_or_of_the_new_one_and_none_is_lost() {
    let service = Service::start(&["--max-batch-tokens", "64"]);
    let old = answers_of_a_fresh_service(&service.model, &[]);
    negate_weights(&service.model);
    let new = answers_of_a_fresh_service(&service.model, &[]);
    let differ = |index: usize| old["results"][index]["scores"] != new["results"][index]["scores"];
    assert!((0..texts().len()).all(differ), "{old} {new}");
    let expected = Arc::new([old, new]);
    let exchanges = Arc::new(Exchanges::default());
    let clients = clients(&service, &exchanges, &expected);
    let count = exchange(&service, &exchanges, |count| count == 6);
    for client in clients {
        assert!(client.join().unwrap() > count, "a client was hardly answered");
    }
    assert_eq!(service.reloads("loaded"), 6.0);
    assert_eq!(service.server.metric("finsent_ready"), 1.0);
    wait_until("the old models are freed", || service.of_small("model_copies") == 1.0);
}

/// The connection of an open stream.
fn open_stream(service: &Service) -> BufReader<Box<dyn Stream>> {
    let mut stream = service.server.address.connect();
    let kind = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";
    let head = format!("POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{kind}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

#[test]
fn a_stream_keeps_its_model_to_its_end_and_then_it_is_freed() {
    let service = Service::start(&[]);
    let text = &texts()[3];
    let ask = || sentiment(&service.server.address)["results"][3].clone();
    let old = ask();
    let mut stream = open_stream(&service);
    let mut send = |line: &str| {
        write!(stream.get_mut(), "{:x}\r\n{line}\n\r\n", line.len() + 1).unwrap();
        let mut answer = String::new();
        // The head of the answer, and the sizes of its chunks.
        while !answer.starts_with('{') {
            answer.clear();
            assert!(stream.read_line(&mut answer).unwrap() > 0);
        }
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    assert_eq!(send(&json!(text).to_string()), old);
    negate_weights(&service.model);
    service.load("small").expect(200);
    let new = ask();
    assert_ne!(new, old);
    assert_eq!(send(&json!(text).to_string()), old, "the stream has another model than at its start");
    assert_eq!(service.of_small("model_copies"), 2.0, "a stream holds the old model");
    stream.get_mut().write_all(b"0\r\n\r\n").unwrap();
    let mut line = String::new();
    while line != "0\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream has no end");
    }
    wait_until("the old model is freed", || service.of_small("model_copies") == 1.0);
    assert_eq!(ask(), new);
}

#[test]
fn a_model_that_cannot_be_loaded_leaves_the_old_one_with_a_reason() {
    let service = Service::start(&[]);
    let old = sentiment(&service.server.address);
    let weights = service.model.join("model.safetensors");
    let good = fs::read(&weights).unwrap();
    fs::write(&weights, &good[..good.len() - 4]).unwrap();
    let refused = service.load("small").expect(422)["error"].as_str().unwrap().to_owned();
    assert!(refused.starts_with("the model `small` was not loaded, and the old one stays: "), "{refused}");
    assert!(refused.contains("model.safetensors") && !refused.contains(FOLDER), "{refused}");
    assert_eq!(service.state(), ("READY".into(), refused));
    assert!(service.server.logged("the old one stays").contains(FOLDER), "the log has the whole path");
    assert_eq!(sentiment(&service.server.address), old);
    assert_eq!((service.reloads("failed"), service.reloads("loaded")), (1.0, 0.0));
    assert_eq!(service.server.address.get("/readyz").expect(200)["status"], "ready");

    fs::write(&weights, good).unwrap();
    service.load("small").expect(200);
    assert_eq!(service.state(), ("READY".into(), String::new()));
    assert_eq!(service.reloads("unchanged"), 1.0, "the same files are not loaded again");
    fs::remove_dir_all(&service.model).unwrap();
    let gone = service.load("small").expect(422)["error"].as_str().unwrap().to_owned();
    assert!(gone.contains("small") && !gone.contains(FOLDER), "{gone}");
    assert_eq!(sentiment(&service.server.address), old);
}

#[test]
fn an_unloaded_model_is_told_and_without_the_default_the_service_is_not_ready() {
    let service = Service::start(&["--model", "mini"]);
    let answer = service.unload("small").expect(200);
    assert_eq!(answer, json!({"name": "small", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}));
    service.unload("small").expect(200);
    assert_eq!(service.state(), ("UNAVAILABLE".into(), "unloaded".into()));
    let ready = service.post("/v2/repository/index", r#"{"ready": true}"#).expect(200);
    assert_eq!(ready, json!([{"name": "mini", "version": "1", "state": "READY", "reason": ""}]));
    let native = |body: &str| {
        let request =
            service.server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        request.header("Authorization", format!("Bearer {KEY}")).body(body).send()
    };
    for body in [r#"{"inputs": "up"}"#, r#"{"inputs": "up", "model": "small"}"#] {
        native(body).problem(404, "the model `small` was unloaded; loaded: mini");
    }
    let infer = service.post("/v2/models/small/infer", r#"{"inputs": []}"#);
    assert!(infer.status == 404 || infer.status == 422, "{infer:?}");
    assert_eq!(native(r#"{"inputs": "Profit rose", "model": "mini"}"#).expect(200)["results"][0]["label"], "positive");
    assert_eq!(service.server.address.get("/readyz").expect(503)["status"], "unloaded");
    let ask = |path: &str| {
        service.server.address.request("GET", path).header("Authorization", format!("Bearer {KEY}")).send()
    };
    assert_eq!(ask("/v2/models/small/ready").status, 404);
    assert_eq!(ask("/v2/models/mini/ready").expect(200)["ready"], true);
    assert_eq!(ask("/v1/models").expect(200)["models"].as_array().unwrap().len(), 1);
    wait_until("the model is freed", || service.of_small("model_copies") == 0.0);
    assert_eq!(service.server.metric("finsent_ready"), 0.0);
    let metrics = service.server.address.get("/metrics");
    let infos = metrics.text().lines().filter(|line| line.starts_with("finsent_model_info{")).count();
    assert_eq!((infos, service.reloads("unloaded")), (1, 1.0));

    // A signal loads what has changed, and not what was unloaded.
    service.server.signal("HUP");
    service.server.logged("model small stays unloaded");
    service.server.logged("model mini is unchanged");
    assert_eq!(service.load("small").expect(200)["state"], "READY");
    native(r#"{"inputs": "up"}"#).expect(200);
    assert_eq!(service.server.address.get("/readyz").expect(200)["status"], "ready");
}

#[test]
fn models_change_only_where_that_is_allowed_and_a_key_protects_it() {
    let service = Service::start(&[]);
    let without_key = |verb: &str| {
        let path = format!("/v2/repository/models/small/{verb}");
        service.server.address.request("POST", &path).send()
    };
    for verb in ["load", "unload"] {
        assert!(without_key(verb).expect(401)["error"].as_str().unwrap().contains("Bearer KEY"));
    }
    let unknown = service.load("smal").expect(404)["error"].as_str().unwrap().to_owned();
    assert!(unknown.contains("did you mean `small`?"), "{unknown}");
    let with = |parameters: &str| {
        let body = format!(r#"{{"parameters": {parameters}}}"#);
        service.post("/v2/repository/models/small/load", &body)
    };
    let refused = with(r#"{"config": "{}"}"#).expect(422)["error"].as_str().unwrap().to_owned();
    assert!(refused.contains("`config` is not supported"), "{refused}");
    with("{}").expect(200);
    let unload = r#"{"parameters": {"unload_dependents": false}}"#;
    service.post("/v2/repository/models/small/unload", unload).expect(200);

    let model = service.model.to_str().unwrap();
    let keys = service.dir.path().join("keys");
    for (args, words) in [
        (vec!["--allow-reload"], "--api-key-file"),
        (vec!["--api-key-file", keys.to_str().unwrap()], "start it with --allow-reload"),
        (vec![], "start it with --allow-reload"),
    ] {
        let server = server::start(&[&["--model", model], &args[..]].concat());
        for verb in ["load", "unload"] {
            let refused = post(&server.address, &format!("/v2/repository/models/small/{verb}"), "");
            assert!(refused.expect(403)["error"].as_str().unwrap().contains(words), "{args:?}");
        }
        assert_eq!(sentiment(&server.address)["results"].as_array().unwrap().len(), texts().len());
    }
}

#[test]
fn a_hangup_loads_what_has_changed_without_a_key_file() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (small_model(dir.path(), "first"), small_model(dir.path(), "second"));
    let models = ["--model", first.to_str().unwrap(), "--model", second.to_str().unwrap()];
    let server = server::start(&[&models, &["--allow-reload"][..], &INT8].concat());
    server.logged("only SIGHUP loads models again");
    let of_second = |server: &Server| {
        let body = json!({"inputs": texts(), "model": "second"}).to_string();
        server.address.post("/v1/sentiment", body).expect(200)
    };
    let [old, old_second] = [sentiment(&server.address), of_second(&server)];
    negate_weights(&second);
    server.signal("HUP");
    let log = server.log_until("in place of sha256:");
    assert!(log.iter().any(|line| line.contains("model first is unchanged")), "{log:#?}");
    assert_eq!(sentiment(&server.address), old);
    let new = of_second(&server);
    assert_ne!(new["model"]["digest"], old_second["model"]["digest"]);
    assert_eq!(new["results"], answers_of_a_fresh_service(&second, &INT8)["results"]);
    let metrics = server.address.get("/metrics");
    let digest = new["model"]["digest"].as_str().unwrap();
    assert!(metrics.text().contains(&format!("finsent_model_info{{digest=\"{digest}\"")), "{}", metrics.text());
}

/// Memory of the process that is its own, in bytes.
fn own_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[expect(clippy::print_stdout, reason = "a person reads the measurements")]
#[test]
#[ignore = "takes half a minute, or FINSENT_SOAK_SECONDS"]
fn exchanges_under_traffic_lose_no_request_and_give_the_memory_back() {
    let seconds = std::env::var("FINSENT_SOAK_SECONDS").map_or(30, |given| given.parse().unwrap());
    let dir = tempfile::Builder::new().prefix(FOLDER).tempdir().unwrap();
    let model = dir.path().join("mini");
    copy_files(&mini(), &model);
    let service = Service::of(dir, model, &["--cache-entries", "64"]);
    let old = sentiment(&service.server.address);
    negate_weights(&service.model);
    let expected = Arc::new([old, answers_of_a_fresh_service(&service.model, &[])]);
    let exchanges = Arc::new(Exchanges::default());
    let clients = clients(&service, &exchanges, &expected);
    let (start, pid) = (Instant::now(), service.server.pid());
    let one_copy_is_left = || {
        let copies = || service.server.metric("finsent_model_copies{model=\"mini\"}");
        wait_until("the old model is freed", || copies() == 1.0);
    };
    let mut memory = Vec::new();
    let count = exchange(&service, &exchanges, |count| {
        one_copy_is_left();
        memory.push(own_memory(pid));
        count > 4 && start.elapsed() > Duration::from_secs(seconds)
    });
    let answered: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    println!("{count} exchanges, {answered} requests, bytes of memory after each: {memory:?}");
    // The buffers of threads and connections grow until the second exchange. The allocator gives back what is free a little
    // later than it is freed, so the least of the last readings counts.
    let last = memory[memory.len() - 5..].iter().min().unwrap();
    assert!(*last < memory[2] + memory[2] / 10, "memory grows with each exchange: {memory:?}");
    assert!(count > 10 && answered > 1000, "{count} exchanges, {answered} requests");
}
