//! What is in the images.

use serde_json::Value;

use crate::container::{IMAGE, MINI, ask, podman, run};

const HEADLINE: &str = "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn";

fn config(image: &str) -> Value {
    serde_json::from_str::<Value>(&ask(&["image", "inspect", image])).unwrap()[0].take()
}

/// A file of the image.
fn file(image: &str, path: &str) -> Vec<u8> {
    let id = ask(&["create", image]);
    let archive = podman(&["cp", &format!("{id}:{path}"), "-"]).output().unwrap().stdout;
    ask(&["rm", &id]);
    // An archive of one file: its head is a block, in which the size is octal; what follows its end is padding.
    let size = str::from_utf8(&archive[124..135]).unwrap();
    archive[512..][..usize::from_str_radix(size, 8).unwrap()].to_vec()
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn the_images_are_small() {
    for (image, most) in [(IMAGE, 18_000_000), (MINI, 42_500_000)] {
        let size = config(image)["Size"].as_u64().unwrap();
        assert!(size < most, "{image} has {size} bytes");
    }
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn the_one_with_a_model_answers_without_anything_else() {
    let output = run(&["--network=none", "--read-only"], MINI, &["classify", "--quiet", HEADLINE]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["label"], "positive");
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn the_one_without_says_what_it_misses() {
    for args in [&["serve"][..], &["classify", HEADLINE]] {
        let output = run(&["--network=none", "--read-only"], IMAGE, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("or download the model elsewhere and mount it"), "{stderr}");
    }
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn the_labels_say_what_it_is() {
    for image in [IMAGE, MINI] {
        let config = config(image);
        let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("title"), image);
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(label("licenses"), "Apache-2.0");
        for name in ["description", "revision", "created"] {
            assert!(label(name).as_str().is_some_and(|label| !label.is_empty()), "{image}: {name}");
        }
        assert_eq!(config["Config"]["User"], "65532:65532");
        assert_eq!(config["Healthcheck"]["Test"][1], "/finsent");
    }
}

#[test]
#[ignore = "needs podman, runc and the images"]
fn the_bill_of_materials_and_the_licences_are_beside_the_binary() {
    let materials: Value = serde_json::from_slice(&file(IMAGE, "/sbom.cdx.json")).unwrap();
    let components = materials["components"].as_array().unwrap();
    let licences = String::from_utf8(file(IMAGE, "/LICENSES")).unwrap();
    for name in ["candle-core", "candle-transformers", "tokenizers", "actix-web", "h2", "ring"] {
        assert!(components.iter().any(|component| component["name"] == name), "no {name}");
        assert!(licences.contains(&format!("{name} ")), "no licence of {name}");
    }
    // For development only.
    assert!(components.iter().all(|component| component["name"] != "rcgen"));
    assert!(!file(IMAGE, "/LICENSE").is_empty());
}
