//! Frames of HTTP/2 and calls of gRPC, as bytes, so that a test can also send what no client should.

use std::io::{self, Read};

/// What a connection of HTTP/2 begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The kinds of frames, with their names in RFC 9113.
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flag of the last frame of a stream.
pub const END_STREAM: u8 = 1;
/// The flag of the last frame of a head.
pub const END_HEADERS: u8 = 4;

/// A frame of HTTP/2 that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// Its flags, whose meaning depends on the kind.
    pub flags: u8,
    /// The number of its stream; 0 for the connection.
    pub stream: u32,
    /// What follows its head.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Reads the next frame.
    ///
    /// # Errors
    /// If the connection ends before, or takes too long.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head)?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        from.read_exact(&mut payload)?;
        Ok(Self { kind, flags, stream: u32::from_be_bytes(stream), payload })
    }

    /// Whether it is the last one of its stream.
    pub fn ends_stream(&self) -> bool {
        [kind::DATA, kind::HEADERS].contains(&self.kind) && self.flags & END_STREAM != 0
    }
}

/// A frame to send.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header that nobody remembers.
pub fn header(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = vec![0];
    for string in [name.as_bytes(), value.as_ref()] {
        // The first byte has seven bits of the length.
        match string.len().checked_sub(127) {
            None => bytes.push(string.len() as u8),
            Some(rest) => {
                bytes.push(127);
                push_varint(&mut bytes, rest);
            }
        }
        bytes.extend_from_slice(string);
    }
    bytes
}

/// The headers of a call.
pub fn head(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let always = [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
    always.iter().chain(more).flat_map(|(name, value)| header(name, value)).collect()
}

/// A message after the head that gRPC puts before it.
pub fn framed(message: &[u8]) -> Vec<u8> {
    [&[0], &(message.len() as u32).to_be_bytes()[..], message].concat()
}

/// The frames of a call with one message of up to 16 KB.
pub fn call(stream: u32, path: &str, headers: &[(&str, &str)], message: &[u8]) -> Vec<u8> {
    let head = frame(kind::HEADERS, END_HEADERS, stream, &head(path, headers));
    [head, frame(kind::DATA, END_STREAM, stream, &framed(message))].concat()
}

/// What a client sends first: the preface, and settings, which are the usual ones.
pub fn beginning() -> Vec<u8> {
    [PREFACE, &frame(kind::SETTINGS, 0, 0, b"")].concat()
}

/// Reads the frames of a stream to its end. Returns its data: a message after its head, or nothing if the call has failed.
///
/// # Errors
/// If the connection or the stream ends before, or takes too long.
pub fn read_answer(from: &mut impl Read, stream: u32) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let frame = Frame::read(from)?;
        if frame.stream == stream && frame.kind == kind::RST_STREAM {
            return Err(io::Error::other("the stream was reset"));
        }
        if frame.stream == stream && frame.kind == kind::DATA {
            data.extend_from_slice(&frame.payload);
        }
        if frame.stream == stream && frame.ends_stream() {
            return Ok(data);
        }
    }
}

/// A field of a protobuf message: a string, bytes, or another message.
pub fn field(number: u8, bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut field = vec![(number << 3) | 2];
    push_varint(&mut field, bytes.len());
    field.extend_from_slice(bytes);
    field
}

/// A `ModelInferRequest` for texts.
pub fn infer_request(model: &str, texts: &[&str]) -> Vec<u8> {
    let contents: Vec<u8> = texts.iter().flat_map(|text| field(8, text)).collect();
    [field(1, model), field(5, [field(1, "text"), field(2, "BYTES"), field(5, contents)].concat())].concat()
}

/// A number in groups of seven bits, as protobuf and HPACK have it.
fn push_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    bytes.push(number as u8);
}
