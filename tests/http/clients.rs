//! Released versions of common clients, in the scripts of `clients`.
//!
//! FINSENT_TEST_CLIENTS names the directory that they are installed in, as `.ci/run` does it: a Python virtual environment
//! with `clients/requirements.txt`, and the packages of `clients/package.json`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::server::{self, Server};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/clients");
/// The key in clients/schemathesis.toml.
const KEY: &str = "the-key-of-the-clients-tests";

pub(crate) fn installed() -> PathBuf {
    env::var_os("FINSENT_TEST_CLIENTS").expect("FINSENT_TEST_CLIENTS names where the clients are installed").into()
}

#[expect(clippy::print_stdout, reason = "the log of CI shows the output of the clients")]
#[track_caller]
pub(crate) fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{command:?}\n{text}");
    println!("{text}");
}

fn python(script: &str, argument: &str) {
    python_with(script, &[argument]);
}

fn python_with(script: &str, arguments: &[&str]) {
    succeeds(Command::new(installed().join("bin/python")).arg(format!("{SCRIPTS}/{script}")).args(arguments));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn huggingface_hub_classifies() {
    let server = server::start(&[]);
    python("hugging_face.py", &format!("http://{}", server.address.host()));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn tritonclient_infers_in_json_and_in_binary() {
    let server = server::start(&[]);
    python("triton.py", server.address.host());
}

#[cfg(feature = "grpc")]
#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn clients_of_grpc_infer_and_the_schema_is_the_public_one() {
    let scratch = tempfile::tempdir().unwrap();
    let (keys, socket) = (scratch.path().join("keys"), format!("unix:{}", scratch.path().join("grpc").display()));
    fs::write(&keys, KEY).unwrap();
    let limits = ["--max-concurrent-requests", "4", "--api-key-file", keys.to_str().unwrap()];
    for listen in ["127.0.0.1:0", &socket] {
        let server = server::start(&[&limits[..], &["--listen", "127.0.0.1:0", "--grpc-listen", listen]].concat());
        let address = match &server.addresses[1] {
            finsent_testing::Address::Tcp(host) => host.clone(),
            finsent_testing::Address::Unix(path) => format!("unix:{}", path.display()),
        };
        python_with("triton_grpc.py", &[server.address.host(), &address, KEY]);
    }
    let compile = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/finsent-server/proto/compile");
    succeeds(Command::new(installed().join("bin/python")).args([compile, "--check"]));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn tritonclient_loads_and_unloads() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    let server = server::start(&["--allow-reload", "--api-key-file", keys.to_str().unwrap()]);
    python_with("triton_repository.py", &["http", server.address.host()]);
}

#[cfg(feature = "grpc")]
#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn tritonclient_loads_and_unloads_over_grpc() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    let listen = ["--listen", "127.0.0.1:0", "--grpc-listen", "127.0.0.1:0"];
    let server = server::start(&[&listen[..], &["--allow-reload", "--api-key-file", keys.to_str().unwrap()]].concat());
    python_with("triton_repository.py", &["grpc", server.addresses[1].host()]);
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn requests_reach_every_route() {
    let server = server::start(&[]);
    python("plain.py", &format!("http://{}", server.address.host()));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn huggingface_inference_of_javascript_classifies() {
    let server = server::start(&[]);
    // Node looks for packages in the directory of the script and above.
    let script = installed().join("hugging_face.mjs");
    fs::copy(format!("{SCRIPTS}/hugging_face.mjs"), &script).unwrap();
    succeeds(Command::new("node").arg(script).arg(format!("http://{}", server.address.host())));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn a_client_generated_for_python_scores_texts() {
    let server = server::start(&[]);
    python("generated.py", &format!("http://{}", server.address.host()));
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn a_client_generated_for_typescript_scores_texts() {
    let server = server::start(&[]);
    let base = format!("http://{}", server.address.host());
    // Below the packages, where node looks for them. The package.json makes the scripts CommonJS, as the compiler does.
    let scratch = tempfile::tempdir_in(installed()).unwrap();
    fs::copy(format!("{SCRIPTS}/generated.ts"), scratch.path().join("generated.ts")).unwrap();
    fs::write(scratch.path().join("package.json"), r#"{"type": "commonjs"}"#).unwrap();
    let tool = |name: &str| {
        let mut command = Command::new(installed().join("node_modules/.bin").join(name));
        command.current_dir(scratch.path());
        command
    };
    succeeds(tool("openapi-ts").args(["--input", &format!("{base}/openapi.json"), "--output", "client"]));
    let options = ["--strict", "--skipLibCheck", "--target", "es2022", "--module", "commonjs", "--outDir", "out"];
    succeeds(tool("tsc").args(options).arg("generated.ts"));
    succeeds(Command::new("node").arg(scratch.path().join("out/generated.js")).arg(&base));
}

/// Runs all checks of schemathesis against /openapi.json.
fn schemathesis(server: &Server, scratch: &Path) {
    let document = format!("http://{}/openapi.json", server.address.host());
    let config = format!("{SCRIPTS}/schemathesis.toml");
    let command = installed().join("bin/schemathesis");
    succeeds(
        Command::new(command).args(["--config-file", &config, "run", &document, "--no-color"]).current_dir(scratch),
    );
}

#[test]
#[ignore = "needs the clients of tests/http/clients in FINSENT_TEST_CLIENTS"]
fn schemathesis_finds_nothing_with_and_without_keys() {
    let scratch = tempfile::tempdir().unwrap();
    schemathesis(&server::start(&[]), scratch.path());
    let keys = scratch.path().join("keys");
    fs::write(&keys, KEY).unwrap();
    schemathesis(&server::start(&["--api-key-file", keys.to_str().unwrap()]), scratch.path());
}
