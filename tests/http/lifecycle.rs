//! Start and end of the service.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use finsent_testing::{Response, send_signal, wait_for_exit, wait_until};
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
    // One at the acceptor, one at a worker.
    let _idle = ["/livez", "/v1/models"].map(|path| {
        let mut idle = BufReader::new(server.address.connect());
        write!(idle.get_mut(), "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(Response::read(&mut idle).unwrap().status, 200);
        idle
    });
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

#[test]
fn a_server_that_ends_leaves_the_socket_of_its_successor() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let unix = format!("unix:{}", socket.display());
    let mut first = server::start(&["--listen", &unix]);
    // A deployment moves the socket away, so that the successor can start before the first has ended.
    fs::remove_file(&socket).unwrap();
    let second = server::start(&["--listen", &unix]);
    first.signal("TERM");
    assert_eq!(first.wait_for_exit().code(), Some(0));
    assert_eq!(second.address.get("/readyz").status, 200);
}

#[test]
fn a_socket_is_free_for_a_successor_as_soon_as_it_is_not_listened_on() {
    let dir = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", dir.path().join("s").display());
    let mut first = server::start(&["--listen", &unix, "--shutdown-timeout", "60"]);
    let address = first.address.clone();
    let asking = thread::spawn(move || address.post("/v1/sentiment", long_request(12)));
    wait_until("the texts are queued", || first.metric("finsent_queue_texts{model=\"mini\"}") > 0.0);
    first.signal("TERM");
    first.logged("draining");
    wait_until("the listener is closed", || UnixStream::connect(dir.path().join("s")).is_err());
    let second = server::start(&["--listen", &unix]);
    assert_eq!(asking.join().unwrap().status, 200);
    assert_eq!(first.wait_for_exit().code(), Some(0));
    assert_eq!(second.address.get("/readyz").status, 200);
}

#[test]
fn a_socket_of_a_server_that_fails_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let (code, _) = run(&["serve", "--listen", &format!("unix:{}", socket.display()), "--model", "finbert"]);
    assert!(code == Some(3) && !socket.exists(), "{code:?}");
}

#[test]
fn a_hangup_without_a_key_file_is_a_line_in_the_log() {
    let mut server = server::start(&[]);
    server.signal("HUP");
    server.logged("SIGHUP has no effect without --api-key-file");
    assert_eq!(server.address.get("/readyz").status, 200);
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn comments_of_a_key_file_are_ignored_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    fs::write(&keys, b"\xef\xbb\xbffirst\n# old\n#older\nsecond\n").unwrap();
    let server = server::start_unready(&["--api-key-file", keys.to_str().unwrap()]);
    // The log begins with it, before the addresses, which starting the server has read.
    let status =
        |key: &str| server.address.request("GET", "/v2").header("Authorization", format!("Bearer {key}")).send();
    assert_eq!(["first", "second", "# old", "#older"].map(|key| status(key).status), [200, 200, 401, 401]);
    server.signal("HUP");
    server.logged("ignored 2 lines that begin with #, as comments");
    server.logged("API keys reloaded");
}

#[test]
fn a_fifo_as_key_file_is_refused_and_holds_up_no_signal() {
    let dir = tempfile::tempdir().unwrap();
    let (keys, fifo) = (dir.path().join("keys"), dir.path().join("fifo"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (code, stderr) = run(&["serve", "--listen", "127.0.0.1:0", "--api-key-file", fifo.to_str().unwrap()]);
    assert!(code == Some(1) && stderr.contains("it is a pipe; use a regular file"), "{stderr}");
    fs::write(&keys, "first").unwrap();
    let mut server = server::start(&["--api-key-file", keys.to_str().unwrap()]);
    fs::remove_file(&keys).unwrap();
    fs::rename(&fifo, &keys).unwrap();
    server.signal("HUP");
    server.logged("the old API keys stay valid");
    server.signal("HUP");
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

#[test]
fn a_standard_error_that_nobody_reads_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let mut server = finsent(&["serve", "--listen", &format!("unix:{}", socket.display())]).spawn().unwrap();
    wait_until("it listens", || UnixStream::connect(&socket).is_ok());
    let mut stream = BufReader::new(UnixStream::connect(&socket).unwrap());
    // A line of the log each: more than a pipe and the queue of the log hold.
    let requests = 6000;
    for _ in 0..requests {
        stream.get_mut().write_all(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!([200, 503].contains(&Response::read(&mut stream).unwrap().status));
    }
    send_signal(server.id(), "TERM");
    assert_eq!(wait_for_exit(&mut server).code(), Some(0));
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.lines().count() < requests, "the pipe holds the whole log");
}

#[test]
fn a_standard_error_that_is_closed_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let mut server = finsent(&["serve", "--listen", &format!("unix:{}", socket.display())]).spawn().unwrap();
    drop(server.stderr.take());
    wait_until("it listens", || UnixStream::connect(&socket).is_ok());
    let mut stream = BufReader::new(UnixStream::connect(&socket).unwrap());
    for _ in 0..10 {
        stream.get_mut().write_all(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!([200, 503].contains(&Response::read(&mut stream).unwrap().status));
    }
    send_signal(server.id(), "TERM");
    assert_eq!(wait_for_exit(&mut server).code(), Some(0));
}
