//! API keys, CORS, metrics and the log.

use std::fs;

use serde_json::{Value, json};

use crate::server::{self, Server};

const SECRET: &str = "Zyxwvut Holdings quietly collapsed";

#[test]
fn with_keys_only_probes_metrics_and_docs_are_open() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    fs::write(&keys, "first\nsecond\n").unwrap();
    let server = server::start(&["--api-key-file", keys.to_str().unwrap()]);
    let ask = |path: &str, key: &str| {
        let request = server.address.request("POST", path).header("Content-Type", "application/json");
        let request = if key.is_empty() { request } else { request.header("Authorization", format!("Bearer {key}")) };
        request.body(r#"{"inputs": "Profit rose"}"#).send()
    };
    for key in ["first", "second"] {
        assert_eq!(ask("/v1/sentiment", key).status, 200);
    }
    for key in ["", "third", "firs"] {
        let refused = ask("/v1/sentiment", key);
        refused.problem(401, "Authorization: Bearer KEY");
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
    }
    assert!(ask("/", "").expect(401)["error"].is_string());
    assert_eq!(ask("/predict", "").expect(401)["error_type"], "Validation");
    assert_eq!(server.address.get("/v1/models").status, 401);
    for open in ["/livez", "/readyz", "/health", "/v2/health/ready", "/metrics", "/openapi.json", "/docs/"] {
        assert_eq!(server.address.get(open).status, 200, "{open}");
    }
    assert!(server.address.get("/openapi.json").json()["components"]["securitySchemes"]["key"].is_object());

    fs::write(&keys, "third\n").unwrap();
    server.signal("HUP");
    server.logged("API keys reloaded");
    assert_eq!((ask("/v1/sentiment", "third").status, ask("/v1/sentiment", "first").status), (200, 401));
    fs::write(&keys, "\n").unwrap();
    server.signal("HUP");
    server.logged("the old API keys stay valid");
    assert_eq!(ask("/v1/sentiment", "third").status, 200);
}

#[test]
fn cors_is_off_by_default() {
    let preflight = |server: &Server, origin: &str| {
        let request = server.address.request("OPTIONS", "/v1/sentiment").header("Origin", origin);
        request.header("Access-Control-Request-Method", "POST").send()
    };
    let allowed = |server: &Server, origin: &str| {
        let found = preflight(server, origin).headers.get("access-control-allow-origin").cloned();
        found.unwrap_or_default()
    };
    let off = server::start(&[]);
    assert_eq!(allowed(&off, "https://a.example"), "");
    let one = server::start(&["--cors-origin", "https://a.example"]);
    assert_eq!(allowed(&one, "https://a.example"), "https://a.example");
    assert_eq!(allowed(&one, "https://b.example"), "");
    let any = server::start(&["--cors-origin", "*"]);
    assert_eq!(allowed(&any, "https://b.example"), "*");
}

#[test]
fn every_series_exists_before_the_first_request() {
    let server = server::start(&[]);
    let metrics = server.address.get("/metrics");
    assert!(metrics.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    for series in [
        "finsent_requests_total{model=\"mini\",route=\"/v1/sentiment\",status=\"429\"} 0",
        "finsent_requests_total{model=\"\",route=\"/predict\",status=\"503\"} 0",
        "finsent_request_duration_seconds_count{model=\"mini\",route=\"/\"} 0",
        "finsent_queue_duration_seconds_count{model=\"mini\"} 0",
        "finsent_tokenization_duration_seconds_count{model=\"mini\"} 0",
        "finsent_inference_duration_seconds_count{model=\"mini\"} 0",
        "finsent_batch_texts_count{model=\"mini\"} 0",
        "finsent_batch_tokens_count{model=\"mini\"} 0",
        "finsent_queue_texts{model=\"mini\"} 0",
        "finsent_queue_tokens{model=\"mini\"} 0",
        "finsent_cache_hits_total{model=\"mini\"} 0",
        "finsent_truncated_texts_total{model=\"mini\"} 0",
        "finsent_dropped_texts_total{model=\"mini\",reason=\"deadline\"} 0",
        "finsent_explanations_total{model=\"mini\"} 0",
        "finsent_explanation_passes_total{model=\"mini\"} 0",
        "finsent_ready 1",
    ] {
        assert!(metrics.text().lines().any(|line| line == series), "{series} in {}", metrics.text());
    }
    for start in ["finsent_model_info{digest=\"sha256:", "process_resident_memory_bytes ", "process_open_fds "] {
        assert!(metrics.text().lines().any(|line| line.starts_with(start)), "{start}");
    }
}

#[test]
fn texts_tokens_and_requests_are_counted() {
    let server = server::start(&[]);
    let sentiment = |inputs: Value| server.address.post("/v1/sentiment", json!({"inputs": inputs}).to_string());
    sentiment(json!(["Profit rose", "Profit rose", "Shares fell", ""])).expect(200);
    sentiment(json!("Profit rose")).expect(200);
    sentiment(json!("profit ".repeat(600))).expect(200);
    sentiment(json!(5)).expect(422);
    let of_mini = |name: &str| server.metric(&format!("finsent_{name}{{model=\"mini\"}}"));
    assert_eq!(of_mini("texts_total"), 5.0);
    assert_eq!(of_mini("tokens_total"), 4.0 * 4.0 + 512.0);
    assert_eq!(of_mini("truncated_texts_total"), 1.0);
    assert_eq!(of_mini("cache_hits_total"), 1.0);
    assert_eq!(of_mini("shared_texts_total"), 1.0);
    assert_eq!(of_mini("batch_texts_sum"), 3.0);
    assert_eq!(of_mini("batch_tokens_sum"), 2.0 * 4.0 + 512.0);
    let requests = |model: &str, status: u16| {
        server
            .metric(&format!("finsent_requests_total{{model=\"{model}\",route=\"/v1/sentiment\",status=\"{status}\"}}"))
    };
    assert_eq!((requests("mini", 200), requests("", 422)), (3.0, 1.0));
}

#[test]
fn a_repeated_text_has_the_same_answer_from_the_cache() {
    let server = server::start(&[]);
    let ask = || server.address.post("/v1/sentiment", json!({"inputs": "Profit rose"}).to_string());
    let (first, second) = (ask(), ask());
    assert_eq!(first.json(), second.json());
    assert_eq!(second.headers["x-inference-time"], "0.000");
    let off = server::start(&["--cache-entries", "0"]);
    let ask = || off.address.post("/v1/sentiment", json!({"inputs": "Profit rose"}).to_string());
    assert_eq!((ask().json(), off.metric("finsent_cache_hits_total{model=\"mini\"}")), (first.json(), 0.0));
}

#[test]
fn responses_have_their_request_id_and_timings() {
    let server = server::start(&[]);
    let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let answer = request.header("X-Request-Id", "feed-17/3").body(r#"{"inputs": "Profit rose"}"#).send();
    assert_eq!(answer.headers["x-request-id"], "feed-17/3");
    let time = |name: &str| answer.headers[name].parse::<f64>().unwrap();
    let parts = time("x-tokenization-time") + time("x-queue-time") + time("x-inference-time");
    assert!(time("x-inference-time") > 0.0 && parts <= time("x-total-time"), "{:?}", answer.headers);
    let made = server.address.get("/nothing");
    assert!(made.headers["x-request-id"].len() == 32 && made.headers.contains_key("x-total-time"));
}

#[test]
fn the_log_is_json_with_the_trace_and_never_with_a_text() {
    let server = server::start(&["--log-format", "json", "-vv"]);
    let request = server.address.request("POST", "/v1/sentiment").header("Content-Type", "application/json");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let request = request.header("traceparent", trace).header("X-Request-Id", "feed-17");
    request.body(json!({"inputs": SECRET}).to_string()).send().expect(200);
    for bad in
        [json!({"inputs": [{"id": 1, "txt": SECRET}]}), json!({"inputs": "a", "model": SECRET}), json!({SECRET: 1})]
    {
        assert!(server.address.post("/v1/sentiment", bad.to_string()).status >= 404);
    }
    server.address.post("/v1/sentiment", format!("{{\"inputs\": \"{SECRET}\" oops")).expect(400);
    server.address.get("/v1/models").expect(200);
    let log = server.log_until("/v1/models");
    for line in &log {
        assert!(!line.contains("Zyxwvut") && serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    let line = log.iter().find(|line| line.contains("feed-17")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let fields = &line["fields"];
    assert_eq!((&fields["method"], &fields["route"]), (&"POST".into(), &"/v1/sentiment".into()));
    assert_eq!((&fields["status"], &fields["model"]), (&200.into(), &"mini".into()));
    assert_eq!(fields["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
}
