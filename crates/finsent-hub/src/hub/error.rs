//! Why a model cannot be downloaded.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use finsent_model::IoError;
use thiserror::Error;

use crate::platform::HOME;

/// Why a model cannot be downloaded, and what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HubError {
    /// The network may not be used, and the model is not complete in the cache.
    #[error(
        "{model} {problem}, and {setting} is set. Run `finsent pull {model}` while online, or pass --model DIRECTORY"
    )]
    Offline {
        /// The name of the model.
        model: String,
        /// What is wrong with it in the cache.
        problem: String,
        /// The flag or variable that forbids downloads.
        setting: &'static str,
    },
    /// An environment variable has an invalid value.
    #[error("{variable}: {reason}")]
    Setting {
        /// The variable.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A name of a repository, revision or file is not valid, or could lead out of the cache.
    #[error("`{name}` is not {expected}")]
    Name {
        /// The name.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The host cannot be reached, or the connection failed.
    #[error("cannot download {what}: {reason}. {remedy}")]
    Unreachable {
        /// The model or file.
        what: String,
        /// What happened.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// The host answers with 429 or 5xx, again and again.
    #[error("cannot download {what}: {host} answered {status}. Try again {}", later(*retry_after))]
    Busy {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The model or file.
        what: String,
        /// The `Retry-After` of the host.
        retry_after: Option<Duration>,
    },
    /// The connection broke again and again.
    #[error(
        "{host} closed the connection after {got} of {expected} bytes of {file}. \
         Run the command again to continue; what was downloaded is kept"
    )]
    Incomplete {
        /// The host.
        host: String,
        /// The file.
        file: String,
        /// The bytes on disk.
        got: u64,
        /// The size of the file.
        expected: u64,
    },
    /// The response is not that of a model hub.
    #[error(
        "unexpected response from {host} for {what}: {reason}. Check HF_ENDPOINT, and whether a proxy or a login page answers"
    )]
    Response {
        /// The host.
        host: String,
        /// The model or file.
        what: String,
        /// What is wrong with the response.
        reason: String,
    },
    /// The repository does not exist, or is private.
    #[error("`{repository}` does not exist on {host}, or is private{}", private(*has_token))]
    NoRepository {
        /// OWNER/NAME.
        repository: String,
        /// The host.
        host: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The hub rejected the token.
    #[error(
        "cannot download {what}: {host} rejected your token. \
         Check HF_TOKEN, HF_TOKEN_PATH or the file `token` in HF_HOME"
    )]
    BadToken {
        /// The host.
        host: String,
        /// The model or file.
        what: String,
    },
    /// The repository is for users who accepted its conditions.
    #[error("`{repository}` is gated. Accept its conditions at {url}{}", gated(*has_token))]
    Gated {
        /// OWNER/NAME.
        repository: String,
        /// The page with the conditions.
        url: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The repository has no such branch, tag or commit.
    #[error("`{repository}` has no revision `{revision}`{}", alternatives(suggest))]
    NoRevision {
        /// OWNER/NAME.
        repository: String,
        /// The revision.
        revision: String,
        /// The nearest name, or else all names.
        suggest: Vec<String>,
    },
    /// The commit that is kept of a model that is not pinned has left the hub.
    #[error(
        "`{repository}` no longer has the commit {commit}, which is kept for {model}; \
         run `finsent pull {model}` to use the current one"
    )]
    NoKeptCommit {
        /// OWNER/NAME.
        repository: String,
        /// The commit.
        commit: String,
        /// The name of the model.
        model: String,
    },
    /// The repository lacks a file that the model needs.
    #[error("`{repository}` at {revision} has no {file}; it has {}", list(found))]
    NoFile {
        /// OWNER/NAME.
        repository: String,
        /// The revision.
        revision: String,
        /// The missing file.
        file: String,
        /// The files of the repository.
        found: Vec<String>,
    },
    /// The repository has an adapter, which is not applied.
    #[error(
        "`{repository}` at {revision} has an adapter, `{file}`, which finsent cannot apply; merge it into the weights \
         (`merge_and_unload` of PEFT) and use the merged model"
    )]
    Adapter {
        /// OWNER/NAME.
        repository: String,
        /// The revision.
        revision: String,
        /// The file of the adapter.
        file: &'static str,
    },
    /// The hub refuses for another reason.
    #[error("cannot download {what}: {host} answered {status}")]
    Refused {
        /// The host.
        host: String,
        /// The model or file.
        what: String,
        /// The HTTP status.
        status: u16,
    },
    /// The downloaded bytes differ from the published ones, or the hub's file from the catalog's.
    #[error("{file} of `{repository}` is damaged: its {kind} is {found} instead of {expected}. {outcome}")]
    WrongHash {
        /// The file.
        file: String,
        /// OWNER/NAME.
        repository: String,
        /// The kind of hash.
        kind: &'static str,
        /// The expected digits.
        expected: Box<str>,
        /// The digits that were found.
        found: Box<str>,
        /// What happened to the bytes, and what to do.
        outcome: &'static str,
    },
    /// No environment variable says where the cache is.
    #[error(
        "no folder for the cache: none of HF_HUB_CACHE, HF_HOME and {} is set. Set HF_HOME to a folder for models",
        HOME
    )]
    NoCache,
    /// The cache cannot be read or written.
    #[error("cannot use the cache at `{path}`: {error}. {}", cache_remedy(error.kind()))]
    Cache {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        error: IoError,
    },
}

impl HubError {
    /// For `map_err`: the system's error at `path`.
    pub(crate) fn cache(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Cache { path: path.into(), error: error.into() }
    }

    /// Whether the network or the host failed, so that the same command may succeed later.
    pub fn is_network(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Incomplete { .. } | Self::Response { .. } => true,
            Self::Offline { .. }
            | Self::Setting { .. }
            | Self::Name { .. }
            | Self::NoRepository { .. }
            | Self::BadToken { .. }
            | Self::Gated { .. }
            | Self::NoRevision { .. }
            | Self::NoKeptCommit { .. }
            | Self::NoFile { .. }
            | Self::Adapter { .. }
            | Self::Refused { .. }
            | Self::WrongHash { .. }
            | Self::NoCache
            | Self::Cache { .. } => false,
        }
    }

    /// Adds that the built-in model needs no network.
    pub(crate) fn offer_built_in(mut self, model: &str) -> Self {
        if let Self::Unreachable { remedy, .. } = &mut self {
            *remedy += &format!(", or use the built-in model: --model {model}");
        }
        self
    }
}

fn later(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(after) => format!("in {} s", after.as_secs()),
        None => "later".into(),
    }
}

fn private(has_token: bool) -> &'static str {
    if has_token { " and your token may not read it" } else { "; for a private one, set HF_TOKEN to your token" }
}

fn gated(has_token: bool) -> &'static str {
    if has_token { "; your token has no access yet" } else { " and set HF_TOKEN to your token" }
}

fn alternatives(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => format!("; did you mean `{name}`?"),
        names => format!("; it has {}", list(names)),
    }
}

/// The first of `names`, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len() {
        0 => "no files".into(),
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
    }
}

fn cache_remedy(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Free some space, or set HF_HOME to a folder on another disk, and run the command again; \
             what was downloaded is kept"
        }
        io::ErrorKind::InvalidInput => "Remove it, and run the command again",
        _ => "Set HF_HOME to a folder that you can write to, or download the model elsewhere and mount it",
    }
}
