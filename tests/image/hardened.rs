//! A host that allows nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Instant;

use finsent_testing::Address;
use serde_json::json;

use crate::container::{Container, HARDENED, IMAGE, ask, mounted_models, podman};

#[test]
#[ignore = "needs podman, runc and the images"]
fn it_serves_read_only_without_rights_or_network_in_256_megabytes_on_half_a_cpu() {
    let run_dir = tempfile::tempdir().unwrap();
    fs::set_permissions(run_dir.path(), Permissions::from_mode(0o777)).unwrap();
    let shared = format!("--volume={}:/run/finsent", run_dir.path().display());
    let settings = ["--env=FINSENT_LISTEN=unix:/run/finsent/finsent.sock", "--env=FINSENT_PRECISION=int8"];
    let models = mounted_models();
    let options = [&HARDENED[..], &settings, &[&shared, &models]].concat();
    let address = Address::Unix(run_dir.path().join("finsent.sock"));
    let container = Container::start(address, &options, IMAGE, &["serve", "--model", "/models/bert-int8"]);
    container.wait_until_ready();

    thread::scope(|scope| {
        for client in 0..4 {
            let address = &container.address;
            scope.spawn(move || {
                let long = format!("{client} the company said quarterly revenue grew ").repeat(200);
                let answer = address.post("/v1/sentiment", json!({"inputs": [long, "Orders doubled"]}).to_string());
                let results = &answer.expect(200)["results"];
                assert_eq!((&results[0]["truncated"], &results[1]["truncated"]), (&true.into(), &false.into()));
            });
        }
    });

    assert_eq!(container.state("OOMKilled"), "false");
    assert_eq!(container.state("Running"), "true");
    let start = Instant::now();
    ask(&["healthcheck", "run", &container.id]);
    let took = start.elapsed();
    assert!(took.as_secs() < 3, "as long as the image gives it: {took:?}");
    // Nobody who could write, and nowhere to.
    let convert = ["/finsent", "convert", "/models/bert-int8", "/copy", "--precision", "f32"];
    let written = podman(&[&["exec", &container.id], &convert[..]].concat()).output().unwrap();
    assert!(String::from_utf8_lossy(&written.stderr).contains("the file system is read-only"), "{written:?}");
}
