//! Every route, in the format of its protocol.

use finsent_testing::Address;
use serde_json::{Value, json};

use crate::limits::gzip;
use crate::server;

const UP: &str = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn";
const DOWN: &str = "Net loss widened to $4.2 billion as demand collapsed";

fn score(of: &Value, label: &str) -> f64 {
    of["scores"][label].as_f64().unwrap()
}

#[track_caller]
fn is_near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
}

#[test]
fn sentiment_accepts_one_text_several_and_texts_with_ids() {
    let server = server::start(&[]);
    let sentiment = |request: Value| server.address.post("/v1/sentiment", request.to_string());

    let one = sentiment(json!({"inputs": UP, "granularity": "text", "deadline_ms": 60000})).expect(200);
    let prediction = &one["results"][0];
    assert_eq!(prediction["label"], "positive");
    // models/mini/golden.json
    is_near(&prediction["score"], 0.9712546045312207);
    assert_eq!((&prediction["tokens"], &prediction["truncated"]), (&19.into(), &false.into()));
    is_near(&prediction["sentiment_score"], score(prediction, "positive") - score(prediction, "negative"));
    assert_eq!(one["usage"], json!({"tokens": 19, "texts": 1}));
    let model = &one["model"];
    assert_eq!((&model["name"], &model["precision"]), (&"mini".into(), &"f32".into()));
    let digest = model["digest"].as_str().unwrap();
    assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest}");

    let several = json!([UP, {"id": "a", "text": DOWN}, {"id": 7, "text": UP}]);
    let several = sentiment(json!({"inputs": several, "model": "mini", "priority": "bulk"})).expect(200);
    let labels: Vec<&Value> = several["results"].as_array().unwrap().iter().map(|result| &result["label"]).collect();
    assert_eq!(labels, ["positive", "negative", "positive"]);
    assert_eq!(several["results"][1]["id"], "a");
    assert_eq!(several["results"][2]["id"], 7);
    assert_eq!(several["results"][0].get("id"), None);
    assert_eq!(several["results"][0], *prediction, "the score depends on the batch");
}

#[test]
fn sentiment_averages_documents_and_leaves_out_html_as_asked() {
    let server = server::start(&[]);
    let sentiment = |request: Value| server.address.post("/v1/sentiment", request.to_string());
    let neutral = "The board meets on Monday.";
    let polar = json!({"inputs": format!("{DOWN}. {neutral}"), "granularity": "document", "aggregate": "polar"});
    let alone = sentiment(json!({"inputs": format!("{DOWN}.")})).expect(200);
    assert_eq!(sentiment(polar).expect(200)["results"][0]["scores"], alone["results"][0]["scores"]);
    let wrong = json!({"inputs": DOWN, "aggregate": "mean"});
    sentiment(wrong).problem(422, "`aggregate` needs `granularity` `document`");

    let html = "<p>AT&amp;T&#8217;s <b>profit</b> rose.</p>";
    let request = |unescape: bool| json!({"inputs": html, "unescape_html": unescape, "granularity": "document"});
    let plain = sentiment(request(true)).expect(200);
    let sentence = &plain["results"][0]["sentences"][0];
    assert_eq!(sentence["text"], "AT&T\u{2019}s profit rose.");
    let place = |name: &str| sentence[name].as_u64().unwrap() as usize;
    assert_eq!(&html[place("start")..place("end")], "AT&amp;T&#8217;s <b>profit</b> rose.");
    assert_ne!(sentiment(request(false)).expect(200)["usage"], plain["usage"]);
    sentiment(json!({"inputs": "<br>", "unescape_html": true})).problem(422, "the text is empty");
}

#[test]
fn sentiment_scores_sentences_and_documents() {
    let server = server::start(&[]);
    let text = format!("{UP}. {DOWN}.");
    let score_at = |granularity: &str| {
        let inputs = json!([{"id": 3, "text": text}, "", DOWN]);
        let request = json!({"inputs": inputs, "granularity": granularity});
        server.address.post("/v1/sentiment", request.to_string()).expect(200)
    };
    let document = score_at("document");
    let result = &document["results"][0];
    assert_eq!((&result["id"], &result["windows"]), (&3.into(), &2.into()));
    let labels: Vec<&Value> = result["sentences"].as_array().unwrap().iter().map(|of| &of["label"]).collect();
    assert_eq!(labels, ["positive", "negative"]);
    let (start, end) = (&result["sentences"][1]["start"], &result["sentences"][1]["end"]);
    assert_eq!(text[start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize], format!("{DOWN}."));
    let tokens = |result: &Value| -> Vec<f64> {
        result["sentences"].as_array().unwrap().iter().map(|sentence| sentence["tokens"].as_f64().unwrap()).collect()
    };
    let weighed: f64 = tokens(result)
        .iter()
        .zip(result["sentences"].as_array().unwrap())
        .map(|(tokens, sentence)| tokens * score(sentence, "positive"))
        .sum();
    is_near(&result["scores"]["positive"], weighed / tokens(result).iter().sum::<f64>());
    assert_eq!(document["results"][1], json!({"error": "the text is empty"}));
    assert_eq!(document["results"][2]["windows"], 1);
    let read: f64 = tokens(result).iter().chain(&tokens(&document["results"][2])).sum();
    assert_eq!(document["usage"], json!({"tokens": read as u64, "texts": 2}));

    assert_eq!(result["label_counts"], json!({"positive": 1, "negative": 1, "neutral": 0}));
    assert_eq!(result["strongest"], json!({"positive": [0], "negative": [1]}));

    let sentences = score_at("sentence");
    assert_eq!(sentences["results"][0]["sentences"], result["sentences"]);
    assert_eq!(sentences["results"][0].get("label"), None);
    assert_eq!(sentences["results"][0]["id"], 3);
}

#[test]
fn a_bad_text_fails_alone() {
    let server = server::start(&["--max-text-bytes", "100"]);
    let long = "a".repeat(101);
    let body = format!(
        r#"{{"inputs": ["{UP}", " ", "{long}", "\ud800", {{"id": 3, "text": "\u00a0"}}, "nul \u0000 inside"]}}"#
    );
    let answer = server.address.post("/v1/sentiment", body).expect(200);
    let results = answer["results"].as_array().unwrap();
    let error = |index: usize| results[index]["error"].as_str().unwrap();
    assert_eq!(error(1), "the text is empty");
    assert_eq!(error(2), "the text has 101 bytes; the limit is 100");
    assert!(error(3).starts_with("not a valid string"), "{}", error(3));
    assert_eq!(results[4], json!({"id": 3, "error": "the text is empty"}));
    assert_eq!((&results[0]["label"], &results[5]["truncated"]), (&"positive".into(), &false.into()));
    assert_eq!(answer["usage"]["texts"], 2);
}

#[test]
fn a_text_longer_than_the_window_is_marked_as_truncated() {
    let server = server::start(&[]);
    let long = UP.repeat(60);
    let answer = server.address.post("/v1/sentiment", json!({"inputs": [long, UP]}).to_string());
    assert_eq!(answer.headers["x-truncated-texts"], "1");
    let results = &answer.expect(200)["results"];
    assert_eq!((&results[0]["truncated"], &results[0]["tokens"]), (&true.into(), &512.into()));
    assert_eq!(results[1]["truncated"], false);
    let kept = json!({"inputs": long, "parameters": {"truncation": false}}).to_string();
    let refused = server.address.post("/", kept).expect(422);
    assert_eq!(refused, json!({"error": "the text is longer than the model's window of 512 tokens"}));
    let refused =
        server.address.post("/predict", json!({"inputs": [UP, long], "truncate": false}).to_string()).expect(422);
    assert!(refused["error"].as_str().unwrap().starts_with("inputs[1]: the text is longer"), "{refused}");
}

#[test]
fn hugging_face_answers_are_nested_and_sorted() {
    let server = server::start(&[]);
    let classify = |path: &str, request: Value| server.address.post(path, request.to_string()).expect(200);
    let one = classify("/", json!({"inputs": UP}));
    let labels: Vec<&Value> = one[0].as_array().unwrap().iter().map(|item| &item["label"]).collect();
    assert_eq!(labels, ["positive", "negative", "neutral"]);
    assert_eq!(one.as_array().unwrap().len(), 1);
    is_near(&one[0][0]["score"], 0.9712546045312207);
    assert_eq!(classify("/models/mini", json!({"inputs": UP, "options": {"wait_for_model": true}})), one);

    let two = classify("/", json!({"inputs": [DOWN, UP], "parameters": {"top_k": 1}}));
    let best: Vec<&Value> = two.as_array().unwrap().iter().map(|labels| &labels[0]["label"]).collect();
    assert_eq!(best, ["negative", "positive"]);
    assert_eq!(two[0].as_array().unwrap().len(), 1);

    let by = |function: &str| classify("/", json!({"inputs": UP, "parameters": {"function_to_apply": function}}));
    assert_eq!(by("softmax"), one);
    let logits: Vec<f64> =
        by("none")[0].as_array().unwrap().iter().map(|item| item["score"].as_f64().unwrap()).collect();
    let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
    is_near(&one[0][0]["score"], logits[0].exp() / sum);
    is_near(&by("sigmoid")[0][0]["score"], 1.0 / (1.0 + (-logits[0]).exp()));
}

#[test]
fn text_embeddings_inference_answers_are_flat_for_one_text_and_nested_for_several() {
    let server = server::start(&[]);
    let predict = |request: Value| server.address.post("/predict", request.to_string());
    let answer = predict(json!({"inputs": UP}));
    for (header, value) in [("x-compute-type", "cpu"), ("x-compute-tokens", "19"), ("x-compute-characters", "52")] {
        assert_eq!(answer.headers[header], value);
    }
    let one = answer.expect(200);
    assert_eq!(one[0]["label"], "positive");
    let flat = predict(json!({"inputs": [UP, DOWN]})).expect(200);
    assert_eq!((&flat[0], &flat[1][0]["label"]), (&one, &"negative".into()));
    assert_eq!(predict(json!({"inputs": [[UP], [DOWN]]})).expect(200), flat);
    let raw = predict(json!({"inputs": UP, "raw_scores": true})).expect(200);
    assert!(raw[0]["score"].as_f64().unwrap() > 1.0, "{raw}");
    let pair = predict(json!({"inputs": [[UP, DOWN]]})).expect(422);
    assert!(
        pair["error"].as_str().unwrap().contains("pairs of texts are not supported")
            && pair["error_type"] == "Validation",
        "{pair}"
    );
    assert_eq!(predict(json!({"inputs": []})).expect(422)["error_type"], "Empty");

    let info = server.address.get("/info").expect(200);
    assert_eq!(info["model_type"]["classifier"]["id2label"], json!({"0": "positive", "1": "negative", "2": "neutral"}));
    assert_eq!((&info["model_id"], &info["max_input_length"]), (&"mini".into(), &512.into()));
}

fn infer(address: &Address, request: &Value) -> Value {
    address.post("/v2/models/mini/infer", request.to_string()).expect(200)
}

#[test]
fn open_inference_returns_the_requested_tensors() {
    let server = server::start(&[]);
    let inputs = json!([{"name": "text", "shape": [2], "datatype": "BYTES", "data": [UP, DOWN]}]);
    let all = infer(&server.address, &json!({"id": "42", "inputs": inputs}));
    assert_eq!((&all["model_name"], &all["model_version"], &all["id"]), (&"mini".into(), &"1".into(), &"42".into()));
    let label = json!({"name": "label", "datatype": "BYTES", "shape": [2], "data": ["positive", "negative"]});
    assert_eq!(all["outputs"][0], label);
    assert_eq!((&all["outputs"][1]["shape"], &all["outputs"][1]["datatype"]), (&json!([2, 3]), &"FP32".into()));
    is_near(&all["outputs"][1]["data"][0], 0.9712546045312207);
    assert_eq!(all["outputs"][2]["name"], "sentiment_score");

    let wanted = json!([{"name": "probabilities", "parameters": {"classification": 2}}]);
    let classes = infer(&server.address, &json!({"inputs": inputs, "outputs": wanted}));
    let data = classes["outputs"][0]["data"].as_array().unwrap();
    assert_eq!((data.len(), &classes["outputs"][0]["shape"]), (4, &json!([2, 2])));
    assert!(data[0].as_str().unwrap().starts_with("0.9712") && data[0].as_str().unwrap().ends_with(":0:positive"));
    let version = server.address.post("/v2/models/mini/versions/1/infer", json!({"inputs": inputs}).to_string());
    assert_eq!(version.expect(200)["outputs"][0], label);
    let version = server.address.post("/v2/models/mini/versions/2/infer", json!({"inputs": inputs}).to_string());
    assert!(version.expect(404)["error"].as_str().unwrap().contains("`2`"));
}

#[test]
fn open_inference_accepts_and_returns_binary_tensors() {
    let server = server::start(&[]);
    let element = |text: &str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let binary = [element(UP), element("Gewinn steigt um 12 € – «stark»")].concat();
    let head = json!({
        "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": binary.len()}}],
        "outputs": [{"name": "label", "parameters": {"binary_data": true}}, {"name": "sentiment_score"}],
    })
    .to_string();
    let request = server.address.request("POST", "/v2/models/mini/infer");
    let request = request.header("Inference-Header-Content-Length", head.len());
    let answer = request.body([head.as_bytes(), &binary].concat()).send();
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/octet-stream"));
    let (json, tensors) = answer.body.split_at(answer.headers["inference-header-content-length"].parse().unwrap());
    let json: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], tensors.len());
    assert!(tensors.starts_with(&element("positive")), "{tensors:?}");
    assert_eq!(json["outputs"][1]["data"].as_array().unwrap().len(), 2);
}

#[test]
fn open_inference_describes_the_server_and_its_models() {
    let server = server::start(&[]);
    let get = |path: &str| server.address.get(path).expect(200);
    assert_eq!(get("/v2")["name"], "finsent");
    assert_eq!(get("/v2/health/live"), json!({"live": true}));
    assert_eq!(get("/v2/health/ready"), json!({"ready": true}));
    for path in ["/v2/models/mini", "/v2/models/mini/versions/1"] {
        let metadata = get(path);
        assert_eq!(metadata["inputs"], json!([{"name": "text", "datatype": "BYTES", "shape": [-1]}]));
        assert_eq!(metadata["outputs"][1], json!({"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}));
    }
    for path in ["ready", "versions/1/ready", "versions/latest/ready"] {
        assert_eq!(get(&format!("/v2/models/mini/{path}")), json!({"name": "mini", "ready": true}));
    }
}

#[test]
fn open_inference_answers_what_tritons_clients_ask() {
    let server = server::start(&[]);
    let get = |path: &str| server.address.get(path).expect(200);
    for path in ["/v2/models/mini/config", "/v2/models/mini/versions/latest/config"] {
        let config = get(path);
        assert_eq!((&config["name"], &config["max_batch_size"]), (&"mini".into(), &0.into()));
        assert_eq!(config["input"], json!([{"name": "text", "data_type": "TYPE_STRING", "dims": [-1]}]));
        assert_eq!(config["output"][1], json!({"name": "probabilities", "data_type": "TYPE_FP32", "dims": [-1, 3]}));
    }
    let models = json!([{"name": "mini", "version": "1", "state": "READY", "reason": ""}]);
    for body in ["", "null", "{}", r#"{"ready": true}"#] {
        assert_eq!(server.address.post("/v2/repository/index", body).expect(200), models, "{body}");
    }
    server.address.post("/v2/repository/index", r#"{"ready": 1}"#).expect(422);
    server.address.get("/v2/models/none/stats").expect(404);

    assert_eq!(get("/v2/models/stats")["model_stats"][0]["inference_count"], 0);
    server.address.post("/v1/sentiment", json!({"inputs": [UP, DOWN, UP]}).to_string()).expect(200);
    for path in ["/v2/models/stats", "/v2/models/mini/stats", "/v2/models/mini/versions/1/stats"] {
        let statistics = &get(path)["model_stats"][0];
        assert_eq!((&statistics["name"], &statistics["inference_count"]), (&"mini".into(), &3.into()), "{statistics}");
        let computed = &statistics["inference_stats"]["compute_infer"];
        assert!(computed["count"].as_u64() >= Some(1) && computed["ns"].as_u64() > Some(1000), "{statistics}");
    }
}

#[test]
fn kserves_first_protocol_accepts_strings_and_objects() {
    let server = server::start(&[]);
    let predict = |request: Value| server.address.post("/v1/models/mini:predict", request.to_string());
    let answer = predict(json!({"instances": [UP, {"text": DOWN}]})).expect(200);
    let labels: Vec<&Value> =
        answer["predictions"].as_array().unwrap().iter().map(|prediction| &prediction["label"]).collect();
    assert_eq!(labels, ["positive", "negative"]);
    assert_eq!(predict(json!({"instances": []})).expect(422), json!({"error": "`instances` is empty"}));
}

#[test]
fn models_are_listed_with_labels_window_precision_and_digest() {
    let small = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/small/sharded");
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("tiny");
    copy_dir(small.as_ref(), &model);
    for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
        std::fs::copy(format!("{small}/../{file}"), model.join(file)).unwrap();
    }
    let server = server::start(&["--model", "mini", "--model", model.to_str().unwrap(), "--precision", "int8"]);
    let listed = server.address.get("/v1/models").expect(200);
    let names: Vec<&Value> = listed["models"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, ["mini", "tiny"]);
    let mini = server.address.get("/v1/models/mini").expect(200);
    assert_eq!(mini, listed["models"][0]);
    assert_eq!(mini["labels"], json!(["positive", "negative", "neutral"]));
    assert_eq!((&mini["precision"], &mini["max_input_length"]), (&"int8".into(), &512.into()));
    for (request, model) in [(json!({"inputs": UP}), "mini"), (json!({"inputs": UP, "model": "tiny"}), "tiny")] {
        let answer = server.address.post("/v1/sentiment", request.to_string()).expect(200);
        assert_eq!(answer["model"]["name"], model);
    }
    assert_eq!(server.metric("finsent_texts_total{model=\"tiny\"}"), 1.0);
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn the_openapi_document_has_the_routes_and_the_docs_page_needs_no_other_host() {
    let server = server::start(&[]);
    let document = server.address.get("/openapi.json").expect(200);
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let paths = document["paths"].as_object().unwrap();
    for route in
        ["/v1/sentiment", "/", "/models/{model}", "/predict", "/v2/models/{model}/infer", "/v1/models", "/livez"]
    {
        assert!(paths.contains_key(route), "{route}");
    }
    assert_eq!(server.address.get("/docs").headers["location"], "/docs/");
    assert_eq!(server.address.post("/docs/", "{}").status, 405);
    for asset in ["/docs/", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/swagger-initializer.js"] {
        let asset = server.address.get(asset);
        assert!(asset.status == 200 && !asset.body.is_empty());
    }
    let page = server.address.get("/docs/swagger-initializer.js");
    assert!(
        page.text().contains("\"../openapi.json\"") && page.text().contains(r#""validatorUrl": "none""#),
        "{}",
        page.text()
    );
}

#[test]
fn head_is_get_without_a_body() {
    let server = server::start(&[]);
    let mut stream = server.address.connect();
    stream.write_all(b"HEAD /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn vllms_clients_get_labels_with_all_probabilities() {
    let server = server::start(&[]);
    let classify = |path: &str, request: Value| server.address.post(path, request.to_string());
    for path in ["/classify", "/v1/classify"] {
        let answer = classify(path, json!({"model": "mini", "input": [UP, DOWN], "user": "u-1"}));
        let id = answer.headers["x-request-id"].clone();
        let answer = answer.expect(200);
        assert_eq!((&answer["object"], &answer["model"]), (&"list".into(), &"mini".into()));
        assert_eq!(answer["id"], format!("classify-{id}"));
        assert!(answer["created"].as_u64() > Some(1_600_000_000), "{answer}");
        let data = answer["data"].as_array().unwrap();
        let of = |field: &str| -> Vec<&Value> { data.iter().map(|item| &item[field]).collect() };
        assert_eq!((of("index"), of("num_classes")), (vec![&json!(0), &json!(1)], vec![&json!(3), &json!(3)]));
        assert_eq!(of("label"), ["positive", "negative"]);
        // models/mini/golden.json; the probabilities are in the order of the labels.
        is_near(&data[0]["probs"][0], 0.9712546045312207);
        assert!(data[1]["probs"][1].as_f64() > Some(0.5), "{answer}");
        let tokens = answer["usage"]["total_tokens"].as_u64().unwrap();
        let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0,
            "prompt_tokens_details": null});
        assert_eq!(answer["usage"], usage);
    }
    let one = classify("/classify", json!({"input": UP, "request_id": "r-1"})).expect(200);
    assert_eq!((&one["id"], one["data"].as_array().unwrap().len()), (&"classify-r-1".into(), 1));
    for name in ["use_activation", "activation", "softmax"] {
        let logits = classify("/classify", json!({"input": UP, name: false})).expect(200);
        assert!(logits["data"][0]["probs"][0].as_f64() > Some(1.0), "{logits}");
        assert_eq!(logits["data"][0]["label"], "positive");
    }
    let bulk = classify("/classify", json!({"input": UP, "priority": 1})).expect(200);
    assert_eq!(bulk["data"], one["data"]);
}

#[test]
fn vllms_errors_have_its_shape_and_long_texts_are_cut_only_on_request() {
    let server = server::start(&[]);
    let classify = |request: Value| server.address.post("/classify", request.to_string());
    let refused = |request: Value, status: u16, kind: &str, message: &str| {
        let error = classify(request).expect(status);
        let expected =
            json!({"error": {"message": error["error"]["message"], "type": kind, "param": null, "code": status}});
        assert_eq!(error, expected);
        let found = error["error"]["message"].as_str().unwrap();
        assert!(found.contains(message), "{found}");
    };
    let long = UP.repeat(60);
    refused(
        json!({"input": [UP, long]}),
        422,
        "BadRequestError",
        "input[1]: the text is longer than the model's window",
    );
    for cut in [-1, 512] {
        let answer = classify(json!({"input": long, "truncate_prompt_tokens": cut}));
        assert_eq!(answer.headers["x-truncated-texts"], "1");
        assert_eq!(answer.expect(200)["usage"]["prompt_tokens"], 512);
    }
    let at_ten = json!({"input": UP, "truncate_prompt_tokens": 10});
    refused(at_ten, 422, "BadRequestError", "expected -1 or the model's window of 512, found 10");
    refused(json!({"input": UP, "model": "minj"}), 404, "NotFoundError", "did you mean `mini`?");
    refused(json!({"input": []}), 422, "BadRequestError", "`input` is empty");
    refused(json!({"input": [[101, 102]]}), 422, "BadRequestError", "input[0]: expected a string, found an array");
    refused(json!({"inputs": UP}), 422, "BadRequestError", "the field `input` is missing");
    refused(json!({"messages": [{"role": "user", "content": UP}]}), 422, "BadRequestError", "send texts as `input`");
    refused(json!({"input": UP, "add_special_tokens": false}), 422, "BadRequestError", "`add_special_tokens`");
    let malformed = server.address.post("/v1/classify", "{").expect(400);
    assert_eq!((&malformed["error"]["type"], &malformed["error"]["code"]), (&"BadRequestError".into(), &400.into()));
}

#[test]
fn tokens_are_shown_with_their_places_in_the_text() {
    let server = server::start(&[]);
    let tokenize = |request: Value| server.address.post("/tokenize", request.to_string());
    let text = "Gewinn \u{20ac}12";
    let all = tokenize(json!({"inputs": text})).expect(200);
    assert_eq!(all.as_array().map(Vec::len), Some(1));
    let tokens = all[0].as_array().unwrap();
    let of_text = |token: &Value| {
        let place = |name: &str| token[name].as_u64().unwrap() as usize;
        text[place("start")..place("stop")].to_owned()
    };
    let first = json!({"id": 101, "text": "[CLS]", "special": true, "start": null, "stop": null});
    assert_eq!((&tokens[0], &tokens[tokens.len() - 1]["text"]), (&first, &"[SEP]".into()));
    let own = &tokens[1..tokens.len() - 1];
    assert!(own.iter().all(|token| token["special"] == false && token["text"] == of_text(token)), "{all}");
    assert_eq!(own.iter().map(of_text).collect::<String>(), "Gewinn\u{20ac}12");
    let scored = server.address.post("/v1/sentiment", json!({"inputs": text}).to_string()).expect(200);
    assert_eq!(scored["results"][0]["tokens"], tokens.len());
    let bare = tokenize(json!({"inputs": [text, "up"], "add_special_tokens": false})).expect(200);
    assert_eq!(bare[0].as_array().unwrap(), own);
    assert_eq!(bare[1].as_array().unwrap().len(), 1);
    // More than the window, of which an answer of some 100 kB is made.
    let long = tokenize(json!({"inputs": "up ".repeat(1500)})).expect(200);
    assert_eq!(long[0].as_array().unwrap().len(), 1502);

    let refused = |request: Value, message: &str| {
        let error = tokenize(request).expect(422);
        assert!(error["error"].as_str().unwrap().contains(message), "{error}");
        assert!(error["error_type"].is_string(), "{error}");
    };
    refused(json!({"inputs": ["up", " "]}), "inputs[1]: the text is empty");
    refused(json!({"inputs": "up ".repeat(30_000)}), "the text has 90000 bytes; the limit is 65536");
    refused(json!({"inputs": vec!["up ".repeat(10_000); 8]}), "more than 65536 tokens; send them in several requests");
}

/// A request as Flink's provider for Triton writes it: one text, whose column names the input; the version `latest`; names
/// of tensors in capitals from its first releases; perhaps compressed.
#[test]
fn flinks_provider_for_triton_gets_one_output_per_text() {
    let server = server::start(&[]);
    server.address.get("/v2/health/live").expect(200);
    let input = json!({"name": "HEADLINE", "datatype": "BYTES", "shape": [1], "data": [UP]});
    let ask = |output: &str| {
        let request = json!({
            "id": "job-0-1",
            "parameters": {"priority": 1, "sequence_start": true, "sequence_end": true},
            "inputs": [input],
            "outputs": [{"name": output}],
        });
        let request = gzip(request.to_string().as_bytes());
        let post = server.address.request("POST", "/v2/models/mini/versions/latest/infer");
        let post = post.header("Content-Type", "application/json; charset=utf-8").header("Content-Encoding", "gzip");
        post.body(request).send().expect(200)
    };
    for name in ["label", "LABEL"] {
        let answer = ask(name);
        assert_eq!((&answer["id"], &answer["model_version"]), (&"job-0-1".into(), &"1".into()));
        assert_eq!(
            answer["outputs"],
            json!([{"name": "label", "datatype": "BYTES", "shape": [1], "data": ["positive"]}])
        );
    }
    assert_eq!(ask("PROBABILITIES")["outputs"][0]["data"].as_array().unwrap().len(), 3);
    let score = &ask("Sentiment_Score")["outputs"];
    assert_eq!((score.as_array().unwrap().len(), &score[0]["name"]), (1, &"sentiment_score".into()));
    assert!(score[0]["data"][0].as_f64() > Some(0.5), "{score}");
}
