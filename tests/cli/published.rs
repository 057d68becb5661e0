//! Comparisons with real models that are not in the repository. `FINSENT_TEST_DATA` names the directory that holds
//! `models/`; `.ci/run` sets it where it is there.

use std::fs;
use std::path::{Path, PathBuf};

use crate::finsent::run;

#[test]
#[ignore = "needs the embedded model in f32, 91 MB, which is not in the repository"]
fn the_embedded_model_is_what_convert_makes_of_its_f32_original() {
    let root = std::env::var_os("FINSENT_TEST_DATA").expect("FINSENT_TEST_DATA names the directory of the data");
    let original = PathBuf::from(root).join("models/finsent-mini-f32");
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    let dir = tempfile::tempdir().unwrap();
    let (source, converted) = (dir.path().join("f32"), dir.path().join("int8"));
    fs::create_dir(&source).unwrap();
    for (from, file) in [(&original, "config.json"), (&original, "model.safetensors"), (&mini, "vocab.txt")] {
        std::os::unix::fs::symlink(from.join(file), source.join(file)).unwrap();
    }
    let run = run(&["convert", source.to_str().unwrap(), converted.to_str().unwrap(), "--precision", "int8"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let read = |dir: &Path, file| fs::read(dir.join(file)).unwrap();
    assert!(read(&converted, "model.safetensors") == read(&mini, "model.safetensors"));
    let config = |dir| String::from_utf8(read(dir, "config.json")).unwrap();
    // mini's own configuration is older than the format's place in the group, without which transformers does not load it.
    let older = config(&converted).replace(",\n        \"format\": \"int-quantized\"", "");
    assert_eq!(older.trim_end(), config(&mini).trim_end());
}
