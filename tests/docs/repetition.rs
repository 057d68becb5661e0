//! No page repeats another.

use std::collections::BTreeMap;

use crate::markdown::paragraphs;
use crate::page::all;

/// Paragraphs with at most so many characters may stand on two pages.
const SHORT: usize = 120;

#[test]
fn no_long_paragraph_stands_on_two_pages() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for page in all() {
        for paragraph in paragraphs(&page.text).into_iter().filter(|paragraph| paragraph.text.chars().count() > SHORT) {
            places.entry(paragraph.text).or_default().push(page.at(paragraph.line));
        }
    }
    places.retain(|_, places| places.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}
