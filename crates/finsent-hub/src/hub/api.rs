//! What the hub says of a repository, and what its refusals mean.

use finsent_model::suggest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Body;
use ureq::http::{HeaderMap, Response, StatusCode};

use super::cache::is_commit;
use super::error::HubError;
use super::transport::{Follow, Request};
use super::{Hub, ModelRequest, transfer};

/// Bytes of an answer that are read.
const MAX_ANSWER: u64 = 16 << 20;
/// What stays as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `/api/models/{repository}/revision/{revision}`
#[derive(Deserialize)]
struct RevisionInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

/// A commit, and the files in it.
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: Vec<String>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// `/api/models/{repository}/refs`
#[derive(Default, Deserialize)]
struct Refs {
    #[serde(default)]
    branches: Vec<Ref>,
    #[serde(default)]
    tags: Vec<Ref>,
    #[serde(default)]
    converts: Vec<Ref>,
}

#[derive(Deserialize)]
struct Ref {
    name: String,
}

impl Hub {
    /// The commit that a revision is now, and its files.
    pub(crate) fn listing(&self, asked: &ModelRequest<'_>) -> Result<Listing, HubError> {
        let (url, what) = (self.revision_url(asked), format!("{} at {}", asked.repository.as_str(), asked.revision));
        let response = self.get(&url, &what)?;
        if !response.status().is_success() {
            return Err(self.refusal(asked, None, &response));
        }
        let no_answer = |reason: String| HubError::Answer { host: self.host(), what: what.clone(), reason };
        let RevisionInfo { sha, siblings } = parsed(response).map_err(no_answer)?;
        match is_commit(&sha) {
            true => Ok(Listing { commit: sha, files: siblings.into_iter().map(|file| file.rfilename).collect() }),
            false => Err(no_answer(format!("`{sha}` is no commit"))),
        }
    }

    /// What an answer that is no success means. `file` is what was asked for, if not the repository.
    pub(crate) fn refusal(&self, asked: &ModelRequest<'_>, file: Option<&str>, response: &Response<Body>) -> HubError {
        let (repository, host) = (asked.repository.as_str().to_owned(), self.host());
        let (has_token, status) = (self.settings.token.is_some(), response.status());
        let what = file.map_or_else(|| repository.clone(), |file| asked.file(file));
        match (status, error_code(response.headers())) {
            (_, "GatedRepo") => {
                HubError::Gated { url: format!("{}/{repository}", self.settings.endpoint), repository, has_token }
            }
            (_, "RevisionNotFound") => self.no_revision(asked),
            (_, "RepoNotFound") => HubError::NoRepository { repository, host, has_token },
            (StatusCode::UNAUTHORIZED, _) if has_token => HubError::BadToken { host, what },
            (StatusCode::UNAUTHORIZED, _) => HubError::NoRepository { repository, host, has_token },
            (StatusCode::NOT_FOUND, _) => match file {
                None => HubError::NoRepository { repository, host, has_token },
                Some(file) => self.no_file(asked, file),
            },
            _ => HubError::Refused { host, what, status: status.as_u16() },
        }
    }

    fn no_file(&self, asked: &ModelRequest<'_>, file: &str) -> HubError {
        let info: Option<RevisionInfo> = self.told(&self.revision_url(asked));
        let siblings = info.map(|info| info.siblings).unwrap_or_default();
        HubError::NoFile {
            repository: asked.repository.as_str().into(),
            revision: asked.revision.into(),
            file: file.into(),
            found: siblings.into_iter().map(|file| file.rfilename).collect(),
        }
    }

    fn no_revision(&self, asked: &ModelRequest<'_>) -> HubError {
        let repository = asked.repository.as_str();
        let refs: Option<Refs> = self.told(&format!("{}/api/models/{repository}/refs", self.settings.endpoint));
        let Refs { branches, tags, converts } = refs.unwrap_or_default();
        let known: Vec<String> = branches.into_iter().chain(tags).chain(converts).map(|found| found.name).collect();
        let close = suggest(asked.revision, known.iter().map(String::as_str)).map(|close| vec![close.to_owned()]);
        HubError::NoRevision {
            repository: repository.into(),
            revision: asked.revision.into(),
            suggest: close.unwrap_or(known),
        }
    }

    /// For a better message only: what the hub tells, if it does.
    fn told<T: DeserializeOwned>(&self, url: &str) -> Option<T> {
        let response = self.get(url, "a list").ok().filter(|response| response.status().is_success())?;
        parsed(response).ok()
    }

    fn get(&self, url: &str, what: &str) -> Result<Response<Body>, HubError> {
        self.transport()?.send(Request { is_head: false, url, from: 0, follow: Follow::SameHost, what })
    }

    fn revision_url(&self, asked: &ModelRequest<'_>) -> String {
        let (endpoint, repository) = (&self.settings.endpoint, asked.repository.as_str());
        format!("{endpoint}/api/models/{repository}/revision/{}", encoded(asked.revision))
    }

    pub(crate) fn file_url(&self, asked: &ModelRequest<'_>, file: &str) -> String {
        let path: Vec<String> = file.split('/').map(encoded).collect();
        let (endpoint, repository) = (&self.settings.endpoint, asked.repository.as_str());
        format!("{endpoint}/{repository}/resolve/{}/{}", encoded(&asked.commit), path.join("/"))
    }
}

fn parsed<T: DeserializeOwned>(response: Response<Body>) -> Result<T, String> {
    let mut json = String::new();
    transfer::plain_text(response, MAX_ANSWER, &mut json).map_err(|error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn error_code(headers: &HeaderMap) -> &str {
    headers.get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default()
}

fn encoded(part: &str) -> String {
    utf8_percent_encode(part, PART).to_string()
}
