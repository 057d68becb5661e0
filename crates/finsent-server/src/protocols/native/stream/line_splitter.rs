//! Splits a body into lines while it arrives.

use std::mem;

use actix_web::web::Bytes;

/// Splits bytes into lines. Of a line that is longer than the limit, nothing is kept.
#[derive(Debug)]
pub(crate) struct LineSplitter {
    limit: usize,
    /// Bytes that are not split yet.
    chunk: Bytes,
    /// The beginning of a line whose end has not arrived.
    held: Vec<u8>,
    /// Whether that line is longer than the limit already.
    is_too_long: bool,
    number: u64,
}

/// A line, without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    /// `None` if the line is longer than the limit.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl LineSplitter {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, chunk: Bytes::new(), held: Vec::new(), is_too_long: false, number: 0 }
    }

    /// Takes more bytes. To be called only after [`next`](Self::next) has returned `None`.
    pub(crate) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next complete line.
    pub(crate) fn next(&mut self) -> Option<Line> {
        let end = self.chunk.iter().position(|&byte| byte == b'\n');
        let part = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
        self.keep(&part);
        end?;
        drop(self.chunk.split_to(1));
        Some(self.complete_line())
    }

    /// At the end of the body: the last line, if it has no line feed.
    pub(crate) fn last(&mut self) -> Option<Line> {
        (!self.held.is_empty() || self.is_too_long).then(|| self.complete_line())
    }

    /// Bytes of the incomplete line.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    fn keep(&mut self, part: &[u8]) {
        if self.is_too_long || self.held.len() + part.len() > self.limit {
            self.is_too_long = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(part);
        }
    }

    fn complete_line(&mut self) -> Line {
        self.number += 1;
        let bytes = mem::take(&mut self.held);
        let is_too_long = mem::take(&mut self.is_too_long);
        Line { number: self.number, bytes: (!is_too_long).then_some(bytes) }
    }
}

impl Line {
    /// Whether the line has nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.bytes.as_ref().is_some_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `bytes`, which arrive in pieces of `size`.
    fn lines(bytes: &[u8], size: usize, limit: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = LineSplitter::new(limit);
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            lines.push(Bytes::copy_from_slice(piece));
            found.extend(std::iter::from_fn(|| lines.next()));
            assert!(lines.held() <= limit);
        }
        found.extend(lines.last());
        assert!(found.iter().map(|line| line.number).eq(1..=found.len() as u64));
        found.into_iter().map(|line| line.bytes).collect()
    }

    #[test]
    fn the_lines_do_not_depend_on_how_the_bytes_arrive() {
        let bytes = b"one\r\n\ntwo \xff\n three";
        let expected: Vec<Option<Vec<u8>>> =
            [&b"one\r"[..], b"", b"two \xff", b" three"].map(|line| Some(line.to_vec())).into();
        for size in 1..=bytes.len() {
            assert_eq!(lines(bytes, size, 100), expected, "{size}");
        }
    }

    #[test]
    fn a_line_feed_at_the_end_does_not_start_a_line() {
        assert_eq!(lines(b"a\n", 1, 9), [Some(b"a".to_vec())]);
        assert_eq!(lines(b"\n\n", 2, 9), [Some(Vec::new()), Some(Vec::new())]);
        assert_eq!(lines(b"", 1, 9), []);
    }

    #[test]
    fn nothing_of_an_overlong_line_is_kept_and_the_next_one_is_complete() {
        let bytes = [&b"fits\n"[..], &[b'x'; 100_000], b"\nfits\n12345"].concat();
        for size in [1, 3, 1000, bytes.len()] {
            let fits = Some(b"fits".to_vec());
            assert_eq!(lines(&bytes, size, 4), [fits.clone(), None, fits, None], "{size}");
        }
    }

    #[test]
    fn white_space_is_blank_and_an_overlong_line_is_not() {
        let line = |bytes: Option<&[u8]>| Line { number: 1, bytes: bytes.map(Into::into) };
        assert!(line(Some(b"")).is_blank() && line(Some(b" \t\r")).is_blank());
        assert!(!line(Some(b" x")).is_blank() && !line(None).is_blank());
    }
}
