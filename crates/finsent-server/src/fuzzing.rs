//! The parsing of bodies and streams as functions, for the fuzz targets. It is not part of this crate's interface.

use actix_web::web::Bytes;

use crate::error::HttpError;
use crate::protocols::native::{LineInput, LineSplitter, sentiment};
use crate::protocols::{hugging_face, kserve, open_inference, tei, vllm};
use crate::request::{ContentCoding, Decoder};

/// The limits of `finsent serve`, by default.
const MAX_TEXTS: usize = 1000;
const MAX_BYTES: usize = 2_000_000;

const CODINGS: [ContentCoding; 3] = [ContentCoding::Identity, ContentCoding::Gzip, ContentCoding::Deflate];

/// Decompresses a body and takes the texts out of it. `protocol` and `coding` may be any numbers. Returns how many texts
/// there are.
///
/// # Errors
/// What the client is told.
pub fn read_body(protocol: u8, coding: u8, body: &[u8]) -> Result<usize, String> {
    let texts = decompress(coding, body).and_then(|body| match protocol % 8 {
        0 => Ok(sentiment::parse(&body, MAX_TEXTS)?.inputs.texts.len()),
        1 => Ok(hugging_face::parse(&body, MAX_TEXTS)?.inputs.len()),
        2 => Ok(tei::predict::parse(&body, MAX_TEXTS)?.inputs.len()),
        3 => Ok(kserve::parse(&body, MAX_TEXTS)?.len()),
        4 => Ok(open_inference::infer::parse(&body, None, MAX_TEXTS)?.inputs.len()),
        5 => Ok(vllm::parse(&body, MAX_TEXTS)?.inputs.len()),
        6 => Ok(tei::tokenize::parse(&body, MAX_TEXTS)?.inputs.len()),
        // With binary tensors: the first byte is the length of the JSON.
        _ => {
            let (&length, body) = body.split_first().ok_or(HttpError::Empty)?;
            Ok(open_inference::infer::parse(body, Some(length.into()), MAX_TEXTS)?.inputs.len())
        }
    });
    texts.map_err(|error| error.message_with_index("inputs"))
}

fn decompress(coding: u8, body: &[u8]) -> Result<Vec<u8>, HttpError> {
    let mut decoder = Decoder::new(of_number(coding));
    decoder.push(Bytes::copy_from_slice(body));
    decoder.end();
    let mut decompressed = Vec::new();
    while let Some(step) = decoder.next()? {
        decompressed.extend_from_slice(&step.bytes);
        if decompressed.len() > MAX_BYTES {
            return Err(HttpError::BodyTooLarge { limit: MAX_BYTES });
        }
    }
    Ok(decompressed)
}

fn of_number(coding: u8) -> ContentCoding {
    CODINGS[usize::from(coding) % CODINGS.len()]
}

/// Reads a stream that arrives in pieces of this size. Returns for each line of its first megabytes whether it is a text, or
/// what the client is told.
///
/// # Errors
/// Why the stream ends early.
pub fn read_stream(coding: u8, piece: usize, body: &[u8]) -> Result<Vec<Result<(), String>>, String> {
    let (mut decoder, mut splitter, mut lines) =
        (Decoder::new(of_number(coding)), LineSplitter::new(MAX_BYTES), Vec::new());
    let mut left = 4 * MAX_BYTES;
    let pieces = body.chunks(piece.max(1)).map(Some).chain([None]);
    for piece in pieces {
        match piece {
            Some(piece) => decoder.push(Bytes::copy_from_slice(piece)),
            None => decoder.end(),
        }
        while let Some(mut step) = decoder.next().map_err(|error| error.to_string())? {
            step.bytes.truncate(left);
            left -= step.bytes.len();
            splitter.push(step.bytes);
            lines.extend(std::iter::from_fn(|| splitter.next()).map(|line| read_line(line.bytes)));
        }
    }
    lines.extend(splitter.last().map(|line| read_line(line.bytes)));
    Ok(lines)
}

fn read_line(line: Option<Vec<u8>>) -> Result<(), String> {
    let line = line.ok_or("the line is too long")?;
    LineInput::parse(&line, true).text.map_or_else(drop, drop);
    let text = LineInput::parse(&line, false).text?;
    text.map(drop).map_err(|error| error.to_string())
}

/// Reads what a gRPC call sends besides its head: the message of a method, or its time limit. `method` and `coding` may be any
/// numbers. Returns how many texts there are; a model and a time limit count as one.
///
/// # Errors
/// What the client is told, as the header that tells it.
#[cfg(feature = "grpc")]
pub fn read_call(method: u8, coding: u8, body: &[u8]) -> Result<usize, String> {
    use crate::protocols::grpc::{infer, repository, request, trailers};
    use crate::request::take_head;

    let message = || {
        let mut message = Bytes::copy_from_slice(body);
        let is_compressed = take_head(&mut message, of_number(coding))?;
        if is_compressed { decompress(coding, &message) } else { Ok(message.into()) }
    };
    let read = match method % 4 {
        0 => message().and_then(|message| Ok(request::parse(&message, MAX_TEXTS)?.inputs.len())),
        1 => message().and_then(|message| repository::parse_load(&message).map(|_| 1)),
        // Without the head and without compression: more of the inputs reach the parser.
        2 => request::parse(body, MAX_TEXTS).map(|parsed| parsed.inputs.len()),
        _ => infer::timeout(body).map(|_| 1),
    };
    read.map_err(|error| {
        let trailers = trailers(&error);
        assert!(trailers["grpc-status"] != "0", "{error}");
        trailers["grpc-message"].to_str().expect("it is escaped").to_owned()
    })
}

/// Answers the questions of server reflection that arrive in pieces of this size, up to the first that is none.
#[cfg(feature = "grpc")]
pub fn read_questions(piece: usize, body: &[u8]) -> Vec<Bytes> {
    use crate::protocols::grpc::reflection::{answer, next_question};

    let (mut arrived, mut answers) = (actix_web::web::BytesMut::new(), Vec::new());
    for piece in body.chunks(piece.max(1)) {
        arrived.extend_from_slice(piece);
        while let Some(question) = next_question(&mut arrived).transpose() {
            let Some(answer) = question.ok().and_then(answer) else { return answers };
            answers.push(answer);
        }
    }
    answers
}
