//! Precisions, kernels and threads of `finsent classify`; `finsent bench`.

use std::fmt::Write;

use serde_json::Value;

use crate::finsent::{assert_fails, finsent, run, small_model, write_file};

/// Sentences of many lengths, one per line.
fn lines() -> String {
    let words =
        ["profit", "rose", "sharply", "while", "the", "company's", "net", "loss", "narrowed", "to", "EUR", "4.2", "mn"];
    (0..20).fold(String::new(), |mut lines, line| {
        let sentence: Vec<&str> = (0..1 + line * 3 % 37).map(|word| words[(line + word * 5) % words.len()]).collect();
        writeln!(lines, "{}", sentence.join(" ")).unwrap();
        lines
    })
}

#[test]
fn the_number_of_threads_does_not_change_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "lines.txt", lines());
    for precision in ["f32", "bf16", "int8"] {
        let with =
            |threads: &str| run(&["classify", "--threads", threads, "--precision", precision, "--input", &input]);
        let expected = with("1");
        assert_eq!((expected.code, expected.stdout.lines().count()), (Some(0), 20), "{expected:?}");
        assert!(expected.stderr.contains(&format!("model mini (inside this binary), {precision}\n")), "{expected:?}");
        for threads in ["2", "3", "8"] {
            assert_eq!(with(threads).stdout, expected.stdout, "{precision}, {threads} threads");
        }
    }
}

#[test]
fn the_number_of_workers_does_not_change_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    // Several batches, for which workers are there.
    let input = write_file(dir.path(), "lines.txt", lines().repeat(8));
    let with = |workers: &str| {
        run(&["classify", "--threads", "3", "--workers", workers, "--precision", "int8", "--input", &input])
    };
    let expected = with("1");
    assert_eq!((expected.code, expected.stdout.lines().count()), (Some(0), 160), "{expected:?}");
    for workers in ["2", "3", "auto"] {
        assert_eq!(with(workers).stdout, expected.stdout, "{workers} workers");
    }
}

#[test]
fn more_workers_than_threads_are_refused() {
    assert_fails(
        &run(&["classify", "--threads", "2", "--workers", "3", "a"]),
        2,
        &["--workers 3 needs 3 threads, and there are 2; choose --workers 2 or auto, or --threads 3"],
    );
    assert_fails(
        &run(&["classify", "--workers", "0", "a"]),
        2,
        &["--workers must be `auto` or a number from 1 to 1024"],
    );
}

#[test]
fn scaling_is_measured_and_predicted() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let model = model.to_str().unwrap();
    let args = ["bench", "--scaling", "--threads", "2", "--precision", "int8", "--format", "json", "--model", model];
    let output = run(&args).assert_succeeds();
    let scaling = &serde_json::from_str::<Value>(&output.stdout).unwrap()[0];
    assert_eq!(scaling["threads"], 2);
    assert_eq!(scaling["measured"].as_array().map(Vec::len), Some(2), "{scaling}");
    assert_eq!(scaling["predicted"].as_array().map(Vec::len), Some(4), "{scaling}");
}

#[test]
fn forced_kernels_give_nearly_the_same_scores() {
    let score = |isa: &str| -> f64 {
        let output = finsent(&["classify", "Fed leaves rates unchanged"]).env("FINSENT_ISA", isa).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["score"].as_f64().unwrap()
    };
    assert!((score("scalar") - score("")).abs() < 1e-5);
}

#[test]
fn kernels_that_this_cpu_cannot_run_exit_with_2() {
    let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
    for (isa, part) in [("avx1024", "no instruction set is called"), (foreign, "this CPU has no")] {
        let output = finsent(&["classify", "a"]).env("FINSENT_ISA", isa).output().unwrap();
        assert_fails(&output.into(), 2, &["FINSENT_ISA", isa, part, "scalar"]);
    }
}

#[test]
fn the_margin_must_be_a_probability() {
    for margin in ["-0.1", "1.5", "NaN", "much"] {
        assert_fails(&run(&["classify", &format!("--int8-margin={margin}"), "a"]), 2, &["from 0 to 1"]);
    }
    assert_eq!(run(&["classify", "--precision", "int8", "--int8-margin", "0", "a"]).code, Some(0));
}

#[test]
fn bench_measures_every_workload() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let input = write_file(dir.path(), "texts.txt", "profit rose\n\nloss\nno change at all\n");
    let args =
        ["bench", "--model", model.to_str().unwrap(), "--precision", "int8", "--format", "json", "--input", &input];
    let run = run(&args);
    assert_eq!(run.code, Some(0), "{run:?}");
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let named = |name: &str| rows.iter().find(|row| row["workload"] == name).unwrap();
    for name in
        ["length 8", "length 16, packed", "mixed lengths, one at a time", "mixed lengths, packed", "file, packed"]
    {
        let row = named(name);
        assert_eq!(row["precision"], "int8");
        let number = |key: &str| row[key].as_f64().unwrap();
        for key in ["ms", "sentences_per_s", "tokens_per_s", "gop_per_s", "peak_gop_per_s"] {
            assert!(number(key) > 0.0, "{key} {row}");
        }
        let of_peak = number("share_of_peak") * number("peak_gop_per_s") / number("gop_per_s");
        assert!((of_peak - 1.0).abs() < 1e-9, "{row}");
    }
    assert_eq!((&named("length 8")["texts"], &named("length 8")["tokens"]), (&1.into(), &8.into()));
    assert_eq!(named("file, packed")["texts"], 3);
}

#[test]
fn bench_refuses_a_file_without_texts() {
    let dir = tempfile::tempdir().unwrap();
    let model = small_model(dir.path(), "small");
    let input = write_file(dir.path(), "empty.txt", "\n \n");
    let args = ["bench", "--model", model.to_str().unwrap(), "--input", &input];
    assert_fails(&run(&args), 2, &["has no texts"]);
}
