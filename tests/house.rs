//! The rules of the house: who may import whom, and where each crate lives. The floor plan is in `src/lib.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from the ground up. A room may use those before it and itself, and nothing behind it.
const ROOMS: &[&str] = &[
    "nearest",
    "guard",
    "hash",
    "precision",
    "telemetry",
    "metrics",
    "threads",
    "kernels",
    "text",
    "files",
    "embedded",
    "catalog",
    "hub",
    "locate",
    "checkpoint",
    "digest",
    "tokens",
    "batch",
    "encoder",
    "verdict",
    "document",
    "answer",
    "pipeline",
    "summary",
    "bench",
    "verify",
    "evaluation",
    "scheduler",
    "http",
    "cli",
    "lib",
];

/// The one home, or the few, of each crate that is not used everywhere.
const HOMES: &[(&str, &[&str])] = &[
    ("actix_web", &["http"]),
    ("actix_cors", &["http"]),
    ("utoipa", &["http"]),
    ("utoipa_swagger_ui", &["http"]),
    ("futures_util", &["http"]),
    ("flate2", &["cli", "http", "hub"]),
    ("subtle", &["http"]),
    ("fastrand", &["http", "hub"]),
    ("lru", &["scheduler"]),
    ("prometheus", &["metrics"]),
    ("procfs", &["metrics"]),
    ("hf_hub", &["hub"]),
    ("ureq", &["hub"]),
    ("percent_encoding", &["hub"]),
    ("sha1", &["hash"]),
    ("sha2", &["hash", "http"]),
    ("tokenizers", &["tokens"]),
    ("ahash", &["tokens"]),
    ("candle_core", &["checkpoint", "encoder", "verify"]),
    ("candle_nn", &["verify"]),
    ("candle_transformers", &["verify"]),
    ("safetensors", &["checkpoint"]),
    ("half", &["checkpoint", "kernels"]),
    ("memmap2", &["checkpoint"]),
    ("zip", &["checkpoint"]),
    ("toml", &["catalog"]),
    ("strsim", &["nearest"]),
    ("bytemuck", &["kernels"]),
    ("tracing_subscriber", &["telemetry"]),
    ("chrono", &["cli", "summary"]),
    ("anyhow", &["cli"]),
    ("arrow_ipc", &["cli"]),
    ("arrow_schema", &["cli"]),
    ("base64", &["cli"]),
    ("bytes", &["cli"]),
    ("lz4_flex", &["cli"]),
    ("parquet", &["cli"]),
    ("snap", &["cli"]),
    ("clap", &["cli"]),
    ("csv", &["cli"]),
    ("indicatif", &["cli"]),
    ("signal_hook", &["cli"]),
    ("tempfile", &["cli"]),
    ("encoding_rs", &["cli"]),
    ("encoding_rs_io", &["cli"]),
    ("terminal_size", &["cli"]),
    ("unicode_width", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("glob", &["cli"]),
    ("ruzstd", &["cli"]),
    ("twox_hash", &["cli"]),
];

struct Source {
    path: PathBuf,
    room: String,
    /// The code without comments and without the tests at its end.
    code: String,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source::read(&src, path));
            }
        }
    }
    assert!(sources.len() > 30, "the sources were found");
    sources
}

impl Source {
    fn read(src: &Path, path: PathBuf) -> Self {
        let inside = path.strip_prefix(src).unwrap();
        let room = inside.strip_prefix("ground").unwrap_or(inside).iter().next().unwrap();
        let room = room.to_str().unwrap().trim_end_matches(".rs");
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        Self { room: room.to_owned(), code, path }
    }

    /// The names that follow `prefix` anywhere in the code, where nothing of a word stands before it.
    fn names_after<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.code.match_indices(prefix).filter_map(move |(at, _)| {
            let before = self.code[..at].chars().next_back();
            let alone = before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':');
            let name = &self.code[at + prefix.len()..];
            let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(name.len());
            alone.then_some(&name[..end])
        })
    }

    fn uses_crate(&self, name: &str) -> bool {
        let in_paths = self.paths(&format!("{name}::"));
        in_paths || self.paths(&format!("use {name}::")) || self.paths(&format!("::{name}::"))
    }

    /// Whether `path` begins somewhere in the code, and is not the end of a longer one.
    fn paths(&self, path: &str) -> bool {
        self.code.match_indices(path).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            before.is_none_or(|letter| !letter.is_alphanumeric() && letter != '_' && letter != ':')
        })
    }
}

fn floor(room: &str) -> usize {
    ROOMS.iter().position(|known| *known == room).unwrap_or_else(|| panic!("`{room}` is not on the floor plan"))
}

#[test]
fn a_room_imports_only_from_the_rooms_below_it() {
    for source in sources().iter().filter(|source| source.room != "main") {
        let path = source.path.display();
        assert!(!source.code.contains("crate::{"), "{path}: import each room by itself, so that this test sees it");
        for used in source.names_after("crate::").filter(|used| used.starts_with(char::is_lowercase)) {
            let (path, room) = (source.path.display(), &source.room);
            assert!(floor(used) <= floor(room), "{path}: `{room}` imports `{used}`, which stands above it");
        }
    }
}

#[test]
fn the_library_is_used_through_rooms_and_not_through_its_front_door() {
    for source in sources().iter().filter(|source| source.room != "main" && source.room != "lib") {
        let through_the_door = source.names_after("crate::").find(|used| used.starts_with(char::is_uppercase));
        assert_eq!(through_the_door, None, "{}", source.path.display());
    }
}

#[test]
fn each_crate_stays_in_its_home() {
    for source in sources() {
        for (name, homes) in HOMES {
            let (path, at_home) = (source.path.display(), homes.contains(&source.room.as_str()));
            assert!(at_home || !source.uses_crate(name), "{path}: `{name}` lives in {homes:?} only");
        }
    }
}

#[test]
fn the_floor_plan_in_the_crates_docs_names_every_room() {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for room in ROOMS.iter().filter(|room| **room != "lib") {
        assert!(docs.contains(&format!("`{room}`")), "src/lib.rs does not name `{room}`");
    }
}

#[test]
fn main_is_short_and_no_file_is_a_drawer() {
    for source in sources() {
        let name = source.path.file_stem().unwrap().to_str().unwrap();
        for drawer in ["util", "utils", "common", "helpers", "types", "manager", "service", "misc"] {
            assert_ne!(name, drawer, "{}", source.path.display());
        }
        if source.room == "main" {
            assert!(source.code.lines().count() <= 60, "main.rs parses, runs and exits, and nothing else");
        }
    }
}

#[test]
fn unsafe_code_is_where_the_house_allows_it() {
    let allowed = ["checkpoint/mapped.rs", "threads/team.rs"];
    for source in sources().iter().filter(|source| source.code.contains("unsafe ")) {
        let is_allowed = source.room == "kernels" || allowed.iter().any(|path| source.path.ends_with(path));
        assert!(is_allowed, "{}", source.path.display());
        let text = fs::read_to_string(&source.path).unwrap();
        let blocks = text.matches("unsafe {").count() + text.matches("unsafe impl").count();
        assert_eq!(blocks, text.matches("// SAFETY:").count(), "{}: a SAFETY line a block", source.path.display());
    }
}
