//! Attacks on the address for gRPC: frames and messages that are wrong, too many, too large, or not wanted.

use std::io::{self, Write as _};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;
use finsent_testing::grpc::{
    END_HEADERS, END_STREAM, Frame, beginning, call, field, frame, framed, head, header, infer_request, kind,
};
use flate2::Compression;

use super::client::{Client, gzip};
use crate::mutate::mutate;

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Methods of each kind, and one that does not exist.
const METHODS: [&str; 9] = [
    INFER,
    WATCH,
    REFLECTION,
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ModelMetadata",
    "/inference.GRPCInferenceService/RepositoryIndex",
    "/inference.GRPCInferenceService/RepositoryModelLoad",
    "/grpc.health.v1.Health/Check",
    "/inference.GRPCInferenceService/Nothing",
];

/// Bytes of a frame that every server takes.
const MAX_FRAME: usize = 16 << 10;
/// Connections that a client keeps open.
const MAX_OPEN: usize = 8;
/// How long it waits before it begins another one instead of the oldest.
const PAUSE: Duration = Duration::from_millis(100);

/// Sends these bytes on a connection of its own, and reads what comes first: the end of a stream, or of the connection.
fn send(client: &mut Client, bytes: &[u8]) {
    let Some(mut stream) = client.connect() else { return };
    // Ignore write errors: the server may close before it has read everything.
    stream.write_all(bytes).unwrap_or_default();
    client.count(&outcome(&mut stream));
}

/// Sends these bytes, and reads nothing. The connection stays open for a while.
fn send_and_keep(client: &mut Client, bytes: &[u8]) {
    client.send_and_keep(bytes);
    if client.open.len() > MAX_OPEN {
        client.open.remove(0);
        sleep(PAUSE);
    }
}

/// Sends a flood, whose answers are read or not.
fn send_flood(client: &mut Client, bytes: &[u8]) {
    if client.random.bool() { send(client, bytes) } else { send_and_keep(client, bytes) }
}

fn outcome(stream: &mut TcpStream) -> String {
    let code = |payload: &[u8]| payload.last_chunk::<4>().map_or(0, |code| u32::from_be_bytes(*code));
    let mut has_data = false;
    loop {
        match Frame::read(stream) {
            Ok(frame) if frame.kind == kind::GOAWAY => {
                return format!("GOAWAY {}", code(&frame.payload[..8.min(frame.payload.len())]));
            }
            Ok(frame) if frame.kind == kind::RST_STREAM => return format!("RST_STREAM {}", code(&frame.payload)),
            Ok(frame) if frame.ends_stream() => return if has_data { "answered" } else { "refused" }.into(),
            Ok(frame) => has_data |= frame.kind == kind::DATA,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::WouldBlock => "waits",
                    io::ErrorKind::UnexpectedEof => "closed",
                    _ => "reset",
                }
                .into();
            }
        }
    }
}

fn method(random: &mut Rng) -> &'static str {
    METHODS[random.usize(..METHODS.len())]
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    frame(kind::SETTINGS, 0, 0, &[&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

fn random_bytes(length: usize, random: &mut Rng) -> Vec<u8> {
    std::iter::repeat_with(|| random.u8(..)).take(length).collect()
}

/// A call for texts, changed in a few places, or random frames after a right beginning.
pub(super) fn mutated(client: &mut Client) {
    let random = &mut client.random;
    let bytes = if random.bool() {
        let mut bytes =
            [beginning(), call(1, method(random), &[], &infer_request("int8", &["Profit rose", "Loss"]))].concat();
        mutate(&mut bytes, random);
        bytes
    } else {
        let frames = (0..random.usize(1..50)).flat_map(|_| {
            let length = if random.u8(..8) == 0 { MAX_FRAME + 1 } else { random.usize(..40) };
            let payload = random_bytes(length, random);
            frame(random.u8(..12), random.u8(..), random.u32(..8), &payload)
        });
        let frames: Vec<u8> = frames.collect();
        [beginning(), frames].concat()
    };
    send(client, &bytes);
}

/// Messages that are no protobuf, or of another type, or long, or not as long as they say, or not compressed as they say.
pub(super) fn messages(client: &mut Client) {
    const TIMEOUTS: [&str; 7] = ["0n", "0S", "1u", "5m", "99999999H", "soon", ""];
    const ENCODINGS: [&str; 4] = ["gzip", "deflate", "identity", "snappy"];
    let random = &mut client.random;
    let mut message = match random.u8(..5) {
        0 => {
            let length = random.usize(..2000);
            random_bytes(length, random)
        }
        1 => infer_request("int8", &vec!["a"; random.usize(900..20_000)]),
        2 => field(5, field(5, field(8, "a").repeat(random.usize(1..300_000)))),
        3 => [field(1, "int8"), field(random.u8(1..8), vec![random.u8(..); random.usize(1..1_000_000)])].concat(),
        _ => infer_request("int8", &["Profit rose"]),
    };
    if random.u8(..4) == 0 {
        mutate(&mut message, random);
    }
    let mut message = match random.u8(..8) {
        0 => framed(&gzip(&vec![0; random.usize(1..20_000_000)], Compression::fast())),
        1 | 2 => framed(&gzip(&message, Compression::fast())),
        _ => framed(&message),
    };
    if random.u8(..4) == 0 {
        message[0] = random.u8(..);
    }
    if random.u8(..4) == 0 {
        message[random.usize(1..5)] = random.u8(..);
    }
    let headers = [
        ("grpc-timeout", TIMEOUTS[random.usize(..TIMEOUTS.len())]),
        ("grpc-encoding", ENCODINGS[random.usize(..ENCODINGS.len())]),
    ];
    let mut bytes = beginning();
    bytes.extend(frame(kind::HEADERS, END_HEADERS, 1, &head(method(random), &headers[random.usize(..3)..])));
    // More than the window of a call is an error of the peer.
    for part in message.chunks(MAX_FRAME) {
        bytes.extend(frame(kind::DATA, 0, 1, part));
    }
    bytes.extend(frame(kind::DATA, END_STREAM, 1, b""));
    send(client, &bytes);
}

/// As many calls as a connection may have and more, whose messages never come, or which watch.
pub(super) fn unfinished_calls(client: &mut Client) {
    let random = &mut client.random;
    let method = method(random);
    let count = random.u32(50..150);
    let mut bytes = beginning();
    for stream in (1..).step_by(2).take(count as usize) {
        bytes.extend(match random.u8(..3) {
            0 => call(stream, WATCH, &[], b""),
            1 => frame(kind::HEADERS, END_HEADERS, stream, &head(method, &[])),
            _ => {
                let begun = frame(kind::DATA, 0, stream, &framed(&[0; 1000])[..random.usize(1..1000)]);
                [frame(kind::HEADERS, END_HEADERS, stream, &head(method, &[])), begun].concat()
            }
        });
    }
    send_and_keep(client, &bytes);
}

/// Calls that are cancelled as soon as they have begun, very many of them.
pub(super) fn rapid_resets(client: &mut Client) {
    let random = &mut client.random;
    let (method, with_message) = (method(random), random.bool());
    let message = infer_request("int8", &["Profit rose"]);
    let pause = random.usize(1..200);
    let mut bytes = beginning();
    for (number, stream) in (1..).step_by(2).take(random.usize(100..20_000)).enumerate() {
        if with_message {
            bytes.extend(call(stream, method, &[], &message));
        } else {
            bytes.extend(frame(kind::HEADERS, END_HEADERS, stream, &head(method, &[])));
        }
        bytes.extend(frame(kind::RST_STREAM, 0, stream, &8u32.to_be_bytes()));
        if number % pause == 0 {
            bytes.extend(frame(kind::PING, 0, 0, &[0; 8]));
        }
    }
    send_flood(client, &bytes);
}

/// Very many frames that ask for nothing, or for short answers.
pub(super) fn control_frames(client: &mut Client) {
    let random = &mut client.random;
    let one = match random.u8(..8) {
        0 => frame(kind::PING, 0, 0, &[0; 8]),
        1 => frame(kind::PING, 1, 0, &[0; 8]),
        2 => frame(kind::SETTINGS, 0, 0, b""),
        3 => setting(1, random.u32(..)),
        4 => [setting(4, 1), setting(4, 65_535)].concat(),
        5 => frame(kind::PRIORITY, 0, 3, &[0, 0, 0, 1, 9]),
        6 => frame(kind::WINDOW_UPDATE, 0, 0, &1u32.to_be_bytes()),
        _ => frame(random.u8(10..), 0, 0, b""),
    };
    let flood = one.repeat(random.usize(1_000..200_000));
    send_flood(client, &[beginning(), flood].concat());
}

/// Calls to whose messages nothing is added, again and again.
pub(super) fn empty_data(client: &mut Client) {
    let random = &mut client.random;
    let empty = match random.u8(..3) {
        0 => frame(kind::DATA, 0, 1, b""),
        // Only padding.
        1 => frame(kind::DATA, 8, 1, &[3, 0, 0, 0]),
        _ => frame(kind::DATA, 0, 1, b"\0"),
    };
    let flood = empty.repeat(random.usize(100..200_000));
    let start = frame(kind::HEADERS, END_HEADERS, 1, &head(method(random), &[]));
    send_flood(client, &[beginning(), setting(4, 0), start, flood].concat());
}

/// Heads without an end.
pub(super) fn continuations(client: &mut Client) {
    let random = &mut client.random;
    let length = [0, 1, 100, MAX_FRAME][random.usize(..4)];
    let part = frame(kind::CONTINUATION, 0, 1, &vec![random.u8(..); length]);
    let start = frame(kind::HEADERS, 0, 1, &head(INFER, &[]));
    let flood = part.repeat(random.usize(1..4_000_000 / part.len()));
    send_flood(client, &[beginning(), start, flood].concat());
}

/// Heads that are almost as large as they may be, or larger, in few bytes or in many, of as many calls as possible.
pub(super) fn huge_heads(client: &mut Client) {
    let random = &mut client.random;
    let mut bytes = beginning();
    let method = method(random);
    let (kind_of_head, references) = (random.u8(..3), random.usize(1..6));
    for (number, stream) in (1..).step_by(2).take(100).enumerate() {
        let mut head = head(method, &[]);
        match kind_of_head {
            // A long header that is remembered, and then only referred to.
            0 => {
                if number == 0 {
                    let mut long = header("long", vec![b'x'; 3900]);
                    long[0] = 0x40;
                    head.extend(long);
                }
                head.extend(vec![0x80 | 62; references]);
            }
            1 => head.extend(header("x", "").repeat(random.usize(1..400))),
            _ => head.extend(header("long", vec![b'x'; random.usize(10_000..MAX_FRAME - 200)])),
        }
        bytes.extend(frame(kind::HEADERS, END_HEADERS, stream, &head));
    }
    send_and_keep(client, &bytes);
}

/// Answers that the client does not want yet: windows of nothing, or a socket that it does not read.
pub(super) fn unread(client: &mut Client) {
    let random = &mut client.random;
    let mut bytes = beginning();
    if random.bool() {
        bytes.extend(setting(4, random.u32(..100)));
    }
    let is_inference = random.bool();
    let texts: Vec<String> = (0..random.usize(1..200)).map(|_| format!("Profit rose {}", random.u16(..))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let infer = infer_request("int8", &texts);
    // A symbol, whose answer is the largest file of the schema.
    let question = field(4, "inference.ModelInferRequest");
    for stream in (1..).step_by(2).take(random.usize(10..100)) {
        if is_inference {
            bytes.extend(call(stream, INFER, &[], &infer));
        } else {
            bytes.extend(frame(kind::HEADERS, END_HEADERS, stream, &head(REFLECTION, &[])));
            bytes.extend(frame(kind::DATA, 0, stream, &framed(&question).repeat(random.usize(1..300))));
        }
    }
    send_and_keep(client, &bytes);
}

/// Connections that are slow, silent, or many.
pub(super) fn slow(client: &mut Client) {
    let Some(mut stream) = client.connect() else { return };
    let mut bytes = [beginning(), call(1, INFER, &[], &infer_request("int8", &["Profit rose"]))].concat();
    bytes.truncate(client.random.usize(..bytes.len()));
    if client.random.bool() {
        stream.write_all(&bytes).unwrap_or_default();
    } else {
        for byte in bytes.iter().take(20) {
            stream.write_all(&[*byte]).unwrap_or_default();
            sleep(PAUSE);
        }
    }
    client.count("open");
    client.open.push(stream);
    if client.open.len() > 100 {
        client.open.remove(0);
    }
}
