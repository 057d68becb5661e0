//! Connections: how long they may take, how many there may be, and what they may cost.

use std::io::{BufReader, Read, Write};

use finsent_testing::{Address, Response, Server, Stream, open_files, wait_until};
use serde_json::json;

use crate::server;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Sends a request on a connection of its own, reads the answer, and keeps the connection open.
fn ask(address: &Address, request: &str) -> (Response, BufReader<Box<dyn Stream>>) {
    let mut stream = BufReader::new(address.connect());
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let answer = Response::read(&mut stream).unwrap();
    (answer, stream)
}

/// A stream that has begun: it keeps its connection busy.
fn open_stream(address: &Address) -> BufReader<Box<dyn Stream>> {
    let request = address.request("POST", "/v1/sentiment").header("Content-Type", "application/x-ndjson");
    let request = request.header("Transfer-Encoding", "chunked").bytes();
    let (answer, stream) = ask(address, str::from_utf8(&request).unwrap());
    assert_eq!(answer.status, 200);
    stream
}

fn resident_bytes(server: &Server) -> f64 {
    server.metric("process_resident_memory_bytes")
}

#[test]
fn a_connection_carries_probes_and_other_requests_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let unix = format!("unix:{}", dir.path().join("s").display());
    let server = server::start(&["--listen", "127.0.0.1:0", "--listen", &unix, "--metrics-listen", "127.0.0.1:0"]);
    let paths = ["/livez", "/readyz", "/metrics", "/health", "/v1/models", "/livez", "/metrics", "/nothing", "/readyz"];
    for (index, address) in server.addresses.iter().enumerate() {
        let mut stream = BufReader::new(address.connect());
        for path in paths {
            stream.get_mut().write_all(get(path).as_bytes()).unwrap();
            let answer = Response::read(&mut stream).unwrap();
            assert!(answer.headers["x-request-id"].len() == 32 && !answer.headers.contains_key("connection"), "{path}");
            let is_known = path != "/nothing" && (path != "/v1/models" || index < 2);
            assert_eq!(answer.status, if is_known { 200 } else { 404 }, "{path}");
        }
    }
}

#[test]
fn a_request_that_stops_in_its_head_is_cut_off() {
    let server = server::start(&[]);
    let mut first = server.address.connect();
    first.write_all(b"POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nX-Slow").unwrap();
    let waiting: Vec<_> = ["/livez", "/v1/models"]
        .map(|before| {
            let (answer, mut stream) = ask(&server.address, &get(before));
            assert_eq!(answer.status, 200, "{before}");
            stream.get_mut().write_all(b"GE").unwrap();
            stream
        })
        .into();
    for mut stream in waiting {
        let answer = Response::read(&mut stream).unwrap();
        answer.problem(408, "did not arrive in time");
        assert_eq!(answer.headers["x-request-id"].len(), 32);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the connection stays open");
    }
    let mut answer = String::new();
    // Returns when the server closes the connection, before the client's own timeout.
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[test]
fn pipelined_requests_whose_answers_are_not_read_take_no_memory() {
    const CONNECTIONS: usize = 4;
    const REQUESTS: usize = 2000;
    let server = server::start(&[]);
    let before = resident_bytes(&server);
    let unread: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let mut stream = server.address.connect();
            stream.write_all(get("/metrics").repeat(REQUESTS).as_bytes()).unwrap();
            stream
        })
        .collect();
    let answered = || server.metric("finsent_requests_total{model=\"\",route=\"/metrics\",status=\"200\"}");
    // Every connection fills what the system buffers, and then gets no further answers: only this test does.
    let (mut last, mut quiet) = (0.0, 0);
    wait_until("no more answers are made", || {
        let now = answered();
        quiet = if now - last == 1.0 { quiet + 1 } else { 0 };
        last = now;
        quiet == 20
    });
    assert!(last < (CONNECTIONS * REQUESTS) as f64, "all {last} answers were made");
    let after = resident_bytes(&server);
    assert!(after - before < 30e6, "{before} bytes became {after}");
    drop(unread);
    assert_eq!(server.address.get("/livez").status, 200);
}

#[test]
fn silent_connections_make_room_for_others() {
    let server = server::start_with_files(100, &[]);
    let mut silent: Vec<Box<dyn Stream>> = Vec::new();
    for _ in 0..100 {
        silent.push(server.address.connect());
        assert_eq!(server.address.get("/livez").status, 200);
        assert_eq!(server.address.post("/v1/sentiment", json!({"inputs": "Profit rose"}).to_string()).status, 200);
    }
    assert!(open_files(server.pid()) < 100);
    // The oldest were closed, and the newest are as good as ever.
    assert_eq!(silent[0].read(&mut [0]).unwrap_or_default(), 0);
    let mut newest = BufReader::new(silent.pop().unwrap());
    newest.get_mut().write_all(get("/v1/models").as_bytes()).unwrap();
    assert_eq!(Response::read(&mut newest).unwrap().status, 200);
    // As good as silent, after a second: connections that have had their answer.
    let idle: Vec<_> = (0..50).map(|_| ask(&server.address, &get("/v1/models"))).collect();
    assert!(idle.iter().all(|(answer, _)| answer.status == 200));
    assert!(open_files(server.pid()) < 100);
}

#[test]
fn with_all_connections_taken_probes_are_answered_and_others_wait_for_a_place() {
    let server = server::start_with_files(100, &[]);
    // An address gets three quarters of the 28 places at the workers.
    let mut taken: Vec<_> = (0..21).map(|_| open_stream(&server.address)).collect();
    let mut waiting = BufReader::new(server.address.connect());
    waiting.get_mut().write_all(get("/v1/models").as_bytes()).unwrap();
    for probe in ["/livez", "/readyz", "/health"] {
        assert_eq!(server.address.get(probe).status, 200, "{probe}");
    }
    let refused = server.address.get("/v1/models");
    refused.problem(503, "too many connections are open");
    assert_eq!((refused.headers["retry-after"].as_str(), refused.headers["connection"].as_str()), ("1", "close"));
    // That it waited may have ended as well; a new one gets the place that is free now.
    drop((taken.pop(), waiting));
    wait_until("a place is free", || server.address.get("/v1/models").status == 200);
}

#[test]
fn a_place_that_is_free_again_goes_to_the_connection_that_waits() {
    let server = server::start_with_files(100, &[]);
    let mut taken: Vec<_> = (0..21).map(|_| open_stream(&server.address)).collect();
    let mut waiting = BufReader::new(server.address.connect());
    waiting.get_mut().write_all(get("/v1/models").as_bytes()).unwrap();
    // The acceptor has seen the request when it answers a later connection.
    assert_eq!(server.address.get("/livez").status, 200);
    taken.pop();
    assert_eq!(Response::read(&mut waiting).unwrap().status, 200);
}

#[test]
fn too_few_files_are_an_error_at_the_start() {
    for files in [20, 50, 79] {
        let run = server::run_with_files(files, &["--listen", "127.0.0.1:0"]);
        run.assert_fails(1, &["too few files may be open", "and at least 80 are needed", "ulimit -n"]);
    }
}

#[test]
fn what_is_refused_before_it_is_a_request_has_an_id() {
    let server = server::start(&["--cors-origin", "https://a.example"]);
    let bad_length = "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n";
    let upgrade = "POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Content-Type: application/x-ndjson\r\nContent-Length: 4\r\n\r\n\"a\"\n";
    let long = format!("GET /v1/models HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(20_000));
    for (request, status) in [
        ("GET\r\n\r\n", 400),
        ("GET /v1/models HTTP/1.1\r\n\r\n", 400),
        (bad_length, 400),
        (upgrade, 400),
        (long.as_str(), 431),
    ] {
        let (answer, _) = ask(&server.address, request);
        answer.problem(status, "");
        assert_eq!(answer.headers["x-request-id"].len(), 32, "{request}");
    }
    let preflight = server.address.request("OPTIONS", "/v1/sentiment").header("Origin", "https://b.example");
    let refused = preflight.header("Access-Control-Request-Method", "POST").send();
    assert!(refused.status == 400 && refused.headers.contains_key("x-request-id"), "{refused:?}");
    let refusals = server.metric("finsent_requests_total{model=\"\",route=\"unknown\",status=\"400\"}");
    assert!(refusals >= 4.0, "{refusals}");
}

#[test]
fn a_malformed_client_is_logged_for_debugging_only() {
    let server = server::start(&["-vv"]);
    let (answer, _) = ask(&server.address, "GET\r\n\r\n");
    let line = server.logged("refused a connection");
    assert!(line.contains("DEBUG") && line.contains(&answer.headers["x-request-id"]), "{line}");
    let quiet = server::start(&[]);
    assert_eq!(ask(&quiet.address, "GET\r\n\r\n").0.status, 400);
    quiet.address.get("/v1/models").expect(200);
    let log = quiet.log_until("/v1/models");
    assert!(!log.iter().any(|line| line.contains("ERROR") || line.contains("status=400")), "{log:#?}");
}
