//! Every Python block runs, against a server that the page calls `127.0.0.1:8080`.

use std::process::{Command, Stdio};
use std::{env, path::PathBuf};

use finsent_testing::wait_for_output;

use crate::examples::FINSENT;
use crate::page::documentation;

#[test]
#[ignore = "needs Python with huggingface_hub in FINSENT_TEST_CLIENTS"]
fn every_python_block_runs() {
    let installed =
        env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS is the folder of a virtual environment");
    let python = PathBuf::from(installed).join("bin/python");
    let server = FINSENT.serve(&[]);
    let mut blocks = 0;
    for page in documentation() {
        for block in page.blocks("python") {
            let program = block.text.replace("127.0.0.1:8080", server.address.host());
            let mut python = Command::new(&python);
            python.args(["-c", &program]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let run = wait_for_output(python.spawn().unwrap());
            assert_eq!(run.code, Some(0), "{}: {run:?}", page.at(block.line));
            assert!(run.stdout.contains("negative"), "{}: {run:?}", page.at(block.line));
            blocks += 1;
        }
    }
    assert!(blocks > 0);
}
