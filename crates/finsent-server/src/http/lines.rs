//! Bytes to lines, however the bytes arrive.

use std::mem;

use actix_web::web::Bytes;

/// Cuts bytes into lines and holds no more of a line than `limit` bytes.
#[derive(Debug)]
pub(super) struct Lines {
    limit: usize,
    /// What is not cut yet.
    chunk: Bytes,
    /// The beginning of the line whose end has not come.
    held: Vec<u8>,
    /// Whether that line is over the limit already.
    is_too_long: bool,
    number: u64,
}

/// A line without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// `None` where there are more than the limit.
    pub(super) bytes: Option<Vec<u8>>,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, chunk: Bytes::new(), held: Vec::new(), is_too_long: false, number: 0 }
    }

    /// Takes the bytes that follow, when [`next`](Self::next) has said `None` for those before.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// The next line that is complete.
    pub(super) fn next(&mut self) -> Option<Line> {
        let end = self.chunk.iter().position(|&byte| byte == b'\n');
        let part = self.chunk.split_to(end.unwrap_or(self.chunk.len()));
        self.hold(&part);
        end?;
        drop(self.chunk.split_to(1));
        Some(self.cut())
    }

    /// The last line, where no line feed ends it.
    pub(super) fn last(&mut self) -> Option<Line> {
        (!self.held.is_empty() || self.is_too_long).then(|| self.cut())
    }

    /// Bytes that wait for the end of their line.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    fn hold(&mut self, part: &[u8]) {
        if self.is_too_long || self.held.len() + part.len() > self.limit {
            self.is_too_long = true;
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(part);
        }
    }

    fn cut(&mut self) -> Line {
        self.number += 1;
        let bytes = mem::take(&mut self.held);
        let is_too_long = mem::take(&mut self.is_too_long);
        Line { number: self.number, bytes: (!is_too_long).then_some(bytes) }
    }
}

impl Line {
    /// Whether nothing but white space is in it.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes.as_ref().is_some_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of `bytes` that come in pieces of `size`.
    fn lines(bytes: &[u8], size: usize, limit: usize) -> Vec<Option<Vec<u8>>> {
        let mut lines = Lines::new(limit);
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
    fn lines_are_the_same_wherever_the_bytes_are_cut() {
        let bytes = b"one\r\n\ntwo \xff\n three";
        let expected: Vec<Option<Vec<u8>>> =
            [&b"one\r"[..], b"", b"two \xff", b" three"].map(|line| Some(line.to_vec())).into();
        for size in 1..=bytes.len() {
            assert_eq!(lines(bytes, size, 100), expected, "{size}");
        }
    }

    #[test]
    fn a_line_feed_at_the_end_begins_no_line() {
        assert_eq!(lines(b"a\n", 1, 9), [Some(b"a".to_vec())]);
        assert_eq!(lines(b"\n\n", 2, 9), [Some(Vec::new()), Some(Vec::new())]);
        assert_eq!(lines(b"", 1, 9), []);
    }

    #[test]
    fn of_a_giant_line_nothing_is_held_and_the_next_one_is_whole() {
        let bytes = [&b"fits\n"[..], &[b'x'; 100_000], b"\nfits\n12345"].concat();
        for size in [1, 3, 1000, bytes.len()] {
            let fits = Some(b"fits".to_vec());
            assert_eq!(lines(&bytes, size, 4), [fits.clone(), None, fits, None], "{size}");
        }
    }

    #[test]
    fn white_space_is_blank_and_a_giant_line_is_not() {
        let line = |bytes: Option<&[u8]>| Line { number: 1, bytes: bytes.map(Into::into) };
        assert!(line(Some(b"")).is_blank() && line(Some(b" \t\r")).is_blank());
        assert!(!line(Some(b" x")).is_blank() && !line(None).is_blank());
    }
}
