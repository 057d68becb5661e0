//! What calls of gRPC send. The first byte says which method, the second which compression or how the bytes arrive, the rest is
//! the body or the time limit.
#![no_main]

use finsent_server::fuzzing::{read_call, read_questions};
use libfuzzer_sys::fuzz_target;

/// The method that is server reflection. Lower numbers are the others.
const REFLECTION: u8 = 128;
/// Bytes of an answer of server reflection besides its question: the largest file of the schema.
const MAX_ANSWER: usize = 16 << 10;

fuzz_target!(|bytes: &[u8]| {
    let &[method, coding, ref body @ ..] = bytes else { return };
    if method < REFLECTION {
        match read_call(method, coding, body) {
            Ok(texts) => assert!((1..=1000).contains(&texts), "{texts} texts"),
            // Each byte of a message may be escaped as three.
            Err(message) => assert!((1..3300).contains(&message.len()), "a message of {} bytes", message.len()),
        }
        return;
    }
    let answers = read_questions(body.len(), body);
    assert!(answers.iter().all(|answer| answer.len() < MAX_ANSWER + 4 * body.len()), "an answer is too long");
    assert_eq!(read_questions(usize::from(coding), body), answers, "it depends on how the bytes arrive");
});
