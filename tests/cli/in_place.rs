//! Outputs that cannot be replaced: mount points, read-only files and folders, full disks.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::finsent::{FINSENT, Run, assert_fails, run, write_file};

/// Runs a script in mounts of its own, in a folder with `news.csv`; `$FINSENT` is the command.
fn in_own_mounts(script: &str) -> (tempfile::TempDir, Run) {
    let dir = tempfile::tempdir().unwrap();
    write_file(dir.path(), "news.csv", "text\nProfit rose\n");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", script]).current_dir(dir.path()).env("FINSENT", FINSENT.path());
    let run = command.output().unwrap().into();
    (dir, run)
}

#[test]
fn a_read_only_output_is_told_before_the_work_and_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let input = write_file(dir.path(), "news.csv", "text\nProfit rose\n");
    let output = write_file(dir.path(), "out.csv", "old");
    fs::set_permissions(&output, Permissions::from_mode(0o444)).unwrap();
    let refused = run(&["classify", "--input", &input, "--output", &output]);
    assert_fails(&refused, 1, &["cannot write", "read-only"]);
    assert!(!refused.stderr.contains("model mini"), "{refused:?}");
    assert_eq!(fs::read_to_string(&output).unwrap(), "old");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn an_output_that_is_a_mount_point_is_written_in_place() {
    let (dir, run) = in_own_mounts(
        "mkdir sub; echo precious > real.jsonl; echo old > sub/out.jsonl
         mount --bind real.jsonl sub/out.jsonl
         $FINSENT classify --quiet --input news.csv --output sub/out.jsonl
         cat sub/out.jsonl; ls sub",
    );
    assert_eq!((run.code, run.stdout.lines().last()), (Some(0), Some("out.jsonl")), "{run:?}");
    assert!(fs::read_to_string(dir.path().join("real.jsonl")).unwrap().contains("Profit rose"), "{run:?}");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn a_mount_point_in_a_read_only_folder_is_written_in_place() {
    let (dir, run) = in_own_mounts(
        "mkdir sub; touch sub/out.jsonl real.jsonl; mount --bind sub sub; mount -o remount,bind,ro sub
         mount --bind real.jsonl sub/out.jsonl
         $FINSENT classify --quiet --input news.csv --output sub/out.jsonl; ls sub
         ! $FINSENT classify --input news.csv --output sub/other.jsonl 2> other.log
         cat other.log",
    );
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(fs::read_to_string(dir.path().join("real.jsonl")).unwrap().contains("Profit rose"), "{run:?}");
    let told = run.stdout.lines().last().unwrap_or_default();
    assert!(told.contains("read-only") && !run.stdout.contains("model mini"), "{run:?}");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn an_output_that_is_an_input_elsewhere_is_refused() {
    let (_dir, run) = in_own_mounts(
        "mkdir sub; touch sub/out.csv; ln news.csv hard.csv; mount --bind news.csv sub/out.csv
         for output in sub/out.csv hard.csv; do
           ! $FINSENT classify --input news.csv --output $output
         done; cat news.csv",
    );
    assert_eq!(run.stdout, "text\nProfit rose\n", "{run:?}");
    assert_eq!(run.stderr.matches("is also an input").count(), 2, "{run:?}");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn a_full_disk_is_told_before_the_work_and_leaves_the_older_output() {
    let (_dir, run) = in_own_mounts(
        "mkdir full; mount -t tmpfs -o size=64k tmpfs full; echo old > full/out.csv
         head -c 1M /dev/zero > full/rest 2> /dev/null || true
         ! $FINSENT classify --input news.csv --output full/out.csv
         cat full/out.csv; ls -A full",
    );
    assert_fails(&run, 0, &["the disk is full"]);
    assert_eq!(run.stdout, "old\nout.csv\nrest\n", "{run:?}");
    assert!(!run.stderr.contains("model mini"), "{run:?}");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn a_disk_that_is_smaller_than_the_input_is_told_before_the_work() {
    let (_dir, run) = in_own_mounts(
        "mkdir small; mount -t tmpfs -o size=1M tmpfs small; echo old > small/out.csv
         filler=$(head -c 20000 /dev/zero | tr '\\0' x)
         { echo text,filler; yes \"Profit rose,$filler\" | head -n 100; } > many.csv
         ! $FINSENT classify --input many.csv --output small/out.csv
         cat small/out.csv; ls -A small",
    );
    let told = "small/out.csv has 1 MB free, and the input has 2 MB: the output may not fit";
    assert_fails(&run, 0, &[told, "the disk is full"]);
    assert_eq!(run.stdout, "old\nout.csv\n", "{run:?}");
}

#[test]
#[ignore = "needs root to bind-mount"]
fn a_full_disk_leaves_an_output_that_is_a_mount_point_as_it_was() {
    let (_dir, run) = in_own_mounts(
        "mkdir full; mount -t tmpfs -o size=64k tmpfs full; echo old > full/real.csv; touch out.csv
         mount --bind full/real.csv out.csv; head -c 1M /dev/zero > full/rest 2> /dev/null || true
         { echo text; yes 'Profit rose in the quarter that ended in March' | head -n 200; } > many.csv
         ! $FINSENT classify --input many.csv --output out.csv
         cat out.csv; ls; wc -l < out.csv.complete",
    );
    assert_fails(&run, 0, &["the disk is full; the complete output is in", "out.csv.complete"]);
    assert!(run.stdout.starts_with("old\n") && run.stdout.ends_with("201\n"), "{run:?}");
}
