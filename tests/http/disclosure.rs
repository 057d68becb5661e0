//! Responses do not disclose where the service's files are, nor its version, except on the routes for it.

use std::fs;
use std::io::{BufReader, Write};
use std::net::TcpStream;

use finsent_testing::models::small_model;
use finsent_testing::{Request, Response};
use serde_json::json;

use crate::server;

/// Part of the name of the directory that holds all of the service's files.
const DIRECTORY: &str = "hidden-place";
const KEY: &str = "open-sesame";

#[track_caller]
fn assert_discloses_nothing(answer: &Response, request: &str) {
    let Response { headers, body, .. } = answer;
    let text = format!("{headers:?} {}", String::from_utf8_lossy(body));
    for secret in [DIRECTORY, env!("CARGO_PKG_VERSION"), env!("CARGO_MANIFEST_DIR"), ".rs", "src/"] {
        assert!(!text.contains(secret), "{request}: {text}");
    }
    for header in ["server", "x-powered-by"] {
        assert!(!headers.contains_key(header), "{request}: {headers:?}");
    }
}

#[test]
fn no_response_discloses_paths_or_the_version() {
    let dir = tempfile::Builder::new().prefix(DIRECTORY).tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let keys = dir.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    let socket = format!("unix:{}", dir.path().join("socket").display());
    let server = server::start(&[
        "--model",
        model.to_str().unwrap(),
        "--api-key-file",
        keys.to_str().unwrap(),
        "--listen",
        &socket,
        "--cors-origin",
        "https://a.example",
    ]);
    let ask = |method: &str, path: &str, build: &dyn Fn(Request<'_>) -> Vec<u8>| {
        let request = server.address.request(method, path);
        let mut stream = server.address.connect();
        stream.write_all(&build(request)).unwrap_or_default();
        Response::read(&mut BufReader::new(stream)).unwrap()
    };
    let bodies =
        ["", "{", "[]", "{}", r#"{"inputs": 5}"#, r#"{"inputs": ["a", ""]}"#, r#"{"inputs": "up", "model": "/"}"#];
    let odd = ["/nothing", "/%ff", "/docs/nothing", "/docs/../../etc/passwd", "/docs/%2e%2e/Cargo.toml", "/models/../"];
    let describing =
        ["/v2/models/small/versions/2", "/v2/models/small", "/v2/models/%ff/ready", "/v1/models", "/v1/models/%ff"];
    let probes = ["/livez", "/readyz", "/health", "/v2/health/live", "/v2/health/ready", "/docs"];
    let computing =
        ["/v1/sentiment", "/", "/models/%2e%2e%2fx", "/predict", "/v2/models/small/infer", "/v1/models/x:predict"];
    for path in odd.iter().chain(&describing).chain(&probes).chain(&computing) {
        for method in ["GET", "POST", "BREW"] {
            for body in bodies {
                for (name, value) in [("Authorization", "Bearer no"), ("Content-Encoding", "gzip"), ("X", "x")] {
                    let answer = ask(method, path, &|request| {
                        let request = request.header(name, value).header("Content-Type", "application/json");
                        let open = name != "Authorization";
                        let request =
                            if open { request.header("Authorization", format!("Bearer {KEY}")) } else { request };
                        request.body(body).bytes()
                    });
                    assert_discloses_nothing(&answer, &format!("{method} {path} {name} {body}"));
                }
            }
        }
    }
    for garbage in ["GARBAGE\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"] {
        assert_discloses_nothing(&ask("", "", &|_| garbage.into()), garbage);
    }
    let foreign = ask("GET", "/livez", &|request| request.header("Origin", "https://b.example").bytes());
    assert_discloses_nothing(&foreign, "another origin");
    let metadata = ask("GET", "/v2", &|request| request.header("Authorization", format!("Bearer {KEY}")).bytes());
    assert_eq!(metadata.expect(200)["version"], env!("CARGO_PKG_VERSION"), "the metadata route names the version");
}

#[test]
fn why_a_model_did_not_load_is_logged_and_not_disclosed() {
    let dir = tempfile::Builder::new().prefix(DIRECTORY).tempdir().unwrap();
    let model = small_model(dir.path(), "broken");
    fs::write(model.join("model.safetensors"), "no weights").unwrap();
    // While the first model is loading, there is time for requests.
    let mut server = server::start_unready(&["--model", "mini", "--model", model.to_str().unwrap()]);
    let address = server.address.host().to_owned();
    let ask = |request: Request<'_>| {
        let mut stream = TcpStream::connect(&address).ok()?;
        stream.write_all(&request.bytes()).ok()?;
        Response::read(&mut BufReader::new(stream))
    };
    let mut answers = 0;
    while let Some(answer) = ask(server.address.request("GET", "/readyz")) {
        assert_eq!(answer.expect(503), json!({"status": "loading"}));
        assert_discloses_nothing(&answer, "/readyz");
        let text = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
        if let Some(answer) = ask(text.body(r#"{"inputs": "a"}"#)) {
            answer.problem(503, "the models are still loading");
            assert_discloses_nothing(&answer, "/v1/sentiment");
        }
        answers += 1;
    }
    assert!(answers > 0, "no request was answered while the models were loading");
    assert_eq!(server.wait_for_exit().code(), Some(3));
    assert!(server.logged("model.safetensors").contains(DIRECTORY));
}
