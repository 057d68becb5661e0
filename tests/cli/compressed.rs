//! Compressed inputs.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use crate::finsent::{Run, assert_fails, classify_file, parse_json_lines, run, run_with_input, write_file};

const CSV: &str = "\u{feff}id,text\r\n1,Profit rose\r\n2,\"Loss\r\nfell\"\r\n3,Flat\r\n";

fn gzip(contents: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(contents.as_ref()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(contents: impl AsRef<[u8]>) -> Vec<u8> {
    compress_to_vec(contents.as_ref(), CompressionLevel::Fastest)
}

/// Asserts that a damaged file is refused and that no output is left.
#[track_caller]
fn assert_is_refused(name: &str, contents: impl AsRef<[u8]>, parts: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), name, contents);
    let output = dir.path().join("out.jsonl");
    let run = run(&["classify", "--input", &path, "--output", output.to_str().unwrap()]);
    assert_fails(&run, 1, &[&[name], parts].concat());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{name} {run:?}");
}

#[track_caller]
fn assert_same(compressed: &Run, plain: &Run) {
    assert!(!plain.stdout.is_empty(), "{plain:?}");
    assert_eq!((compressed.code, &compressed.stdout), (plain.code, &plain.stdout), "{compressed:?}");
}

#[test]
fn a_compressed_file_of_any_format_is_read_as_the_plain_one() {
    let json = "{\"text\":\"Profit rose\",\"n\":1.50}\nnonsense\n";
    for (name, contents) in [
        ("n.csv", CSV),
        ("n.tsv", "id\ttext\n1\tFlat\n"),
        ("n.txt", "Up\n\nDown"),
        ("n.jsonl", json),
        ("n.ndjson", json),
    ] {
        let plain = classify_file(name, contents, &[]);
        assert_same(&classify_file(&format!("{name}.gz"), gzip(contents), &[]), &plain);
        assert_same(&classify_file(&format!("{name}.zst"), zstd(contents), &[]), &plain);
    }
    assert_same(&classify_file("N.CSV.ZSTD", zstd(CSV), &[]), &classify_file("n.csv", CSV, &[]));
}

/// `tests/cli/news.txt.zst` is two frames of the `zstd` command, `-19` and `--fast` with a checksum each.
#[test]
fn frames_of_the_zstd_command_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/news.txt.zst");
    let run = run(&["classify", "--input", path.to_str().unwrap()]);
    let rows = parse_json_lines(&run.stdout);
    assert_eq!((run.code, rows.len()), (Some(0), 60), "{run:?}");
    for (index, row) in rows.iter().enumerate() {
        let number = index % 30 + 1;
        let text = format!("Operating profit of unit {number} rose to EUR {}.{} mn", number * 7, number % 10);
        assert_eq!(row["text"], *text);
    }
}

#[test]
fn concatenated_members_and_frames_are_one_file() {
    let plain = classify_file("n.txt", "Up\nDown\n", &[]);
    assert_same(&classify_file("n.txt.gz", [gzip("Up\nDo"), gzip(""), gzip("wn\n")].concat(), &[]), &plain);
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
    let frames = [zstd("Up\nDo"), skippable.to_vec(), zstd("wn\n")].concat();
    assert_same(&classify_file("n.txt.zst", frames, &[]), &plain);
}

#[test]
fn a_file_that_ends_early_or_is_damaged_is_refused() {
    let text = (0..200).map(|number| format!("Unit {}\n", number * 7919 % 10_007)).collect::<String>();
    for (name, compressed) in [("n.txt.gz", gzip(&text)), ("n.txt.zst", zstd(&text))] {
        let why = "data is damaged or ends early";
        for length in [3, compressed.len() / 2, compressed.len() - 1] {
            assert_is_refused(name, &compressed[..length], &[why]);
        }
        let mut damaged = compressed.clone();
        *damaged.last_mut().unwrap() ^= 0x10;
        if name.ends_with(".zst") {
            assert_is_refused(name, &damaged, &[why, "checksum"]);
        } else {
            assert_is_refused(name, &damaged, &[why]);
        }
        assert_is_refused(name, [&compressed[..], b"rest"].concat(), &[why]);
    }
}

#[test]
fn an_empty_file_is_not_compressed_but_a_compressed_file_may_be_empty() {
    for name in ["n.txt.gz", "n.txt.zst"] {
        assert_is_refused(name, "", &["data is damaged or ends early"]);
    }
    let plain = classify_file("n.txt", "", &[]);
    assert_eq!((plain.code, plain.stdout.as_str()), (Some(0), ""));
    for compressed in [classify_file("n.txt.gz", gzip(""), &[]), classify_file("n.txt.zst", zstd(""), &[])] {
        assert_eq!((compressed.code, compressed.stdout.as_str()), (Some(0), ""), "{compressed:?}");
    }
    assert_fails(&classify_file("n.csv.gz", gzip(""), &[]), 2, &["n.csv.gz` is empty"]);
}

#[test]
fn a_name_with_the_wrong_extension_is_refused() {
    assert_is_refused("n.csv.gz", CSV, &["gzip"]);
    assert_is_refused("n.csv.zst", CSV, &["Zstandard"]);
    assert_is_refused("n.csv.gz", zstd(CSV), &["gzip"]);
    assert_is_refused("n.csv", gzip(CSV), &["compressed (gzip)", "end its name in .gz"]);
    assert_is_refused("n.txt", zstd(CSV), &["compressed (Zstandard)", "end its name in .zst"]);
    assert_fails(&classify_file("n.gz", gzip(CSV), &[]), 2, &["must end in .txt", ".gz"]);
}

#[test]
fn standard_input_that_is_compressed_is_refused() {
    assert_fails(
        &run_with_input(&["classify"], &gzip("Up\n")),
        1,
        &["standard input", "compressed (gzip)", "gzip -dc"],
    );
    assert_fails(
        &run_with_input(&["classify"], &zstd("Up\n")),
        1,
        &["standard input", "compressed (Zstandard)", "zstd -dc"],
    );
}

#[test]
fn encodings_apply_after_decompression() {
    let latin1 = b"id,text\n1,Profit\n2,Erl\xf6se steigen\n";
    assert_is_refused("n.csv.gz", gzip(latin1), &["line 3", "0xf6", "--encoding latin1"]);
    let run = classify_file("n.csv.gz", gzip(latin1), &["--encoding", "latin1"]);
    assert_eq!(parse_json_lines(&run.stdout)[1]["text"], "Erlöse steigen");
    let utf16: Vec<u8> = "\u{feff}Gewinn fällt\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(parse_json_lines(&classify_file("n.txt.zst", zstd(utf16), &[]).stdout)[0]["text"], "Gewinn fällt");
}

#[test]
fn the_shards_of_compressed_files_make_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let one = write_file(dir.path(), "a.csv.gz", gzip(CSV));
    let two = write_file(dir.path(), "b.csv.zst", zstd(CSV));
    let args = ["classify", "--input", &one, "--input", &two, "--format", "csv"];
    let shards = ["0/4", "1/4", "2/4", "3/4"].map(|part| run(&[&args[..], &["--shard", part]].concat()).stdout);
    let whole = run(&args).stdout;
    assert_eq!((whole.is_empty(), shards.concat()), (false, whole));
}

#[test]
fn an_endless_record_in_a_small_file_is_an_error_in_bounded_memory() {
    let endless = format!("text\n\"{}", "and more\n".repeat(8 << 20));
    let dir = tempfile::tempdir().unwrap();
    let path = write_file(dir.path(), "n.csv.gz", gzip(endless));
    assert_fails(&run(&["classify", "--input", &path]), 1, &["is a quoted field never closed?"]);
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let run = classify_file("n.csv.gz", gzip(CSV), &["--output", "/dev/full", "--format", "jsonl"]);
    assert_fails(&run, 1, &["cannot write `/dev/full`: the disk is full"]);
}
