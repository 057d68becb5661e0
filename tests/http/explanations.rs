//! `explain` of `POST /v1/sentiment`.

use serde_json::{Value, json};

use crate::server;

const TEXT: &str = "Shares of Nordvik plunged 12%, although sales rose.";

fn sum(parts: &Value) -> f64 {
    parts.as_array().unwrap().iter().map(|part| part["weight"].as_f64().unwrap()).sum()
}

fn texts(parts: &Value) -> Vec<&str> {
    parts.as_array().unwrap().iter().map(|part| part["text"].as_str().unwrap()).collect()
}

#[test]
fn a_prediction_is_explained_by_its_words() {
    let server = server::start(&["--precision", "int8"]);
    let sentiment = |request: Value| server.address.post("/v1/sentiment", request.to_string()).expect(200);
    let plain = sentiment(json!({"inputs": TEXT}));
    let by_default = sentiment(json!({"inputs": TEXT, "explain": true}));
    let result = &by_default["results"][0];
    let explanation = &result["explanation"];
    assert_eq!(
        texts(&explanation["words"]),
        ["Shares", "of", "Nordvik", "plunged", "12%", "although", "sales", "rose"]
    );
    for word in explanation["words"].as_array().unwrap() {
        let [start, end] = ["start", "end"].map(|side| word[side].as_u64().unwrap() as usize);
        assert_eq!(&TEXT[start..end], word["text"]);
    }
    let difference = result["score"].as_f64().unwrap() - explanation["base"].as_f64().unwrap();
    assert!((sum(&explanation["words"]) - difference).abs() < 1e-5, "{explanation}");
    assert_eq!((&explanation["label"], &explanation["method"]), (&result["label"], &"shapley".into()));
    assert_eq!((&explanation["passes"], explanation.get("standard_error")), (&255.into(), None));

    // The prediction is what it is without an explanation.
    let mut without = by_default.clone();
    without["results"][0].as_object_mut().unwrap().remove("explanation");
    assert_eq!(without, plain);

    let how = json!({"method": "occlusion", "label": "positive"});
    let occlusion = sentiment(json!({"inputs": [TEXT, ""], "explain": how}));
    let explanation = &occlusion["results"][0]["explanation"];
    assert_eq!((&explanation["label"], &explanation["method"]), (&"positive".into(), &"occlusion".into()));
    let shorter = sentiment(json!({"inputs": TEXT.replace("plunged ", "")}));
    let [all, rest] = [&plain, &shorter].map(|answer| answer["results"][0]["scores"]["positive"].as_f64().unwrap());
    let weight = explanation["words"][3]["weight"].as_f64().unwrap();
    assert!((weight - (all - rest)).abs() < 1e-6, "{weight} {all} {rest}");
    assert!(occlusion["results"][1]["error"].is_string());
}

#[test]
fn a_document_is_explained_by_its_sentences_and_the_words_of_the_strongest() {
    let server = server::start(&["--explain-budget", "200"]);
    let document = |text: &str, explain: Value| {
        let request = json!({"inputs": text, "granularity": "document", "unescape_html": true, "explain": explain});
        server.address.post("/v1/sentiment", request.to_string())
    };
    let text = format!("<p>{TEXT}</p> The board of AT&amp;T meets on Monday.");
    let answer = document(&text, json!(true)).expect(200);
    let result = &answer["results"][0];
    let explanation = &result["explanation"];
    assert_eq!(texts(&explanation["sentences"]), [TEXT, "The board of AT&T meets on Monday."]);
    let difference = result["score"].as_f64().unwrap() - explanation["base"].as_f64().unwrap();
    for parts in ["sentences", "words"] {
        assert!((sum(&explanation[parts]) - difference).abs() < 1e-5, "{explanation}");
    }
    let at = texts(&explanation["words"]).iter().position(|word| *word == "AT&T").unwrap();
    let start = explanation["words"][at]["start"].as_u64().unwrap() as usize;
    assert!(text[start..].starts_with("AT&amp;T"), "{explanation}");

    // 5,000 tokens: the sentences have weights, and so have the words of three.
    let long = "The board meets on Monday. Shares fell. ".repeat(500);
    let answer = document(&long, json!({"method": "occlusion"})).expect(200);
    let explanation = &answer["results"][0]["explanation"];
    assert_eq!(explanation["sentences"].as_array().unwrap().len(), 1000);
    assert_eq!(explanation["words"].as_array().unwrap().len(), 15);
    let refused = server.address.post("/v1/sentiment", json!({"inputs": long, "explain": true}).to_string());
    refused.problem(422, "shapley takes at least");
}
