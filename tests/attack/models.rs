//! Models with random damage in one file: `convert` refuses them, or makes a model that loads.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use finsent_testing::Run;
use finsent_testing::models::{model_of, small_model, small_torch_model};

use crate::mutate::mutate;
use crate::{FINSENT, seed};

/// How long the test draws models.
const TIME: Duration = Duration::from_secs(90);
/// Models whose outcome says something.
const MIN_RUNS: usize = 50;

fn valid(dir: &Path, random: &mut Rng) -> PathBuf {
    match random.u8(..8) {
        0 => small_model(dir, "model"),
        1 => small_torch_model(dir, "model", "f32.bin"),
        2 => small_torch_model(dir, "model", "bf16.legacy.bin"),
        3 => model_of(dir, "distilbert"),
        4 => model_of(dir, "modernbert"),
        5 => model_of(dir, "roberta"),
        _ => packed(dir, ["f32", "bf16", "int8"][random.usize(..3)]),
    }
}

fn packed(dir: &Path, precision: &str) -> PathBuf {
    let (source, model) = (small_model(dir, "source"), dir.join("model"));
    let paths = [&source, &model].map(|path| path.to_str().unwrap());
    let outcome = run(&["convert", paths[0], paths[1], "--packed", "--precision", precision]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    model
}

/// Damages one file. Of weights it is usually the beginning, where the header is.
fn damage(model: &Path, random: &mut Rng) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(model).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let path = files.swap_remove(random.usize(..files.len()));
    let mut bytes = fs::read(&path).unwrap();
    let start = if random.u8(..4) == 0 { bytes.len() } else { bytes.len().min(4096) };
    let rest = bytes.split_off(start);
    mutate(&mut bytes, random);
    fs::write(&path, [bytes, rest].concat()).unwrap();
    path
}

fn run(args: &[&str]) -> Run {
    let mut command = FINSENT.shell("ulimit -v 2000000; exec \"$0\" \"$@\"");
    command.args(args).output().unwrap().into()
}

#[test]
#[ignore = "takes 90 seconds"]
fn a_damaged_model_is_refused_or_what_becomes_of_it_loads() {
    let mut random = seed::random("models");
    let (start, mut codes) = (Instant::now(), [0; 6]);
    while start.elapsed() < TIME {
        let dir = tempfile::tempdir().unwrap();
        let model = valid(dir.path(), &mut random);
        let damaged = damage(&model, &mut random);
        let converted = dir.path().join("converted");
        let paths = [&model, &converted].map(|path| path.to_str().unwrap());
        let precision = ["f32", "bf16", "int8"][random.usize(..3)];
        let args = ["convert", paths[0], paths[1], "--precision", precision, "--packed"];
        let outcome = run(&args[..args.len() - usize::from(random.bool())]);
        let case = || format!("{} to {precision}: {outcome:?}", damaged.display());
        let code = outcome.code.and_then(|code| usize::try_from(code).ok()).filter(|code| *code < codes.len());
        codes[code.unwrap_or_else(|| panic!("it ends by a panic or a signal: {}", case()))] += 1;
        assert_eq!(converted.exists(), code == Some(0), "{}", case());
        if code == Some(0) {
            let loaded =
                run(&["classify", "--threads", "1", "--precision", precision, "--model", paths[1], "Profit rose"]);
            // Weights that are not numbers load, and then the text fails.
            assert!(matches!(loaded.code, Some(0 | 5)), "{}, then {loaded:?}", case());
        } else {
            assert!(outcome.stderr.contains("finsent: error: "), "{}", case());
        }
    }
    eprintln!("runs by their exit codes, from 0: {codes:?}");
    assert!(codes.iter().sum::<usize>() >= MIN_RUNS);
}
