//! What others see of the service while it is attacked.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use finsent_testing::{Address, Response, Server, TIMEOUT, open_files};
use serde_json::{Value, json};

/// Pause between two probes of a listener, and between two looks at the process.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of the memory before an attack may be left of it.
const SETTLED: f64 = 1.1;
/// How long the process has to give memory back.
const SETTLING: Duration = Duration::from_secs(5);

/// Texts whose right answers are known.
const TEXTS: [&str; 6] = [
    "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn",
    "Net loss widened to $4.2 billion as demand collapsed",
    "Gewinn steigt um 12 € – «stark»",
    "The chief executive resigned after the accounts could not be signed",
    "nul \u{0} inside",
    "The annual meeting will be held on 4 May",
];

/// Others, and what they know.
pub(super) struct Watch {
    pid: u32,
    addresses: Vec<Address>,
    /// Where the others send their texts: not the attackers' address.
    socket: Address,
    right: Vec<Value>,
    /// The same for gRPC, with the answers as bytes.
    #[cfg(feature = "grpc")]
    grpc: (Address, Vec<Vec<u8>>),
    seed: u64,
}

/// What they saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How long each probe took, sorted.
    pub(super) latencies: Vec<Duration>,
    /// What the probes got that were not answered.
    pub(super) failed_probes: Vec<String>,
    pub(super) right: u64,
    pub(super) wrong: u64,
    /// Refused because there is too much to do.
    pub(super) refused: u64,
    /// Without an answer.
    pub(super) lost: u64,
    pub(super) most_resident: u64,
    pub(super) most_files: usize,
}

impl Watch {
    pub(super) fn new(server: &Server, mut random: Rng) -> Self {
        let mut addresses = server.addresses.clone();
        #[cfg(feature = "grpc")]
        let grpc = {
            // Probes are not for these two.
            let of_grpc: Vec<Address> = addresses.drain(2..4).collect();
            let socket = of_grpc[1].clone();
            let right = TEXTS.iter().map(|text| call(&socket, text).unwrap()).collect();
            (socket, right)
        };
        let socket = addresses.iter().find(|address| matches!(address, Address::Unix(_))).unwrap().clone();
        let right =
            TEXTS.iter().map(|text| post(&socket, &[text]).unwrap().expect(200)["results"][0].clone()).collect();
        let seed = random.u64(..);
        Self {
            pid: server.pid(),
            addresses,
            socket,
            right,
            #[cfg(feature = "grpc")]
            grpc,
            seed,
        }
    }

    /// Probes every listener, sends texts and looks at the process until it is over.
    pub(super) fn until(&self, is_over: &AtomicBool) -> Seen {
        let mut seen = Seen::default();
        let is_over = || is_over.load(Ordering::Relaxed);
        thread::scope(|scope| {
            let probes = self.addresses.iter().map(|address| scope.spawn(move || probe(address, is_over)));
            let probes: Vec<_> = probes.collect();
            let texts = scope.spawn(|| self.send_texts(is_over));
            #[cfg(feature = "grpc")]
            let calls = scope.spawn(|| self.send_calls(is_over));
            while !is_over() {
                seen.most_resident = seen.most_resident.max(resident_bytes(self.pid));
                seen.most_files = seen.most_files.max(open_files(self.pid));
                thread::sleep(PAUSE);
            }
            for probe in probes {
                let (latencies, failed) = probe.join().unwrap();
                seen.latencies.extend(latencies);
                seen.failed_probes.extend(failed);
            }
            texts.join().unwrap().add_to(&mut seen);
            #[cfg(feature = "grpc")]
            calls.join().unwrap().add_to(&mut seen);
        });
        seen.latencies.sort_unstable();
        seen
    }

    /// Sends random texts in random company, and compares the answers.
    fn send_texts(&self, is_over: impl Fn() -> bool) -> Seen {
        let mut random = Rng::with_seed(self.seed);
        let mut seen = Seen::default();
        while !is_over() {
            let texts: Vec<usize> = (0..random.usize(1..8)).map(|_| random.usize(..TEXTS.len())).collect();
            let inputs: Vec<&str> = texts.iter().map(|&text| TEXTS[text]).collect();
            match post(&self.socket, &inputs) {
                Some(answer) if answer.status == 200 => {
                    let results = answer.json()["results"].clone();
                    let is_right = |(index, &text): (usize, &usize)| results[index] == self.right[text];
                    let right = texts.iter().enumerate().filter(|&it| is_right(it)).count();
                    seen.right += right as u64;
                    seen.wrong += (texts.len() - right) as u64;
                }
                Some(answer) if [429, 503, 504].contains(&answer.status) => seen.refused += 1,
                Some(answer) => panic!("{answer:?}"),
                None => seen.lost += 1,
            }
            thread::sleep(PAUSE);
        }
        seen
    }
}

#[cfg(feature = "grpc")]
impl Watch {
    /// Sends random texts over gRPC, one at a time, and compares the answers.
    fn send_calls(&self, is_over: impl Fn() -> bool) -> Seen {
        let (mut random, mut seen) = (Rng::with_seed(self.seed), Seen::default());
        let (address, right) = &self.grpc;
        while !is_over() {
            let text = random.usize(..TEXTS.len());
            match call(address, TEXTS[text]) {
                Ok(answer) if answer == right[text] => seen.right += 1,
                // Without a message: a status that says that there is too much to do.
                Ok(answer) if answer.is_empty() => seen.refused += 1,
                Ok(_) => seen.wrong += 1,
                Err(_) => seen.lost += 1,
            }
            thread::sleep(PAUSE);
        }
        seen
    }
}

/// The answer to a call on a connection of its own.
#[cfg(feature = "grpc")]
fn call(address: &Address, text: &str) -> std::io::Result<Vec<u8>> {
    use finsent_testing::grpc::{beginning, call, infer_request, read_answer};

    let mut stream = address.connect();
    let call = call(1, "/inference.GRPCInferenceService/ModelInfer", &[], &infer_request("int8", &[text]));
    stream.write_all(&[beginning(), call].concat())?;
    read_answer(&mut stream, 1)
}

impl Seen {
    /// Adds the answers to texts.
    fn add_to(self, all: &mut Self) {
        all.right += self.right;
        all.wrong += self.wrong;
        all.refused += self.refused;
        all.lost += self.lost;
    }

    pub(super) fn latency(&self, quantile: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * quantile).round() as usize).copied().unwrap_or(TIMEOUT)
    }
}

fn post(address: &Address, texts: &[&str]) -> Option<Response> {
    let request = address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let request = request.header("Connection", "close").body(json!({"inputs": texts}).to_string());
    let mut stream = address.connect();
    stream.write_all(&request.bytes()).ok()?;
    Response::read(&mut BufReader::new(stream))
}

/// Probes again and again. Returns how long each answer took, and what the probes got that were not answered.
fn probe(address: &Address, is_over: impl Fn() -> bool) -> (Vec<Duration>, Vec<String>) {
    let (mut latencies, mut failed) = (Vec::new(), Vec::new());
    while !is_over() {
        let start = Instant::now();
        match ask_whether_alive(address) {
            Ok(()) => latencies.push(start.elapsed()),
            Err(got) => failed.push(format!("{address:?} after {:?}: {got}", start.elapsed())),
        }
        thread::sleep(PAUSE);
    }
    (latencies, failed)
}

/// Sends one probe. Without an answer of 200, returns what came instead.
fn ask_whether_alive(address: &Address) -> Result<(), String> {
    let mut stream = address.connect();
    let probe = address.request("GET", "/livez").header("Connection", "close").bytes();
    stream.write_all(&probe).map_err(|error| format!("sending: {error}"))?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    Err(format!("{read:?}: {}", String::from_utf8_lossy(&answer)))
}

/// Memory of a process that is in RAM.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// Its memory when it is almost what it was `before`, or has had its time.
pub(super) fn settled(pid: u32, before: u64) -> u64 {
    let start = Instant::now();
    loop {
        let now = resident_bytes(pid);
        if now as f64 <= SETTLED * before as f64 || start.elapsed() > SETTLING {
            return now;
        }
        thread::sleep(PAUSE);
    }
}
