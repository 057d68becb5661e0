//! Every page with Rust blocks is a doctest of the library.

use std::fs;

use finsent_testing::models::repository;

use crate::page::documentation;

#[test]
fn every_rust_block_is_a_doctest() {
    let library = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    for page in documentation().iter().filter(|page| !page.blocks("rust").is_empty()) {
        let included = format!("include_str!(\"../{}\")", page.path.display());
        assert!(
            library.contains(&included),
            "{} has Rust blocks: src/lib.rs should have {included}",
            page.path.display()
        );
    }
}
