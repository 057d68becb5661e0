//! models.toml.
#![no_main]

use finsent_hub::Catalog;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|toml: &[u8]| {
    if let Ok(toml) = std::str::from_utf8(toml) {
        drop(Catalog::parse("models.toml", toml));
    }
});
