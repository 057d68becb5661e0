//! Random changes of bytes.

use fastrand::Rng;

/// What parsers of sizes and of text stumble over.
const TELLING: [u8; 12] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'\r', b'"', b',', b'{', b'[', b'\\'];
/// The longest part that is removed, repeated or moved.
const MAX_PART: usize = 64;

/// Changes one to four places of `bytes`: another byte, a part that is missing, repeated or moved, or an early end.
pub(crate) fn mutate(bytes: &mut Vec<u8>, random: &mut Rng) {
    for _ in 0..random.usize(1..=4) {
        if bytes.is_empty() {
            return bytes.push(random.u8(..));
        }
        let at = random.usize(..bytes.len());
        let end = (at + random.usize(1..=MAX_PART)).min(bytes.len());
        match random.u8(..8) {
            0 | 1 => bytes[at] = random.u8(..),
            2 => bytes[at] = TELLING[random.usize(..TELLING.len())],
            3 => bytes[at] ^= 1 << random.u8(..8),
            4 => drop(bytes.drain(at..end)),
            5 => {
                let part = bytes[at..end].repeat(random.usize(1..20));
                bytes.splice(at..at, part);
            }
            6 => {
                let part: Vec<u8> = bytes.drain(at..end).collect();
                let to = random.usize(..=bytes.len());
                bytes.splice(to..to, part);
            }
            _ if random.u8(..8) == 0 => bytes.truncate(at),
            _ => bytes.insert(at, TELLING[random.usize(..TELLING.len())]),
        }
    }
}
