//! The pieces of a vocabulary as a tree of their bytes, in three arrays.

/// The value of a node that is the end of no piece.
const NONE: u32 = u32::MAX;
/// A node with more children than this is searched by halves.
const FEW: usize = 8;

/// Maps pieces to ids. It takes nine bytes per node, and has at most one node per byte of the pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trie {
    /// The last byte of each node. The nodes are ordered by their length, then by their bytes, so that the children of
    /// a node stand together, in order. Node 0 is the empty beginning.
    labels: Box<[u8]>,
    /// The first child of each node, which the children of the node before it end at; one entry more than nodes.
    children: Box<[u32]>,
    /// The id of the piece that ends at each node.
    values: Box<[u32]>,
    /// The children of node 0 by their byte, or 0.
    first: Box<[u32; 256]>,
}

impl Trie {
    /// Of pieces that appear twice, the last counts. Empty pieces are left out.
    ///
    /// `None` if an id is [`u32::MAX`], or there are more than 4 GB of pieces.
    pub(super) fn new<'a>(pieces: impl IntoIterator<Item = (&'a [u8], u32)>) -> Option<Self> {
        let pieces = pieces.into_iter().filter(|(piece, _)| !piece.is_empty()).enumerate();
        let mut sorted: Vec<Entry<'_>> = pieces.map(|(order, (piece, id))| Entry::new(piece, order, id)).collect();
        let bytes: usize = sorted.iter().map(|entry| entry.piece.len()).sum();
        if sorted.iter().any(|entry| entry.id == NONE) || u32::try_from(bytes + 2).is_err() {
            return None;
        }
        sorted.sort_unstable();
        Some(Self::of_sorted(&sorted))
    }

    fn of_sorted(sorted: &[Entry<'_>]) -> Self {
        let (mut labels, mut children, mut values) = (vec![0], Vec::new(), Vec::new());
        // The pieces below each node.
        let mut below = vec![(0, sorted.len())];
        let mut next = Vec::new();
        for depth in 0.. {
            for &(mut from, to) in &below {
                let mut value = NONE;
                while from < to && sorted[from].piece.len() == depth {
                    value = sorted[from].id;
                    from += 1;
                }
                values.push(value);
                children.push(labels.len() as u32);
                while from < to {
                    let label = sorted[from].piece[depth];
                    // Most nodes have one child.
                    let end = match sorted[to - 1].piece[depth] == label {
                        true => to,
                        false => from + sorted[from..to].partition_point(|entry| entry.piece[depth] == label),
                    };
                    labels.push(label);
                    next.push((from, end));
                    from = end;
                }
            }
            if next.is_empty() {
                break;
            }
            below.clear();
            std::mem::swap(&mut below, &mut next);
        }
        children.push(labels.len() as u32);
        let mut first = Box::new([0; 256]);
        for node in children[0]..children[1] {
            first[usize::from(labels[node as usize])] = node;
        }
        Self { labels: labels.into(), children: children.into(), values: values.into(), first }
    }

    /// The longest piece that `text` begins with: its bytes and its id.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut longest = None;
        self.prefixes(text, |length, id| longest = Some((length, id)));
        longest
    }

    /// The id of a piece.
    pub(super) fn id(&self, piece: &[u8]) -> Option<u32> {
        self.longest(piece).filter(|(length, _)| *length == piece.len()).map(|(_, id)| id)
    }

    /// Calls `take` with the bytes and the id of each piece that `text` begins with, the shortest first.
    #[inline]
    pub(super) fn prefixes(&self, text: &[u8], mut take: impl FnMut(usize, u32)) {
        let Some((&start, rest)) = text.split_first() else { return };
        let mut node = self.first[usize::from(start)];
        if node == 0 {
            return;
        }
        let mut length = 1;
        let mut rest = rest.iter();
        loop {
            let value = self.values[node as usize];
            if value != NONE {
                take(length, value);
            }
            let Some(child) = rest.next().and_then(|&byte| self.child(node, byte)) else { return };
            node = child;
            length += 1;
        }
    }

    #[inline]
    fn child(&self, node: u32, byte: u8) -> Option<u32> {
        let from = self.children[node as usize];
        let labels = &self.labels[from as usize..self.children[node as usize + 1] as usize];
        let found = match labels.len() {
            0..=FEW => labels.iter().position(|&label| label == byte),
            _ => labels.binary_search(&byte).ok(),
        };
        found.map(|index| from + index as u32)
    }
}

/// A piece in the order of its bytes, then of its place in the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'a> {
    /// The first eight bytes as a number, which is faster to compare.
    start: u64,
    piece: &'a [u8],
    order: usize,
    id: u32,
}

impl<'a> Entry<'a> {
    fn new(piece: &'a [u8], order: usize, id: u32) -> Self {
        let mut start = [0; 8];
        let length = piece.len().min(8);
        start[..length].copy_from_slice(&piece[..length]);
        Self { start: u64::from_be_bytes(start), piece, order, id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(trie: &Trie, text: &str) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        trie.prefixes(text.as_bytes(), |length, id| found.push((length, id)));
        found
    }

    #[test]
    fn it_finds_the_pieces_that_a_search_through_all_of_them_finds() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut word = |longest: usize| -> String {
                (0..random.usize(..longest))
                    .map(|_| ['a', 'b', 'c', 'é', '\0', '\u{10ffff}'][random.usize(..6)])
                    .collect()
            };
            let pieces: Vec<String> = (0..seed).map(|_| word(8)).collect();
            let trie = Trie::new(pieces.iter().zip(0..).map(|(piece, id)| (piece.as_bytes(), id))).unwrap();
            for text in (0..50).map(|_| word(12)) {
                let mut expected = Vec::new();
                for length in 1..=text.len() {
                    let found = pieces.iter().rposition(|piece| piece.as_bytes() == &text.as_bytes()[..length]);
                    expected.extend(found.map(|id| (length, id as u32)));
                }
                assert_eq!(prefixes(&trie, &text), expected, "seed {seed}, {text:?} in {pieces:?}");
                assert_eq!(trie.longest(text.as_bytes()), expected.last().copied());
            }
        }
    }

    #[test]
    fn every_byte_may_follow() {
        let pieces: Vec<Vec<u8>> = (0..=255).flat_map(|byte| [vec![byte], vec![7, byte], vec![byte, 7, 7]]).collect();
        let trie = Trie::new(pieces.iter().zip(0..).map(|(piece, id)| (&piece[..], id))).unwrap();
        for (piece, id) in pieces.iter().zip(0..) {
            // `[7, 7]` is there once, and as the beginning of `[7, 7, 7]`.
            assert_eq!(trie.longest(piece), Some((piece.len(), id)), "{piece:?}");
        }
    }

    #[test]
    fn the_reserved_id_is_refused() {
        assert_eq!(Trie::new([(&b"a"[..], u32::MAX)]), None);
        assert_eq!(Trie::new([]).unwrap().longest(b"a"), None);
    }
}
