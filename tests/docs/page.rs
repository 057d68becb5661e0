//! The pages of the documentation.

use std::fs;
use std::path::{Path, PathBuf};

use finsent_testing::models::repository;

use crate::markdown::{self, Block};

/// A Markdown file of the repository.
pub(crate) struct Page {
    /// Its path from the root of the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(repository().join(&path)).unwrap();
        Self { path, text }
    }

    /// The fenced code blocks whose language is `language`, apart from those that are marked with a feature which this build
    /// leaves out.
    pub(crate) fn blocks(&self, language: &str) -> Vec<Block> {
        let is_left_out = |block: &Block| {
            (block.is("grpc") && !cfg!(feature = "grpc")) || (block.is("verify") && !cfg!(feature = "verify"))
        };
        let blocks = markdown::blocks(&self.text).into_iter();
        blocks.filter(|block| block.language() == language && !is_left_out(block)).collect()
    }

    /// A place in the page, as compilers write it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// The folder of the book.
pub(crate) const BOOK: &str = "docs";

/// The pages of the book, without its table of contents.
pub(crate) fn book() -> Vec<Page> {
    let mut paths = Vec::new();
    find(Path::new(BOOK), &mut paths);
    paths.retain(|path| !path.ends_with("SUMMARY.md"));
    paths.into_iter().map(Page::read).collect()
}

/// The README and the pages of the book.
pub(crate) fn documentation() -> Vec<Page> {
    let mut pages = vec![Page::read("README.md".into())];
    pages.extend(book());
    pages
}

/// All Markdown files that a reader finds: at the top, in the book, and beside what they describe.
pub(crate) fn all() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = markdown_files(Path::new("")).collect();
    for folder in [BOOK, "deploy", "benches", "models", "fuzz", "bindings", "examples", ".github", "tests"] {
        find(Path::new(folder), &mut paths);
    }
    paths.into_iter().map(Page::read).collect()
}

/// The table of contents.
pub(crate) fn summary() -> Page {
    Page::read(Path::new(BOOK).join("SUMMARY.md"))
}

/// Adds the Markdown files below a folder, which may be missing.
fn find(folder: &Path, paths: &mut Vec<PathBuf>) {
    paths.extend(markdown_files(folder));
    for entry in entries(folder).filter(|path| repository().join(path).is_dir()) {
        find(&entry, paths);
    }
}

fn markdown_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    entries(folder).filter(|path| path.extension().is_some_and(|extension| extension == "md"))
}

/// The entries of a folder in the order of their names.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut names: Vec<_> = match fs::read_dir(repository().join(folder)) {
        Ok(entries) => entries.map(|entry| folder.join(entry.unwrap().file_name())).collect(),
        Err(_) => Vec::new(),
    };
    names.sort();
    names.into_iter()
}
