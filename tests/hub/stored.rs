//! What the stand-in hub holds: repositories, their commits, and the files in them.

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
    /// Length of the noise that follows; it is made when it is asked for.
    noise: u64,
}

/// A file of a commit.
#[derive(Debug, Clone)]
pub(crate) struct StoredFile {
    pub(crate) content: Content,
    /// Whether it is too large for git, and so comes from the CDN.
    pub(crate) is_large: bool,
    etag: OnceLock<String>,
}

/// Who may have the files of a repository.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Access {
    Public,
    /// Only those with this token know of it.
    Private(String),
    /// Everybody knows of it; only those with this token have accepted its terms.
    Gated(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) commits: BTreeMap<String, BTreeMap<String, StoredFile>>,
    /// Names and commits.
    pub(crate) branches: Vec<(String, String)>,
    pub(crate) tags: Vec<(String, String)>,
    pub(crate) access: Access,
    /// Whether a small file comes after a redirect to /api/resolve-cache.
    pub(crate) redirects: bool,
}

/// A commit's name; the first one of a test is usually 1.
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

/// What git calls a file of these bytes.
pub(crate) fn git_sha1(bytes: &[u8]) -> String {
    hexadecimal(&Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize())
}

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.start.len() as u64 + self.noise
    }

    /// Up to `most` bytes from `from`; none at the end.
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

/// Word number `index` of the noise: splitmix64 at that place.
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

    /// A safetensors file with one tensor of `len` bytes of noise.
    pub(crate) fn noise(len: u64) -> Self {
        let header = format!(r#"{{"noise":{{"dtype":"U8","shape":[{len}],"data_offsets":[0,{len}]}}}}"#);
        let start = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        Self { content: Content { start: start.into(), noise: len }, is_large: true, etag: OnceLock::new() }
    }

    /// The hub's name for the bytes: git's for a small file, the SHA-256 for a large one.
    pub(crate) fn etag(&self) -> &str {
        self.etag.get_or_init(|| if self.is_large { self.content.sha256() } else { git_sha1(&self.content.start) })
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.content.read(0, usize::MAX)
    }
}

impl Repository {
    /// A public one with one commit, which is main's.
    pub(crate) fn at(commit: &str, files: BTreeMap<String, StoredFile>) -> Self {
        Self {
            commits: BTreeMap::from([(commit.to_owned(), files)]),
            branches: vec![("main".into(), commit.into())],
            tags: Vec::new(),
            access: Access::Public,
            redirects: true,
        }
    }

    /// The small model of the golden files, at commit 1.
    pub(crate) fn small() -> Self {
        Self::at(&commit(1), small_model())
    }

    /// The files of a revision, and the commit that it stands for.
    pub(crate) fn revision(&self, name: &str) -> Option<(&String, &BTreeMap<String, StoredFile>)> {
        let named = self.branches.iter().chain(&self.tags).find(|(branch, _)| branch == name);
        self.commits.get_key_value(named.map_or(name, |(_, commit)| commit))
    }

    /// The file of commit 1.
    pub(crate) fn file(&self, name: &str) -> &StoredFile {
        &self.commits[&commit(1)][name]
    }
}

/// A file beside the golden files' small model.
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

/// The small model, the weights of which are `len` bytes of noise: it can be fetched, and no more.
pub(crate) fn noisy_model(len: u64) -> BTreeMap<String, StoredFile> {
    let mut files = small_model();
    files.insert("model.safetensors".into(), StoredFile::noise(len));
    files
}
