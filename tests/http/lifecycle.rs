//! Start and end of the service.

use std::os::unix::net::UnixListener;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use finsent_testing::{Response, wait_until};
use serde_json::json;

use crate::server::{self, finsent};

const MANY: &str = "the company said quarterly revenue grew while costs fell ";

/// A request that keeps the engine busy for a while: texts that differ.
fn long_request(texts: usize) -> String {
    let texts: Vec<String> = (0..texts).map(|text| format!("{text} {}", MANY.repeat(40))).collect();
    json!({"inputs": texts}).to_string()
}

fn run(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = finsent(args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_listens_on_several_addresses_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("finsent.sock");
    let unix = format!("unix:{}", socket.display());
    let metrics_listen = ["--metrics-listen", "127.0.0.1:0"];
    let mut server = server::start(
        &[&["--listen", "127.0.0.1:0", "--listen", &unix, "--listen", "127.0.0.1:0"], &metrics_listen[..]].concat(),
    );
    let [tcp, by_socket, other, metrics] = &server.addresses[..] else { panic!("{:?}", server.addresses) };
    for address in [tcp, by_socket, other] {
        let answer = address.post("/v1/sentiment", json!({"inputs": "Profit rose"}).to_string());
        assert_eq!(answer.expect(200)["results"][0]["label"], "positive");
    }
    assert_eq!(metrics.get("/metrics").status, 200);
    assert_eq!(metrics.get("/readyz").status, 200);
    metrics.get("/v1/models").problem(404, "no route `/v1/models`");

    assert_eq!(run(&["health", "--ready", "--listen", &unix]).0, Some(0));
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(!socket.exists(), "the socket is left behind");
    let (code, stderr) = run(&["health", "--listen", &unix]);
    assert!(code == Some(1) && stderr.contains("nothing is listening there"), "{stderr}");
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    drop(UnixListener::bind(&socket).unwrap());
    let unix = format!("unix:{}", socket.display());
    let server = server::start(&["--listen", &unix]);
    let (code, stderr) = run(&["serve", "--listen", &unix]);
    assert!(code == Some(1) && stderr.contains("is already in use"), "{stderr}");
    assert_eq!(server.address.get("/livez").status, 200);
}

#[test]
fn a_port_in_use_is_an_error_that_suggests_another() {
    let server = server::start(&[]);
    let address = server.address.host();
    let (host, port) = address.rsplit_once(':').unwrap();
    let (code, stderr) = run(&["serve", "--listen", address]);
    assert!(code == Some(1) && stderr.contains(&format!("port {port} is already in use")), "{stderr}");
    if let Some(next) = port.parse::<u16>().unwrap().checked_add(1) {
        assert!(stderr.contains(&format!("choose another: --listen {host}:{next}")), "{stderr}");
    }
    let (code, stderr) = run(&["serve", "--listen", "8080"]);
    assert!(code == Some(2) && stderr.contains("expected HOST:PORT"), "{stderr}");
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_service_with_3() {
    let (code, stderr) = run(&["serve", "--listen", "127.0.0.1:0", "--model", "finbert"]);
    assert!(code == Some(3) && stderr.contains("finbert is not downloaded"), "{stderr}");
    let (code, stderr) = run(&["serve", "--listen", "127.0.0.1:0", "--model", "mini", "--model", "mini"]);
    assert!(code == Some(2) && stderr.contains("two models would be named `mini`"), "{stderr}");
    let (code, stderr) = run(&["serve", "--api-key-file", "/nonexistent"]);
    assert!(
        code == Some(1) && stderr.contains("cannot read the API keys in `/nonexistent`: no such file or folder"),
        "{stderr}"
    );
}

#[test]
fn health_tells_alive_from_ready() {
    let mut server = server::start(&["--drain-delay", "60"]);
    let address = server.address.host().to_owned();
    assert_eq!(run(&["health", "--listen", &address]).0, Some(0));
    assert_eq!(run(&["health", "--listen", &address, "--ready"]).0, Some(0));
    server.signal("TERM");
    server.logged("draining");
    assert_eq!(run(&["health", "--listen", &address]).0, Some(0), "it is alive");
    let (code, stderr) = run(&["health", "--listen", &address, "--ready"]);
    assert!(code == Some(1) && stderr.contains("is not ready: GET /readyz returned 503"), "{stderr}");
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(128 + 15), "a second signal ends it at once");
}

#[test]
fn a_draining_service_is_not_ready_and_still_answers() {
    let mut server = server::start(&["--drain-delay", "1"]);
    server.signal("TERM");
    server.logged("draining");
    assert_eq!(server.address.get("/readyz").expect(503), json!({"status": "draining"}));
    let answer = server.address.post("/v1/sentiment", json!({"inputs": "Profit rose"}).to_string());
    assert_eq!(answer.headers["connection"], "close", "the connection stays open");
    assert_eq!(answer.expect(200)["results"][0]["label"], "positive");
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn requests_that_are_running_at_the_end_are_answered() {
    let mut server = server::start(&["--shutdown-timeout", "60"]);
    let address = server.address.clone();
    let asking = thread::spawn(move || address.post("/v1/sentiment", long_request(12)));
    wait_until("the texts are queued", || server.metric("finsent_queue_texts{model=\"mini\"}") > 0.0);
    server.signal("TERM");
    server.logged("draining");
    let answer: Response = asking.join().unwrap();
    assert_eq!(answer.expect(200)["usage"]["texts"], 12);
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn an_idle_connection_does_not_delay_the_end() {
    let mut server = server::start(&["--shutdown-timeout", "50"]);
    let mut idle = std::io::BufReader::new(server.address.connect());
    idle.get_mut().write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut idle).unwrap().status, 200);
    let start = Instant::now();
    server.signal("INT");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(25), "it waited for its shutdown timeout");
}

#[test]
fn a_signal_while_models_are_loading_ends_it() {
    let mut server = server::start_unready(&[]);
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert!(server.has_exited());
}
