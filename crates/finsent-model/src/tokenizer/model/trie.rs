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
    /// Of pieces that appear twice, the last counts.
    ///
    /// `None` if an id is [`u32::MAX`], or there are 4 GB of pieces.
    pub(super) fn new<'a>(pieces: impl IntoIterator<Item = (&'a [u8], u32)>) -> Option<Self> {
        let pieces: Vec<Rest<'a>> = pieces.into_iter().map(|(bytes, id)| Rest { bytes, id }).collect();
        let mut most_nodes = 2_u32;
        for piece in &pieces {
            most_nodes = most_nodes.checked_add(u32::try_from(piece.bytes.len()).ok()?)?;
            if piece.id == NONE {
                return None;
            }
        }
        let mut nodes = Nodes { labels: vec![0], ..Nodes::default() };
        let (mut level, mut next) = (Level { ends: vec![pieces.len()], pieces }, Level::default());
        while !level.ends.is_empty() {
            nodes.add(&level, &mut next);
            std::mem::swap(&mut level, &mut next);
        }
        nodes.children.push(nodes.labels.len() as u32);
        let Nodes { labels, children, values, .. } = nodes;
        let mut first = Box::new([0; 256]);
        for node in children[0]..children[1] {
            first[usize::from(labels[node as usize])] = node;
        }
        Some(Self { labels: labels.into(), children: children.into(), values: values.into(), first })
    }

    /// The number of different pieces.
    pub(super) fn len(&self) -> usize {
        self.values.iter().filter(|&&id| id != NONE).count()
    }

    /// The longest piece that `text` begins with, except the empty one: its bytes and its id.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut longest = None;
        self.prefixes(text, |length, id| longest = Some((length, id)));
        longest
    }

    /// The id of a piece.
    pub(super) fn id(&self, piece: &[u8]) -> Option<u32> {
        let mut node = 0;
        for &byte in piece {
            node = self.child(node, byte)?;
        }
        Some(self.values[node as usize]).filter(|&id| id != NONE)
    }

    /// Calls `take` with the bytes and the id of each piece that `text` begins with, the shortest first, without the empty
    /// one.
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

/// The nodes of a tree, while it grows by one length after another.
#[derive(Default)]
struct Nodes {
    labels: Vec<u8>,
    children: Vec<u32>,
    values: Vec<u32>,
    /// Of the pieces of a node, how many go on with each byte, then where the next of them goes; all 0 between nodes.
    places: Vec<usize>,
    /// The bytes that follow a node.
    bytes: Vec<u8>,
}

/// All pieces that are long enough for some length. Those of a node stand together, in the order of the vocabulary.
#[derive(Default)]
struct Level<'a> {
    pieces: Vec<Rest<'a>>,
    /// Where the pieces of each node end.
    ends: Vec<usize>,
}

/// The bytes of a piece after those of its node.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    id: u32,
}

impl Nodes {
    /// Adds the values and the children of all nodes of one length. `next` becomes the pieces of the children.
    fn add<'a>(&mut self, level: &Level<'a>, next: &mut Level<'a>) {
        next.pieces.clear();
        next.ends.clear();
        let mut start = 0;
        for &end in &level.ends {
            self.children.push(self.labels.len() as u32);
            let value = match &level.pieces[start..end] {
                // Most nodes are like this.
                [piece] => self.extend(piece, next),
                pieces => self.split(pieces, next),
            };
            self.values.push(value);
            start = end;
        }
    }

    /// Adds the child of a node with one piece. Returns the value of the node.
    fn extend<'a>(&mut self, piece: &Rest<'a>, next: &mut Level<'a>) -> u32 {
        let Some((&byte, bytes)) = piece.bytes.split_first() else { return piece.id };
        self.labels.push(byte);
        next.pieces.push(Rest { bytes, id: piece.id });
        next.ends.push(next.pieces.len());
        NONE
    }

    /// Adds the children of a node with these pieces. Returns the value of the node.
    fn split<'a>(&mut self, pieces: &[Rest<'a>], next: &mut Level<'a>) -> u32 {
        let mut value = NONE;
        self.places.resize(256, 0);
        for piece in pieces {
            let Some(&byte) = piece.bytes.first() else {
                value = piece.id;
                continue;
            };
            let count = &mut self.places[usize::from(byte)];
            if *count == 0 {
                self.bytes.push(byte);
            }
            *count += 1;
        }
        self.bytes.sort_unstable();
        let mut end = next.pieces.len();
        for &byte in &self.bytes {
            end += std::mem::replace(&mut self.places[usize::from(byte)], end);
            self.labels.push(byte);
            next.ends.push(end);
        }
        next.pieces.resize(end, Rest { bytes: &[], id: NONE });
        for piece in pieces {
            if let Some((&byte, bytes)) = piece.bytes.split_first() {
                let place = &mut self.places[usize::from(byte)];
                next.pieces[*place] = Rest { bytes, id: piece.id };
                *place += 1;
            }
        }
        for byte in self.bytes.drain(..) {
            self.places[usize::from(byte)] = 0;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
                let id = pieces.iter().rposition(|piece| *piece == text);
                assert_eq!(trie.id(text.as_bytes()), id.map(|id| id as u32), "seed {seed}, {text:?} in {pieces:?}");
            }
            let different: BTreeSet<&String> = pieces.iter().collect();
            assert_eq!((trie.len(), trie.id(b"").is_some()), (different.len(), pieces.iter().any(String::is_empty)));
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
