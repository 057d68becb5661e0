//! A file of weights: safetensors, and pytorch_model.bin as an archive and as a legacy pickle. What opens is read whole.
#![no_main]

use std::path::Path;

use finsent::{Checkpoint, ModelFile, WeightFiles};
use libfuzzer_sys::fuzz_target;

/// Numbers of one tensor that are read: enough to pass every boundary, and soon done.
const MOST: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("/dev/shm").join(format!("finsent-fuzz-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("there is room");
    let Ok(checkpoint) = Checkpoint::open(&WeightFiles::Single(ModelFile::Disk(path))) else { return };
    let names: Vec<(String, Vec<usize>)> =
        checkpoint.names().map(|name| (name.to_owned(), checkpoint.shape(name).unwrap_or_default().to_vec())).collect();
    for (name, shape) in names {
        let numbers = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if numbers.is_some_and(|numbers| numbers <= MOST) {
            // A type that is not read is an error, and never a panic.
            drop(checkpoint.tensor(&name, &shape));
        }
    }
});
