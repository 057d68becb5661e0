//! Requests with random changes in their heads.

use super::client::{Client, post};
use crate::mutate::mutate;

/// A valid request of each kind, changed in a few places.
pub(super) fn mutated(client: &mut Client) {
    const BODY: &[u8] = br#"{"inputs":["Profit rose","Loss widened"],"deadline_ms":2000}"#;
    let random = &mut client.random;
    let mut request = match random.u8(..6) {
        0 => b"GET /v1/models?a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: abc\r\n\r\n".to_vec(),
        1 => [&b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n\
               Transfer-Encoding: chunked\r\n\r\n6\r\n{\"inpu\r\n7;a=b\r\nts\":\"a\"\r\n1\r\n}\r\n0\r\n\r\n"[..]]
        .concat(),
        2 => b"OPTIONS /v1/sentiment HTTP/1.1\r\nHost: x\r\nConnection: close\r\nOrigin: https://a.example\r\n\
               Access-Control-Request-Method: POST\r\n\r\n"
            .to_vec(),
        3 => post("/v1/sentiment", "application/x-ndjson", "", b"{\"text\":\"Profit rose\"}\n\"Loss\"\n"),
        4 => b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        _ => post("/v1/sentiment", "application/json", "", BODY),
    };
    mutate(&mut request, random);
    client.send(&request);
}
