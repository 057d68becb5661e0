//! The software bill of materials: CycloneDX 1.6 in JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use crate::{Failure, output, spdx, tree};

/// What is in the binary and has no package: its type, name, license, and where it is from.
const PARTS: [(&str, &str, &str, &str); 5] = [
    ("library", "Rust standard library", "MIT OR Apache-2.0", "https://www.rust-lang.org"),
    ("library", "Swagger UI", "Apache-2.0", "https://swagger.io/tools/swagger-ui"),
    ("library", "Papa Parse", "MIT", "https://www.papaparse.com"),
    ("library", "uPlot", "MIT", "https://leeoniya.github.io/uPlot"),
    ("machine-learning-model", "mini", "Apache-2.0", "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"),
];

/// A package, and what it depends on.
struct Component {
    name: String,
    version: String,
    license: String,
    /// Whether it is one of this repository.
    is_ours: bool,
    needs: BTreeSet<String>,
}

/// The bill of a product for a target.
pub(crate) fn bill(product: &str, target: &str) -> Result<String, Failure> {
    let (root, components) = components(product, target)?;
    let hashes = hashes()?;
    let time = output("git", &["log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"])?;
    let product = components.get(&root).ok_or("`cargo tree` printed nothing")?;
    let mut bill = format!(
        "{{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.6\",\n  \"version\": 1,\n  \"metadata\": {{\n    \
        \"timestamp\": {},\n    \"component\": {},\n    \"properties\": [{{\"name\": \"target\", \"value\": {}}}]\n  \
        }},\n  \"components\": [",
        json(time.trim()),
        component("application", product, None),
        json(target),
    );
    let mut lines: Vec<String> = components
        .iter()
        .filter(|(reference, _)| **reference != root)
        .map(|(_, it)| component("library", it, hashes.get(&(it.name.clone(), it.version.clone()))))
        .collect();
    lines.extend(PARTS.map(|(kind, name, license, from)| {
        format!(
            "{{\"type\": {}, \"name\": {}, \"licenses\": [{{\"expression\": {}}}], \"externalReferences\": \
            [{{\"type\": \"website\", \"url\": {}}}]}}",
            json(kind),
            json(name),
            json(license),
            json(from)
        )
    }));
    let dependencies = components.iter().map(|(reference, it)| {
        let needs: Vec<String> = it.needs.iter().map(|need| json(need)).collect();
        format!("{{\"ref\": {}, \"dependsOn\": [{}]}}", json(reference), needs.join(", "))
    });
    let dependencies: Vec<String> = dependencies.collect();
    write!(bill, "\n    {}\n  ],\n  \"dependencies\": [", lines.join(",\n    "))?;
    write!(bill, "\n    {}\n  ]\n}}\n", dependencies.join(",\n    "))?;
    Ok(bill)
}

/// The reference of the product, and all components by theirs.
fn components(product: &str, target: &str) -> Result<(String, BTreeMap<String, Component>), Failure> {
    let lines = tree(product, target, "depth", "|{p}|{l}")?;
    let mut components: BTreeMap<String, Component> = BTreeMap::new();
    // The references of the packages above a line.
    let mut above: Vec<String> = Vec::new();
    for line in lines.lines() {
        let wrong = || format!("expected `DEPTH|NAME vVERSION|LICENSE` from `cargo tree`, got `{line}`");
        let mut fields = line.splitn(3, '|');
        let mut field = || fields.next().ok_or_else(wrong);
        let (depth, package, license) = (field()?.parse::<usize>()?, field()?, field()?);
        let (name, version) = package.split_once(" v").ok_or_else(wrong)?;
        let (version, source) = version.split_once(' ').unwrap_or((version, ""));
        let reference = format!("pkg:cargo/{name}@{version}");
        above.truncate(depth);
        if let Some(parent) = above.last().and_then(|parent| components.get_mut(parent)) {
            parent.needs.insert(reference.clone());
        }
        above.push(reference.clone());
        components.entry(reference).or_insert_with(|| Component {
            name: name.into(),
            version: version.into(),
            license: spdx(license),
            is_ours: source.contains("(/"),
            needs: BTreeSet::new(),
        });
    }
    let root = above.first().cloned().ok_or("`cargo tree` printed nothing")?;
    Ok((root, components))
}

/// The SHA-256 of the sources of packages, by name and version, from Cargo.lock.
fn hashes() -> Result<BTreeMap<(String, String), String>, Failure> {
    let lock = fs::read_to_string("Cargo.lock")?;
    let packages = lock.split("[[package]]").filter_map(|package| {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    });
    Ok(packages.collect())
}

fn component(kind: &str, it: &Component, hash: Option<&String>) -> String {
    let Component { name, version, license, is_ours, .. } = it;
    let reference = json(&format!("pkg:cargo/{name}@{version}"));
    let mut text = format!(
        "{{\"type\": {}, \"bom-ref\": {reference}, \"name\": {}, \"version\": {}",
        json(kind),
        json(name),
        json(version)
    );
    if let Some(hash) = hash {
        text += &format!(", \"hashes\": [{{\"alg\": \"SHA-256\", \"content\": {}}}]", json(hash));
    }
    text += &format!(", \"licenses\": [{{\"expression\": {}}}]", json(license));
    // What is not published has no address there.
    if !is_ours {
        text += &format!(", \"purl\": {reference}");
    }
    text + "}"
}

/// A string in JSON.
fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted += &format!("\\u{:04x}", letter as u32),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
