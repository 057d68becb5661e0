//! What becomes of requests when a container is stopped.

use std::io::{BufReader, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use finsent_testing::{Address, Response, wait_until};
use serde_json::json;

use crate::container::{Container, MINI, ask};

const CONNECTIONS: usize = 64;

/// Asks on one connection, again and again, until the service says that it closes it; gives how often.
///
/// # Panics
/// When a request has no answer.
fn ask_until_told_to_leave(address: &Address, client: usize, asked: &AtomicUsize) {
    let mut stream = BufReader::new(address.connect());
    for text in 0.. {
        let body = json!({"inputs": format!("{client} {text} {}", "quarterly revenue grew ".repeat(20))}).to_string();
        let request = address.request("POST", "/v1/sentiment").header("Content-Type", "application/json").body(body);
        stream.get_mut().write_all(&request.bytes()).unwrap();
        let answer = Response::read(&mut stream).unwrap_or_else(|| panic!("request {text} of {client} was lost"));
        answer.expect(200);
        asked.fetch_add(1, Ordering::SeqCst);
        if answer.headers.get("connection").is_some_and(|connection| connection == "close") {
            return;
        }
    }
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn no_request_of_64_busy_connections_is_lost_when_it_is_stopped() {
    // Free now, and nobody else's in this short time.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let options = ["--network=host".to_owned(), format!("--env=FINSENT_LISTEN={listen}")];
    let container = Container::start(Address::Tcp(listen), &options.each_ref().map(String::as_str), MINI, &["serve"]);
    container.wait_until_ready();

    let asked = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..CONNECTIONS {
            let (address, asked) = (&container.address, &asked);
            scope.spawn(move || ask_until_told_to_leave(address, client, asked));
        }
        wait_until("each connection has asked twice", || asked.load(Ordering::SeqCst) >= 2 * CONNECTIONS);
        ask(&["stop", "--time=30", &container.id]);
    });
    assert!(asked.load(Ordering::SeqCst) >= 3 * CONNECTIONS - 1, "the clients were still asking");
    assert_eq!(container.state("ExitCode"), "0", "{}", container.log());
}
