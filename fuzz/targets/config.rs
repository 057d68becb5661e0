//! config.json, and the labels in it.
#![no_main]

use std::collections::BTreeMap;

use finsent_model::{Config, LabelMap};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|json: &[u8]| {
    if let Ok(config) = Config::parse(json) {
        let rows = config.id2label.as_ref().map_or(2, BTreeMap::len);
        drop(LabelMap::new(config.id2label.as_ref(), rows, &BTreeMap::new()));
    }
});
