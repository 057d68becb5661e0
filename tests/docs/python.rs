//! Every Python block runs, against a server that the page calls `127.0.0.1:8080`, and `127.0.0.1:8081` for gRPC. Pages
//! about the Python package are left out: the tests of the package run theirs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use finsent_testing::wait_for_output;

use crate::examples::FINSENT;
use crate::page::{Page, documentation};

#[test]
#[ignore = "needs Python with huggingface_hub and openapi-python-client in FINSENT_TEST_CLIENTS"]
fn every_python_block_runs() {
    let installed =
        env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS is the folder of a virtual environment");
    let tools = PathBuf::from(installed).join("bin");
    let server = FINSENT.serve(if cfg!(feature = "grpc") { &["--grpc-listen", "127.0.0.1:0"] } else { &[] });
    let scratch = tempfile::tempdir().unwrap();
    generate_client(&tools, scratch.path(), server.address.host());
    let mut blocks = 0;
    let is_of_package =
        |page: &Page| page.blocks("python").iter().any(|block| block.text.starts_with("import finsent\n"));
    for page in documentation().into_iter().filter(|page| !is_of_package(page)) {
        for block in page.blocks("python") {
            let mut program = block.text.replace("127.0.0.1:8080", server.address.host());
            if block.is("grpc") {
                program = program.replace("127.0.0.1:8081", server.addresses[1].host());
            }
            let mut python = Command::new(tools.join("python"));
            python
                .args(["-c", &program])
                .env("PYTHONPATH", scratch.path())
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            let run = wait_for_output(python.spawn().unwrap());
            assert_eq!(run.code, Some(0), "{}: {run:?}", page.at(block.line));
            assert!(run.stdout.contains("negative"), "{}: {run:?}", page.at(block.line));
            blocks += 1;
        }
    }
    assert!(blocks > 0);
}

/// Makes the client that docs/server.md tells how to make.
fn generate_client(tools: &Path, folder: &Path, host: &str) {
    let url = format!("http://{host}/openapi.json");
    let mut generator = Command::new(tools.join("openapi-python-client"));
    generator.args(["generate", "--url", &url, "--meta", "none", "--output-path"]).arg(folder.join("finsent_client"));
    let output = generator.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
