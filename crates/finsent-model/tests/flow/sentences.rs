//! Sentence boundaries.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use finsent_model::sentences;

use crate::reference;

/// The accuracy on `settled.txt`, with which the rules were developed.
const SETTLED: Accuracy = Accuracy { precision: 1.0, recall: 1.0 };

/// The accuracy on `held_out.txt`, which was written after the rules.
const HELD_OUT: Accuracy = Accuracy { precision: 0.984, recall: 0.976 };

#[derive(Debug, Clone, Copy)]
struct Accuracy {
    precision: f64,
    recall: f64,
}

/// A text and the ends of its sentences.
struct Labeled {
    text: String,
    ends: BTreeSet<usize>,
}

/// The documents of a file of `tests/golden/sentences`. The README there explains the format.
fn labeled(name: &str) -> Vec<Labeled> {
    let file = fs::read_to_string(reference::file("sentences").join(name)).unwrap();
    file.split("== ").skip(1).map(|part| label(part.split_once('\n').unwrap().1)).collect()
}

fn label(lines: &str) -> Labeled {
    let (mut text, mut ends) = (String::new(), BTreeSet::new());
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let (line, space) = line.strip_suffix('\\').map_or((line, " "), |line| (line, ""));
        let line = line.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").replace("\\s", " ");
        let sentence = line.trim_end();
        ends.insert(text.len() + sentence.len());
        text += &line;
        text += if sentence.len() < line.len() { "" } else { space };
    }
    Labeled { text, ends }
}

/// The accuracy of the boundaries between sentences; the end of a text does not count.
fn accuracy(documents: &[Labeled]) -> (usize, Accuracy) {
    let (mut hits, mut found, mut expected) = (0, 0, 0);
    for Labeled { text, ends } in documents {
        let inner = |end: &usize| *end != text.trim_end().len();
        let own: BTreeSet<usize> = sentences(text).into_iter().map(|sentence| sentence.end).filter(inner).collect();
        let ends: BTreeSet<usize> = ends.iter().copied().filter(inner).collect();
        hits += own.intersection(&ends).count();
        found += own.len();
        expected += ends.len();
    }
    (expected, Accuracy { precision: hits as f64 / found as f64, recall: hits as f64 / expected as f64 })
}

#[test]
fn the_accuracy_of_boundaries_does_not_decrease() {
    let mut boundaries = 0;
    for (name, least) in [("settled.txt", SETTLED), ("held_out.txt", HELD_OUT)] {
        let (expected, reached) = accuracy(&labeled(name));
        assert!(reached.precision >= least.precision && reached.recall >= least.recall, "{name}: {reached:?}");
        boundaries += expected;
    }
    assert!(boundaries >= 300, "{boundaries} boundaries");
}

fn slices(text: &str) -> Vec<&str> {
    sentences(text).into_iter().map(|sentence| &text[sentence]).collect()
}

#[test]
fn offsets_count_bytes() {
    let text = "\u{feff}Löhne stiegen. 📈 Up 5%!\r\n\r\n利益は増えた。株価も。 Cafe\u{301} sold.\0 It is.";
    let expected: [Range<usize>; 5] = [0..18, 19..30, 34..55, 55..67, 68..88];
    assert_eq!(sentences(text), expected, "{:?}", slices(text));
}

#[test]
fn white_space_around_sentences_belongs_to_none() {
    assert_eq!(slices(" \u{a0}\n\nOne.\u{3000}\u{2003}Two.\u{2029}Three \t\n"), ["One.", "Two.", "Three"]);
    assert_eq!(slices("One\0.\r\rTwo\u{b}\u{b}Three"), ["One\0.", "Two", "Three"]);
    assert!(slices("").is_empty() && slices(" \r\n\t\u{2028}").is_empty());
}

#[test]
fn a_text_without_a_sentence_end_is_one_sentence() {
    for text in ["shares up", ".", "...", "\0", "?!", "(", "•", "- ", "🚀", "a", "\u{301}", "U.S.", "|", "。"] {
        assert_eq!(slices(text), [text.trim()], "{text:?}");
    }
}

/// Difficult parts: stops, brackets, combining marks, line breaks, list items, abbreviations.
const PIECES: [&str; 44] = [
    " ", " ", " ", "  ", "\n", "\n\n", "\r\n", "\r", "\t", "\u{2028}", "\u{3000}", ".", ".", ".", "!", "?", "…", "。",
    "．", "\"", "(", ")", "”", "「", "」", "'", "|", "•", "- ", "1. ", "(a) ", "Corp", "U.S", "No", "The", "sales",
    "5.3", "é", "e\u{301}", "利", "の", "🚀", "\0", "\u{feff}",
];

#[test]
fn every_letter_of_any_text_is_in_exactly_one_sentence() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(..40)).map(|_| PIECES[random.usize(..PIECES.len())]).collect();
        let mut at = 0;
        for sentence in sentences(&text) {
            assert!(text[at..sentence.start].trim().is_empty(), "{text:?}: text is left out before {sentence:?}");
            let slice = &text[sentence.clone()];
            assert!(!slice.is_empty() && slice == slice.trim(), "{text:?}: {slice:?}");
            at = sentence.end;
        }
        assert!(text[at..].trim().is_empty(), "{text:?}: the end is left out");
    }
}

/// These would take hours if the time were quadratic.
#[test]
fn a_megabyte_of_any_pattern_is_split_in_linear_time() {
    const BYTES: usize = 1_000_000;
    for (start, unit) in [
        ("", "."),
        ("", ". "),
        ("", "a"),
        ("", "ab "),
        ("", "a\n"),
        ("", "\n"),
        ("", "A\n\n"),
        ("", "Corp. "),
        ("", " • "),
        ("", "1. "),
        ("", "a. A"),
        ("", "? "),
        ("", "a\t"),
        ("", "|"),
        ("", "\r\n"),
        ("a.", " "),
        ("a.", ")"),
        ("a.", "\""),
        ("a. ", "("),
        ("a. ", "-"),
        ("A. ", "a"),
        ("a ", "."),
        ("", "。"),
        ("", "の"),
        ("", "…"),
    ] {
        let text = start.to_owned() + &unit.repeat(BYTES / unit.len());
        let sentences = sentences(&text);
        let letters: usize =
            sentences.iter().map(|sentence| text[sentence.clone()].matches(|c: char| !c.is_whitespace()).count()).sum();
        assert_eq!(letters, text.matches(|letter: char| !letter.is_whitespace()).count(), "{unit:?}");
    }
}

#[test]
fn ten_megabytes_without_a_sentence_end_are_one_sentence() {
    for unit in [".", "a", "ab ", ". ", "\""] {
        assert_eq!(sentences(&unit.repeat(10_000_000 / unit.len())).len(), 1, "{unit:?}");
    }
}
