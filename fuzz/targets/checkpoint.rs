//! A file of weights: safetensors, also with packed weights, and pytorch_model.bin as an archive and as a legacy pickle. If
//! it opens, all of it is read.
#![no_main]

use finsent_fuzz::scratch_file;
use finsent_model::{Checkpoint, ModelFile, WeightFiles};
use libfuzzer_sys::fuzz_target;

/// The largest tensor that is read: enough to pass every boundary, and quickly read.
const MOST: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let file = ModelFile::Disk(scratch_file("weights", bytes));
    let Ok(checkpoint) = Checkpoint::open(&WeightFiles::Single(file)) else { return };
    let names: Vec<(String, Vec<usize>)> =
        checkpoint.names().map(|name| (name.to_owned(), checkpoint.shape(name).unwrap_or_default().to_vec())).collect();
    for (name, shape) in names {
        let numbers = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if numbers.is_some_and(|numbers| numbers <= MOST) {
            // A type that is not supported is an error, never a panic.
            drop(checkpoint.tensor(&name, &shape));
        }
    }
});
