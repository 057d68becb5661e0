//! An attacking client.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use fastrand::Rng;
use finsent_testing::Address;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// How long a client waits for the server before it goes on.
const PATIENCE: Duration = Duration::from_secs(3);
/// The most bytes of an answer that a client reads.
const MAX_ANSWER: u64 = 64 << 10;

/// How often there was each answer: a status, or what happened instead.
pub(super) type Answers = BTreeMap<String, u64>;

/// A client, with its random numbers and the connections that it keeps open.
pub(super) struct Client {
    address: String,
    pub(super) random: Rng,
    pub(super) open: Vec<TcpStream>,
    pub(super) answers: Answers,
}

impl Client {
    pub(super) fn new(address: &Address, random: Rng) -> Self {
        Self { address: address.host().to_owned(), random, open: Vec::new(), answers: Answers::new() }
    }

    pub(super) fn connect(&mut self) -> Option<TcpStream> {
        let connected = TcpStream::connect(&self.address).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        });
        connected.map_err(|_| self.count("no connection")).ok()
    }

    pub(super) fn count(&mut self, answer: &str) {
        *self.answers.entry(answer.to_owned()).or_default() += 1;
    }

    /// Sends these bytes on a connection of its own, and reads the answer.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let Some(mut stream) = self.connect() else { return };
        // Ignore write errors: the server may answer and close before it has read everything.
        stream.write_all(bytes).unwrap_or_default();
        let answer = read_answer(&mut stream);
        self.count(&answer);
    }

    /// Begins to send, and keeps the connection open without reading.
    pub(super) fn send_and_keep(&mut self, bytes: &[u8]) {
        let Some(mut stream) = self.connect() else { return };
        // Ignore write errors: the server does not have to read everything.
        stream.write_all(bytes).unwrap_or_default();
        self.count("not read");
        self.open.push(stream);
    }
}

/// Adds up how often there was each answer.
pub(super) fn merge(mut all: Answers, more: Answers) -> Answers {
    more.into_iter().for_each(|(answer, count)| *all.entry(answer).or_default() += count);
    all
}

/// The status of the answer, or why there is none. Every answer has the id of its request.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    // A mutated request may ask for HTTP/1.0, and is answered in it.
    let rest = ["HTTP/1.1 ", "HTTP/1.0 "].iter().find_map(|version| text.strip_prefix(version));
    match rest.and_then(|rest| rest.get(..3)) {
        Some(_) if !text.to_ascii_lowercase().contains("\r\nx-request-id: ") => format!("no id: {text}"),
        Some(status) => status.to_owned(),
        None if answer.is_empty() && read.is_ok() => "closed".into(),
        None => match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => "waits".into(),
            Err(_) if answer.is_empty() => "reset".into(),
            _ => format!("no HTTP: {text}"),
        },
    }
}

/// The head of a POST. The connection is to be closed after the answer.
pub(super) fn head(path: &str, media_type: &str, encoding: &str, length: usize) -> Vec<u8> {
    let encoding = if encoding.is_empty() { String::new() } else { format!("Content-Encoding: {encoding}\r\n") };
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {media_type}\r\n{encoding}\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

/// A POST with this body.
pub(super) fn post(path: &str, media_type: &str, encoding: &str, body: &[u8]) -> Vec<u8> {
    [&head(path, media_type, encoding, body.len())[..], body].concat()
}

/// A POST of JSON, packed at random.
pub(super) fn post_packed(path: &str, body: &[u8], random: &mut Rng) -> Vec<u8> {
    let (encoding, body) = pack(body, random);
    post(path, "application/json", encoding, &body)
}

/// Compresses with one of the encodings that the server knows.
pub(super) fn pack(bytes: &[u8], random: &mut Rng) -> (&'static str, Vec<u8>) {
    let level = Compression::new(random.u32(1..=9));
    if random.bool() { ("gzip", gzip(bytes, level)) } else { ("deflate", zlib(bytes, level)) }
}

fn zlib(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut to = ZlibEncoder::new(Vec::new(), level);
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

pub(super) fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), level);
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

/// Raw deflate, which some clients send as `deflate`.
pub(super) fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut to = DeflateEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}
