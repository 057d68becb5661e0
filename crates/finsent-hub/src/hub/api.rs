//! The hub's API: what a repository has, its files, and what its refusals mean.

use std::io::{self, Read};
use std::sync::OnceLock;

use finsent_model::suggest;
use flate2::read::MultiGzDecoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName};
use ureq::http::{HeaderMap, Response, StatusCode};
use ureq::{Body, BodyReader};

use super::error::HubError;
use super::repository::HubModel;
use super::settings::HubSettings;
use super::transport::{Follow, Request, Transport, host_of};
use crate::revision::is_commit;

/// The most bytes of a JSON response.
const MAX_JSON: u64 = 16 << 20;
/// The characters that are percent-encoded in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");

/// The response to `/api/models/{repository}/revision/{revision}`.
#[derive(Deserialize)]
struct RevisionInfo {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// The response to `/api/models/{repository}/refs`.
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

/// A commit and its files.
pub(super) struct Listing {
    pub(super) commit: String,
    pub(super) files: Vec<String>,
}

/// A file of a commit.
#[derive(Clone, Copy)]
pub(super) struct RemoteFile<'a> {
    pub(super) model: &'a HubModel,
    pub(super) commit: &'a str,
    pub(super) name: &'a str,
}

impl RemoteFile<'_> {
    /// For messages.
    fn description(&self) -> String {
        format!("{} of {}", self.name, self.model.name)
    }
}

/// What the hub says about a file before it is downloaded.
pub(super) struct FileMetadata {
    /// Also the name of the blob in the cache.
    pub(super) etag: String,
    pub(super) size: Option<u64>,
}

/// The response to a request for the rest of a file.
pub(super) enum FileBody {
    /// The bytes of the file from `start`.
    From { start: u64, bytes: Box<dyn Read> },
    /// The file has no more bytes.
    Complete,
    /// The bytes that the caller has cannot be continued.
    Restart,
}

/// Requests to the hub. The connection is set up by the first one.
pub(super) struct HubApi {
    settings: HubSettings,
    transport: OnceLock<Transport>,
}

impl HubApi {
    pub(super) fn new(settings: HubSettings) -> Self {
        Self { settings, transport: OnceLock::new() }
    }

    /// The name of the hub's host, for messages.
    pub(super) fn host(&self) -> String {
        host_of(&self.settings.endpoint)
    }

    /// The current commit of a revision, and its files.
    pub(super) fn listing(&self, model: &HubModel) -> Result<Listing, HubError> {
        let response = self.get(&self.revision_url(model), &model.name)?;
        if !response.status().is_success() {
            return Err(self.refusal(model, None, &response));
        }
        let unexpected = |reason: String| HubError::Response { host: self.host(), what: model.name.clone(), reason };
        let RevisionInfo { sha, siblings } = parse(response).map_err(unexpected)?;
        match is_commit(&sha) {
            true => Ok(Listing { commit: sha, files: siblings.into_iter().map(|file| file.rfilename).collect() }),
            false => Err(unexpected(format!("`{sha}` is not a commit"))),
        }
    }

    /// The name and size of a file's blob.
    pub(super) fn metadata(&self, file: RemoteFile<'_>) -> Result<FileMetadata, HubError> {
        let (url, what) = (self.file_url(file), file.description());
        let request = Request { is_head: true, url: &url, from: 0, follow: Follow::SameHost, what: &what };
        let response = self.transport()?.send(request)?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.refusal(file.model, Some(file), &response));
        }
        let header = |name: &HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header(&LINKED_ETAG).or_else(|| header(&ETAG)).map(bare_etag).filter(|etag| is_file_name(etag));
        let etag = etag.map(str::to_owned).ok_or_else(|| HubError::Response {
            host: self.host(),
            what,
            reason: "it has no ETag that can be a file name".into(),
        })?;
        // The length of a redirect or of a compressed body is not that of the file.
        let is_compressed = response.headers().contains_key(CONTENT_ENCODING);
        let of_body = || header(&CONTENT_LENGTH).filter(|_| response.status().is_success() && !is_compressed);
        let size = header(&LINKED_SIZE).or_else(of_body).and_then(|size| size.trim().parse().ok());
        Ok(FileMetadata { etag, size })
    }

    /// Requests the bytes of a file from `from`.
    pub(super) fn body(&self, file: RemoteFile<'_>, from: u64) -> Result<FileBody, HubError> {
        let (url, what) = (self.file_url(file), file.description());
        let request = Request { is_head: false, url: &url, from, follow: Follow::All, what: &what };
        let response = self.transport()?.send(request)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if range_start(&response) == Some(from) && !is_gzip(&response) => {
                Ok(FileBody::From { start: from, bytes: decoded(response) })
            }
            StatusCode::RANGE_NOT_SATISFIABLE if unsatisfied_size(&response) == Some(from) => Ok(FileBody::Complete),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => Ok(FileBody::Restart),
            StatusCode::OK => Ok(FileBody::From { start: 0, bytes: decoded(response) }),
            _ => Err(self.refusal(file.model, Some(file), &response)),
        }
    }

    /// The error of a response that is not a success. `file` is the requested file, if it was one.
    fn refusal(&self, model: &HubModel, file: Option<RemoteFile<'_>>, response: &Response<Body>) -> HubError {
        let (repository, host) = (model.repository.as_str().to_owned(), self.host());
        let (has_token, status) = (self.settings.token.is_some(), response.status());
        let what = file.map_or_else(|| model.name.clone(), |file| file.description());
        match (status, error_code(response.headers())) {
            (_, "GatedRepo") => {
                HubError::Gated { url: format!("{}/{repository}", self.settings.endpoint), repository, has_token }
            }
            (_, "RevisionNotFound") => self.no_revision(model),
            (_, "RepoNotFound") => HubError::NoRepository { repository, host, has_token },
            (StatusCode::UNAUTHORIZED, _) if has_token => HubError::BadToken { host, what },
            (StatusCode::UNAUTHORIZED, _) => HubError::NoRepository { repository, host, has_token },
            (StatusCode::NOT_FOUND, _) => match file {
                None => HubError::NoRepository { repository, host, has_token },
                Some(file) => self.no_file(file),
            },
            _ => HubError::Refused { host, what, status: status.as_u16() },
        }
    }

    fn no_file(&self, file: RemoteFile<'_>) -> HubError {
        let info: Option<RevisionInfo> = self.try_get(&self.revision_url(file.model));
        let siblings = info.map(|info| info.siblings).unwrap_or_default();
        HubError::NoFile {
            repository: file.model.repository.as_str().into(),
            revision: file.model.revision.clone(),
            file: file.name.into(),
            found: siblings.into_iter().map(|file| file.rfilename).collect(),
        }
    }

    fn no_revision(&self, model: &HubModel) -> HubError {
        let (repository, revision) = (model.repository.as_str(), model.revision.clone());
        let refs: Option<Refs> = self.try_get(&format!("{}/api/models/{repository}/refs", self.settings.endpoint));
        let Refs { branches, tags, converts } = refs.unwrap_or_default();
        let known: Vec<String> = branches.into_iter().chain(tags).chain(converts).map(|found| found.name).collect();
        let nearest = suggest(&revision, known.iter().map(String::as_str)).map(|nearest| vec![nearest.to_owned()]);
        HubError::NoRevision { repository: repository.into(), revision, suggest: nearest.unwrap_or(known) }
    }

    /// Gets JSON that only improves a message, so failures do not matter.
    fn try_get<T: DeserializeOwned>(&self, url: &str) -> Option<T> {
        let response = self.get(url, "a list").ok().filter(|response| response.status().is_success())?;
        parse(response).ok()
    }

    fn get(&self, url: &str, what: &str) -> Result<Response<Body>, HubError> {
        self.transport()?.send(Request { is_head: false, url, from: 0, follow: Follow::SameHost, what })
    }

    fn revision_url(&self, model: &HubModel) -> String {
        let (endpoint, repository) = (&self.settings.endpoint, model.repository.as_str());
        format!("{endpoint}/api/models/{repository}/revision/{}", encoded(&model.revision))
    }

    fn file_url(&self, file: RemoteFile<'_>) -> String {
        let path: Vec<String> = file.name.split('/').map(encoded).collect();
        let (endpoint, repository) = (&self.settings.endpoint, file.model.repository.as_str());
        format!("{endpoint}/{repository}/resolve/{}/{}", encoded(file.commit), path.join("/"))
    }

    fn transport(&self) -> Result<&Transport, HubError> {
        if let Some(transport) = self.transport.get() {
            return Ok(transport);
        }
        let transport = Transport::new(&self.settings)?;
        Ok(self.transport.get_or_init(|| transport))
    }
}

fn parse<T: DeserializeOwned>(response: Response<Body>) -> Result<T, String> {
    let mut json = String::new();
    decoded(response).take(MAX_JSON).read_to_string(&mut json).map_err(|error: io::Error| error.to_string())?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

fn error_code(headers: &HeaderMap) -> &str {
    headers.get("x-error-code").and_then(|code| code.to_str().ok()).unwrap_or_default()
}

fn encoded(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

/// An ETag without quotes, and without the mark of a weak one.
fn bare_etag(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

fn is_file_name(etag: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&etag.len()) && etag.bytes().all(known) && !etag.starts_with('.')
}

/// FIRST of `Content-Range: bytes FIRST-LAST/SIZE`.
fn range_start(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// SIZE of `Content-Range: bytes */SIZE`.
fn unsatisfied_size(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

fn is_gzip(response: &Response<Body>) -> bool {
    let encoding = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"))
}

/// The body, decompressed if the host compressed it although it was asked not to.
fn decoded(response: Response<Body>) -> Box<dyn Read> {
    let is_gzip = is_gzip(&response);
    let body: BodyReader<'static> = response.into_body().into_reader();
    if is_gzip { Box::new(MultiGzDecoder::new(body)) } else { Box::new(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_loses_its_quotes_and_cannot_lead_out_of_the_cache() {
        for (etag, bare) in [(r#""abc""#, "abc"), (r#"W/"abc""#, "abc"), ("abc", "abc"), (r#" "5f-61" "#, "5f-61")] {
            assert_eq!(bare_etag(etag), bare);
            assert!(is_file_name(bare));
        }
        for etag in ["", "..", ".hidden", "a/b", "a\\b", "W/", &"a".repeat(129)] {
            assert!(!is_file_name(etag), "{etag}");
        }
    }
}
