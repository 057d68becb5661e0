//! A stand-in for the hub: two servers on the loopback interface, the hub and its CDN.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use crate::answer::{Fault, Refusal, bytes_of, quoted, refusal};
use crate::stored::{Access, Repository, StoredFile, git_sha1};

/// The signature in the addresses of the CDN.
const SIGNATURE: &str = "Signature=of-the-stand-in";

/// One of the two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Port {
    Hub,
    Cdn,
}

/// A received request.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) port: Port,
    pub(crate) method: String,
    /// The path and query, as they were sent.
    pub(crate) path: String,
    headers: BTreeMap<String, String>,
}

struct Ordered {
    port: Port,
    part: String,
    fault: Fault,
    left: usize,
}

#[derive(Default)]
struct Held {
    repositories: BTreeMap<String, Repository>,
    faults: Vec<Ordered>,
    seen: Vec<Seen>,
    /// The address of the CDN in redirects.
    cdn: String,
}

type Shared = Arc<Mutex<Held>>;

/// A running stand-in. It stops with the test.
pub(crate) struct StandIn {
    shared: Shared,
    pub(crate) hub_port: u16,
    pub(crate) cdn_port: u16,
    handles: Vec<ServerHandle>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// FILE of a request for `/OWNER/NAME/resolve/REVISION/FILE`.
    pub(crate) fn resolved(&self) -> Option<&str> {
        let (_, rest) = self.path.split_once("/resolve/")?;
        rest.split_once('/').map(|(_, file)| file.split('?').next().unwrap())
    }
}

impl StandIn {
    /// Starts a stand-in with one repository, `acme/small`.
    pub(crate) fn with(repository: Repository) -> Self {
        let stand_in = Self::start();
        stand_in.put("acme/small", repository);
        stand_in
    }

    pub(crate) fn start() -> Self {
        let shared = Shared::default();
        let (tell, started) = channel();
        let servers = [Port::Hub, Port::Cdn].map(|port| (port, shared.clone()));
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let [hub, cdn] = servers.map(|(port, shared)| {
                    let answer = move |request: HttpRequest| {
                        let response = answer(port, &request, &shared);
                        async move { response }
                    };
                    let server = HttpServer::new(move || App::new().default_service(web::to(answer.clone())));
                    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
                    let port = server.addrs()[0].port();
                    let running = server.run();
                    tell.send((port, running.handle())).unwrap();
                    running
                });
                futures_util::future::join(hub, cdn).await
            })
        });
        let [(hub_port, hub), (cdn_port, cdn)] = [started.recv().unwrap(), started.recv().unwrap()];
        shared.lock().unwrap().cdn = format!("http://127.0.0.1:{cdn_port}");
        Self { shared, hub_port, cdn_port, handles: vec![hub, cdn] }
    }

    /// The value for HF_ENDPOINT.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.hub_port)
    }

    /// Changes the address of the CDN in redirects.
    pub(crate) fn cdn_is_at(&self, address: String) {
        self.shared.lock().unwrap().cdn = address;
    }

    pub(crate) fn put(&self, name: &str, repository: Repository) {
        self.shared.lock().unwrap().repositories.insert(name.into(), repository);
    }

    /// Makes the next `times` requests with `part` in their path or query fail with this fault. Faults apply in the order
    /// of the calls; a fault of a body applies to a response with a body.
    pub(crate) fn order(&self, times: usize, port: Port, part: &str, fault: Fault) {
        self.shared.lock().unwrap().faults.push(Ordered { port, part: part.into(), fault, left: times });
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().unwrap().seen.clone()
    }

    pub(crate) fn seen_at(&self, port: Port) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.port == port).collect()
    }

    /// Forgets the requests so far.
    pub(crate) fn forget(&self) {
        self.shared.lock().unwrap().seen.clear();
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        for handle in &self.handles {
            // The signal is sent at once; no one waits for the end.
            drop(handle.stop(false));
        }
    }
}

fn answer(port: Port, request: &HttpRequest, shared: &Shared) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()));
    let method = request.method().to_string();
    let mut held = shared.lock().unwrap();
    held.seen.push(Seen { port, method, path: path.clone(), headers: headers.collect() });
    let fault = held.fault(port, &path, request);
    match &fault {
        Some(Fault::Answer(status, headers)) => {
            let mut response = HttpResponse::from(refusal(*status, None, "as ordered"));
            for (name, value) in headers {
                response.headers_mut().insert(name.parse().unwrap(), value.parse().unwrap());
            }
            return response;
        }
        Some(Fault::Page(text)) => return HttpResponse::Ok().content_type("text/html").body(*text),
        Some(Fault::Redirect(there)) => {
            return HttpResponse::Found().insert_header((header::LOCATION, there.as_str())).finish();
        }
        _ => {}
    }
    match port {
        Port::Hub => held.as_the_hub(request, fault.as_ref()),
        Port::Cdn => held.as_the_cdn(request, fault.as_ref()),
    }
}

impl Held {
    fn fault(&mut self, port: Port, path: &str, request: &HttpRequest) -> Option<Fault> {
        let redirects = self
            .repositories
            .iter()
            .any(|(name, repository)| repository.redirects && path.starts_with(&format!("/{name}/resolve/")));
        let ordered = self.faults.iter_mut().find(|ordered| {
            let is_meant = ordered.left > 0 && ordered.port == port && path.contains(&ordered.part);
            is_meant && ordered.fault.applies_to(request, redirects)
        })?;
        ordered.left -= 1;
        Some(ordered.fault.clone())
    }

    fn as_the_hub(&self, request: &HttpRequest, fault: Option<&Fault>) -> HttpResponse {
        let parts: Vec<String> = request.uri().path().split('/').skip(1).map(decoded).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let token = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer "));
        let repository = |owner: &str, name: &str| self.admitted(&format!("{owner}/{name}"), token);
        let answered = match parts.as_slice() {
            ["api", "models", owner, name] => {
                repository(owner, name).and_then(|found| described(owner, name, found, "main"))
            }
            ["api", "models", owner, name, "revision", revision] => {
                repository(owner, name).and_then(|found| described(owner, name, found, revision))
            }
            ["api", "models", owner, name, "refs"] => repository(owner, name).map(references),
            ["api", "models", owner, name, "tree", revision] => {
                repository(owner, name).and_then(|found| tree(found, revision))
            }
            ["api", "resolve-cache", "models", owner, name, commit, file @ ..] => {
                let found = repository(owner, name).and_then(|found| readable(found, token));
                found.and_then(|found| cached(found, commit, &file.join("/"), request, fault))
            }
            [owner, name, "resolve", revision, file @ ..] => {
                let found = repository(owner, name).and_then(|found| readable(found, token));
                found.and_then(|found| self.resolved(found, revision, &file.join("/"), request, fault))
            }
            _ => Err(refusal(404, None, "Sorry, we can't find the page you are looking for.")),
        };
        answered.unwrap_or_else(HttpResponse::from)
    }

    /// A repository, if the token may see it.
    fn admitted(&self, name: &str, token: Option<&str>) -> Result<&Repository, Refusal> {
        let found = self.repositories.get(name).filter(|found| match &found.access {
            Access::Private(key) => token == Some(key),
            Access::Public | Access::Gated(_) => true,
        });
        // Nobody who is not known learns whether there is one.
        let status = if token.is_some() { 404 } else { 401 };
        found.ok_or_else(|| refusal(status, "RepoNotFound", "Repository not found"))
    }

    fn resolved(
        &self,
        repository: &Repository,
        revision: &str,
        name: &str,
        request: &HttpRequest,
        fault: Option<&Fault>,
    ) -> Result<HttpResponse, Refusal> {
        let (commit, file) = stored(repository, revision, name)?;
        if !file.is_large && !repository.redirects {
            return cached(repository, commit, name, request, fault);
        }
        let mut response = HttpResponse::TemporaryRedirect();
        if file.is_large {
            let size = match fault {
                Some(Fault::LinkedSize(size)) => *size,
                _ => file.content.len(),
            };
            response = HttpResponse::Found();
            response
                .insert_header(("X-Linked-ETag", quoted(file.etag(), fault)))
                .insert_header(("X-Linked-Size", size.to_string()))
                .insert_header(("X-Xet-Hash", "0".repeat(64)))
                .insert_header(("ETag", format!("\"{}\"", git_sha1(pointer(file).as_bytes()))));
        }
        let to = if file.is_large {
            let attachment = format!("response-content-disposition=attachment%3B+filename%3D{name}");
            format!("{}/repos/{}?{attachment}&{SIGNATURE}", self.cdn, file.etag())
        } else {
            let path = request.uri().path().split("/resolve/").next().unwrap();
            let name = request.uri().path().splitn(6, '/').last().unwrap();
            format!("/api/resolve-cache/models{path}/{commit}/{name}?etag=%22{}%22", file.etag())
        };
        response.insert_header(("Location", to)).insert_header(("X-Repo-Commit", commit.as_str()));
        Ok(response.body("redirecting"))
    }

    fn as_the_cdn(&self, request: &HttpRequest, fault: Option<&Fault>) -> HttpResponse {
        if request.headers().contains_key(header::AUTHORIZATION) {
            return refusal(400, None, "Only one auth mechanism allowed").into();
        }
        if !request.uri().query().is_some_and(|query| query.ends_with(SIGNATURE)) {
            return refusal(403, None, "Missing Key-Pair-Id query parameter or cookie value").into();
        }
        let hash = request.uri().path().rsplit('/').next().unwrap();
        let commits = self.repositories.values().flat_map(|repository| repository.commits.values());
        let mut files = commits.flat_map(BTreeMap::values);
        let Some(file) = files.find(|file| file.is_large && file.etag() == hash) else {
            return refusal(403, None, "AccessDenied").into();
        };
        let mut response = HttpResponse::Ok();
        // Of no use to anybody: the CDN's own.
        response.insert_header(("ETag", "\"0123456789abcdef0123456789abcdef-7\""));
        bytes_of(file, request, response, fault)
    }
}

fn readable<'a>(repository: &'a Repository, token: Option<&str>) -> Result<&'a Repository, Refusal> {
    match (&repository.access, token) {
        (Access::Gated(key), Some(token)) if token == key => Ok(repository),
        (Access::Gated(_), Some(_)) => Err(refusal(
            403,
            "GatedRepo",
            "Access to model acme/small is restricted and you are not in the authorized list.",
        )),
        (Access::Gated(_), None) => {
            Err(refusal(401, "GatedRepo", "Access to model acme/small is restricted. You must log in."))
        }
        (Access::Public | Access::Private(_), _) => Ok(repository),
    }
}

fn stored<'a>(repository: &'a Repository, revision: &str, name: &str) -> Result<(&'a String, &'a StoredFile), Refusal> {
    let (commit, files) = found(repository, revision)?;
    match files.get(name) {
        Some(file) => Ok((commit, file)),
        None => Err(Refusal { commit: Some(commit.clone()), ..refusal(404, "EntryNotFound", "Entry not found") }),
    }
}

fn found<'a>(
    repository: &'a Repository,
    revision: &str,
) -> Result<(&'a String, &'a BTreeMap<String, StoredFile>), Refusal> {
    let unknown = || refusal(404, "RevisionNotFound", &format!("Invalid rev id: {revision}"));
    repository.revision(revision).ok_or_else(unknown)
}

/// A small file of a commit.
fn cached(
    repository: &Repository,
    commit: &str,
    name: &str,
    request: &HttpRequest,
    fault: Option<&Fault>,
) -> Result<HttpResponse, Refusal> {
    let (commit, file) = stored(repository, commit, name)?;
    let etag = quoted(file.etag(), fault);
    let known = request.headers().get(header::IF_NONE_MATCH);
    let mut response = HttpResponse::Ok();
    if known.is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        response = HttpResponse::NotModified();
    }
    response.insert_header(("ETag", etag.as_str())).insert_header(("X-Repo-Commit", commit.as_str()));
    if known.is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Ok(response.finish());
    }
    Ok(bytes_of(file, request, response, fault))
}

fn described(owner: &str, name: &str, repository: &Repository, revision: &str) -> Result<HttpResponse, Refusal> {
    let (commit, files) = found(repository, revision)?;
    let siblings: Vec<Value> = files.keys().map(|name| json!({ "rfilename": name })).collect();
    let id = format!("{owner}/{name}");
    let gated = if matches!(repository.access, Access::Gated(_)) { json!("manual") } else { json!(false) };
    Ok(as_json(&json!({
        "_id": "621ffdc136468d709f180294", "id": id, "modelId": id, "author": owner, "sha": commit, "gated": gated,
        "private": matches!(repository.access, Access::Private(_)), "disabled": false, "tags": [], "downloads": 7,
        "likes": 0, "lastModified": "2024-01-02T03:04:05.000Z", "createdAt": "2022-03-02T23:29:04.000Z",
        "siblings": siblings,
    })))
}

fn references(repository: &Repository) -> HttpResponse {
    let listed = |names: &[(String, String)], place: &str| -> Vec<Value> {
        let listed = names.iter().map(
            |(name, commit)| json!({ "name": name, "ref": format!("refs/{place}/{name}"), "targetCommit": commit }),
        );
        listed.collect()
    };
    let (branches, tags) = (listed(&repository.branches, "heads"), listed(&repository.tags, "tags"));
    as_json(&json!({ "branches": branches, "tags": tags, "converts": [] }))
}

fn tree(repository: &Repository, revision: &str) -> Result<HttpResponse, Refusal> {
    let (_, files) = found(repository, revision)?;
    let entries = files.iter().map(|(name, file)| {
        let size = file.content.len();
        if file.is_large {
            let pointer = pointer(file);
            let lfs = json!({ "oid": file.etag(), "size": size, "pointerSize": pointer.len() });
            return json!({ "type": "file", "oid": git_sha1(pointer.as_bytes()), "size": size, "path": name,
                "lfs": lfs });
        }
        json!({ "type": "file", "oid": file.etag(), "size": size, "path": name })
    });
    Ok(as_json(&entries.collect()))
}

/// The pointer that git has instead of a large file.
fn pointer(file: &StoredFile) -> String {
    let (hash, size) = (file.etag(), file.content.len());
    format!("version https://git-lfs.github.com/spec/v1\noid sha256:{hash}\nsize {size}\n")
}

fn as_json(value: &Value) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json; charset=utf-8").body(value.to_string())
}

/// A segment of a path, percent-decoded.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.unwrap()).to_digit(16).unwrap() as u8);
        bytes.push(digits[0] * 16 + digits[1]);
    }
    String::from_utf8(bytes).unwrap()
}
