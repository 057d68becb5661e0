//! Requests that are too large, too slow or too many.

use std::io::{BufReader, Read, Write};
use std::time::Duration;

use finsent_testing::Response;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use crate::server;

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_body_over_the_limit_is_413_with_and_without_a_length() {
    let server = server::start(&["--max-body-bytes", "1000"]);
    let long = json!({"inputs": "a ".repeat(1000)}).to_string();
    server.address.post("/v1/sentiment", &long).problem(413, "the body is larger than 1000 bytes");
    let chunked = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let head = String::from_utf8(chunked.header("Transfer-Encoding", "chunked").bytes()).unwrap();
    let mut stream = server.address.connect();
    write!(stream, "{head}{:x}\r\n{long}\r\n0\r\n\r\n", long.len()).unwrap();
    Response::read(&mut BufReader::new(stream)).unwrap().problem(413, "larger than 1000 bytes");
    assert_eq!(server.address.post("/predict", &long).expect(413)["error_type"], "Validation");
}

#[test]
fn compressed_bodies_are_accepted_and_a_decompression_bomb_is_413() {
    let server = server::start(&["--max-body-bytes", "100000"]);
    let send = |encoding: &str, body: &[u8]| {
        let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        request.header("Content-Encoding", encoding).body(body).send()
    };
    let request = json!({"inputs": "Shares plunged 12%"}).to_string();
    assert_eq!(send("gzip", &gzip(request.as_bytes())).expect(200)["results"][0]["label"], "negative");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(request.as_bytes()).unwrap();
    assert_eq!(send("deflate", &zlib.finish().unwrap()).status, 200);
    assert_eq!(send("identity", request.as_bytes()).status, 200);

    let bomb = gzip(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000, "the compressed body is itself too large");
    send("gzip", &bomb).problem(413, "the body is larger than 100000 bytes");
    send("gzip", request.as_bytes()).problem(400, "cannot decompress");
    send("gzip", &gzip(request.as_bytes())[..20]).problem(400, "cannot decompress");
    send("br", request.as_bytes()).problem(415, "`Content-Encoding: br` is not supported");
}

#[test]
fn a_compressed_body_may_have_several_members_and_nothing_else_in_every_route() {
    let server = server::start(&[]);
    let send = |path: &str, kind: &str, body: Vec<u8>| {
        let request = server.address.request("POST", path).header("Content-Type", kind);
        request.header("Content-Encoding", "gzip").body(body).send()
    };
    for (path, kind, first, second) in [
        ("/v1/sentiment", "application/json", r#"{"inputs": "Profit"#, r#" rose"}"#),
        ("/", "application/json", r#"{"inputs": "Profit"#, r#" rose"}"#),
        ("/predict", "application/json", r#"{"inputs": "Profit"#, r#" rose"}"#),
        ("/v1/models/mini:predict", "application/json", r#"{"instances": ["Profit"#, r#" rose"]}"#),
        (
            "/v2/models/mini/infer",
            "application/json",
            r#"{"inputs": [{"name": "text", "data": ["Profit"#,
            r#" rose"]}]}"#,
        ),
    ] {
        let two = [gzip(first.as_bytes()), gzip(b""), gzip(second.as_bytes())].concat();
        let answer = send(path, kind, two.clone());
        assert!(answer.status == 200 && answer.text().contains("positive"), "{path} {kind}: {answer:?}");
        for junk in [&b"junk"[..], &[0; 512]] {
            let answer = send(path, kind, [&two, junk].concat());
            assert!(answer.text().contains("cannot decompress the body"), "{path} {kind}: {answer:?}");
        }
    }
}

#[test]
fn a_small_body_that_decompresses_to_a_lot_of_work_is_refused_early() {
    let server = server::start(&[]);
    let send = |body: String| {
        let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        request.header("Content-Encoding", "gzip").body(gzip(body.as_bytes())).send()
    };
    let long_name = send(format!(r#"{{"{}":1}}"#, "x".repeat(1_900_000)));
    assert!(long_name.body.len() < 500, "the name comes back");
    long_name.problem(422, "unknown field `xxxx");
    send(format!(r#"{{"inputs":[{}""]}}"#, "\"\",".repeat(600_000))).problem(413, "more than 1000 texts");
    send(format!("{}{}", "[".repeat(900_000), "]".repeat(900_000))).problem(422, "expected an object");
    let fields: String = (0..150_000).map(|field| format!("\"f{field}\":1,")).collect();
    send(format!(r#"{{{fields}"inputs":"a"}}"#)).problem(422, "64 fields");
    send(format!(r#"{{"inputs":"a","inputs":"{}"}}"#, "a".repeat(1_000_000))).problem(422, "`inputs` is there twice");
    send(format!(r#"{{"inputs":"a","deadline_ms":{}}}"#, "1".repeat(1_900_000)))
        .problem(422, "longer than 16384 bytes");
    send(format!(r#"{{"inputs":"a","model":"{}"}}"#, "m".repeat(10_000))).problem(404, "no model `mmm");
    send(r#"{"inputs":"a","deadline_ms":1e400}"#.into()).problem(422, "`deadline_ms`: number out of range");
}

#[test]
fn an_output_is_returned_once() {
    let server = server::start(&[]);
    let outputs = vec![json!({"name": "label"}); 100];
    let request = json!({"inputs": [{"name": "text", "data": ["a"]}], "outputs": outputs}).to_string();
    let answer = server.address.post("/v2/models/mini/infer", &request).expect(422);
    assert_eq!(answer["error"], "the output `label` is requested twice");
}

#[test]
fn a_document_with_more_tokens_than_may_wait_fails_alone() {
    let server = server::start(&["--max-queue-tokens", "50"]);
    let inputs = json!(["Profit rose. ".repeat(60), "Profit rose."]);
    let request = json!({"inputs": inputs, "granularity": "document"}).to_string();
    let answer = server.address.post("/v1/sentiment", request).expect(200);
    assert_eq!(answer["results"][0]["error"], "the text has more than 50 tokens; split it and send the parts");
    assert_eq!(answer["results"][1]["windows"], 1);
}

#[test]
fn too_many_texts_and_too_many_tokens_are_413_with_advice() {
    let server = server::start(&["--max-client-batch-size", "3", "--max-queue-tokens", "50"]);
    let send = |inputs: serde_json::Value| server.address.post("/v1/sentiment", json!({"inputs": inputs}).to_string());
    assert_eq!(send(json!(["a", "b", "c"])).status, 200);
    send(json!(["a", "b", "c", "d"])).problem(413, "more than 3 texts; send them in several requests");
    send(json!("profit ".repeat(60))).problem(413, "62 tokens, and at most 50 may wait");
}

#[test]
fn a_header_without_end_is_cut_off() {
    let server = server::start(&[]);
    let mut stream = server.address.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n").unwrap();
    let line = format!("X-Padding: {}\r\n", "a".repeat(1000));
    // 10 MB: the server hangs up long before.
    let sent = (0..10_000).take_while(|_| stream.write_all(line.as_bytes()).is_ok()).count();
    assert!(sent < 10_000, "the server never stopped reading headers");
    assert_eq!(server.address.get("/livez").status, 200);
}

#[test]
fn a_client_that_sends_its_body_too_slowly_gets_408() {
    let server = server::start(&["--request-timeout", "0.5"]);
    let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let head = request.header("Content-Length", 1000).bytes();
    let mut stream = server.address.connect_tcp();
    stream.write_all(&head).unwrap();
    // A byte at a time, until there is an answer.
    stream.set_read_timeout(Some(Duration::from_millis(25))).unwrap();
    let mut sent = 0;
    while stream.peek(&mut [0]).is_err() {
        assert!(sent < 1000, "the whole body was accepted");
        stream.write_all(b" ").unwrap_or_default();
        sent += 1;
    }
    assert!(sent > 1, "the server did not wait for the body");
    let answer = Response::read(&mut BufReader::new(stream)).unwrap();
    answer.problem(408, "did not arrive within 0.5 s");
    assert_eq!(answer.headers["connection"], "close");
}

#[test]
fn garbage_is_400_and_does_not_harm_the_service() {
    let server = server::start(&[]);
    for garbage in [&b"\x16\x03\x01\x02\0\x01\0"[..], b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", &[0xff; 300]] {
        let mut stream = server.address.connect();
        stream.write_all(garbage).unwrap();
        stream.write_all(b"\r\n\r\n").unwrap_or_default();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap_or_default();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.address.get("/readyz").status, 200);
}

#[test]
fn several_requests_may_use_one_connection() {
    let server = server::start(&[]);
    let request = |text: &str| {
        let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        request.body(json!({"inputs": text}).to_string()).bytes()
    };
    let mut stream = server.address.connect();
    stream.write_all(&[request("Shares plunged 12%"), request(" "), request("Profit rose")].concat()).unwrap();
    let mut answers = BufReader::new(stream);
    let mut next = || Response::read(&mut answers).unwrap();
    assert_eq!(next().expect(200)["results"][0]["label"], "negative");
    next().problem(422, "empty");
    assert_eq!(next().expect(200)["results"][0]["label"], "positive");
}
