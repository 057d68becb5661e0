//! Connections that are slow, silent, too many, or not read.

use std::io::{Read, Write};
use std::thread::sleep;
use std::time::Duration;

use super::client::{Client, head};

/// How long a slow client waits between two bytes.
const DRIP: Duration = Duration::from_millis(100);
/// Connections that a client keeps open.
const MAX_OPEN: usize = 100;

const GET: &[u8] = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";

/// After a request or none: silence, a part of a head or of a body, or one byte at a time.
pub(super) fn slow(client: &mut Client) {
    let Some(mut stream) = client.connect() else { return };
    if client.random.bool() {
        stream.write_all(GET).unwrap_or_default();
        let mut first = [0; 12];
        let status = stream.read_exact(&mut first).map(|()| String::from_utf8_lossy(&first[9..]).into_owned());
        client.count(status.as_deref().unwrap_or("closed"));
    }
    let mut request = head("/v1/sentiment", "application/json", "", 100);
    request.truncate(client.random.usize(..request.len()));
    if client.random.bool() {
        request = [&head("/v1/sentiment", "application/x-ndjson", "", 1000)[..], b"{\"text\":"].concat();
    }
    if client.random.bool() {
        stream.write_all(&request).unwrap_or_default();
    } else {
        for byte in request.iter().take(20) {
            stream.write_all(&[*byte]).unwrap_or_default();
            sleep(DRIP);
        }
    }
    client.open.push(stream);
    if client.open.len() > MAX_OPEN {
        client.open.remove(0);
    }
}

/// Thousands of requests at once, whose answers are not read.
pub(super) fn unread(client: &mut Client) {
    const PATHS: [&str; 6] = ["/metrics", "/openapi.json", "/docs/", "/v1/models", "/livez", "/nothing"];
    let path = PATHS[client.random.usize(..PATHS.len())];
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").repeat(client.random.usize(10..3000));
    client.send_and_keep(request.as_bytes());
    if client.open.len() > 8 {
        client.open.remove(0);
        sleep(DRIP);
    }
}

/// As many connections as the system gives, silent or with a request.
pub(super) fn flood(client: &mut Client) {
    let Some(mut stream) = client.connect() else { return sleep(DRIP) };
    match client.random.u8(..3) {
        0 => {}
        1 => stream.write_all(b"G").unwrap_or_default(),
        _ => stream.write_all(GET).unwrap_or_default(),
    }
    client.count("open");
    client.open.push(stream);
    if client.open.len() > MAX_OPEN {
        client.open.remove(0);
    }
}
