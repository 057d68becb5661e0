//! `finsent convert`.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use finsent_testing::{send_signal, wait_until};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::finsent::{
    FINSENT, Run, assert_fails, finsent, model_of, parse_json_lines, run, small_model, small_torch_model,
};

const TEXTS: [&str; 4] =
    ["Operating profit rose to EUR 13.1 mn", "Net loss widened", "The company will hold its meeting", "profit, a loss"];

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small").join(file)
}

fn convert(source: &Path, destination: &Path, precision: &str) -> Run {
    run(&["convert", source.to_str().unwrap(), destination.to_str().unwrap(), "--precision", precision])
}

/// Converts into a directory with the name of the precision.
#[track_caller]
fn converted(source: &Path, dir: &Path, precision: &str) -> PathBuf {
    let destination = dir.join(precision);
    let run = convert(source, &destination, precision);
    assert_eq!(run.code, Some(0), "{run:?}");
    destination
}

fn predictions(model: &Path, precision: &str) -> String {
    let args = ["classify", "--quiet", "--precision", precision, "--model", model.to_str().unwrap()];
    let run = run(&[&args[..], &TEXTS].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    run.stdout
}

/// Asserts that the labels are the same and the scores nearly.
#[track_caller]
fn assert_scores(found: &str, expected: &str, tolerance: f64) {
    for (found, expected) in parse_json_lines(found).iter().zip(&parse_json_lines(expected)) {
        let score = |prediction: &serde_json::Value| prediction["score"].as_f64().unwrap();
        assert_eq!(found["label"], expected["label"]);
        assert!((score(found) - score(expected)).abs() < tolerance, "{found} {expected}");
    }
}

fn weights(model: &Path) -> Vec<u8> {
    fs::read(model.join("model.safetensors")).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Overwrites the first number of an f32 tensor with `value`.
fn overwrite_first_weight(model: &Path, tensor: &str, value: f32) {
    let mut bytes = weights(model);
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let at = 8 + header + metadata.info(tensor).unwrap().data_offsets.0;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    fs::write(model.join("model.safetensors"), bytes).unwrap();
}

#[test]
fn every_format_is_byte_for_byte_what_the_safetensors_library_writes() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    for precision in ["f32", "bf16", "f16", "int8"] {
        let model = converted(&source, dir.path(), precision);
        assert!(weights(&model) == fs::read(golden(&format!("{precision}.safetensors"))).unwrap(), "{precision}");
        let config = if precision == "int8" { "int8.config.json" } else { "config.json" };
        let config = fs::read_to_string(golden(config)).unwrap();
        assert_eq!(fs::read_to_string(model.join("config.json")).unwrap().trim_end(), config.trim_end());
        assert_eq!(names(&model), ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]);
        for file in ["vocab.txt", "tokenizer_config.json"] {
            assert_eq!(fs::read(model.join(file)).unwrap(), fs::read(golden(file)).unwrap());
        }
    }
}

/// The names and types of the tensors.
fn tensors(model: &Path) -> HashMap<String, Dtype> {
    let bytes = weights(model);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.iter().map(|(name, view)| (name.to_owned(), view.dtype())).collect()
}

#[test]
fn the_names_of_every_architecture_are_kept() {
    for (architecture, kept) in [
        ("distilbert", &["distilbert.embeddings.position_embeddings", "pre_classifier", "classifier"][..]),
        (
            "roberta",
            &[
                "roberta.embeddings.position_embeddings",
                "roberta.embeddings.token_type_embeddings",
                "classifier.dense",
                "classifier.out_proj",
            ],
        ),
        ("modernbert", &["head.dense", "classifier"]),
        ("deberta-v2", &["deberta.encoder.rel_embeddings", "pooler.dense", "classifier"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = model_of(dir.path(), architecture);
        let same = converted(&source, dir.path(), "f32");
        assert!(weights(&same) == weights(&source), "{architecture}");
        assert_eq!(predictions(&same, "f32"), predictions(&source, "f32"));

        let int8 = converted(&source, dir.path(), "int8");
        let found = tensors(&int8);
        for name in tensors(&source).keys() {
            let module = name.trim_end_matches(".weight");
            let is_matrix = name.ends_with(".weight") && !name.to_lowercase().contains("norm");
            let expected = if is_matrix && !kept.contains(&module) { Dtype::I8 } else { Dtype::F32 };
            assert_eq!(found.get(name), Some(&expected), "{name}");
            assert_eq!(found.contains_key(&format!("{name}_scale")), expected == Dtype::I8, "{name}");
        }
        let config: serde_json::Value = serde_json::from_slice(&fs::read(int8.join("config.json")).unwrap()).unwrap();
        assert_eq!(config["quantization_config"]["ignore"], serde_json::json!(kept));
        assert_scores(&predictions(&int8, "f32"), &predictions(&source, "f32"), 0.1);
        assert_scores(&predictions(&int8, "int8"), &predictions(&source, "f32"), 0.1);
        // Converted back, the tensors have the names and types of the original.
        let again = dir.path().join("again");
        assert_eq!(convert(&int8, &again, "f32").code, Some(0));
        assert_eq!(tensors(&again), tensors(&source));
        assert_eq!(predictions(&again, "f32"), predictions(&int8, "f32"));
    }
}

#[test]
fn all_files_of_a_byte_level_vocabulary_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let source = model_of(dir.path(), "roberta");
    fs::remove_file(source.join("tokenizer.json")).unwrap();
    let model = converted(&source, dir.path(), "bf16");
    let files = [
        "config.json",
        "merges.txt",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer_config.json",
        "vocab.json",
    ];
    assert_eq!(names(&model), files);
}

#[test]
fn the_path_and_the_sizes_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let run = convert(&source, &dir.path().join("new/"), "int8");
    assert_eq!(run.stdout, format!("{}/new/\n", dir.path().display()));
    assert!(
        run.stderr.contains("to int8 in") && run.stderr.contains(": 89.70 kB of weights became 39.68 kB"),
        "{run:?}"
    );
}

#[test]
fn f32_weights_from_int8_predict_the_same_and_convert_back() {
    let dir = tempfile::tempdir().unwrap();
    let mini = converted(Path::new("mini"), dir.path(), "f32");
    assert_eq!(predictions(&mini, "f32"), predictions(Path::new("mini"), "f32"));
    let again = converted(&mini, dir.path(), "int8");
    assert_scores(&predictions(&again, "int8"), &predictions(Path::new("mini"), "int8"), 1e-6);
}

#[test]
fn int8_weights_give_nearly_the_predictions_of_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let small = small_model(dir.path(), "source");
    assert_scores(&predictions(&converted(&small, dir.path(), "int8"), "int8"), &predictions(&small, "f32"), 0.05);
}

#[test]
fn bf16_weights_give_nearly_the_predictions_of_the_original() {
    let dir = tempfile::tempdir().unwrap();
    let mini = converted(Path::new("mini"), dir.path(), "bf16");
    assert_scores(&predictions(&mini, "f32"), &predictions(Path::new("mini"), "f32"), 0.01);
}

#[test]
fn int8_weights_are_copied_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let once = converted(Path::new("mini"), dir.path(), "int8");
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mini");
    assert!(weights(&once) == weights(&mini));
    let twice = dir.path().join("twice");
    assert_eq!(convert(&once, &twice, "int8").code, Some(0));
    for file in names(&once) {
        assert!(fs::read(twice.join(&file)).unwrap() == fs::read(once.join(&file)).unwrap(), "{file}");
    }
}

#[test]
fn sharded_weights_become_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    fs::remove_file(source.join("model.safetensors")).unwrap();
    for file in names(&golden("sharded")) {
        fs::copy(golden("sharded").join(&file), source.join(&file)).unwrap();
    }
    let model = converted(&source, dir.path(), "f16");
    assert_eq!(names(&model), ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]);
    assert!(weights(&model) == fs::read(golden("f16.safetensors")).unwrap());
}

#[test]
fn pytorch_files_convert_to_the_same_bytes_as_safetensors() {
    for weights in [
        "f32.bin",
        "f32.legacy.bin",
        "f32.layouts.bin",
        "f32.layouts.legacy.bin",
        "f32.big_endian.bin",
        "f16.bin",
        "f16.protocol4.bin",
        "f16.protocol5.legacy.bin",
        "f16.flagged.legacy.bin",
        "f16.wrapped.bin",
        "bf16.bin",
        "bf16.legacy.bin",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = small_torch_model(dir.path(), "source", weights);
        let dtype = weights.split('.').next().unwrap();
        let model = converted(&source, dir.path(), dtype);
        assert!(self::weights(&model) == fs::read(golden(&format!("{dtype}.safetensors"))).unwrap(), "{weights}");
        assert_eq!(names(&model), ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]);
        if dtype == "f32" {
            let int8 = fs::read(golden("int8.safetensors")).unwrap();
            assert!(self::weights(&converted(&source, dir.path(), "int8")) == int8, "{weights}");
        }
    }
}

#[test]
fn old_tensor_names_are_updated_and_buffers_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let bytes = weights(&source);
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let old = |name: &str| format!("module.{name}").replace("LayerNorm.weight", "LayerNorm.gamma");
    let mut renamed: HashMap<String, TensorView<'_>> =
        tensors.tensors().into_iter().map(|(name, view)| (old(&name), view)).collect();
    let position_ids = TensorView::new(Dtype::I64, vec![1, 1], &[0; 8]).unwrap();
    renamed.insert("module.bert.embeddings.position_ids".into(), position_ids);
    fs::write(source.join("model.safetensors"), safetensors::serialize(renamed, None).unwrap()).unwrap();
    assert!(weights(&converted(&source, dir.path(), "f32")) == bytes);
}

#[test]
fn a_tokenizer_json_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let source = model_of(dir.path(), "roberta");
    let model = converted(&source, dir.path(), "f16");
    let files = ["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"];
    assert_eq!(names(&model), [&["config.json", "model.safetensors"], &files[..]].concat());
    for file in files {
        assert_eq!(fs::read(source.join(file)).unwrap(), fs::read(model.join(file)).unwrap(), "{file}");
    }
}

#[test]
fn a_destination_that_is_not_empty_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let before = weights(&source);
    assert_fails(&convert(&source, &source, "bf16"), 2, &["source`: it is not empty; name a new folder"]);
    assert!(weights(&source) == before);
    assert_fails(&convert(&source, &source.join("vocab.txt"), "bf16"), 2, &["vocab.txt`: it is not a folder"]);
    assert_fails(&convert(&source, &dir.path().join("a/b"), "bf16"), 2, &["a` does not exist; create it first"]);
    assert_fails(&convert(&source, Path::new("/proc/finsent"), "bf16"), 1, &["cannot write `/proc/finsent`"]);
    assert_eq!(names(dir.path()), ["source"]);
}

#[test]
fn an_empty_directory_is_filled() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    fs::create_dir(dir.path().join("f32")).unwrap();
    converted(&source, dir.path(), "f32");
    assert_eq!(names(dir.path()), ["f32", "source"]);
}

#[test]
fn the_precision_is_required_and_one_of_four() {
    let all = ["int8", "bf16", "f16", "f32"];
    assert_fails(&run(&["convert", "mini", "new"]), 2, &all);
    assert_fails(&run(&["convert", "mini", "new", "--precision", "f64"]), 2, &all);
    let compute = finsent(&["convert", "mini", "new"]).env("FINSENT_PRECISION", "int8").output().unwrap();
    assert_fails(&compute.into(), 2, &all);
    assert_fails(&run(&["classify", "--precision", "f16", "a"]), 2, &["f32, bf16 or int8"]);
}

#[test]
fn the_precision_to_compute_in_has_no_effect() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let [from, to] = [source, dir.path().join("new")].map(|path| path.into_os_string().into_string().unwrap());
    let mut command = finsent(&["convert", &from, &to, "--precision", "f16"]);
    assert_eq!(Run::from(command.env("FINSENT_PRECISION", "int8").output().unwrap()).code, Some(0));
    assert!(weights(Path::new(&to)) == fs::read(golden("f16.safetensors")).unwrap());
}

#[test]
fn an_invalid_source_exits_with_3_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let refused =
        |source: &Path, parts: &[&str]| assert_fails(&convert(source, &dir.path().join("new"), "int8"), 3, parts);
    refused(Path::new("finbrt"), &["Did you mean `finbert`?"]);
    let whole = weights(&source);
    fs::write(source.join("model.safetensors"), &whole[..whole.len() / 2]).unwrap();
    refused(&source, &["model.safetensors", "half copied"]);
    fs::write(source.join("model.safetensors"), &whole).unwrap();
    let config = fs::read_to_string(source.join("config.json")).unwrap();
    for (from, to, part) in [
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1000000000000", "encoder.layer.2"),
        ("\"intermediate_size\": 48", "\"intermediate_size\": 40", "[40, 32]"),
        ("\"model_type\": \"bert\"", "\"model_type\": \"gpt2\"", "gpt2"),
    ] {
        fs::write(source.join("config.json"), config.replace(from, to)).unwrap();
        refused(&source, &[part]);
    }
    assert_eq!(names(dir.path()), ["source"]);
}

#[test]
fn a_weight_that_does_not_fit_the_format_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let refused = |precision, parts: &[&str]| {
        assert_fails(&convert(&source, &dir.path().join("new"), precision), 1, parts);
        assert_eq!(names(dir.path()), ["source"]);
    };
    overwrite_first_weight(&source, "bert.encoder.layer.1.output.dense.weight", -70_000.0);
    refused("f16", &["`encoder.layer.1.output.dense.weight`", "-70000", "f16"]);
    overwrite_first_weight(&source, "bert.encoder.layer.1.output.dense.weight", f32::NAN);
    refused("int8", &["`encoder.layer.1.output.dense.weight`", "NaN", "damaged"]);
}

/// A limit on the size of files, in blocks of 512 bytes, fails like a full disk.
#[test]
fn a_full_disk_exits_with_1_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let source = small_model(dir.path(), "source");
    let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" convert \"$1\" \"$2\" --precision f32";
    let mut command = FINSENT.shell(script);
    command.args([source, dir.path().join("new")]);
    assert_fails(&command.output().unwrap().into(), 1, &["cannot write", "the limit on the size of files"]);
    assert_eq!(names(dir.path()), ["source"]);
}

/// The heap is limited to 32 MB; the weights have 91 MB.
#[test]
fn the_weights_are_never_all_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    // They are 91 MB as f32. The allocator takes some more memory than it gives.
    let script = "ulimit -d 50000; exec \"$0\" convert mini \"$1\" --precision f32";
    let run = Run::from(FINSENT.shell(script).arg(dir.path().join("new")).output().unwrap());
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn an_interrupt_leaves_nothing() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let dir = tempfile::tempdir().unwrap();
        let destination = dir.path().join("new");
        let mut child =
            finsent(&["convert", "mini", destination.to_str().unwrap(), "--precision", "f32"]).spawn().unwrap();
        wait_until("the conversion has begun", || {
            assert!(child.try_wait().unwrap().is_none());
            !names(dir.path()).is_empty()
        });
        send_signal(child.id(), signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(names(dir.path()).is_empty());
    }
}
