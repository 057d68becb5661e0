//! Traces, as a receiver of OTLP gets them.

mod collector;
mod protobuf;
#[path = "../../hub/tls.rs"]
#[expect(dead_code, reason = "the tests of the hub need more of it")]
mod tls;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, iter};

use finsent_testing::wait_until;
use serde_json::{Value, json};

use self::collector::{ACCEPTED, Collector};
use self::protobuf::{Span, message};
use self::tls::Certificate;
use crate::clients;
use crate::server::{Server, finsent};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A server with these variables, which is ready.
fn start(variables: &[(&str, &str)], args: &[&str]) -> Server {
    let mut command = finsent(&["serve"]);
    command.envs(variables.iter().copied());
    let server = Server::spawn(command, args);
    server.wait_until_ready();
    server
}

fn exporting_to(collector: &Collector, args: &[&str]) -> Server {
    start(&[], &[&["--otlp-endpoint", &collector.url()], args].concat())
}

/// Ends the server, which exports what waits.
#[track_caller]
fn stop(mut server: Server) {
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().code(), Some(0));
}

fn post(server: &Server, path: &str, headers: &[(&str, &str)], body: &Value) -> u16 {
    let request = server.address.request("POST", path).header("Content-Type", "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    request.body(body.to_string()).send().status
}

fn sentiment(server: &Server, headers: &[(&str, &str)], inputs: Value) {
    assert_eq!(post(server, "/v1/sentiment", headers, &json!({"inputs": inputs})), 200);
}

/// The one span with this value of an attribute.
#[track_caller]
fn span<'a>(spans: &'a [Span], attribute: &str, value: impl Into<Value>) -> &'a Span {
    let value = value.into();
    let found: Vec<&Span> = spans.iter().filter(|span| span.attributes.get(attribute) == Some(&value)).collect();
    let [span] = found[..] else { panic!("{attribute} {value}: {found:#?} of {spans:#?}") };
    span
}

/// The parts of a request's span, by their start.
fn parts<'a>(spans: &'a [Span], of: &Span) -> Vec<&'a Span> {
    let mut parts: Vec<&Span> = spans.iter().filter(|span| span.parent == of.id).collect();
    parts.sort_by_key(|span| span.start);
    parts
}

fn names<'a>(spans: &[&'a Span]) -> Vec<&'a str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[test]
fn a_request_has_a_span_with_parts_in_the_trace_of_its_client() {
    let collector = Collector::start();
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=news%20desk"),
        ("OTEL_SERVICE_NAME", "scores"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test"),
    ];
    let server = start(&variables, &["--workers", "1", "--log-format", "json"]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let context = [("traceparent", &*parent), ("tracestate", "rojo=1,congo=2"), ("X-Request-Id", "first")];
    sentiment(&server, &context, json!(["Profit rose", "Shares fell", "Shares fell", ""]));
    sentiment(&server, &[("X-Request-Id", "again")], json!("Profit rose"));
    stop(server);

    let post = collector.post();
    assert_eq!(post.line, "POST /v1/traces HTTP/1.1");
    assert_eq!((&*post.headers["content-type"], &*post.headers["x-scope"]), ("application/x-protobuf", "news desk"));
    assert!(post.headers["user-agent"].starts_with("finsent/"), "{:?}", post.headers);
    let spans = protobuf::spans(&post.body);

    let first = span(&spans, "finsent.request_id", "first");
    assert_eq!((&*first.name, first.kind, first.has_error), ("POST /v1/sentiment", 2, false));
    assert_eq!((&*first.trace_id, &*first.parent, &*first.trace_state), (TRACE, CALLER, "rojo=1,congo=2"));
    assert_eq!(first.flags, 0x301, "sampled, and the parent is in another process");
    assert_eq!(first.resource["service.name"], "scores");
    assert_eq!(first.resource["deployment.environment.name"], "test");
    assert_eq!(first.resource["service.version"], env!("CARGO_PKG_VERSION"));
    let attributes = json!({
        "http.request.method": "POST", "http.route": "/v1/sentiment", "url.path": "/v1/sentiment",
        "url.scheme": "http", "http.response.status_code": 200, "finsent.request_id": "first",
        "finsent.model": "mini", "finsent.texts": 4, "finsent.failed_texts": 1, "finsent.tokens": 12,
    });
    assert_eq!(json!(first.attributes), attributes);

    let of_first = parts(&spans, first);
    assert_eq!(names(&of_first), ["tokenize", "queue", "inference"]);
    assert_eq!(json!(of_first[0].attributes), json!({"finsent.texts": 4, "finsent.tokens": 12}));
    let batch = json!({"finsent.batches": 1, "finsent.batch.texts": 2, "finsent.batch.tokens": 8});
    assert_eq!(json!(of_first[2].attributes), batch);
    let times = iter::once(first.start).chain(of_first.iter().flat_map(|part| [part.start, part.end]));
    assert!(times.chain([first.end]).is_sorted(), "{first:#?} {of_first:#?}");
    for part in &of_first {
        assert_eq!((part.kind, &*part.trace_id, part.flags), (1, TRACE, 0x101));
    }

    let again = span(&spans, "finsent.request_id", "again");
    assert_eq!((&*again.parent, &*again.trace_state, again.flags), ("", "", 0x103));
    assert_eq!(again.attributes["finsent.cached_texts"], 1);
    assert_eq!(names(&parts(&spans, again)), ["tokenize"]);
    assert_eq!(spans.len(), 6, "{spans:#?}");
}

#[test]
fn the_client_decides_whether_its_trace_is_recorded_and_the_log_has_the_ids() {
    let collector = Collector::start();
    let server = exporting_to(&collector, &["--log-format", "json"]);
    let ask = |id: &str, parent: &str| {
        sentiment(&server, &[("X-Request-Id", id), ("traceparent", parent)], json!("Profit rose"));
        let line: Value = serde_json::from_str(&server.logged(id)).unwrap();
        line["fields"]["trace_id"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(ask("unsampled", &format!("00-{TRACE}-{CALLER}-00")), TRACE);
    let malformed = ask("malformed", &format!("00-{TRACE}-{CALLER}"));
    let later = ask("later", &format!("cc-{TRACE}-{CALLER}-01-what"));
    for path in ["/livez", "/readyz", "/metrics", "/docs/", "/openapi.json"] {
        assert_eq!(server.address.get(path).status, 200, "{path}");
    }
    stop(server);
    let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.kind == 2).collect();
    let of_malformed = span(&spans, "finsent.request_id", "malformed");
    assert_eq!((&of_malformed.trace_id, &*of_malformed.parent), (&malformed, ""));
    assert!(malformed.len() == 32 && malformed != TRACE, "{malformed}");
    assert_eq!(later, TRACE);
    assert_eq!(span(&spans, "finsent.request_id", "later").parent, CALLER);
    assert_eq!(spans.len(), 2, "{spans:#?}");
}

#[test]
fn without_a_sampled_parent_the_sampler_decides() {
    let collector = Collector::start();
    let url = collector.url();
    let variables = [("FINSENT_OTLP_ENDPOINT", &*url), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")];
    let server = start(&variables, &[]);
    sentiment(&server, &[], json!("Profit rose"));
    sentiment(&server, &[("traceparent", &format!("00-{TRACE}-{CALLER}-01"))], json!("Profit rose"));
    stop(server);
    let spans: Vec<Span> = collector.spans().into_iter().filter(|span| span.kind == 2).collect();
    let [span] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(span.trace_id, TRACE);
}

#[test]
fn errors_streams_and_explanations_have_their_spans() {
    let collector = Collector::start();
    let server = exporting_to(&collector, &["--max-text-bytes", "2000"]);
    let texts: String = (0..3).map(|text| format!("\"Profit rose {text}\"\n")).collect();
    let stream = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/x-ndjson");
    let stream = stream.header("Connection", "close").header("X-Request-Id", "stream").body(texts + "5\n");
    let mut connection = server.address.connect();
    connection.write_all(&stream.bytes()).unwrap();
    connection.read_to_end(&mut Vec::new()).unwrap();

    let bad = [("X-Request-Id", "bad")];
    assert_eq!(post(&server, "/v1/sentiment", &bad, &json!({"inputs": 5})), 422);
    let unknown = [("X-Request-Id", "unknown")];
    assert_eq!(post(&server, "/Zyxwvut", &unknown, &json!({})), 404);
    let late = json!({"inputs": vec!["Profit rose and costs fell"; 400], "deadline_ms": 1, "granularity": "sentence"});
    assert_eq!(post(&server, "/v1/sentiment", &[("X-Request-Id", "late")], &late), 504);
    let explained = json!({"inputs": "Profit rose", "explain": true});
    assert_eq!(post(&server, "/v1/sentiment", &[("X-Request-Id", "why")], &explained), 200);
    assert_eq!(post(&server, "/tokenize", &[("X-Request-Id", "tokens")], &json!({"inputs": "Profit rose"})), 200);
    stop(server);

    let spans = collector.spans();
    let of = |id: &str| span(&spans, "finsent.request_id", id);
    let counts =
        |span: &Span| ["texts", "failed_texts", "tokens"].map(|key| span.attributes[&format!("finsent.{key}")].clone());
    assert_eq!(counts(of("stream")), [4, 1, 15].map(Value::from));
    assert!(!of("stream").has_error && parts(&spans, of("stream")).is_empty(), "{spans:#?}");
    assert!(!of("bad").has_error, "what the client did wrong is no error of the server");
    assert_eq!(of("bad").attributes["http.response.status_code"], 422);
    assert_eq!((&*of("unknown").name, of("unknown").attributes.contains_key("http.route")), ("POST", false));
    assert!(!format!("{spans:?}").contains("Zyxwvut"));
    assert_eq!((of("late").has_error, &of("late").attributes["error.type"]), (true, &"504".into()));
    let why = parts(&spans, of("why"));
    assert_eq!(names(&why).last(), Some(&"explain"), "{why:?}");
    assert!(why.last().unwrap().attributes["finsent.passes"].as_u64() > Some(2), "{why:?}");
    assert_eq!(names(&parts(&spans, of("tokens"))), ["tokenize"]);
}

#[test]
fn a_client_that_leaves_makes_an_error_without_a_status() {
    let collector = Collector::start();
    let server = exporting_to(&collector, &[]);
    let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let texts: Vec<String> =
        (0..30).map(|text| format!("{text} {}", "revenue grew while costs fell ".repeat(60))).collect();
    let mut connection = server.address.connect();
    connection.write_all(&request.body(json!({"inputs": texts}).to_string()).bytes()).unwrap();
    wait_until("the texts are queued", || server.metric("finsent_queue_texts{model=\"mini\"}") > 0.0);
    drop(connection);
    let spans = protobuf::spans(&collector.post().body);
    let span = span(&spans, "http.route", "/v1/sentiment");
    assert!(span.has_error && span.attributes["error.type"] == "client_disconnected", "{span:#?}");
    assert!(!span.attributes.contains_key("http.response.status_code"), "{span:#?}");
}

#[test]
fn spans_wait_for_a_receiver_that_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}");
    let server = start(&[("OTEL_BSP_SCHEDULE_DELAY", "0")], &["--otlp-endpoint", &url]);
    sentiment(&server, &[("X-Request-Id", "early")], json!("Profit rose"));
    server.logged(&format!("cannot export traces yet: nothing listens at {url}/v1/traces"));
    let collector = Collector::on(TcpListener::bind(("127.0.0.1", port)).unwrap(), |_| Some(ACCEPTED.to_vec()));
    let spans = protobuf::spans(&collector.post().body);
    span(&spans, "finsent.request_id", "early");
    server.logged("traces are exported again");
    assert_eq!(server.metric("finsent_trace_spans_total{outcome=\"exported\"}"), 4.0);
}

#[test]
fn a_receiver_that_is_busy_is_asked_again_when_it_says() {
    let collector = Collector::answering(|index| match index {
        0 => Some(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".to_vec()),
        _ => Some(ACCEPTED.to_vec()),
    });
    let server = start(&[("OTEL_BSP_SCHEDULE_DELAY", "0")], &["--otlp-endpoint", &collector.url()]);
    sentiment(&server, &[], json!("Profit rose"));
    let (first, second) = (collector.post(), collector.post());
    // By itself it would wait for three quarters of a second to one.
    assert!(second.at - first.at >= Duration::from_secs(1), "{:?}", second.at - first.at);
    assert_eq!(first.body, second.body);
    server.logged("answered 503 Service Unavailable");
}

#[test]
fn what_a_receiver_refuses_is_lost_counted_and_told() {
    let collector = Collector::answering(|index| {
        let (status, body) = match index {
            0 => ("400 Bad Request", message(2, b"too old")),
            _ => ("200 OK", message(1, &[&[1 << 3, 3][..], &message(2, b"no room")].concat())),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        Some([head.into_bytes(), body].concat())
    });
    let server = start(&[("OTEL_BSP_SCHEDULE_DELAY", "0")], &["--otlp-endpoint", &collector.url()]);
    let spans = |outcome: &str| server.metric(&format!("finsent_trace_spans_total{{outcome=\"{outcome}\"}}"));
    sentiment(&server, &[], json!("Profit rose"));
    let line = server.logged("spans are lost: ");
    assert!(line.contains("answered 400 Bad Request: too old") && line.contains("lost_spans=4"), "{line}");
    sentiment(&server, &[], json!("Shares fell"));
    wait_until("spans are rejected", || spans("rejected") > 0.0);
    assert_eq!(["exported", "failed", "rejected", "dropped"].map(spans), [1.0, 4.0, 3.0, 0.0]);
}

#[test]
fn a_receiver_that_hangs_holds_up_neither_requests_nor_the_end() {
    let collector = Collector::answering(|_| None);
    let variables = [("OTEL_BSP_SCHEDULE_DELAY", "0"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "100")];
    let server = start(&variables, &["--otlp-endpoint", &collector.url()]);
    sentiment(&server, &[], json!("Profit rose"));
    collector.post();
    sentiment(&server, &[], json!("Shares fell"));
    server.logged("did not answer in time");
    stop(server);
}

#[test]
fn spans_that_do_not_fit_into_the_queue_are_dropped_counted_and_told() {
    let collector = Collector::start();
    let variables = [("OTEL_BSP_SCHEDULE_DELAY", "60000"), ("OTEL_BSP_MAX_QUEUE_SIZE", "4")];
    let mut server = start(&variables, &["--otlp-endpoint", &collector.url()]);
    for _ in 0..7 {
        server.address.get("/v1/models").expect(200);
    }
    assert_eq!(server.metric("finsent_trace_spans_total{outcome=\"dropped\"}"), 3.0);
    assert!(collector.posts().is_empty(), "they wait for others");
    server.signal("TERM");
    let line = server.logged("spans are lost: their queue is full");
    assert!(line.contains("lost_spans=3"), "{line}");
    assert_eq!(server.wait_for_exit().code(), Some(0));
    assert_eq!(collector.spans().len(), 4);
}

#[test]
fn spans_go_over_tls_to_a_receiver_whose_authority_is_known() {
    let certificate = Certificate::new();
    let collector = Collector::over_tls(Arc::clone(&certificate.config));
    let dir = tempfile::tempdir().unwrap();
    let pem = dir.path().join("ca.pem");
    fs::write(&pem, &certificate.pem).unwrap();
    let url = collector.url().replace("http://127.0.0.1", "https://localhost");
    let server = start(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", pem.to_str().unwrap())], &["--otlp-endpoint", &url]);
    sentiment(&server, &[], json!("Profit rose"));
    stop(server);
    assert_eq!(collector.spans().len(), 4);
    let server = start(&[("OTEL_BSP_SCHEDULE_DELAY", "0")], &["--otlp-endpoint", &url]);
    sentiment(&server, &[], json!("Profit rose"));
    server.logged("no TLS connection to https://localhost:");
}

#[test]
fn settings_that_are_not_valid_are_refused_at_the_start() {
    let refused = |variable: (&str, &str), args: &[&str], words: &str| {
        let output =
            finsent(&[&["serve", "--listen", "127.0.0.1:0"], args].concat()).env(variable.0, variable.1).output();
        let output = output.unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && stderr.contains(words), "{stderr}");
    };
    let none = ("UNUSED", "");
    refused(
        none,
        &["--otlp-endpoint", "localhost:4318"],
        "--otlp-endpoint: `localhost:4318` has no scheme; write http://",
    );
    refused(("FINSENT_OTLP_ENDPOINT", "ftp://h"), &[], "--otlp-endpoint: `ftp` is not supported");
    let url = ["--otlp-endpoint", "http://localhost:4318"];
    refused(("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), &url, "finsent exports http/protobuf, not `grpc`");
    refused(none, &["--otlp-traces-endpoint", "http://h:4318"], "write --otlp-endpoint http://h:4318");
}

/// Writes what a receiver gets into files, and lets the published messages of OpenTelemetry read them.
#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn the_published_messages_of_opentelemetry_read_the_spans() {
    let collector = Collector::start();
    let server = exporting_to(&collector, &["--workers", "1"]);
    let parent = format!("00-{TRACE}-{CALLER}-01");
    sentiment(&server, &[("traceparent", &parent), ("tracestate", "rojo=1")], json!(["Profit rose", "Shares fell"]));
    let late = json!({"inputs": vec!["Profit rose and costs fell"; 400], "deadline_ms": 1, "granularity": "sentence"});
    assert_eq!(post(&server, "/v1/sentiment", &[], &late), 504);
    stop(server);
    let dir = tempfile::tempdir().unwrap();
    for (index, post) in collector.posts().iter().enumerate() {
        fs::write(dir.path().join(index.to_string()), &post.body).unwrap();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/http/clients/otlp.py");
    clients::succeeds(Command::new(clients::installed().join("bin/python")).arg(script).arg(dir.path()));
}
