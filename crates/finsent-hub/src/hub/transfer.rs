//! One file: from the hub's word about it to a blob whose bytes were checked.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;

use flate2::read::MultiGzDecoder;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName};
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Body, BodyReader};

use super::cache::create_parent;
use super::error::HubError;
use super::expected_hash::Hash;
use super::transport::{Follow, Request, TRIES, host, pause};
use super::{DownloadProgress, Hub, ModelRequest};
use crate::catalog::FileSpec;

const LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");
/// Bytes that are read and written at once.
const CHUNK: usize = 256 << 10;

/// What the hub says of a file before it sends it.
struct Metadata {
    url: String,
    /// Name of the blob.
    etag: String,
    size: Option<u64>,
}

/// How an attempt to receive a file ended.
enum Received {
    /// All of it is there.
    Whole,
    /// The connection ended early.
    Cut,
    /// What is there cannot be gone on with.
    Anew,
}

impl Hub {
    /// Brings a file into the snapshot of `asked`'s commit.
    ///
    /// # Errors
    /// [`HubError`]; then the snapshot is as it was, and what has arrived is kept for the next time.
    pub(crate) fn fetch_file(
        &self,
        asked: &ModelRequest<'_>,
        spec: &FileSpec,
        progress: &dyn DownloadProgress,
    ) -> Result<(), HubError> {
        let metadata = self.metadata(asked, &spec.name)?;
        let of_hub = Hash::of_etag(&metadata.etag);
        let pinned = spec.sha256.as_ref().map(|sha256| Hash::Sha256(sha256.to_ascii_lowercase()));
        if let (Some(pinned @ Hash::Sha256(_)), Some(of_hub @ Hash::Sha256(_))) = (&pinned, &of_hub)
            && pinned != of_hub
        {
            return Err(wrong(asked, spec, pinned, of_hub, "nothing was fetched"));
        }
        let expected = pinned.or(of_hub);
        let (blob, etag) = (asked.cache.blob(&metadata.etag), &metadata.etag);
        let _lock = asked
            .cache
            .lock(etag, || progress.note(&format!("another process fetches {}: waiting for it", spec.name)))?;
        if !is_whole(&blob, expected.as_ref(), metadata.size)? {
            self.fetch_blob(asked, spec, &metadata, expected.as_ref(), progress)?;
        }
        asked.cache.link(&asked.commit, &spec.name, etag)
    }

    fn metadata(&self, asked: &ModelRequest<'_>, file: &str) -> Result<Metadata, HubError> {
        let url = self.file_url(asked, file);
        let what = asked.file(file);
        let request = Request { is_head: true, url: &url, from: 0, follow: Follow::SameHost, what: &what };
        let response = self.transport()?.send(request)?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.refusal(asked, Some(file), &response));
        }
        let header = |name: &HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
        let etag = header(&LINKED_ETAG).or_else(|| header(&ETAG)).map(bare_etag);
        let etag = etag.filter(|etag| is_file_name(etag)).ok_or_else(|| HubError::Answer {
            host: self.host(),
            what: what.clone(),
            reason: "it has no ETag that could name a file".into(),
        })?;
        let is_packed = response.headers().contains_key(CONTENT_ENCODING);
        let of_body = || header(&CONTENT_LENGTH).filter(|_| response.status().is_success() && !is_packed);
        let size = header(&LINKED_SIZE).or_else(of_body).and_then(|size| size.trim().parse().ok());
        Ok(Metadata { etag: etag.to_owned(), size, url })
    }

    /// Receives the file under another name, checks it, and gives it its own.
    fn fetch_blob(
        &self,
        asked: &ModelRequest<'_>,
        spec: &FileSpec,
        metadata: &Metadata,
        expected: Option<&Hash>,
        progress: &dyn DownloadProgress,
    ) -> Result<(), HubError> {
        let partial = asked.cache.partial(&metadata.etag);
        create_parent(&partial)?;
        let cache = |source| HubError::cache(&partial)(source);
        let open = || File::options().create(true).truncate(false).read(true).write(true).open(&partial);
        let mut file = open().map_err(cache)?;
        loop {
            let was_begun = file.metadata().map_err(cache)?.len() > 0;
            self.receive(asked, spec, metadata, (&mut file, &partial), progress)?;
            file.sync_all().map_err(cache)?;
            match expected.map(|expected| Ok((expected, expected.found(&partial)?))).transpose().map_err(cache)? {
                Some((expected, found)) if *expected != found && was_begun => {
                    progress.note(&format!("{}: what was here of it was damaged; fetching it anew", spec.name));
                    file.set_len(0).map_err(cache)?;
                }
                Some((expected, found)) if *expected != found => {
                    fs::remove_file(&partial).map_err(cache)?;
                    return Err(wrong(asked, spec, expected, &found, "what was fetched is removed"));
                }
                _ => return fs::rename(&partial, asked.cache.blob(&metadata.etag)).map_err(cache),
            }
        }
    }

    /// Receives what is missing of the file, in as many tries as bring something.
    fn receive(
        &self,
        asked: &ModelRequest<'_>,
        spec: &FileSpec,
        metadata: &Metadata,
        (file, partial): (&mut File, &Path),
        progress: &dyn DownloadProgress,
    ) -> Result<(), HubError> {
        let cache = |source| HubError::cache(partial)(source);
        let (mut in_vain, mut furthest) = (0, 0);
        loop {
            let here = file.metadata().map_err(cache)?.len();
            if metadata.size.is_some_and(|size| here > size) {
                file.set_len(0).map_err(cache)?;
                continue;
            }
            progress.begin(&spec.name, here, metadata.size);
            if metadata.size == Some(here) {
                return Ok(());
            }
            match self.receive_once(asked, spec, metadata, (&mut *file, partial), here, progress)? {
                Received::Whole => return Ok(()),
                Received::Cut => {}
                Received::Anew => file.set_len(0).map_err(cache)?,
            }
            let now = file.metadata().map_err(cache)?.len();
            in_vain = if now > furthest.max(here) { 0 } else { in_vain + 1 };
            furthest = furthest.max(now);
            if in_vain == TRIES {
                let (file, expected) = (spec.name.clone(), metadata.size.unwrap_or(now));
                return Err(HubError::Cut { host: self.host(), file, got: now, expected });
            }
            tracing::info!("{}: broken off after {now} bytes, going on", spec.name);
            thread::sleep(pause(in_vain + 1));
        }
    }

    fn receive_once(
        &self,
        asked: &ModelRequest<'_>,
        spec: &FileSpec,
        metadata: &Metadata,
        (file, partial): (&mut File, &Path),
        here: u64,
        progress: &dyn DownloadProgress,
    ) -> Result<Received, HubError> {
        let what = asked.file(&spec.name);
        let request = Request { is_head: false, url: &metadata.url, from: here, follow: Follow::All, what: &what };
        let response = self.transport()?.send(request)?;
        let start = match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(here) && !is_gzip(&response) => here,
            // Of a file that has no more bytes, the hash says whether it is the right one.
            StatusCode::RANGE_NOT_SATISFIABLE if size_by_range(&response) == Some(here) => return Ok(Received::Whole),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => return Ok(Received::Anew),
            StatusCode::OK => 0,
            _ => return Err(self.refusal(asked, Some(&spec.name), &response)),
        };
        let cache = |source| HubError::cache(partial)(source);
        file.set_len(start).map_err(cache)?;
        file.seek(SeekFrom::Start(start)).map_err(cache)?;
        let mut body = plain(response);
        let mut done = start;
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = match body.read(&mut chunk) {
                Ok(0) if metadata.size.is_none_or(|size| size == done) => return Ok(Received::Whole),
                Ok(0) => return Ok(Received::Cut),
                Ok(read) => read,
                Err(error) => {
                    tracing::debug!("{}: {error}", spec.name);
                    return Ok(Received::Cut);
                }
            };
            file.write_all(&chunk[..read]).map_err(cache)?;
            done += read as u64;
            progress.advance(done);
            if metadata.size.is_some_and(|size| done > size) {
                return Ok(Received::Anew);
            }
        }
    }
}

/// Whether the blob is there and is what it should be.
fn is_whole(blob: &Path, expected: Option<&Hash>, size: Option<u64>) -> Result<bool, HubError> {
    let Ok(metadata) = blob.metadata() else { return Ok(false) };
    match expected {
        Some(expected) => expected.found(blob).map(|found| found == *expected).map_err(HubError::cache(blob)),
        None => Ok(size.is_none_or(|size| size == metadata.len())),
    }
}

pub(crate) fn wrong(
    asked: &ModelRequest<'_>,
    spec: &FileSpec,
    expected: &Hash,
    found: &Hash,
    kept: &'static str,
) -> HubError {
    HubError::WrongHash {
        file: spec.name.clone(),
        repository: asked.repository.as_str().into(),
        expected: expected.to_string(),
        found: found.to_string(),
        kept,
    }
}

/// Without quotes, and without the mark of a weak one.
fn bare_etag(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}

fn is_file_name(etag: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=128).contains(&etag.len()) && etag.bytes().all(known) && !etag.starts_with('.')
}

/// The first byte by `Content-Range: bytes FIRST-LAST/SIZE`.
fn begins_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// The size by `Content-Range: bytes */SIZE`.
fn size_by_range(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.trim().strip_prefix("bytes */")?.trim().parse().ok()
}

fn is_gzip(response: &Response<Body>) -> bool {
    let encoding = response.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    encoding.is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("gzip"))
}

/// The body, unpacked if the host packed it unasked.
fn plain(response: Response<Body>) -> Box<dyn Read> {
    let is_gzip = is_gzip(&response);
    let body: BodyReader<'static> = response.into_body().into_reader();
    if is_gzip { Box::new(MultiGzDecoder::new(body)) } else { Box::new(body) }
}

/// The body as text, up to `most` bytes of it.
pub(crate) fn plain_text(response: Response<Body>, most: u64, to: &mut String) -> io::Result<usize> {
    plain(response).take(most).read_to_string(to)
}

/// Host and port of an address that is known to be one.
pub(crate) fn host_of(address: &str) -> String {
    address.parse::<Uri>().map_or_else(|_| address.to_owned(), |url| host(&url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_lose_their_quotes_and_never_lead_out_of_the_cache() {
        for (etag, bare) in [(r#""abc""#, "abc"), (r#"W/"abc""#, "abc"), ("abc", "abc"), (r#" "5f-61" "#, "5f-61")] {
            assert_eq!(bare_etag(etag), bare);
            assert!(is_file_name(bare));
        }
        for etag in ["", "..", ".hidden", "a/b", "a\\b", "W/", &"a".repeat(129)] {
            assert!(!is_file_name(etag), "{etag}");
        }
    }

    #[test]
    fn a_blob_is_whole_when_its_hash_or_at_least_its_size_fits() {
        let dir = tempfile::tempdir().unwrap();
        let blob = dir.path().join("b");
        assert!(!is_whole(&blob, None, None).unwrap());
        fs::write(&blob, "abc").unwrap();
        let of_abc = Hash::of_etag("f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
        assert!(is_whole(&blob, of_abc.as_ref(), None).unwrap());
        assert!(is_whole(&blob, None, Some(3)).unwrap() && !is_whole(&blob, None, Some(4)).unwrap());
        fs::write(&blob, "abd").unwrap();
        assert!(!is_whole(&blob, of_abc.as_ref(), Some(3)).unwrap());
    }
}
