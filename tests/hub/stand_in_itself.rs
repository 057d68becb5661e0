//! The stand-in itself answers like the real hub.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

use crate::answer::Fault;
use crate::proxy::Proxy;
use crate::stand_in::{Port, StandIn};
use crate::stored::{Access, Repository, StoredFile, commit, git_sha1, golden, sha256, small_model};
use crate::tls::{Certificate, Forwarder};

/// A client that follows no redirects.
struct Client(Agent);

impl Client {
    fn new() -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        Self(config.into())
    }

    fn get(&self, address: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let request = headers.iter().fold(self.0.get(address), |request, (name, value)| request.header(*name, *value));
        request.call().unwrap()
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no {name}: {response:?}")).to_str().unwrap()
}

fn bytes(mut response: Response<Body>) -> Vec<u8> {
    response.body_mut().read_to_vec().unwrap()
}

fn weights_on_the_cdn(hub: &StandIn, client: &Client) -> String {
    let response = client.get(&format!("{}/acme/small/resolve/main/model.safetensors", hub.endpoint()), &[]);
    assert_eq!(response.status(), 302);
    header(&response, "Location").into()
}

#[test]
fn the_stand_in_sends_small_files_after_a_relative_redirect() {
    let (hub, client) = (StandIn::with(Repository::small()), Client::new());
    let response = client.get(&format!("{}/acme/small/resolve/main/config.json", hub.endpoint()), &[]);
    assert_eq!((response.status().as_u16(), header(&response, "X-Repo-Commit")), (307, commit(1).as_str()));
    let location = header(&response, "Location").to_owned();
    assert!(location.starts_with("/api/resolve-cache/"), "{location}");
    let address = format!("{}{location}", hub.endpoint());
    let response = client.get(&address, &[]);
    let etag = format!("\"{}\"", git_sha1(&golden("config.json")));
    assert_eq!((response.status().as_u16(), header(&response, "ETag")), (200, etag.as_str()));
    assert_eq!(bytes(response), golden("config.json"));
    assert_eq!(client.get(&address, &[("If-None-Match", &etag)]).status(), 304);

    let response = client.0.head(&address).call().unwrap();
    assert_eq!((header(&response, "Content-Length"), header(&response, "ETag")), ("687", etag.as_str()));
    let paths: Vec<_> = hub.seen().into_iter().map(|seen| (seen.port, seen.method)).collect();
    assert_eq!(paths.iter().filter(|(port, method)| *port == Port::Hub && method == "GET").count(), 3);
}

#[test]
fn the_stand_in_has_the_hashes_of_git() {
    // git hash-object of an empty file and of one with `hello\n`.
    assert_eq!(git_sha1(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    assert_eq!(git_sha1(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    let noise = StoredFile::noise(1_000_003);
    assert_eq!(noise.etag(), sha256(&read_in_pieces(&noise, 7_777)));
    assert_eq!(read_in_pieces(&noise, 7_777), read_in_pieces(&noise, 1 << 20));
}

fn read_in_pieces(file: &StoredFile, piece: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while (all.len() as u64) < file.content.len() {
        all.extend_from_slice(&file.content.read(all.len() as u64, piece));
    }
    all
}

#[test]
fn the_stand_in_sends_large_files_and_parts_of_them_from_its_cdn() {
    let (hub, client) = (StandIn::with(Repository::small()), Client::new());
    let weights = golden("f32.safetensors");
    let response = client.get(&format!("{}/acme/small/resolve/main/model.safetensors", hub.endpoint()), &[]);
    assert_eq!(header(&response, "X-Linked-ETag"), format!("\"{}\"", sha256(&weights)));
    assert_eq!(header(&response, "X-Linked-Size"), weights.len().to_string());
    assert_ne!(header(&response, "ETag"), header(&response, "X-Linked-ETag"));
    let address = header(&response, "Location").to_owned();
    assert!(address.starts_with(&format!("http://127.0.0.1:{}/", hub.cdn_port)), "{address}");

    assert_eq!(bytes(client.get(&address, &[])), weights);
    let response = client.get(&address, &[("Range", "bytes=1000-")]);
    assert_eq!(response.status(), 206);
    assert_eq!(header(&response, "Content-Range"), format!("bytes 1000-{}/{}", weights.len() - 1, weights.len()));
    assert_eq!(bytes(response), weights[1000..]);
    let past = format!("bytes={}-", weights.len());
    assert_eq!(client.get(&address, &[("Range", &past)]).status(), 416);
    assert_eq!(client.get(&address, &[("Authorization", "Bearer x")]).status(), 400, "as S3 does");
    assert_eq!(client.get(address.split('?').next().unwrap(), &[]).status(), 403, "not signed");
    let response = client.0.head(&address).call().unwrap();
    assert_eq!(header(&response, "Content-Length"), weights.len().to_string());
}

#[test]
fn the_stand_in_describes_its_repositories() {
    let mut repository = Repository::small();
    repository.commits.insert(commit(29), small_model());
    repository.branches.push(("refs/pr/29".into(), commit(29)));
    let (hub, client) = (StandIn::with(repository), Client::new());
    let get = |path: &str| -> Value {
        serde_json::from_slice(&bytes(client.get(&format!("{}/api/models/acme/small{path}", hub.endpoint()), &[])))
            .unwrap()
    };
    let main = get("/revision/main");
    assert_eq!(main["sha"], commit(1));
    assert_eq!(main["siblings"][1]["rfilename"], "model.safetensors");
    assert_eq!(get("/revision/refs%2Fpr%2F29")["sha"], commit(29));
    assert_eq!(get(&format!("/revision/{}", commit(29)))["sha"], commit(29));
    assert_eq!(get("/refs")["branches"][1]["name"], "refs/pr/29");
    assert_eq!(get("/tree/main")[1]["lfs"]["oid"], sha256(&golden("f32.safetensors")));
}

#[test]
fn the_stand_in_refuses_like_the_hub() {
    let (hub, client) = (StandIn::with(Repository::small()), Client::new());
    for (name, access) in [("private", Access::Private("key".into())), ("gated", Access::Gated("key".into()))] {
        hub.put(&format!("acme/{name}"), Repository { access, ..Repository::small() });
    }
    for (path, token, status, code) in [
        ("/acme/none/resolve/main/config.json", None, 401, "RepoNotFound"),
        ("/acme/none/resolve/main/config.json", Some("key"), 404, "RepoNotFound"),
        ("/acme/private/resolve/main/config.json", None, 401, "RepoNotFound"),
        ("/acme/private/resolve/main/config.json", Some("other"), 404, "RepoNotFound"),
        ("/acme/gated/resolve/main/config.json", None, 401, "GatedRepo"),
        ("/acme/gated/resolve/main/config.json", Some("other"), 403, "GatedRepo"),
        ("/acme/small/resolve/v2/config.json", None, 404, "RevisionNotFound"),
        ("/acme/small/resolve/refs/pr/29/config.json", None, 404, "RevisionNotFound"),
        ("/acme/small/resolve/main/none.json", None, 404, "EntryNotFound"),
    ] {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let headers: Vec<_> = bearer.iter().map(|bearer| ("Authorization", bearer.as_str())).collect();
        let response = client.get(&format!("{}{path}", hub.endpoint()), &headers);
        assert_eq!((response.status().as_u16(), header(&response, "X-Error-Code")), (status, code), "{path} {token:?}");
    }
    for name in ["private", "gated"] {
        let address = format!("{}/acme/{name}/resolve/main/model.safetensors", hub.endpoint());
        assert_eq!(client.get(&address, &[("Authorization", "Bearer key")]).status(), 302);
    }
}

#[test]
fn the_stand_in_fails_as_ordered() {
    let (hub, client) = (StandIn::with(Repository::small()), Client::new());
    let weights = golden("f32.safetensors");
    let address = weights_on_the_cdn(&hub, &client);
    let part = [("Range", "bytes=10-")];

    hub.order(2, Port::Cdn, "model.safetensors", Fault::Answer(429, vec![("retry-after", "1".into())]));
    for _ in 0..2 {
        let response = client.get(&address, &[]);
        assert_eq!((response.status().as_u16(), header(&response, "Retry-After")), (429, "1"));
    }
    hub.order(1, Port::Cdn, "", Fault::IgnoresRange);
    hub.order(1, Port::Cdn, "", Fault::RefusesRange);
    assert_eq!(client.get(&address, &[]).status(), 200, "the request has no range");
    assert_eq!(client.get(&address, &part).status(), 200);
    assert_eq!(client.get(&address, &part).status(), 416);
    assert_eq!(client.get(&address, &part).status(), 206);

    hub.order(1, Port::Cdn, "", Fault::Cut(70_000));
    let response = client.get(&address, &[]);
    assert_eq!(header(&response, "Content-Length"), weights.len().to_string());
    let mut got = Vec::new();
    let error = response.into_body().into_reader().read_to_end(&mut got).unwrap_err();
    assert_eq!((got.len(), &got[..]), (70_000, &weights[..70_000]), "{error}");

    hub.order(1, Port::Cdn, "", Fault::Gzip);
    let response = client.get(&address, &[]);
    assert_eq!(header(&response, "Content-Encoding"), "gzip");
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&bytes(response)[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, weights);

    hub.order(1, Port::Cdn, "", Fault::Bytes("other".into()));
    assert_eq!(bytes(client.get(&address, &[])), b"other");
    hub.order(1, Port::Hub, "small", Fault::WeakEtag);
    let response = client.get(&format!("{}/acme/small/resolve/main/model.safetensors", hub.endpoint()), &[]);
    assert!(header(&response, "X-Linked-ETag").starts_with("W/\""));
    hub.order(1, Port::Cdn, "", Fault::Slow(Duration::from_millis(20)));
    assert_eq!(bytes(client.get(&address, &[])), weights);
}

#[test]
fn tls_and_the_proxy_forward_requests() {
    let (hub, proxy, certificate) = (StandIn::with(Repository::small()), Proxy::start(), Certificate::new());
    let forwarder = Forwarder::start(hub.hub_port, &certificate);
    let root = ureq::tls::Certificate::from_pem(certificate.pem.as_bytes()).unwrap();
    let roots = ureq::tls::RootCerts::new_with_certs(&[root.to_owned()]);
    let tls = ureq::tls::TlsConfig::builder().root_certs(roots).build();
    let through = ureq::Proxy::new(&proxy.address()).unwrap();
    let agent = Agent::from(Agent::config_builder().tls_config(tls).proxy(Some(through)).build());
    for endpoint in [format!("https://127.0.0.1:{}", forwarder.port), hub.endpoint()] {
        let answer = agent.get(format!("{endpoint}/acme/small/resolve/main/vocab.txt")).call().unwrap();
        assert_eq!(bytes(answer), golden("vocab.txt"));
    }
    let asked = proxy.asked();
    assert!(asked[0].starts_with(&format!("CONNECT 127.0.0.1:{} ", forwarder.port)), "{asked:?}");
    assert_eq!(hub.seen_at(Port::Hub).len(), 4);
    let without_root = Agent::new_with_defaults().get(format!("https://127.0.0.1:{}/", forwarder.port)).call();
    assert!(without_root.is_err());
}

#[test]
fn the_stand_in_serves_empty_files() {
    let files = BTreeMap::from([("empty.json".to_owned(), StoredFile::small(Vec::new()))]);
    let repository = Repository { redirects: false, ..Repository::at(&commit(1), files) };
    let (hub, client) = (StandIn::with(repository), Client::new());
    let response = client.get(&format!("{}/acme/small/resolve/main/empty.json", hub.endpoint()), &[]);
    assert_eq!((response.status().as_u16(), header(&response, "Content-Length")), (200, "0"));
    assert_eq!(header(&response, "ETag"), "\"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\"");
}
