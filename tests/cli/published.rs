//! Comparisons with real models and on real data that are not in the repository. `FINSENT_TEST_DATA` names the directory
//! that holds `models/` and `data/`; `.ci/run` sets it where it is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::finsent::{run, write_file};

fn test_data(path: &str) -> PathBuf {
    let root = std::env::var_os("FINSENT_TEST_DATA").expect("FINSENT_TEST_DATA names the directory of the data");
    PathBuf::from(root).join(path)
}

#[test]
#[ignore = "needs the source of the embedded model, 45 MB, which is not in the repository"]
fn the_embedded_model_is_what_convert_makes_of_its_source() {
    let source = test_data("models/finsent-mini-2-source");
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    let dir = tempfile::tempdir().unwrap();
    let converted = dir.path().join("int8");
    let run = run(&["convert", source.to_str().unwrap(), converted.to_str().unwrap(), "--precision", "int8"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    for file in ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"] {
        assert!(fs::read(converted.join(file)).unwrap() == fs::read(mini.join(file)).unwrap(), "{file}");
    }
}

/// Of every eighth row, unless `FINSENT_TEST_EVERY` says otherwise. FINSENT_TEST_CLIENTS names a virtual environment with
/// `tests/http/clients/requirements.txt`.
#[test]
#[ignore = "needs the data in FINSENT_TEST_DATA and Python with scikit-learn in FINSENT_TEST_CLIENTS"]
fn what_eval_measures_is_what_scikit_learn_does() {
    let every = std::env::var("FINSENT_TEST_EVERY").map_or(8, |every| every.parse().unwrap());
    let installed = std::env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS names where scikit-learn is");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/scikit_learn.py");
    let dir = tempfile::tempdir().unwrap();
    for name in ["fpb.jsonl", "twitter_financial_news_validation.jsonl"] {
        let all = fs::read_to_string(test_data("data").join(name)).unwrap();
        let some: String = all.lines().step_by(every).map(|line| format!("{line}\n")).collect();
        let rows = write_file(dir.path(), name, some);
        let eval = run(&["eval", &rows, "--format", "json"]);
        assert_eq!(eval.code, Some(0), "{eval:?}");
        let mut python = Command::new(Path::new(&installed).join("bin/python"));
        python.args([script, &write_file(dir.path(), "report.json", eval.stdout)]);
        for precision in ["f32", "bf16", "int8"] {
            let classify = run(&["classify", "--input", &rows, "--precision", precision]);
            assert_eq!(classify.code, Some(0), "{classify:?}");
            python.arg(write_file(dir.path(), &format!("{precision}.jsonl"), classify.stdout));
        }
        let compared = python.output().unwrap();
        assert!(compared.status.success(), "{name}: {compared:?}");
    }
}
