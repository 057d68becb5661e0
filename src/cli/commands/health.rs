//! `finsent health`: asks a running service, for images that have no shell.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use finsent_server::Listen;

use super::args::HealthArgs;
use super::exit::Exit;

/// A healthy service answers in a millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Longest first line of an answer.
const LONGEST_LINE: u64 = 256;

pub(super) fn run(args: &HealthArgs) -> Result<Exit> {
    let path = if args.ready { "/readyz" } else { "/livez" };
    let address = args.listen.first().context("there is no address to ask")?;
    let status = ask(address, path).with_context(|| format!("no answer from {address}"))?;
    if status != 200 {
        bail!("{address} answers {path} with {status}");
    }
    Ok(Exit::Done)
}

/// The status with which the service answers.
fn ask(address: &Listen, path: &str) -> io::Result<u16> {
    match address {
        Listen::Tcp(host) => {
            let stream = connect(&reachable(host))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            get(stream, path)
        }
        Listen::Unix(socket) => {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            get(stream, path)
        }
    }
}

/// Who listens everywhere is reached at the loopback address.
fn reachable(host: &str) -> String {
    let local = |any: &str, loopback: &str| host.strip_prefix(any).map(|port| format!("{loopback}{port}"));
    local("0.0.0.0:", "127.0.0.1:").or_else(|| local("[::]:", "[::1]:")).unwrap_or_else(|| host.to_owned())
}

fn connect(host: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in host.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn get(mut stream: impl Read + Write, path: &str) -> io::Result<u16> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST_LINE)).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what answers there is no HTTP service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_at_home() {
        assert_eq!(reachable("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80"), "[::1]:80");
        assert_eq!(reachable("example.org:80"), "example.org:80");
    }
}
