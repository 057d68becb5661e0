//! Minutes of mixed traffic: valid, invalid, interrupted, too much.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use finsent_testing::{Address, Response, open_files, wait_until};
use serde_json::{Value, json};

use crate::server::{self, Server};

/// The longest run, whatever FINSENT_SOAK_SECONDS says.
const MAX_SECONDS: u64 = 600;
const DEFAULT_SECONDS: u64 = 120;
const CLIENTS: u64 = 24;

/// Texts whose answers are known before the traffic starts.
const KNOWN: [&str; 8] = [
    "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn",
    "Net loss widened to $4.2 billion as demand collapsed",
    "Fed leaves rates unchanged",
    "Gewinn steigt um 12 € – «stark»",
    "The chief executive resigned after the accounts could not be signed",
    "Orders doubled",
    "nul \u{0} inside",
    "The annual meeting will be held on 4 May",
];

/// The outcomes of all requests.
#[derive(Default)]
struct Tally {
    by_status: Mutex<BTreeMap<u16, u64>>,
    predictions: AtomicU64,
    interrupted: AtomicU64,
}

/// A client with its random numbers.
struct Client {
    address: Address,
    expected: Arc<Vec<Value>>,
    tally: Arc<Tally>,
    dice: u64,
    number: u64,
    sent: u64,
}

impl Client {
    /// xorshift64
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice % sides
    }

    fn count(&self, status: u16) {
        *self.tally.by_status.lock().unwrap().entry(status).or_default() += 1;
    }

    fn act(&mut self) {
        match self.roll(20) {
            0..8 => self.pipeline(),
            8..11 => self.send_batch(),
            11 => self.expect("{\"inputs\": \"a\"", &[400]),
            12 => self.expect(r#"{"inputs": 5}"#, &[422]),
            13 => self.expect(&format!(r#"{{"inputs": "{}"}}"#, "x".repeat(300_000)), &[413]),
            14 => {
                let hasty = json!({"inputs": self.new_text(), "deadline_ms": 1}).to_string();
                self.expect(&hasty, &[200, 429, 504]);
            }
            15 => {
                let long = json!({"inputs": self.new_text().repeat(60)}).to_string();
                self.expect(&long, &[200, 429, 504]);
            }
            16 | 17 => self.disconnect_before_the_answer(),
            18 => self.interrupt_the_request(),
            _ => self.get_a_page(),
        }
    }

    fn new_text(&mut self) -> String {
        self.sent += 1;
        format!("client {} saw item {} rise by {} per cent ", self.number, self.sent, self.dice % 100)
    }

    /// Sends several requests at once on one connection. They are answered in order, each with its id and the right
    /// prediction.
    fn pipeline(&mut self) {
        let known: Vec<usize> = (0..=self.roll(4)).map(|_| self.roll(KNOWN.len() as u64) as usize).collect();
        let mut stream = self.address.connect();
        for (turn, &text) in known.iter().enumerate() {
            let id = format!("{}-{turn}", self.number);
            let request = self.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
            let request = request.header("X-Request-Id", id).body(json!({"inputs": KNOWN[text]}).to_string());
            let is_last = turn + 1 == known.len();
            let request = if is_last { request.header("Connection", "close") } else { request };
            stream.write_all(&request.bytes()).unwrap();
        }
        let mut answers = BufReader::new(stream);
        for (turn, &text) in known.iter().enumerate() {
            let answer = Response::read(&mut answers).expect("an answer for each request");
            assert_eq!(answer.headers["x-request-id"], format!("{}-{turn}", self.number));
            self.check(&answer, &[text]);
        }
        assert!(answers.fill_buf().is_ok_and(<[u8]>::is_empty), "more answers than requests");
    }

    fn send_batch(&mut self) {
        let texts: Vec<usize> = (0..1 + self.roll(12)).map(|_| self.roll(KNOWN.len() as u64) as usize).collect();
        let inputs: Vec<&str> = texts.iter().map(|&text| KNOWN[text]).collect();
        let priority = if self.roll(2) == 0 { "bulk" } else { "interactive" };
        let request = json!({"inputs": inputs, "priority": priority}).to_string();
        let answer = self.address.post("/v1/sentiment", request);
        self.check(&answer, &texts);
    }

    /// The answer to known texts must be the known one, or say that there is too much to do.
    fn check(&self, answer: &Response, texts: &[usize]) {
        self.count(answer.status);
        if answer.status != 200 {
            assert!([429, 504].contains(&answer.status), "{answer:?}");
            return;
        }
        let results = answer.json()["results"].clone();
        assert_eq!(results.as_array().unwrap().len(), texts.len());
        for (result, &text) in results.as_array().unwrap().iter().zip(texts) {
            assert_eq!(result, &self.expected[text], "the answer is that of another text, or it has changed");
            self.tally.predictions.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn expect(&self, body: &str, statuses: &[u16]) {
        let answer = self.address.post("/v1/sentiment", body);
        assert!(statuses.contains(&answer.status) || answer.status == 429, "{answer:?}");
        self.count(answer.status);
    }

    fn disconnect_before_the_answer(&mut self) {
        let body = json!({"inputs": self.new_text()}).to_string();
        let request = self.address.request("POST", "/").header("Content-Type", "application/json");
        let bytes = request.body(body).bytes();
        self.address.connect().write_all(&bytes).unwrap_or_default();
        self.tally.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    fn interrupt_the_request(&mut self) {
        let body = json!({"inputs": self.new_text()}).to_string();
        let request = self.address.request("POST", "/predict").header("Content-Type", "application/json");
        let bytes = request.body(body).bytes();
        let part = 1 + self.roll(bytes.len() as u64 - 1) as usize;
        self.address.connect().write_all(&bytes[..part]).unwrap_or_default();
        self.tally.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    fn get_a_page(&mut self) {
        let path = ["/livez", "/readyz", "/metrics", "/v1/models", "/nothing"][self.roll(5) as usize];
        let answer = self.address.get(path);
        assert_eq!(answer.status, if path == "/nothing" { 404 } else { 200 }, "{path}");
        self.count(answer.status);
    }
}

/// Resident memory of a process in bytes.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[expect(clippy::print_stdout, reason = "a person reads the measurements")]
#[test]
#[ignore = "takes two minutes, or FINSENT_SOAK_SECONDS (at most 600)"]
fn mixed_traffic_leaks_no_memory_and_no_file_and_every_answer_is_right() {
    let seconds = std::env::var("FINSENT_SOAK_SECONDS").map_or(DEFAULT_SECONDS, |given| given.parse().unwrap());
    let length = Duration::from_secs(seconds.min(MAX_SECONDS));
    let limits =
        ["--request-timeout", "5", "--cache-entries", "64", "--max-body-bytes", "200000", "--max-queue-tokens", "8000"];
    let server = server::start(&[&["--precision", "int8"], &limits[..]].concat());
    let (address, pid) = (server.address.clone(), server.pid());
    let first = |text: &&str| {
        address.post("/v1/sentiment", json!({"inputs": text}).to_string()).expect(200)["results"][0].clone()
    };
    let expected: Arc<Vec<Value>> = Arc::new(KNOWN.iter().map(first).collect());
    let files_before = open_files(pid);

    let (start, tally, stop) = (Instant::now(), Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (1..=CLIENTS)
        .map(|number| {
            let (expected, tally, stop) = (Arc::clone(&expected), Arc::clone(&tally), Arc::clone(&stop));
            let dice = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number);
            let mut client = Client { address: address.clone(), expected, tally, dice, number, sent: 0 };
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    client.act();
                }
            })
        })
        .collect();
    let mut memory = Vec::new();
    while start.elapsed() < length && clients.iter().all(|client| !client.is_finished()) {
        // Memory is sampled: there is no condition to wait for.
        thread::sleep(Duration::from_millis(500));
        memory.push(resident(pid));
    }
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());

    let (statuses, predictions) = (tally.by_status.lock().unwrap().clone(), tally.predictions.load(Ordering::Relaxed));
    let most = |part: &[u64]| part.iter().copied().max().unwrap();
    let (early, late) = (most(&memory[..memory.len() / 2]), most(&memory[memory.len() / 2..]));
    let interrupted = tally.interrupted.load(Ordering::Relaxed);
    println!(
        "{statuses:?}, {predictions} predictions, {interrupted} interrupted; resident {early} then {late} bytes at most"
    );
    assert!(
        predictions > 1000
            && interrupted > 0
            && [200, 400, 404, 413, 422].iter().all(|status| statuses.contains_key(status))
    );
    assert!(late < early + early / 20, "memory grows: {memory:?}");

    // Nothing is left of disconnected clients.
    wait_until("all connections are closed", || open_files(pid) <= files_before);
    wait_until("the queue is empty", || server.metric("finsent_queue_texts{model=\"mini\"}") == 0.0);
    assert_eq!(server.metric("finsent_queue_tokens{model=\"mini\"}"), 0.0);
    // The server counts the same 400 and 422 as the clients, which waited for each of them.
    for status in [400, 422] {
        assert_eq!(requests(&server, status), statuses[&status] as f64, "{status}");
    }
    assert_eq!(first(&KNOWN[0]), expected[0]);
}

/// Requests of the native route with this status, for all models.
fn requests(server: &Server, status: u16) -> f64 {
    ["mini", ""]
        .map(|model| {
            let labels = format!("model=\"{model}\",route=\"/v1/sentiment\",status=\"{status}\"");
            server.metric(&format!("finsent_requests_total{{{labels}}}"))
        })
        .iter()
        .sum()
}
