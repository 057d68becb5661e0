//! Running the binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The command without the environment's settings, and without a hub.
pub(crate) fn finsent(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_finsent"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FINSENT_")) {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "/nowhere/hub");
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code(),
        }
    }
}

pub(crate) fn run(args: &[&str]) -> Run {
    finsent(args).output().unwrap().into()
}

/// Runs with `input` on standard input.
pub(crate) fn run_with(args: &[&str], input: &[u8]) -> Run {
    let mut child = finsent(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // The command may end before it has read all.
        scope.spawn(move || stdin.write_all(input).unwrap_or_default());
        child.wait_with_output().unwrap().into()
    })
}

/// Classifies a file of this name and contents; more arguments follow.
pub(crate) fn run_on_file(name: &str, contents: impl AsRef<[u8]>, args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), name, contents);
    run(&[&["classify", "--input", &path], args].concat())
}

pub(crate) fn write(dir: &Path, name: &str, contents: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, contents).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Puts the small model of the golden files into `dir`/`name`.
pub(crate) fn small_model(dir: &Path, name: &str) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small");
    let model = dir.join(name);
    std::fs::create_dir_all(&model).unwrap();
    for file in ["config.json", "vocab.txt", "tokenizer_config.json"] {
        std::fs::copy(golden.join(file), model.join(file)).unwrap();
    }
    std::fs::copy(golden.join("f32.safetensors"), model.join("model.safetensors")).unwrap();
    model
}

/// Puts the model of another architecture into `dir`/`architecture`.
pub(crate) fn model_of(dir: &Path, architecture: &str) -> PathBuf {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(architecture);
    let model = dir.join(architecture);
    std::fs::create_dir_all(&model).unwrap();
    for entry in std::fs::read_dir(golden).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), model.join(entry.file_name())).unwrap();
    }
    model
}

/// Puts the small model with the weights of `tests/golden/pickles` under this name into `dir`/`name`.
pub(crate) fn small_torch_model(dir: &Path, name: &str, weights: &str) -> PathBuf {
    let pickles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pickles");
    let model = small_model(dir, name);
    std::fs::remove_file(model.join("model.safetensors")).unwrap();
    std::fs::copy(pickles.join(weights), model.join("pytorch_model.bin")).unwrap();
    model
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The header and the records of a CSV.
pub(crate) fn csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let strings = |record: &csv::StringRecord| record.iter().map(String::from).collect();
    let header = strings(reader.headers().unwrap());
    (header, reader.records().map(|record| strings(&record.unwrap())).collect())
}

#[track_caller]
pub(crate) fn assert_fails(run: &Run, code: i32, parts: &[&str]) {
    assert_eq!(run.code, Some(code), "{run:?}");
    assert!(parts.iter().all(|part| run.stderr.contains(part)), "expected {parts:?} in: {}", run.stderr);
}
