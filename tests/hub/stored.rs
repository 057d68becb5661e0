//! The repositories of the stand-in: commits and files.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::OnceLock;

use actix_web::web::Bytes;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The bytes of a file.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    start: Bytes,
    /// The length of the noise that follows, which is generated when it is read.
    noise: u64,
}

/// A file of a commit.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) content: Content,
    /// Whether the CDN serves it, because it is too large for git.
    pub(crate) is_large: bool,
    etag: OnceLock<String>,
}

/// Who may download from a repository.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Access {
    Public,
    /// Visible only with this token.
    Private(String),
    /// Visible to all, but downloads need this token, whose user has accepted the conditions.
    Gated(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) commits: BTreeMap<String, BTreeMap<String, StoredFile>>,
    /// The name and commit of each branch.
    pub(crate) branches: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) access: Access,
    /// Whether small files are redirected to /api/resolve-cache.
    pub(crate) redirects: bool,
}

/// A made-up commit. Tests usually start with 1.
pub(crate) fn commit(number: u32) -> String {
    hexadecimal(&Sha1::digest(number.to_le_bytes()))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The hash that git gives a file with these bytes.
pub(crate) fn git_sha1(bytes: &[u8]) -> String {
    hexadecimal(&Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.start.len() as u64 + self.noise
    }

    /// Reads up to `most` bytes from `from`.
    pub(crate) fn read(&self, from: u64, most: usize) -> Bytes {
        let start = self.start.len() as u64;
        if from < start {
            let from = from as usize;
            return self.start.slice(from..self.start.len().min(from.saturating_add(most)));
        }
        let from = from - start;
        let len = (self.noise - from).min(most as u64);
        let mut bytes = Vec::with_capacity(len as usize + 16);
        for word in from / 8..(from + len).div_ceil(8) {
            bytes.extend_from_slice(&noise(word).to_le_bytes());
        }
        Bytes::from(bytes).slice((from % 8) as usize..(from % 8 + len) as usize)
    }

    pub(crate) fn sha256(&self) -> String {
        let (mut hasher, mut at) = (Sha256::new(), 0);
        while at < self.len() {
            let bytes = self.read(at, 1 << 20);
            hasher.update(&bytes);
            at += bytes.len() as u64;
        }
        hexadecimal(&hasher.finalize())
    }
}

/// Word `index` of the noise, by splitmix64.
fn noise(index: u64) -> u64 {
    let mut word = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl StoredFile {
    pub(crate) fn small(bytes: impl Into<Bytes>) -> Self {
        Self { content: Content { start: bytes.into(), noise: 0 }, is_large: false, etag: OnceLock::new() }
    }

    pub(crate) fn large(bytes: impl Into<Bytes>) -> Self {
        Self { is_large: true, ..Self::small(bytes) }
    }

    /// A safetensors file with a tensor of `len` bytes of noise.
    pub(crate) fn noise(len: u64) -> Self {
        let header = format!(r#"{{"noise":{{"dtype":"U8","shape":[{len}],"data_offsets":[0,{len}]}}}}"#);
        let start = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        Self { content: Content { start: start.into(), noise: len }, is_large: true, etag: OnceLock::new() }
    }

    /// The ETag: git's hash of a small file, the SHA-256 of a large one.
    pub(crate) fn etag(&self) -> &str {
        self.etag.get_or_init(|| if self.is_large { self.content.sha256() } else { git_sha1(&self.content.start) })
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.content.read(0, usize::MAX)
    }
}

impl Repository {
    /// A public repository with one commit on main.
    pub(crate) fn at(commit: &str, files: BTreeMap<String, StoredFile>) -> Self {
        Self {
            commits: BTreeMap::from([(commit.to_owned(), files)]),
            branches: vec![("main".into(), commit.into())],
            tags: Vec::new(),
            access: Access::Public,
            redirects: true,
        }
    }

    /// The small model of tests/golden, at commit 1.
    pub(crate) fn small() -> Self {
        Self::at(&commit(1), small_model())
    }

    /// The commit of a revision, and its files.
    pub(crate) fn revision(&self, name: &str) -> Option<(&String, &BTreeMap<String, StoredFile>)> {
        let named = self.branches.iter().chain(&self.tags).find(|(branch, _)| branch == name);
        self.commits.get_key_value(named.map_or(name, |(_, commit)| commit))
    }

    /// A file of commit 1.
    pub(crate) fn file(&self, name: &str) -> &StoredFile {
        &self.commits[&commit(1)][name]
    }
}

/// A file of tests/golden/small.
pub(crate) fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small").join(name)).unwrap()
}

pub(crate) fn small_model() -> BTreeMap<String, StoredFile> {
    let small = ["config.json", "vocab.txt", "tokenizer_config.json"];
    let mut files: BTreeMap<_, _> =
        small.iter().map(|name| ((*name).to_owned(), StoredFile::small(golden(name)))).collect();
    files.insert("model.safetensors".into(), StoredFile::large(golden("f32.safetensors")));
    files
}

/// The small model with `len` bytes of noise as weights. It can be downloaded but not loaded.
pub(crate) fn noisy_model(len: u64) -> BTreeMap<String, StoredFile> {
    let mut files = small_model();
    files.insert("model.safetensors".into(), StoredFile::noise(len));
    files
}
