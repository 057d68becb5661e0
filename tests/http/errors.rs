//! Each error has its status, in the format of its protocol. 408, 429, 500, 503 and 504 are also tested in finsent-server,
//! with a backend that the tests control.

use finsent_testing::Response;
use serde_json::json;

use crate::server;

#[test]
fn a_body_that_is_not_json_is_400_and_one_without_meaning_is_422() {
    let server = server::start(&[]);
    let sentiment = |body: &[u8]| server.address.post("/v1/sentiment", body);
    for body in [&b""[..], b"{", b"{\"inputs\": \"a\"", b"\xff\xfe", b"{} {}", b"{\"inputs\": 'a'}", b"\0"] {
        sentiment(body).problem(400, "not valid JSON");
    }
    for (body, words) in [
        ("[]", "expected an object, found an array"),
        ("null", "expected an object, found null"),
        ("{}", "the field `inputs` is missing"),
        (r#"{"inputs": null}"#, "the field `inputs` is missing"),
        (r#"{"inputs": 5}"#, "`inputs`: expected a string or an array, found a number"),
        (r#"{"inputs": {}}"#, "found an object"),
        (r#"{"inputs": []}"#, "`inputs` is empty"),
        (r#"{"inputs": " \n"}"#, "the text is empty"),
        (r#"{"inputs": "\udc00"}"#, "not a valid string"),
        (r#"{"input": "a"}"#, "unknown field `input`; did you mean `inputs`?"),
        (r#"{"inputs": "a", "granularity": "chapter"}"#, "`granularity`: unknown variant `chapter`"),
        (r#"{"inputs": "a", "deadline_ms": 0}"#, "`deadline_ms`: expected more than 0"),
        (r#"{"inputs": "a", "deadline_ms": -5.5}"#, "`deadline_ms`: expected more than 0"),
        (r#"{"inputs": "a", "deadline_ms": "5"}"#, "`deadline_ms`: invalid type"),
        (r#"{"inputs": "a", "priority": "high"}"#, "`priority`: unknown variant `high`"),
        (r#"{"inputs": "a", "model": 7}"#, "`model`: invalid type"),
    ] {
        sentiment(body.as_bytes()).problem(422, words);
    }
}

#[test]
fn an_error_in_a_text_has_its_index() {
    let server = server::start(&[]);
    for (item, words) in [
        ("5", "expected a string, found a number"),
        ("null", "expected a string, found null"),
        (r#"{"id": 1}"#, "the field `text` is missing"),
        (r#"{"text": "a"}"#, "the field `id` is missing"),
        (r#"{"id": 1, "txt": "a"}"#, "unknown field `txt`; did you mean `text`?"),
        (r#"{"id": 1.5, "text": "a"}"#, "`id`: expected a whole number, found `1.5`"),
        (r#"{"id": [], "text": "a"}"#, "`id`: expected a string or an integer, found an array"),
        (r#"{"id": 1, "text": 2}"#, "expected a string, found a number"),
    ] {
        let answer = server.address.post("/v1/sentiment", format!(r#"{{"inputs": ["fine", {item}]}}"#));
        answer.problem(422, words);
        assert_eq!(answer.json()["index"], 1, "{item}");
    }
    let refused = server.address.post("/", r#"{"inputs": ["fine", ""]}"#).expect(422);
    assert_eq!(refused, json!({"error": "inputs[1]: the text is empty"}));
}

#[test]
fn deeply_nested_json_is_an_error_and_not_a_crash() {
    let server = server::start(&[]);
    let deep = [b"{\"inputs\": ".to_vec(), vec![b'['; 900_000], vec![b']'; 900_000], b"}".to_vec()].concat();
    server.address.post("/v1/sentiment", &deep).problem(422, "found an array");
    let tensor = |data: &str| format!(r#"{{"inputs": [{{"name": "text", "data": {data}}}]}}"#);
    let nested = tensor(&("[".repeat(400_000) + &"]".repeat(400_000)));
    assert!(server.address.post("/v2/models/mini/infer", nested).status < 500);
    assert_eq!(server.address.get("/readyz").status, 200);
}

#[test]
fn unknown_paths_models_and_methods_have_the_error_format_of_their_path() {
    let server = server::start(&[]);
    server.address.get("/v1/sentimet").problem(404, "no route `/v1/sentimet`");
    server.address.post("/v1/sentiment", r#"{"inputs": "a", "model": "mimi"}"#).problem(404, "did you mean `mini`?");
    let error = |answer: Response, status: u16| answer.expect(status)["error"].as_str().unwrap().to_owned();
    let text = r#"{"inputs": "a"}"#;
    assert!(error(server.address.post("/models/ProsusAI/finbert", text), 404).contains("no model `ProsusAI/finbert`"));
    assert!(error(server.address.post("/v2/models/finbert/infer", text), 404).contains("no model `finbert`"));
    assert!(error(server.address.get("/v2/models/finbert/ready"), 404).contains("no model `finbert`"));
    assert!(error(server.address.post("/v1/models/finbert:predict", text), 404).contains("no model `finbert`"));

    for (method, path, allow) in [
        ("GET", "/v1/sentiment", "POST"),
        ("GET", "/", "POST"),
        ("DELETE", "/predict", "POST"),
        ("POST", "/readyz", "GET, HEAD"),
        ("PUT", "/v2/models/mini", "GET, HEAD"),
        ("TRACE", "/v1/models", "GET, HEAD"),
    ] {
        let answer = server.address.request(method, path).send();
        assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, allow), "{method} {path}");
    }
}

#[test]
fn other_types_than_json_are_415() {
    let server = server::start(&[]);
    let send = |content_type: &str, path: &str| {
        server.address.request("POST", path).header("Content-Type", content_type).body(r#"{"inputs": "a"}"#).send()
    };
    for wrong in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        send(wrong, "/v1/sentiment").problem(415, "expected a body of `Content-Type: application/json`");
    }
    for right in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.acme+json"] {
        assert_eq!(send(right, "/v1/sentiment").status, 200, "{right}");
    }
    assert_eq!(send("text/plain", "/").expect(415)["error"], "expected a body of `Content-Type: application/json`");
}

#[test]
fn a_binary_body_that_does_not_match_its_header_is_refused() {
    let server = server::start(&[]);
    let send = |length: &str, body: &str| {
        let request = server.address.request("POST", "/v2/models/mini/infer");
        request.header("Inference-Header-Content-Length", length).body(body).send().status
    };
    for length in ["1000", "-1", "x", ""] {
        assert_eq!(send(length, r#"{"inputs": []}"#), 400, "{length}");
    }
    let cut = r#"{"inputs":[{"name":"text","shape":[1],"parameters":{"binary_data_size":50}}]}"#;
    assert_eq!(send(&cut.len().to_string(), cut), 422);
    for (body, status) in [
        (r#"{"inputs": []}"#, 422),
        (r#"{"inputs": [{"name": "text", "datatype": "FP32", "data": ["a"]}]}"#, 422),
        (r#"{"inputs": [{"name": "text", "shape": [2], "data": ["a"]}]}"#, 422),
        (r#"{"inputs": [{"name": "text", "data": ["a"]}, {"name": "b", "data": ["c"]}]}"#, 422),
        (r#"{"inputs": [{"name": "text", "data": ["a"]}], "outputs": [{"name": "logits"}]}"#, 422),
        (r#"{"inputs": [{"name": "text", "data": ["a"]}"#, 400),
    ] {
        assert_eq!(server.address.post("/v2/models/mini/infer", body).status, status, "{body}");
    }
}
