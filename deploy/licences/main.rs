//! Prints the licenses of everything that is linked into the binary. Each license text appears once.
//!
//!     rustc -o target/licences deploy/licences/main.rs
//!     target/licences x86_64-unknown-linux-musl > target/LICENSES
//!
//! A second argument names the package: `finsent`, the command, without one, and `finsent-python` for the wheel. With
//! `--sbom` before them, it prints a software bill of materials instead (CycloneDX 1.6, JSON).
//!
//! Run it in the root of the repository, after `cargo fetch`. It works offline. If a package offers Apache-2.0, it is used
//! under that license. Texts that differ only in white space count as one. A package without a license text is an error,
//! unless its license is MIT, or another package of its repository has the text.

mod sbom;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const APACHE: &str = include_str!("../../LICENSE");
const MIT: &str = include_str!("MIT.txt");
const TOOLCHAIN: &str = include_str!("toolchain.txt");
const MUSL: &str = include_str!("musl.txt");
const SWAGGER_UI: &str = include_str!("swagger-ui.txt");
const PAGE: &str = include_str!("../../crates/finsent-server/page/vendor/LICENSES.txt");
const MINI: &str = "Its weights began as those of sentence-transformers/all-MiniLM-L6-v2; its vocabulary is that of \
    bert-base-uncased, Copyright 2018 The Google AI Language Team Authors. Both are under Apache-2.0, and so is mini. \
    It was trained with texts of SEntFiN (Sinha et al.), Twitter Financial News Sentiment (zeroshot), FinEntity (Tang et \
    al.) and TAT-QA (NExT++).";
/// Prefixes of the names of license files. AUTHORS belongs to them, because some licenses refer to "the authors".
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "authors"];

/// Packages without the text of their license, each with one of the same repository that has it.
const SAME_REPOSITORY: [(&str, &str); 1] = [("alloc-stdlib", "alloc-no-stdlib")];

type Failure = Box<dyn Error>;

struct Package {
    /// Name and version.
    name: String,
    /// SPDX expression.
    license: String,
    dir: PathBuf,
}

/// License texts with the packages that they apply to. The key is the text with normalized white space.
#[derive(Default)]
struct Texts(BTreeMap<String, (String, BTreeSet<String>)>);

fn main() -> Result<(), Failure> {
    let (options, arguments): (Vec<String>, Vec<String>) = env::args().skip(1).partition(|it| it.starts_with("--"));
    let target = arguments.first().ok_or("expected a target, such as x86_64-unknown-linux-musl")?;
    let product = arguments.get(1).map_or("finsent", String::as_str);
    if options == ["--sbom"] {
        print!("{}", sbom::bill(product, target)?);
        return Ok(());
    }
    let packages = packages(product, target)?;
    let mut texts = Texts::default();
    texts.add("finsent", APACHE);
    texts.add("the Rust toolchain", TOOLCHAIN);
    for package in &packages {
        for text in package.texts(&packages)? {
            texts.add(&package.name, &text);
        }
    }
    if target.ends_with("-musl") {
        texts.add("musl", MUSL);
    }
    texts.add("Swagger UI, the page at /docs", SWAGGER_UI);
    texts.add("Papa Parse and uPlot, of the page at /", PAGE);
    texts.add("the model mini, in binaries that have it inside", MINI);
    print!("{}", page(target, &packages, &texts));
    Ok(())
}

fn page(target: &str, packages: &[Package], texts: &Texts) -> String {
    let mut page = format!(
        "The packages in finsent for {target}, and their licenses. The source code of the packages is on crates.io.\n\n"
    );
    for Package { name, license, .. } in packages {
        page += &format!("{name}: {license}\n");
    }
    let rule = "=".repeat(80);
    for (text, names) in texts.0.values() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        page += &format!("\n{rule}\n{}\n{rule}\n\n{}\n", wrapped(&names), text.trim_matches('\n'));
    }
    page
}

fn wrapped(names: &[&str]) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for (index, name) in names.iter().enumerate() {
        let space = match index {
            0 => "",
            _ if width + name.len() > 100 => ",\n",
            _ => ", ",
        };
        width = if space == ", " { width + name.len() + 2 } else { name.len() };
        lines += &format!("{space}{name}");
    }
    lines
}

/// Returns the packages whose code is linked into a product, without procedural macros and build dependencies.
fn packages(product: &str, target: &str) -> Result<Vec<Package>, Failure> {
    let lines = tree(product, target, "none", "{p}|{l}")?;
    let lines: BTreeSet<String> = lines.lines().map(str::to_owned).collect();
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"))).ok_or("no CARGO_HOME")?;
    let sources: Vec<PathBuf> = fs::read_dir(home.join("registry/src"))?.flatten().map(|entry| entry.path()).collect();
    // Lines with a path in parentheses are this repository's own crates.
    lines.iter().filter(|line| !line.contains(" (/")).map(|line| Package::find(line, &sources)).collect()
}

impl Package {
    fn find(line: &str, sources: &[PathBuf]) -> Result<Self, Failure> {
        let wrong = || format!("expected `NAME vVERSION|LICENSE` from `cargo tree`, got `{line}`");
        let (package, license) = line.split_once('|').ok_or_else(wrong)?;
        let (name, version) = package.split_once(" v").ok_or_else(wrong)?;
        let folder = format!("{name}-{version}");
        let dir = sources.iter().map(|source| source.join(&folder)).find(|dir| dir.is_dir());
        let dir = dir.ok_or_else(|| format!("cannot find the sources of {folder}; run `cargo fetch` first"))?;
        Ok(Self { name: format!("{name} {version}"), license: spdx(license), dir })
    }

    /// Returns the license texts that must accompany the binary.
    fn texts(&self, all: &[Self]) -> Result<Vec<String>, Failure> {
        let is_both = self.license.contains(" AND ");
        let is_apache = self.license.contains("Apache-2.0") && !is_both;
        let mut files = Vec::new();
        find(&self.dir, &mut files)?;
        let name = |file: &Path| file.file_name().map(OsStr::to_ascii_lowercase).unwrap_or_default();
        let has_mit = files.iter().any(|file| name(file) == "license-mit");
        files.retain(|file| match () {
            () if is_both => true,
            () if is_apache => name(file).to_string_lossy().starts_with("notice"),
            () => !has_mit || name(file) == "license-mit",
        });
        let mut texts = files.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
        if is_apache {
            texts.push(APACHE.into());
        }
        if texts.is_empty() {
            let is_named = |name: &str, package: &Self| package.name.split(' ').next() == Some(name);
            let other = SAME_REPOSITORY.iter().find(|(name, _)| is_named(name, self));
            if let Some(other) = other.and_then(|(_, name)| all.iter().find(|package| is_named(name, package))) {
                return other.texts(all);
            }
            match self.license.as_str() {
                "MIT" => texts.push(format!("Copyright {}\n\n{MIT}", self.authors()?)),
                other => return Err(format!("{} has no file with the text of its license {other}", self.name).into()),
            }
        }
        Ok(texts)
    }

    /// Returns the authors from Cargo.toml, in one line.
    fn authors(&self) -> Result<String, Failure> {
        let manifest = fs::read_to_string(self.dir.join("Cargo.toml"))?;
        let authors = manifest.lines().find_map(|line| line.strip_prefix("authors = "));
        let authors = authors.ok_or_else(|| format!("{} names no authors", self.name))?;
        Ok(authors.trim_matches(['[', ']']).replace('"', ""))
    }
}

/// A license as an SPDX expression: older packages have a slash for OR.
fn spdx(license: &str) -> String {
    license.replace('/', " OR ").replace("  ", " ")
}

/// Collects the license files in `dir` and its subfolders.
fn find(dir: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
    paths.sort();
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if path.is_dir() {
            find(&path, files)?;
        } else if NAMES.iter().any(|start| name.starts_with(start)) && !name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

impl Texts {
    fn add(&mut self, name: &str, text: &str) {
        let words: Vec<&str> = text.split_whitespace().collect();
        // Some copies of Apache-2.0 lack the appendix or fill it in. A longer text says more, so it is kept.
        let is_apache = words.starts_with(&["Apache", "License", "Version", "2.0,"])
            && words.len() < APACHE.split_whitespace().count() + 20;
        let text = if is_apache { APACHE } else { text };
        let key = if is_apache { String::new() } else { words.join(" ") };
        self.0.entry(key).or_insert_with(|| (text.replace('\r', ""), BTreeSet::new())).1.insert(name.to_owned());
    }
}

/// Prints the tree of those packages: a line for each, with this prefix and in this format.
fn tree(product: &str, target: &str, prefix: &str, format: &str) -> Result<String, Failure> {
    let tree = "tree --locked --offline --edges normal,no-proc-macro --no-dedupe";
    let choice = ["--prefix", prefix, "--format", format, "--package", product, "--target", target];
    // What is published has features that are off by default; the Python package has none.
    let features: &[&str] = if product == "finsent" { &["--features", "grpc,verify"] } else { &[] };
    output("cargo", &tree.split(' ').chain(choice).chain(features.iter().copied()).collect::<Vec<_>>())
}

fn output(program: &str, arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(program).args(arguments).output()?;
    if !output.status.success() {
        return Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
