//! A plain HTTP client. It keeps to the bytes that it is given, so that a test can also send what no client should.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::TIMEOUT;

/// An address that a server listens on.
#[derive(Debug, Clone)]
pub enum Address {
    /// Host and port.
    Tcp(String),
    /// The path of a socket.
    Unix(PathBuf),
}

/// A connection to a server.
pub trait Stream: Read + Write + Send {}
impl Stream for TcpStream {}
impl Stream for UnixStream {}

impl Address {
    /// Opens a connection, on which no read takes longer than [`TIMEOUT`].
    pub fn connect(&self) -> Box<dyn Stream> {
        match self {
            Self::Tcp(_) => Box::new(self.connect_tcp()),
            Self::Unix(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(TIMEOUT)).unwrap();
                Box::new(stream)
            }
        }
    }

    /// Opens a TCP connection, for tests that need one of its own abilities.
    pub fn connect_tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        stream
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        match self {
            Self::Tcp(host) => host,
            Self::Unix(path) => panic!("not a TCP address: {}", path.display()),
        }
    }

    /// Begins a request.
    pub fn request(&self, method: &str, path: &str) -> Request<'_> {
        Request { address: self, head: format!("{method} {path} HTTP/1.1\r\nHost: x\r\n"), body: Vec::new() }
    }

    /// Sends a GET.
    pub fn get(&self, path: &str) -> Response {
        self.request("GET", path).send()
    }

    /// Sends a POST of JSON, given as it goes over the wire.
    pub fn post(&self, path: &str, json: impl AsRef<[u8]>) -> Response {
        self.request("POST", path).header("Content-Type", "application/json").body(json).send()
    }
}

/// A request to be sent.
#[derive(Debug)]
pub struct Request<'a> {
    address: &'a Address,
    head: String,
    body: Vec<u8>,
}

impl Request<'_> {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        self.head += &format!("{name}: {value}\r\n");
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The bytes that go over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let length =
            if self.body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", self.body.len()) };
        [self.head.as_bytes(), length.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends the request on a connection of its own and reads the response.
    pub fn send(self) -> Response {
        let mut stream = self.address.connect();
        // Ignore write errors: a server may respond and close before it has read everything.
        stream.write_all(&self.bytes()).unwrap_or_default();
        Response::read(&mut BufReader::new(stream)).unwrap()
    }
}

/// A response.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, when its length was announced.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one response; `None` when the server closes the connection instead.
    pub fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|&read| read > 0)?;
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            from.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        from.read_exact(&mut body).unwrap();
        Some(Self { status, headers, body })
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the status, and returns the body.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Asserts that this is a problem of one of finsent's own routes, with this status and these words in its detail.
    #[track_caller]
    pub fn problem(&self, status: u16, words: &str) {
        let problem = self.expect(status);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
}
