//! The programs in the folder `examples` do what they say.
//!
//! `cargo test` compiles them. To run these tests alone: `cargo build --examples && cargo test --test docs programs`.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use finsent_testing::models::repository;
use finsent_testing::{Address, Run, wait_for_output, wait_until};

use crate::examples::FINSENT;

/// An example, with its arguments.
fn example(name: &str, args: &[&str]) -> Command {
    let mut program = Command::new(Path::new(FINSENT.path()).with_file_name("examples").join(name));
    program.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program
}

/// Runs an example to its end, with `input` on its standard input.
fn run(name: &str, args: &[&str], input: &str) -> Run {
    let mut child = example(name, args).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let run = wait_for_output(child);
    assert_eq!(run.code, Some(0), "{run:?}");
    run
}

#[test]
fn hello_prints_a_line_for_each_text() {
    let printed = run("hello", &["Shares plunged 12%", "Orders doubled"], "").stdout;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    assert!(lines[0].starts_with("negative 0.9") && lines[0].ends_with("Shares plunged 12%"), "{printed}");
    assert!(lines[1].starts_with("positive 0.") && lines[1].ends_with("Orders doubled"), "{printed}");
}

#[test]
fn csv_adds_two_columns() {
    let printed = run("csv", &["headline"], "id,headline\n1,\"Orders doubled, again\"\n2,\n").stdout;
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[0], "id,headline,label,score");
    assert!(lines[1].starts_with("1,\"Orders doubled, again\",positive,0."), "{printed}");
    assert_eq!(lines[2], "2,,,the text is empty");
}

#[test]
fn batch_counts_labels_and_reports_progress() {
    let run = run("batch", &[], &"Orders doubled\nShares plunged 12%\n".repeat(150));
    assert_eq!(run.stdout, "negative: 150\npositive: 150\n");
    assert!(run.stderr.starts_with("256 of 300 texts, ") && run.stderr.contains("\n300 of 300 texts, "), "{run:?}");
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn handler_answers_over_http() {
    // The port is free again, and nobody else is likely to take it in between.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let _running = Running(example("handler", &[&address]).spawn().unwrap());
    wait_until("the example listens", || TcpStream::connect(&address).is_ok());
    let post = |text: &str| Address::Tcp(address.clone()).request("POST", "/sentiment").body(text).send();
    assert_eq!(post("Shares plunged 12%").expect(200)["label"], "negative");
    assert_eq!((post(" ").status, post(" ").text()), (422, "the text is empty"));
}

/// That of the notebook is among those of the Python package.
#[test]
fn every_example_has_a_test() {
    let files = fs::read_dir(repository().join("examples")).unwrap();
    let mut names: Vec<PathBuf> = files.map(|file| PathBuf::from(file.unwrap().file_name())).collect();
    names.sort();
    assert_eq!(names, ["batch.rs", "csv.rs", "handler.rs", "hello.rs", "notebook"].map(PathBuf::from));
}
