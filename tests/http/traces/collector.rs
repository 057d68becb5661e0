//! A receiver of OTLP over HTTP. It keeps what it is sent, and answers as a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Instant;

use finsent_testing::TIMEOUT;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::protobuf::{Span, spans};

pub(super) const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// What to answer the post with this index; `None` leaves it without an answer.
pub(super) type Answer = fn(usize) -> Option<Vec<u8>>;

pub(super) struct Collector {
    port: u16,
    posts: Receiver<Post>,
}

/// A request that it got.
pub(super) struct Post {
    pub(super) line: String,
    /// With names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
    pub(super) at: Instant,
}

impl Collector {
    /// One that accepts everything.
    pub(super) fn start() -> Self {
        Self::answering(|_| Some(ACCEPTED.to_vec()))
    }

    pub(super) fn answering(answer: Answer) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(super) fn on(listener: TcpListener, answer: Answer) -> Self {
        Self::with(listener, move |stream, posts| serve(stream, answer, posts))
    }

    /// One that accepts everything over TLS.
    pub(super) fn over_tls(config: Arc<ServerConfig>) -> Self {
        Self::with(TcpListener::bind("127.0.0.1:0").unwrap(), move |stream, posts| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(StreamOwned::new(connection, stream), |_| Some(ACCEPTED.to_vec()), posts);
        })
    }

    fn with(listener: TcpListener, serve: impl Fn(TcpStream, &Sender<Post>) + Clone + Send + 'static) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (sender, posts) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (serve, sender) = (serve.clone(), sender.clone());
                thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { port, posts }
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next request.
    #[track_caller]
    pub(super) fn post(&self) -> Post {
        self.posts.recv_timeout(TIMEOUT).expect("the receiver gets a request")
    }

    /// Those that have come.
    pub(super) fn posts(&self) -> Vec<Post> {
        self.posts.try_iter().collect()
    }

    /// The spans of those that have come.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.posts().iter().flat_map(|post| spans(&post.body)).collect()
    }
}

fn serve(stream: impl Read + Write, answer: Answer, posts: &Sender<Post>) {
    let mut stream = BufReader::new(stream);
    // The index counts those of a connection, of which an exporter has one.
    for index in 0.. {
        let Some(post) = read(&mut stream) else { return };
        // Ignore send errors: the test has ended.
        posts.send(post).unwrap_or_default();
        match answer(index) {
            Some(answer) => stream.get_mut().write_all(&answer).unwrap_or_default(),
            None => drop(stream.read_line(&mut String::new())),
        }
    }
}

fn read(stream: &mut BufReader<impl Read>) -> Option<Post> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|&read| read > 0)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Post { line: line.trim_end().to_owned(), headers, body, at: Instant::now() })
}
