//! Files of texts with random damage: they are read, or refused with an error, in bounded memory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fastrand::Rng;
use finsent_testing::Run;
use finsent_testing::models::repository;
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::mutate::mutate;
use crate::{FINSENT, seed};

/// How long the test draws files.
const TIME: Duration = Duration::from_secs(90);
/// Files whose outcome says something.
const MIN_RUNS: usize = 50;

/// A file as it was before it was damaged.
fn valid(random: &mut Rng) -> (&'static str, Vec<u8>) {
    const CSV: &[u8] =
        "id,text,\"a, b\"\n1,\"Profit rose, \"\"a lot\"\"\",x\n2,Loss widened,\n3,\"two\nlines\",€\n".as_bytes();
    const JSON: &[u8] = "{\"text\":\"Profit rose\",\"n\":[1,{\"a\":null}]}\n{\"text\":\"Loss\",\"n\":1e3}\n".as_bytes();
    match random.u8(..9) {
        0 => ("rows.csv", CSV.to_vec()),
        1 => ("rows.tsv", String::from_utf8(CSV.to_vec()).unwrap().replace(',', "\t").into_bytes()),
        2 => ("rows.jsonl", JSON.to_vec()),
        3 => ("rows.csv.gz", gzip(CSV)),
        4 => ("rows.jsonl.zst", compress_to_vec(JSON, CompressionLevel::Fastest)),
        _ => ("rows.parquet", fs::read(parquet_seed(random)).unwrap()),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = GzEncoder::new(Vec::new(), Compression::fast());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

fn parquet_seed(random: &mut Rng) -> PathBuf {
    let seeds = fs::read_dir(repository().join("fuzz/seeds/parquet_copy")).unwrap();
    let mut seeds: Vec<PathBuf> = seeds.map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    seeds.swap_remove(random.usize(..seeds.len()))
}

/// Runs with two gigabytes of address space, of which a run with a small file takes about one.
fn classify(input: &Path, output: &Path, options: &[&str]) -> Run {
    let mut command = FINSENT.shell("ulimit -v 2000000; exec \"$0\" classify --quiet --threads 1 \"$@\"");
    command.arg("--input").arg(input).arg("--output").arg(output).args(options).output().unwrap().into()
}

/// Reads all of an output.
fn read_output(path: &Path) {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("parquet") => {
            let again = path.with_file_name("again.jsonl");
            let run = classify(path, &again, &["--text-column", &label_column(path)]);
            assert!(matches!(run.code, Some(0 | 5)), "{run:?}");
            read_output(&again);
        }
        Some("csv") => csv::Reader::from_path(path).unwrap().records().for_each(|record| drop(record.unwrap())),
        _ => {
            let text = fs::read_to_string(path).unwrap();
            text.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).unwrap()));
        }
    }
}

/// The column of the labels in a Parquet file, whatever it had to be called.
fn label_column(path: &Path) -> String {
    let file = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let columns = file.metadata().file_metadata().schema_descr().columns();
    columns.iter().map(|column| column.name()).rfind(|name| name.ends_with("label")).unwrap().to_owned()
}

#[test]
#[ignore = "takes 90 seconds"]
fn a_damaged_file_is_read_or_refused_and_what_is_written_is_complete() {
    let mut random = seed::random("files");
    let (start, mut codes) = (Instant::now(), [0; 6]);
    while start.elapsed() < TIME {
        let dir = tempfile::tempdir().unwrap();
        let (name, mut bytes) = valid(&mut random);
        mutate(&mut bytes, &mut random);
        let input = dir.path().join(name);
        fs::write(&input, &bytes).unwrap();
        let output = dir.path().join(["out.csv", "out.jsonl", "out.parquet"][random.usize(..3)]);
        let options: &[&str] = [&[][..], &["--text-column", "text"], &["--granularity", "sentence"]][random.usize(..3)];
        let run = classify(&input, &output, options);
        let case = || format!("{name} {options:?} {run:?}\n{bytes:02x?}");
        let code = run.code.and_then(|code| usize::try_from(code).ok()).filter(|code| *code < codes.len());
        codes[code.unwrap_or_else(|| panic!("it ends by a panic or a signal: {}", case()))] += 1;
        let left = fs::read_dir(dir.path()).unwrap().count();
        if matches!(code, Some(0 | 5)) {
            assert_eq!(left, 2, "the input and the output: {}", case());
            read_output(&output);
        } else {
            assert_eq!(left, 1, "something is left of the output: {}", case());
            assert!(run.stderr.contains("finsent: error: "), "{}", case());
        }
    }
    eprintln!("runs by their exit codes, from 0: {codes:?}");
    assert!(codes.iter().sum::<usize>() >= MIN_RUNS);
}
