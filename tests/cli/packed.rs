//! `finsent convert --packed`, and what runs on packed weights.

use std::fs;
use std::path::{Path, PathBuf};

use crate::finsent::{FINSENT, Run, assert_fails, model_of, run, small_model};

const TEXTS: [&str; 3] = ["Operating profit rose to EUR 13.1 mn", "Net loss widened", "profit, a loss"];

fn convert(source: &Path, destination: &Path, more: &[&str]) -> Run {
    let args = ["convert", source.to_str().unwrap(), destination.to_str().unwrap()];
    let run = run(&[&args[..], more].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run
}

/// Packs a model into the directory `dir`/`precision`.
fn packed(source: &Path, dir: &Path, precision: &str) -> PathBuf {
    let destination = dir.join(precision);
    convert(source, &destination, &["--precision", precision, "--packed"]);
    destination
}

#[track_caller]
fn classify(model: &Path, more: &[&str]) -> Run {
    let run = run(&[&["classify", "--model", model.to_str().unwrap()], more, &TEXTS].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run
}

#[test]
fn every_command_runs_on_packed_weights_in_their_precision() {
    let dir = tempfile::tempdir().unwrap();
    for (source, precision) in
        [(small_model(dir.path(), "source"), "int8"), (model_of(dir.path(), "modernbert"), "bf16")]
    {
        let model = packed(&source, dir.path(), precision);
        let expected = classify(&source, &["--precision", precision]).stdout;
        let found = classify(&model, &[]);
        assert_eq!(found.stdout, expected);
        assert!(found.stderr.contains(&format!("), {precision}")) && !found.stderr.contains("packed"), "{found:?}");

        let config = fs::read_to_string(model.join("config.json")).unwrap();
        assert!(config.contains(r#""quant_method": "finsent-packed""#), "{config}");
        // In another precision, it says what that means.
        let other = classify(&model, &["--precision", "f32"]);
        assert!(
            other.stderr.contains(&format!("has weights packed in {precision}: in f32 they are unpacked")),
            "{other:?}"
        );
        // The same weights become the same file.
        let again = dir.path().join("again").join(precision);
        fs::create_dir_all(&again).unwrap();
        convert(&model, &again, &["--precision", precision, "--packed"]);
        for file in ["model.packed.safetensors", "config.json"] {
            assert!(fs::read(again.join(file)).unwrap() == fs::read(model.join(file)).unwrap(), "{file}");
        }
    }
}

#[test]
fn weights_for_another_cpu_are_packed_again() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let model = dir.path().join("scalar");
    let args = ["convert", source.to_str().unwrap(), model.to_str().unwrap(), "--precision", "int8", "--packed"];
    let run = Run::from(FINSENT.command(&args).env("FINSENT_ISA", "scalar").output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(classify(&model, &[]).stdout, classify(&source, &["--precision", "int8"]).stdout);
}

#[test]
fn packed_weights_become_plain_ones_again() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let plain = |from: &Path, name: &str, precision: &str| {
        let to = dir.path().join(name);
        let run = convert(from, &to, &["--precision", precision]);
        (fs::read(to.join("model.safetensors")).unwrap(), run.stderr)
    };
    let exact = packed(&source, dir.path(), "f32");
    for precision in ["f32", "int8"] {
        let (found, notes) = plain(&exact, &format!("unpacked-{precision}"), precision);
        assert!(found == plain(&source, &format!("plain-{precision}"), precision).0, "{precision}");
        assert!(!notes.contains("no more exact"), "{notes}");
    }
    let int8 = packed(&source, dir.path(), "int8");
    let (_, notes) = plain(&int8, "widened", "f32");
    assert!(
        notes.contains("the source is packed in int8: the result is no more exact. Convert the original"),
        "{notes}"
    );
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let new = dir.path().join("new");
    let args = ["convert", source.to_str().unwrap(), new.to_str().unwrap(), "--packed"];
    let refused = run(&[&args[..], &["--precision", "f16"]].concat());
    assert_fails(&refused, 2, &["weights can be packed in int8, bf16 or f32"]);
    assert!(!new.exists());
}

#[test]
fn a_damaged_packed_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = packed(&small_model(dir.path(), "source"), dir.path(), "int8");
    let path = model.join("model.packed.safetensors");
    let bytes = fs::read(&path).unwrap();
    let classify = || run(&["classify", "--model", model.to_str().unwrap(), "a"]);
    let at = bytes.windows(11).position(|window| window == br#""version":""#).unwrap() + 11;
    let mut other = bytes.clone();
    other[at] = b'2';
    for (content, complaint) in [
        (&bytes[..bytes.len() - 1], "is damaged or half copied"),
        (
            &other,
            "has packed weights of the version `2`; this finsent reads version 1. Convert the original model again",
        ),
    ] {
        fs::write(&path, content).unwrap();
        assert_fails(&classify(), 3, &[complaint]);
    }
}
