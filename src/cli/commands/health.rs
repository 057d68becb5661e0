//! `finsent health`: checks a running service, for images without a shell.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use finsent_model::plain_words;
use finsent_server::Listen;

use super::args::HealthArgs;
use super::exit::Exit;
use super::platform::connect_unix;

/// A healthy service answers within a millisecond.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most bytes of a response that are read for its first line.
const MAX_LINE_BYTES: u64 = 256;

pub(super) fn run(args: &HealthArgs) -> Result<Exit> {
    let (path, state) = if args.ready { ("/readyz", "ready") } else { ("/livez", "alive") };
    let address = args.listen.first().ok_or_else(|| anyhow!("no address to check; add --listen HOST:PORT"))?;
    match get_status(address, path) {
        Ok(200) => Ok(Exit::Done),
        Ok(status) => bail!("the service on {address} is not {state}: GET {path} returned {status}"),
        Err(error) => bail!("no answer from {address}: {}", reason(&error)),
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => "nothing is listening there".into(),
        // Both kinds, by platform, stand for a read timeout.
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => format!("timed out after {} s", TIMEOUT.as_secs()),
        _ => plain_words(error),
    }
}

/// The status of a GET request.
fn get_status(address: &Listen, path: &str) -> io::Result<u16> {
    match address {
        Listen::Tcp(host) => {
            let stream = connect(&reachable(host))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            get(stream, path)
        }
        Listen::Unix(socket) => get(connect_unix(socket, TIMEOUT)?, path),
    }
}

/// A service that listens on all addresses is reached at the loopback address.
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
    BufReader::new(stream.take(MAX_LINE_BYTES)).read_line(&mut line)?;
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what listens there does not speak HTTP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_all_addresses_is_reached_at_the_loopback_address() {
        assert_eq!(reachable("0.0.0.0:80"), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80"), "[::1]:80");
        assert_eq!(reachable("example.org:80"), "example.org:80");
    }

    #[test]
    fn reasons_have_no_error_numbers() {
        assert_eq!(reason(&io::Error::from_raw_os_error(111)), "nothing is listening there");
        assert_eq!(reason(&io::Error::from(io::ErrorKind::WouldBlock)), "timed out after 2 s");
    }
}
