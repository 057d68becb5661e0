//! Streams of lines: packed bombs, clients that leave, answers that nobody reads.

use std::thread::sleep;
use std::time::Duration;

use flate2::Compression;

use super::client::{Client, gzip, post};

const JSON_LINES: &str = "application/x-ndjson";
const PATH: &str = "/v1/sentiment";
/// The most bytes that a stream decompresses to.
const MAX_BYTES: usize = 50_000_000;

/// Streams that a client keeps open.
const MAX_OPEN: usize = 4;
/// How long it waits before it begins another one instead of the oldest.
const PAUSE: Duration = Duration::from_millis(500);

/// Next to nothing, many times over: blank lines, an endless line, lines of a byte, empty members.
fn bomb(client: &mut Client) -> Vec<u8> {
    const PARTS: [&str; 8] = ["\n", "\r\n", " \n", "x", "1\n", "[", "{}\n", "null\n"];
    let random = &mut client.random;
    if random.u8(..8) == 0 {
        return gzip(b"", Compression::fast()).repeat(random.usize(1_000..200_000));
    }
    let part = PARTS[random.usize(..PARTS.len())];
    let bytes = part.repeat(random.usize(1..MAX_BYTES / part.len()));
    gzip(bytes.as_bytes(), Compression::fast())
}

/// Sends a bomb and reads the answer.
pub(super) fn bombs(client: &mut Client) {
    let body = bomb(client);
    client.send(&post(PATH, JSON_LINES, "gzip", &body));
}

/// Begins to send a bomb or texts, and leaves.
pub(super) fn leave(client: &mut Client) {
    let body = if client.random.bool() { bomb(client) } else { texts(client, 2_000) };
    let encoding = if body.starts_with(&[0x1f, 0x8b]) { "gzip" } else { "" };
    let request = post(PATH, JSON_LINES, encoding, &body);
    let end = client.random.usize(1..=request.len());
    client.send_and_keep(&request[..end]);
    client.open.clear();
}

/// Sends texts, and never reads an answer.
pub(super) fn unread(client: &mut Client) {
    let body = texts(client, 5_000);
    client.send_and_keep(&post(PATH, JSON_LINES, "", &body));
    if client.open.len() > MAX_OPEN {
        client.open.remove(0);
        sleep(PAUSE);
    }
}

/// Lines with texts, few of which are the same.
fn texts(client: &mut Client, count: usize) -> Vec<u8> {
    let number = client.random.u64(..);
    let line = |index: usize| format!("{{\"id\":{index},\"text\":\"Profit {number} rose {}\"}}\n", index % 500);
    (0..count).flat_map(|index| line(index).into_bytes()).collect()
}
