//! An HTTP proxy on the loopback interface: CONNECT, and absolute addresses.

use std::io::{self, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::tls::{closing, head_of};

/// A running proxy. It stops with the tests.
pub(crate) struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let log = log.clone();
                thread::spawn(move || pass_on(stream, &log).unwrap_or_default());
            }
        });
        Self { port, asked }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The first lines of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn pass_on(mut client: TcpStream, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = head_of(&mut client)?;
    let line = head.lines().next().unwrap().to_owned();
    log.lock().unwrap().push(line.clone());
    let target = line.split(' ').nth(1).unwrap();
    if line.starts_with("CONNECT ") {
        let upstream = TcpStream::connect(target)?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        return both_ways(client, upstream);
    }
    let (host, path) = target.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut upstream = TcpStream::connect(host)?;
    let plain = head.replacen(target, &format!("/{path}"), 1);
    upstream.write_all(closing(&plain).as_bytes())?;
    io::copy(&mut upstream, &mut client).map(drop)
}

fn both_ways(mut client: TcpStream, mut upstream: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_upstream) = (client.try_clone()?, upstream.try_clone()?);
    thread::spawn(move || {
        io::copy(&mut from_client, &mut to_upstream).unwrap_or_default();
        to_upstream.shutdown(Shutdown::Write).unwrap_or_default();
    });
    io::copy(&mut upstream, &mut client)?;
    client.shutdown(Shutdown::Write)
}
