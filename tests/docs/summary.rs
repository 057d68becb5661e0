//! The table of contents lists every page of the book once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::markdown::links;
use crate::page::{BOOK, book, summary};

#[test]
fn the_table_of_contents_lists_every_page_once() {
    let mut listed: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for link in links(&summary().text) {
        *listed.entry(Path::new(BOOK).join(link.target)).or_default() += 1;
    }
    let pages: BTreeMap<PathBuf, usize> = book().into_iter().map(|page| (page.path, 1)).collect();
    assert_eq!(listed, pages, "listed in {BOOK}/SUMMARY.md on the left, found in {BOOK} on the right");
}
