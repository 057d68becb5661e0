//! Attacks on the service. While each one runs, probes must be answered and others must get their right answers; when it has
//! ended, memory and connections must be as before.

mod bodies;
mod client;
mod connections;
#[cfg(feature = "grpc")]
mod grpc;
mod heads;
mod report;
mod streams;
mod tensors;
mod watch;

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use finsent_testing::models::write_random_bert;
use finsent_testing::{Address, Server, open_files, wait_until};

use crate::{FINSENT, seed};
use client::Client;
use report::{Outcome, Report};
use watch::{Watch, resident_bytes};

/// What an attacking client does again and again.
type Act = fn(&mut Client);

/// A kind of attack.
struct Attack {
    name: &'static str,
    clients: usize,
    act: Act,
}

const ATTACKS: &[Attack] = &[
    Attack { name: "long names of fields", clients: 30, act: bodies::long_names },
    Attack { name: "many fields and deep values", clients: 30, act: bodies::many_and_deep },
    Attack { name: "hundreds of thousands of texts", clients: 40, act: bodies::too_many_texts },
    Attack { name: "texts of a megabyte", clients: 40, act: bodies::endless_texts },
    Attack { name: "documents of thousands of sentences", clients: 20, act: bodies::documents },
    Attack { name: "full batches in every protocol", clients: 100, act: bodies::full_batches },
    Attack { name: "damaged compression", clients: 20, act: bodies::damaged_compression },
    Attack { name: "lying tensors", clients: 20, act: tensors::lie },
    Attack { name: "streams of next to nothing", clients: 40, act: streams::bombs },
    Attack { name: "streams whose client leaves", clients: 40, act: streams::leave },
    Attack { name: "streams that are not read", clients: 100, act: streams::unread },
    Attack { name: "slow and silent clients", clients: 16, act: connections::slow },
    Attack { name: "answers that are not read", clients: 16, act: connections::unread },
    Attack { name: "a flood of connections", clients: 8, act: connections::flood },
    Attack { name: "mutated requests", clients: 20, act: heads::mutated },
];

/// On the address for gRPC.
#[cfg(feature = "grpc")]
const GRPC_ATTACKS: &[Attack] = &[
    Attack { name: "gRPC: mutated and random frames", clients: 20, act: grpc::mutated },
    Attack { name: "gRPC: messages that lie", clients: 30, act: grpc::messages },
    Attack { name: "gRPC: calls without an end", clients: 20, act: grpc::unfinished_calls },
    Attack { name: "gRPC: rapid resets", clients: 16, act: grpc::rapid_resets },
    Attack { name: "gRPC: floods of control frames", clients: 16, act: grpc::control_frames },
    Attack { name: "gRPC: messages of nothing", clients: 16, act: grpc::empty_data },
    Attack { name: "gRPC: heads without an end", clients: 16, act: grpc::continuations },
    Attack { name: "gRPC: heads as large as they may be", clients: 20, act: grpc::huge_heads },
    Attack { name: "gRPC: answers that are not read", clients: 20, act: grpc::unread },
    Attack { name: "gRPC: slow and silent clients", clients: 16, act: grpc::slow },
];
#[cfg(not(feature = "grpc"))]
const GRPC_ATTACKS: &[Attack] = &[];

/// How long each attack lasts, unless FINSENT_ATTACK_SECONDS says something else.
const SECONDS: u64 = 10;
/// Files that the server may open. A flood of connections has to reach this limit.
const FILES: u32 = 512;
/// The most memory that the process may have at any time in a control group with the limit of a small container. In a large
/// one, requests may hold more.
const MAX_RESIDENT: u64 = 256 << 20;
/// How far the attackers stand behind the service in the queue for a processor, on the scale of nice(1). Those of a real attack
/// have machines of their own, and may flood the network, but not take the processors of whom they attack.
const NICENESS: i32 = 10;
/// How long a probe may take at most.
const MAX_LATENCY: Duration = Duration::from_secs(1);

#[test]
#[ignore = "takes four minutes, or six with gRPC"]
fn under_attack_probes_are_answered_and_others_get_their_answers() {
    let mut random = seed::random("service");
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    warm_up(&server);
    let watch = Watch::new(&server, random.fork());
    let mut report = Report::default();
    let only = env::var("FINSENT_ATTACK").unwrap_or_default();
    let of_http = ATTACKS.iter().map(|attack| (attack, &server.address));
    let of_grpc = GRPC_ATTACKS.iter().map(|attack| (attack, grpc_address(&server)));
    for (attack, address) in of_http.chain(of_grpc).filter(|(attack, _)| attack.name.contains(&only)) {
        let outcome = run(attack, address, &server, &watch, &mut random);
        eprintln!("{outcome}");
        report.add(outcome);
    }
    eprintln!("\n{report}");
    let metrics = server.address.get("/metrics");
    let failed: Vec<&str> = metrics.text().lines().filter(|line| is_unexpected(line)).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    let max_resident = if control_group().is_some() { MAX_RESIDENT } else { u64::MAX };
    report.check(MAX_LATENCY, max_resident);
}

/// Whether a line of the metrics says that requests have failed unexpectedly.
fn is_unexpected(line: &str) -> bool {
    line.starts_with("finsent_requests_total") && line.contains("status=\"500\"") && !line.ends_with(" 0")
}

/// A server with a model of BERT-base's size in int8, as in a small container, on a port, a socket and a port for metrics, and
/// on a port and a socket for gRPC if it has that.
fn start(dir: &std::path::Path) -> Server {
    let (checkpoint, model) = (dir.join("f32"), dir.join("int8"));
    std::fs::create_dir(&checkpoint).unwrap();
    write_random_bert(&checkpoint);
    let [checkpoint, model] = [checkpoint, model].map(|path| path.into_os_string().into_string().unwrap());
    FINSENT.run(&["convert", &checkpoint, &model, "--precision", "int8"]).assert_succeeds();
    std::fs::remove_dir_all(&checkpoint).unwrap();
    let unix = format!("unix:{}", dir.join("socket").display());
    let mut args = vec!["--model", &model, "--precision", "int8"];
    args.extend(["--listen", "127.0.0.1:0", "--listen", &unix, "--metrics-listen", "127.0.0.1:0"]);
    let unix_for_grpc = format!("unix:{}", dir.join("grpc").display());
    if cfg!(feature = "grpc") {
        args.extend(["--grpc-listen", "127.0.0.1:0", "--grpc-listen", &unix_for_grpc]);
    }
    let join = control_group().map(|group| format!("echo $$ >'{group}/cgroup.procs' && ")).unwrap_or_default();
    let command = FINSENT.shell(&format!("{join}ulimit -n {FILES} && exec \"$0\" serve \"$@\""));
    let server = Server::spawn(command, &args);
    server.wait_until_ready();
    server
}

/// The port for gRPC. In the log, it and its socket come after those for HTTP and before that for metrics.
fn grpc_address(server: &Server) -> &Address {
    &server.addresses[2]
}

/// The folder of the control group to run the server in, which has the memory limit of a small container.
fn control_group() -> Option<String> {
    env::var("FINSENT_ATTACK_CGROUP").ok().filter(|group| !group.is_empty())
}

/// Fills the buffers that the engine keeps for the largest batches, so that they do not count as left of an attack.
fn warm_up(server: &Server) {
    for words in [4, 40, 400] {
        let texts: Vec<String> = (0..1000 / words).map(|text| format!("{text} profit").repeat(words)).collect();
        let body = serde_json::json!({"inputs": texts}).to_string();
        // A build without optimization does not have all of them in time, and remembers those that it has.
        wait_until("the texts are scored", || server.address.post("/v1/sentiment", &body).status == 200);
    }
}

fn run(attack: &Attack, address: &Address, server: &Server, watch: &Watch, random: &mut Rng) -> Outcome {
    let seconds = env::var("FINSENT_ATTACK_SECONDS").map_or(SECONDS, |given| given.parse().unwrap());
    let (files, before) = (open_files(server.pid()), resident_bytes(server.pid()));
    let is_over = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (seen, answers) = thread::scope(|scope| {
        let watching = scope.spawn(|| watch.until(&is_over));
        let clients: Vec<_> = (0..attack.clients)
            .map(|_| {
                let mut client = Client::new(address, random.fork());
                scope.spawn(move || {
                    rustix::process::nice(NICENESS).expect("any thread may give way");
                    while Instant::now() < end {
                        (attack.act)(&mut client);
                    }
                    client.answers
                })
            })
            .collect();
        // Their connections end with them.
        let answers = clients.into_iter().map(|client| client.join().unwrap()).fold(Default::default(), client::merge);
        is_over.store(true, Ordering::Relaxed);
        (watching.join().unwrap(), answers)
    });
    wait_until("the connections of the attack are closed", || open_files(server.pid()) <= files);
    let after = watch::settled(server.pid(), before);
    Outcome { name: attack.name, clients: attack.clients, answers, seen, before, after }
}
