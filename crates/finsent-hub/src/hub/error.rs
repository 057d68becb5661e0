//! Why a model could not be fetched.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// Why a model of the hub is not to be had, and what to do about it.
#[derive(Debug, Error)]
pub enum HubError {
    /// Nothing may be asked for, and it is not here.
    #[error(
        "{what} is not in the cache `{cache}`, and fetching is off (--offline or HF_HUB_OFFLINE); \
         fetch it where there is a network (`finsent pull`), or put its files into a directory and give that with --model, or \
         as DIR/NAME with FINSENT_MODEL_DIR=DIR"
    )]
    Offline {
        /// Repository, revision and what of it.
        what: String,
        /// The directory of the cache.
        cache: PathBuf,
    },
    /// A variable of the environment says what cannot be.
    #[error("{variable}: {reason}")]
    Setting {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A name of a repository, revision or file could lead out of the cache.
    #[error("`{name}` is no {expected}")]
    Name {
        /// What was given.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The host was not reached, or broke off.
    #[error("cannot reach {host}: {reason}; {remedy}")]
    Unreachable {
        /// Scheme and host.
        host: String,
        /// What the transport said.
        reason: String,
        /// What can be done.
        remedy: &'static str,
    },
    /// The host is there and does not serve: 429 or 5xx.
    #[error("{host} answers {status} ({what}){}", later(*retry_after))]
    Busy {
        /// Scheme and host.
        host: String,
        /// HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// When to come again, if it said so.
        retry_after: Option<Duration>,
    },
    /// A file did not arrive whole, again and again.
    #[error("{host} broke off `{file}` after {got} of {expected} bytes; what is here is kept, start again to go on")]
    Cut {
        /// Scheme and host.
        host: String,
        /// The file.
        file: String,
        /// Bytes that are here.
        got: u64,
        /// Bytes of the whole file.
        expected: u64,
    },
    /// An answer that is not the hub's.
    #[error("{host} gives no answer of a model hub for {what}: {reason}; is HF_ENDPOINT right?")]
    Answer {
        /// Scheme and host.
        host: String,
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such repository, or a private one.
    #[error("there is no repository `{repository}` at {host}, or it is private{}", with_token(*has_token))]
    NoRepository {
        /// OWNER/NAME.
        repository: String,
        /// Scheme and host.
        host: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The token is not accepted.
    #[error("{host} does not accept the token (from HF_TOKEN, HF_TOKEN_PATH or the file `token` in HF_HOME): {what}")]
    BadToken {
        /// Scheme and host.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// The owner wants to be asked first.
    #[error("`{repository}` is gated: accept its conditions at {url}{}", with_token(*has_token))]
    Gated {
        /// OWNER/NAME.
        repository: String,
        /// The page to do so.
        url: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// No such branch, tag or commit.
    #[error("`{repository}` has no revision `{revision}`{}", nearest_of(suggest))]
    NoRevision {
        /// OWNER/NAME.
        repository: String,
        /// What was asked for.
        revision: String,
        /// Those that are most like it, the best first.
        suggest: Vec<String>,
    },
    /// The repository lacks a file that the model needs.
    #[error("`{repository}` at {revision} has no {file}; it holds {}", list(found))]
    NoFile {
        /// OWNER/NAME.
        repository: String,
        /// Revision.
        revision: String,
        /// What was looked for.
        file: String,
        /// The files that are there.
        found: Vec<String>,
    },
    /// The hub refuses for another reason.
    #[error("{host} refuses {what} with {status}")]
    Refused {
        /// Scheme and host.
        host: String,
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
    },
    /// The bytes are not those that were published.
    #[error("`{file}` of `{repository}` is not what it should be: expected {expected}, found {found}; {kept}")]
    WrongHash {
        /// The file.
        file: String,
        /// OWNER/NAME.
        repository: String,
        /// Kind and digits of the hash that was expected.
        expected: String,
        /// Of the one that was found.
        found: String,
        /// What became of the bytes.
        kept: &'static str,
    },
    /// There is no place for a cache.
    #[error(
        "no directory for the cache: neither HF_HUB_CACHE nor HF_HOME nor HOME is set; set HF_HOME to a directory that can be written"
    )]
    NoCache,
    /// The cache cannot be read or written.
    #[error("cannot use the cache at `{path}`{}", way_out(source))]
    Cache {
        /// File or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl HubError {
    /// For `map_err`: the system refused something at `path`.
    pub(crate) fn cache(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Cache { path: path.into(), source }
    }

    /// Whether the network is to blame, and not what was asked for.
    pub fn is_network(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Cut { .. } | Self::Answer { .. } => true,
            Self::Offline { .. }
            | Self::Setting { .. }
            | Self::Name { .. }
            | Self::NoRepository { .. }
            | Self::BadToken { .. }
            | Self::Gated { .. }
            | Self::NoRevision { .. }
            | Self::NoFile { .. }
            | Self::Refused { .. }
            | Self::WrongHash { .. }
            | Self::NoCache
            | Self::Cache { .. } => false,
        }
    }
}

fn later(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(after) => format!("; come again in {} s", after.as_secs()),
        None => "; come again later".into(),
    }
}

fn with_token(has_token: bool) -> &'static str {
    if has_token {
        " (the token that was sent does not open it)"
    } else {
        ", and set HF_TOKEN to a token that may read it"
    }
}

fn nearest_of(suggest: &[String]) -> String {
    match suggest {
        [] => String::new(),
        [only] => format!("; did you mean `{only}`?"),
        several => format!("; there are {}", list(several)),
    }
}

/// The first of `names`, and how many more there are.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len() {
        0 => "nothing".into(),
        count if count > SHOWN => format!("{shown} and {} more", count - SHOWN),
        _ => shown,
    }
}

fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ": there is no room for it; make some, or set HF_HOME to another disk, and start again: what is here is kept"
        }
        _ => "; set HF_HOME to a directory that can be written, or fetch the model elsewhere and mount the cache",
    }
}
