//! Bodies of requests. The first byte says which protocol, the second which compression, the rest is the body.
#![no_main]

use finsent_server::fuzzing::read_body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let &[protocol, coding, ref body @ ..] = bytes else { return };
    match read_body(protocol, coding, body) {
        Ok(texts) => assert!((1..=1000).contains(&texts), "{texts} texts"),
        Err(message) => assert!((1..1100).contains(&message.len()), "a message of {} bytes", message.len()),
    }
});
