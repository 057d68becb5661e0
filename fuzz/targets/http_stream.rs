//! Streams of lines. The first byte says which compression, the second how the bytes arrive, the rest is the body.
#![no_main]

use finsent_server::fuzzing::read_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let &[coding, piece, ref body @ ..] = bytes else { return };
    let whole = read_stream(coding, body.len(), body);
    if let Ok(lines) = &whole {
        let longest = lines.iter().filter_map(|line| line.as_ref().err()).map(String::len).max();
        assert!(longest.is_none_or(|longest| longest < 1100), "a message of {longest:?} bytes");
    }
    assert_eq!(read_stream(coding, usize::from(piece), body), whole, "it depends on how the bytes arrive");
});
