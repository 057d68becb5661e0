//! Models for tests.

use std::fs;
use std::path::{Path, PathBuf};

pub use crate::bert_base::write_random_bert;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file or folder of `tests/golden`.
pub fn golden(name: &str) -> PathBuf {
    repository().join("tests/golden").join(name)
}

/// The folder of the built-in model.
pub fn mini() -> PathBuf {
    repository().join("models/mini")
}

/// Writes a file into `dir`, and returns its path.
pub fn write_file(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    fs::write(&path, content).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Copies the files of one folder into another, which is created.
pub fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// Puts the small BERT of the golden files into `dir`/`name`, without its weights.
pub fn small_model_without_weights(dir: &Path, name: &str) -> PathBuf {
    let model = dir.join(name);
    fs::create_dir_all(&model).unwrap();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
        fs::copy(golden("small").join(file), model.join(file)).unwrap();
    }
    model
}

/// Puts the small BERT of the golden files into `dir`/`name`.
pub fn small_model(dir: &Path, name: &str) -> PathBuf {
    let model = small_model_without_weights(dir, name);
    fs::copy(golden("small/f32.safetensors"), model.join("model.safetensors")).unwrap();
    model
}

/// Puts the small BERT with a PyTorch file of `tests/golden/pickles` as its weights into `dir`/`name`.
pub fn small_torch_model(dir: &Path, name: &str, weights: &str) -> PathBuf {
    let model = small_model_without_weights(dir, name);
    fs::copy(golden("pickles").join(weights), model.join("pytorch_model.bin")).unwrap();
    model
}

/// Replaces the weights of a model, in a file of safetensors with f32, by their negatives. Doing it twice gives the first ones
/// again. The new file takes the place of the old one at once, as a deployment does it.
pub fn negate_weights(model: &Path) {
    let file = model.join("model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].iter_mut().skip(3).step_by(4).for_each(|sign_and_exponent| *sign_and_exponent ^= 0x80);
    let new = model.join("model.safetensors.new");
    fs::write(&new, bytes).unwrap();
    fs::rename(&new, &file).unwrap();
}

/// Puts the small model of another architecture into `dir`/`architecture`.
pub fn model_of(dir: &Path, architecture: &str) -> PathBuf {
    let model = dir.join(architecture);
    copy_files(&golden(architecture), &model);
    model
}
