//! Every link to a file or a heading leads somewhere.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use finsent_testing::models::repository;

use crate::markdown::{Link, anchors, links};
use crate::page::{Page, all};

/// The anchors of pages that links have led to.
type Anchors = HashMap<PathBuf, Vec<String>>;

/// What is wrong with a link, if it is a link into the repository.
fn fault(page: &Page, link: &Link, known: &mut Anchors) -> Option<String> {
    if ["http://", "https://", "mailto:"].iter().any(|scheme| link.target.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
    let target = if path.is_empty() { page.path.clone() } else { normal(&page.path.parent().unwrap().join(path)) };
    let file = repository().join(&target);
    if !path.is_empty() && !file.exists() {
        return Some(format!("{} does not exist", target.display()));
    }
    if anchor.is_empty() {
        return None;
    }
    let read = || if path.is_empty() { anchors(&page.text) } else { anchors(&fs::read_to_string(&file).unwrap()) };
    let anchors = known.entry(target.clone()).or_insert_with(read);
    (!anchors.iter().any(|known| known == anchor)).then(|| format!("{} has no heading #{anchor}", target.display()))
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, component| {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
        normal
    })
}

fn faults(page: &Page, known: &mut Anchors) -> Vec<String> {
    let links = links(&page.text);
    let fault = |link: &Link| Some(format!("{}: {}", page.at(link.line), fault(page, link, known)?));
    links.iter().filter_map(fault).collect()
}

#[test]
fn every_relative_link_resolves() {
    let pages = all();
    let mut known = Anchors::new();
    let faults: Vec<String> = pages.iter().flat_map(|page| faults(page, &mut known)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let text = "# A\n\n[a](#a) [b](#b) [c](../LICENSE) [d](../none.md)\n[e](https://none.example)\n";
    let page = Page { path: "docs/page.md".into(), text: text.into() };
    assert_eq!(
        faults(&page, &mut Anchors::new()),
        ["docs/page.md:3: docs/page.md has no heading #b", "docs/page.md:3: none.md does not exist"]
    );
}
