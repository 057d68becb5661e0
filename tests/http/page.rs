//! The page that browsers get at `/`. `page/browser.py` uses it in Chromium, as a person would, and the tests of
//! `page/unit` run its modules in Node.

use std::path::Path;
use std::process::Command;

use finsent_testing::{Response, wait_for_output};
use serde_json::json;

use crate::clients::{installed, succeeds};
use crate::server::{self, Server, finsent};

const OF_BROWSERS: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = server.address.request("GET", path);
    headers.iter().fold(request, |request, (name, value)| request.header(name, value)).send()
}

fn browse(server: &Server, path: &str) -> Response {
    get(server, path, &[("Accept", OF_BROWSERS)])
}

#[test]
fn browsers_get_the_page_and_other_clients_what_they_got_before() {
    let server = server::start(&[]);
    let page = browse(&server, "/");
    assert_eq!(page.status, 200);
    assert!(page.headers["content-type"].starts_with("text/html"));
    assert_eq!(page.headers["vary"], "Accept, Accept-Encoding");
    assert!(page.headers["content-security-policy"].starts_with("default-src 'none'; script-src 'self';"));
    assert!(page.text().contains("<script type=\"module\" src=\"page/app.mjs\">"), "{}", page.text());
    for accept in ["*/*", "application/json"] {
        let other = get(&server, "/", &[("Accept", accept)]);
        assert_eq!((other.status, other.headers["allow"].as_str()), (405, "POST"), "{accept}");
        assert_eq!(other.json(), json!({"error": "this route accepts POST only"}));
    }
    let post = server.address.request("POST", "/").header("Accept", OF_BROWSERS);
    let scored = post.header("Content-Type", "application/json").body(r#"{"inputs": "Orders doubled"}"#).send();
    assert_eq!(scored.expect(200)[0][0]["label"], "positive");

    let script = browse(&server, "/page/app.mjs");
    assert_eq!((script.status, script.headers["content-type"].as_str()), (200, "text/javascript; charset=utf-8"));
    for missing in ["/page/", "/page/missing.mjs", "/page/index.html", "/page/../Cargo.toml"] {
        assert_eq!(browse(&server, missing).status, 404, "{missing}");
    }
    assert!(server.metric("finsent_requests_total{model=\"\",route=\"/page/{file:.*}\",status=\"200\"}") >= 2.0);
}

#[test]
fn a_file_of_the_page_that_has_not_changed_is_not_sent_again() {
    let server = server::start(&[]);
    let first = get(&server, "/page/app.mjs", &[("Accept-Encoding", "gzip")]);
    assert_eq!(first.headers["content-encoding"], "gzip");
    assert_eq!(first.headers["cache-control"], "no-cache");
    let tag = first.headers["etag"].as_str();
    for known in [tag, "*", &format!("\"other\", {tag}")] {
        let again = get(&server, "/page/app.mjs", &[("If-None-Match", known)]);
        assert_eq!((again.status, again.body.len(), again.headers["etag"].as_str()), (304, 0, tag), "{known}");
    }
    assert_eq!(get(&server, "/page/app.mjs", &[("If-None-Match", "\"other\"")]).status, 200);
}

#[test]
fn the_page_is_open_and_what_it_tells_needs_a_key() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    std::fs::write(&keys, "secret\n").unwrap();
    let server = server::start(&["--api-key-file", keys.to_str().unwrap()]);
    assert_eq!((browse(&server, "/").status, browse(&server, "/page/app.mjs").status), (200, 200));
    assert_eq!((get(&server, "/", &[]).status, get(&server, "/page/service.json", &[]).status), (401, 401));
    let service = get(&server, "/page/service.json", &[("Authorization", "Bearer secret")]).expect(200);
    assert_eq!((&service["needs_key"], &service["models"][0]["name"]), (&json!(true), &json!("mini")));
    assert!(service["models"][0]["accuracy"].as_str().unwrap().contains("Financial PhraseBank"), "{service}");
    assert!(service["limits"]["max_text_bytes"].as_u64().unwrap() > 0, "{service}");
}

#[test]
fn without_the_page_browsers_get_what_others_get() {
    let server = server::start(&["--no-page"]);
    assert_eq!(browse(&server, "/").status, 405);
    for missing in ["/page/app.mjs", "/page/service.json"] {
        assert_eq!(browse(&server, missing).status, 404, "{missing}");
    }
    let log = server.log_until("ready after").join("\n");
    assert!(!log.contains("page: ") && log.contains("/docs"), "{log}");
}

#[test]
fn an_environment_variable_turns_the_page_off() {
    let mut command = finsent(&["serve"]);
    command.env("FINSENT_NO_PAGE", "1");
    let server = Server::spawn(command, &[]);
    server.wait_until_ready();
    assert_eq!(browse(&server, "/").status, 405);

    let mut command = finsent(&["serve"]);
    let run = wait_for_output(command.env("FINSENT_NO_PAGE", "perhaps").spawn().unwrap());
    run.assert_fails(2, &["FINSENT_NO_PAGE", "must be true or false"]);
}

#[test]
fn the_log_says_where_to_begin() {
    let server = server::start(&[]);
    let log = server.log_until("ready after").join("\n");
    let base = format!("http://{}", server.address.host());
    for expected in [
        format!("page: {base}/"),
        format!("routes: {base}/docs, metrics: {base}/metrics"),
        format!("try: curl -s {base}/v1/sentiment --json"),
    ] {
        assert!(log.contains(&expected), "{expected}\n{log}");
    }
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/page");

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn the_modules_of_the_page_pass_their_tests() {
    succeeds(Command::new("node").arg("--test").args(unit_tests()));
}

fn unit_tests() -> Vec<std::path::PathBuf> {
    let folder = std::fs::read_dir(Path::new(FOLDER).join("unit")).unwrap();
    let mut tests: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    tests.sort();
    tests
}

#[test]
#[ignore = "needs Chromium, and the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn a_person_can_use_the_page() {
    let mut browser = Command::new(installed().join("bin/python"));
    succeeds(browser.arg(format!("{FOLDER}/browser.py")).arg(finsent(&[]).get_program()));
}
