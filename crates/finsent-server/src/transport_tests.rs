//! The transport, with routes that block, never answer, or answer a lot.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::oneshot;

use crate::server::{Server, ServerSettings};
use crate::service::http_workers;
use crate::transport::Timeouts;
use crate::{ApiKeys, HttpLimits, Listen, Service, probes};

/// The longest time that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
const LONG: Timeouts = Timeouts { head: PATIENCE, idle: PATIENCE, hand_back: PATIENCE, write: PATIENCE };

/// A server that stops when this is dropped.
struct Running {
    address: String,
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

fn serve(timeouts: Timeouts, routes: fn(&mut web::ServiceConfig)) -> Running {
    let limits = HttpLimits {
        max_concurrent_requests: 4,
        max_client_batch_size: 8,
        max_body_bytes: 2000,
        max_text_bytes: 500,
        explain_budget: 0,
        request_timeout: PATIENCE,
    };
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s");
    let settings = ServerSettings {
        listen: vec!["127.0.0.1:0".parse().unwrap(), Listen::Unix(socket.clone())],
        grpc_listen: Vec::new(),
        metrics_listen: None,
        page: true,
        cors_origins: Vec::new(),
        drain_delay: Duration::ZERO,
        shutdown_timeout: Duration::from_secs(1),
    };
    let service = Arc::new(Service::new(limits, 512, ApiKeys::default()));
    let mut server = Server::new(&service, &settings).unwrap();
    server.timeouts = timeouts;
    server.listen(&settings, &settings.listen, routes, probes::OF_SERVICE).unwrap();
    let address = server.addresses()[0].trim_start_matches("http://").to_owned();
    let (stop, stopped) = oneshot::channel();
    let (started, starting) = channel();
    let thread = thread::spawn(move || {
        let running = server.start().unwrap();
        started.send(()).unwrap();
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
            stopped.await.unwrap_or_default();
            running.stop().await;
        });
    });
    starting.recv().unwrap();
    Running { address, socket, stop: Some(stop), thread: Some(thread), _dir: dir }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(JoinHandle::join).unwrap().unwrap();
    }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// The status and the headers of the next answer, whose body is skipped.
fn answer(from: &mut impl BufRead) -> (u16, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(from.read_line(&mut head).unwrap() > 0, "the connection was closed after {head:?}");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    from.read_exact(&mut body).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
}

fn ask(stream: &mut (impl Read + Write), path: &str) -> u16 {
    stream.write_all(request(path).as_bytes()).unwrap();
    answer(&mut BufReader::new(stream)).0
}

fn wait_until(condition: &str, mut is_met: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_met() {
        assert!(start.elapsed() < PATIENCE, "timed out waiting until {condition}");
        thread::yield_now();
    }
}

/// Blocks its worker until the connection that it opens to the port in its query is closed.
async fn block(request: HttpRequest) -> HttpResponse {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{}", request.query_string())).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    HttpResponse::Ok().finish()
}

async fn quick() -> HttpResponse {
    HttpResponse::Ok().body("done")
}

fn simple_routes(app: &mut web::ServiceConfig) {
    app.route("/block", web::get().to(block)).route("/quick", web::get().to(quick));
}

#[test]
fn probes_are_answered_while_every_worker_is_blocked() {
    let server = serve(Timeouts { hand_back: Duration::ZERO, ..LONG }, simple_routes);
    let blocker = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut early = server.connect();
    assert_eq!(ask(&mut early, "/livez"), 200);
    // A worker answers on it and hands it back. Until then a probe goes to the routes of this test, which have none.
    let mut handed_back = server.connect();
    assert_eq!(ask(&mut handed_back, "/quick"), 200);
    wait_until("it is handed back", || ask(&mut handed_back, "/livez") == 200);
    let block = request(&format!("/block?{}", blocker.local_addr().unwrap().port()));
    let blocked: Vec<TcpStream> = (0..3 * http_workers())
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(block.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut held: Vec<_> = (0..http_workers()).map(|_| blocker.accept().unwrap()).collect();

    // Twice on a connection that is older than the block, and on new ones.
    for probe in ["/livez", "/v2/health/live", "/livez?verbose"] {
        assert_eq!(ask(&mut early, probe), 200, "{probe}");
        assert_eq!(ask(&mut handed_back, probe), 200, "{probe}");
        assert_eq!(ask(&mut server.connect(), probe), 200, "{probe}");
        assert_eq!(ask(&mut UnixStream::connect(&server.socket).unwrap(), probe), 200, "{probe}");
    }
    for probe in ["/readyz", "/health", "/v2/health/ready"] {
        assert_eq!(ask(&mut server.connect(), probe), 503, "{probe}");
    }
    let mut head = server.connect();
    head.write_all(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    head.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n") && text.ends_with("\r\n\r\n"), "{text}");

    held.clear();
    let releasing = thread::spawn(move || (0..2 * http_workers()).for_each(|_| drop(blocker.accept().unwrap())));
    for stream in blocked {
        assert_eq!(answer(&mut BufReader::new(stream)).0, 200);
    }
    releasing.join().unwrap();
}

#[test]
fn the_acceptor_and_the_workers_answer_probes_alike() {
    let server = serve(LONG, crate::routes::register_all);
    for probe in ["/livez", "/readyz", "/health", "/v2/health/live", "/v2/health/ready"] {
        let ask = |header: &str| {
            let mut stream = server.connect();
            write!(stream, "GET {probe} HTTP/1.1\r\nHost: x\r\nX-Request-Id: 7\r\nConnection: close\r\n{header}\r\n")
                .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let varies = |line: &&str| !line.starts_with("x-total-time: ") && !line.starts_with("date: ");
            let mut lines: Vec<String> = head.lines().filter(varies).map(str::to_owned).collect();
            lines.sort();
            (lines, body.to_owned())
        };
        // With an origin, a request goes to a worker.
        assert_eq!(ask(""), ask("Origin: http://x\r\n"), "{probe}");
    }
}

#[test]
fn a_connection_may_carry_probes_and_other_requests_in_any_order() {
    let server = serve(LONG, simple_routes);
    let paths = ["/livez", "/livez", "/quick", "/livez", "/quick", "/nothing", "/readyz", "/quick"];
    let statuses = [200, 200, 200, 404, 200, 404, 404, 200];
    let one_by_one: Vec<u16> = {
        let mut stream = server.connect();
        paths.iter().map(|path| ask(&mut stream, path)).collect()
    };
    // The routes of this test have no probes, so those that a worker gets are unknown to it.
    assert_eq!(one_by_one, statuses);
    let mut stream = server.connect();
    let together: String = paths.iter().map(|path| request(path)).collect();
    stream.write_all(together.as_bytes()).unwrap();
    let mut answers = BufReader::new(stream);
    let statuses_together = paths.map(|_| answer(&mut answers).0);
    assert_eq!(statuses_together, statuses);
}

#[test]
fn many_pipelined_requests_are_answered_in_order() {
    let server = serve(LONG, simple_routes);
    let mut stream = server.connect();
    let mut sending = stream.try_clone().unwrap();
    let requests: String = (0..2000).map(|index| request(if index % 7 == 0 { "/nothing" } else { "/quick" })).collect();
    let sender = thread::spawn(move || sending.write_all(requests.as_bytes()).unwrap());
    let mut answers = BufReader::new(&mut stream);
    for index in 0..2000 {
        assert_eq!(answer(&mut answers).0, if index % 7 == 0 { 404 } else { 200 }, "{index}");
    }
    sender.join().unwrap();
}

#[test]
fn a_head_that_does_not_arrive_is_408_for_every_request_of_a_connection() {
    let timeouts = Timeouts { head: Duration::from_millis(200), ..LONG };
    let server = serve(timeouts, simple_routes);
    // The acceptor waits for the head after none or a probe, a worker after another request.
    for (before, part) in [("", "GET /liv"), ("/livez", "GET /liv"), ("", "GET /qu"), ("/quick", "GET"), ("", "\r\n")] {
        let mut stream = server.connect();
        if !before.is_empty() {
            assert_eq!(ask(&mut stream, before), 200);
        }
        stream.write_all(part.as_bytes()).unwrap();
        let mut answers = BufReader::new(stream);
        let (status, head) = answer(&mut answers);
        assert!(status == 408 && head.contains("x-request-id: "), "{before} {part}: {head}");
        assert_eq!(answers.read(&mut [0]).unwrap(), 0, "{before} {part}: the connection stays open");
    }
}

#[test]
fn an_idle_connection_is_closed_without_an_answer() {
    let timeouts = Timeouts { idle: Duration::from_millis(200), hand_back: Duration::ZERO, ..LONG };
    let server = serve(timeouts, simple_routes);
    for before in ["/livez", "/quick"] {
        let mut stream = server.connect();
        assert_eq!(ask(&mut stream, before), 200);
        if before == "/quick" {
            // Some clients send an empty line after a body.
            stream.write_all(b"\r\n").unwrap();
        }
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{before}");
    }
}

#[test]
fn a_body_that_nobody_reads_must_end_in_time() {
    let timeouts = Timeouts { head: Duration::from_millis(200), ..LONG };
    let server = serve(timeouts, simple_routes);
    let mut stream = server.connect();
    stream.write_all(b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    assert_eq!(answer(&mut answers).0, 404);
    wait_until("the connection is cut", || stream.write_all(b"1\r\nx\r\n").is_err());
}

mod large {
    use super::*;

    pub(super) static ANSWERS: AtomicUsize = AtomicUsize::new(0);
    pub(super) const BYTES: usize = 1 << 20;

    async fn answer() -> HttpResponse {
        ANSWERS.fetch_add(1, Ordering::SeqCst);
        HttpResponse::Ok().body(vec![b'x'; BYTES])
    }

    pub(super) fn routes(app: &mut web::ServiceConfig) {
        app.route("/large", web::get().to(answer));
    }
}

#[test]
fn a_peer_that_does_not_read_gets_few_answers_and_is_cut() {
    let timeouts = Timeouts { write: Duration::from_millis(500), ..LONG };
    let server = serve(timeouts, large::routes);
    let stream = server.connect();
    stream.set_nonblocking(true).unwrap();
    let requests = request("/large").repeat(3000);
    let sent = (&stream).write(requests.as_bytes()).unwrap();
    assert!(sent > 50 * request("/large").len(), "only {sent} bytes are on their way");
    wait_until("the connection is cut", || match stream.take_error().unwrap() {
        Some(error) => [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&error.kind()),
        None => false,
    });
    // What the buffers of the system hold, and one that does not fit.
    let answers = large::ANSWERS.load(Ordering::SeqCst);
    assert!((1..30).contains(&answers), "{answers} answers were made");
}

mod pending {
    use super::*;

    pub(super) static BEGUN: AtomicUsize = AtomicUsize::new(0);
    pub(super) static DROPPED: AtomicUsize = AtomicUsize::new(0);

    struct Dropped;

    impl Drop for Dropped {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn answer() -> HttpResponse {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        let _dropped = Dropped;
        std::future::pending().await
    }

    pub(super) fn routes(app: &mut web::ServiceConfig) {
        app.route("/pending", web::route().to(answer));
    }
}

#[test]
fn a_request_ends_when_its_peer_leaves_although_bytes_are_unread() {
    let server = serve(LONG, pending::routes);
    let request = request("/pending");
    // More than actix-http reads ahead, and not more than the system takes: what waits at the peer's side hides its end.
    let unread_body =
        format!("POST /pending HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n{}", "x".repeat(150_000));
    for (count, sent) in [request.clone(), request.repeat(1000), unread_body].iter().enumerate() {
        let stream = server.connect();
        (&stream).write_all(sent.as_bytes()).unwrap();
        wait_until("the request has begun", || pending::BEGUN.load(Ordering::SeqCst) > count);
        drop(stream);
        wait_until("the request is dropped", || pending::DROPPED.load(Ordering::SeqCst) > count);
    }
    assert_eq!(pending::BEGUN.load(Ordering::SeqCst), 3, "pipelined requests began before their turn");
}

#[test]
fn what_the_parser_refuses_has_an_id_and_a_reason() {
    let server = serve(LONG, simple_routes);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(20_000));
    let many: String = (0..200).map(|index| format!("A{index}: 1\r\n")).collect();
    for (sent, status) in [
        ("\x16\x03\x01\x02\0\x01\0", 400),
        ("GET / HTTP/9.9\r\n", 400),
        ("GET /quick HTTP/1.1\r\n\r\n", 400),
        ("GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}", 400),
        (format!("GET /quick HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_str(), 400),
        (long.as_str(), 431),
        (&long[..19_000], 431),
    ] {
        // Also as the second request of a connection.
        for before in [false, true] {
            let mut stream = server.connect();
            if before {
                assert_eq!(ask(&mut stream, "/quick"), 200);
            }
            stream.write_all(sent.as_bytes()).unwrap();
            let mut answers = BufReader::new(stream);
            let (found, head) = answer(&mut answers);
            let start: String = sent.chars().take(60).collect();
            assert!(found == status && head.contains("x-request-id: "), "{start:?}: {head}");
            assert!(head.contains("connection: close\r\n") && head.contains("problem+json"), "{start:?}: {head}");
            assert_eq!(answers.read(&mut [0]).unwrap(), 0, "{start:?}: the connection stays open");
        }
    }
}
