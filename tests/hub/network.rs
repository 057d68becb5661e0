//! The network: names, ports, TLS, proxies.

use crate::home::Home;
use crate::offline::unreachable;
use crate::proxy::Proxy;
use crate::stand_in::StandIn;
use crate::stored::{Access, Repository};
use crate::tls::{Certificate, Forwarder};

#[test]
fn an_unknown_host_is_a_network_error() {
    let home = Home::at("http://no-such-host.invalid");
    home.pull("hf:acme/small")
        .assert_fails_without_output(4, &["cannot download hf:acme/small: no-such-host.invalid not found"]);
}

#[test]
fn a_refused_connection_is_a_network_error() {
    let endpoint = unreachable();
    let home = Home::at(&endpoint);
    home.pull("hf:acme/small").assert_fails_without_output(4, &[&endpoint["http://".len()..], "refused"]);
    home.run(&["classify", "--model", "hf:acme/small", "profit"]).assert_fails_without_output(4, &["refused"]);
}

#[test]
fn an_endpoint_that_is_not_an_address_is_an_error() {
    for endpoint in ["hub.example", "ftp://127.0.0.1", "http://"] {
        let run = Home::at(endpoint).pull("hf:acme/small");
        assert!([2, 4].contains(&run.code.unwrap()) && run.stderr.contains("HF_ENDPOINT"), "{endpoint}: {run:?}");
    }
}

#[test]
fn an_endpoint_may_end_in_a_slash_and_have_a_path() {
    let hub = StandIn::with(Repository::small());
    Home::at(&format!("{}/", hub.endpoint())).pull("hf:acme/small").assert_succeeds();
    assert!(hub.seen().iter().all(|seen| !seen.path.contains("//")), "{:#?}", hub.seen());
}

#[test]
fn plain_http_instead_of_tls_is_a_network_error() {
    let hub = StandIn::with(Repository::small());
    let endpoint = format!("https://127.0.0.1:{}", hub.hub_port);
    Home::at(&endpoint).pull("hf:acme/small").assert_fails_without_output(4, &[&endpoint["https://".len()..], "TLS"]);
}

#[test]
fn an_unknown_certificate_is_refused_with_the_remedy() {
    let hub = StandIn::with(Repository { access: Access::Private("hf_secret".into()), ..Repository::small() });
    let forwarder = Forwarder::start(hub.hub_port, &Certificate::new());
    let endpoint = format!("https://127.0.0.1:{}", forwarder.port);
    let home = Home::at(&endpoint).with("HF_TOKEN", "hf_secret");
    home.pull("hf:acme/small").assert_fails_without_output(4, &[&endpoint["https://".len()..], "SSL_CERT_FILE"]);
    assert_eq!(hub.seen().len(), 0);
}

#[test]
fn a_certificate_in_ssl_cert_file_is_accepted() {
    let hub = StandIn::with(Repository::small());
    let certificate = Certificate::new();
    let (to_hub, to_cdn) = (Forwarder::start(hub.hub_port, &certificate), Forwarder::start(hub.cdn_port, &certificate));
    hub.cdn_is_at(format!("https://localhost:{}", to_cdn.port));
    let home = Home::at(&format!("https://127.0.0.1:{}", to_hub.port));
    let file = home.write("roots.pem", &certificate.pem);
    home.with("SSL_CERT_FILE", file).pull("hf:acme/small").assert_succeeds();
}

#[test]
fn a_refused_certificate_is_explained_if_ssl_cert_file_is_set() {
    let hub = StandIn::with(Repository::small());
    let [of_server, other] = [(), ()].map(|()| Certificate::new());
    let authority = Certificate::of_authority();
    let cases = [(&authority, &authority, "CA:TRUE"), (&of_server, &other, "None of the certificates in")];
    for (presented, roots, part) in cases {
        let forwarder = Forwarder::start(hub.hub_port, presented);
        let home = Home::at(&format!("https://127.0.0.1:{}", forwarder.port));
        let file = home.write("roots.pem", &roots.pem);
        let run = home.with("SSL_CERT_FILE", &file).pull("hf:acme/small");
        run.assert_fails_without_output(4, &[part, &format!("`{file}` (SSL_CERT_FILE)")]);
    }
}

#[test]
fn an_ssl_cert_file_that_cannot_be_read_is_named() {
    let hub = StandIn::with(Repository::small());
    let forwarder = Forwarder::start(hub.hub_port, &Certificate::new());
    let home = Home::at(&format!("https://127.0.0.1:{}", forwarder.port));
    let empty = home.write("empty.pem", "no certificate");
    for file in ["/nowhere/roots.pem", &empty] {
        let run = Home::at(&format!("https://127.0.0.1:{}", forwarder.port)).with("SSL_CERT_FILE", file);
        let run = run.pull("hf:acme/small");
        assert!([1, 2, 4].contains(&run.code.unwrap()) && run.stderr.contains(file), "{run:?}");
    }
}

#[test]
fn requests_go_through_the_proxy_unless_no_proxy_has_the_host() {
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let (hub, proxy) = (StandIn::with(Repository::small()), Proxy::start());
        Home::of(&hub).with(variable, proxy.address()).pull("hf:acme/small").assert_succeeds();
        let asked = proxy.asked();
        for port in [hub.hub_port, hub.cdn_port] {
            assert!(asked.iter().any(|line| line.contains(&format!("127.0.0.1:{port}"))), "{variable}: {asked:?}");
        }
    }
    let (hub, proxy) = (StandIn::with(Repository::small()), Proxy::start());
    let home = Home::of(&hub).with("HTTP_PROXY", proxy.address()).with("NO_PROXY", "127.0.0.1,localhost");
    home.pull("hf:acme/small").assert_succeeds();
    assert_eq!(proxy.asked(), [""; 0]);
}

#[test]
fn tls_works_through_a_proxy() {
    let (hub, proxy, certificate) = (StandIn::with(Repository::small()), Proxy::start(), Certificate::new());
    let (to_hub, to_cdn) = (Forwarder::start(hub.hub_port, &certificate), Forwarder::start(hub.cdn_port, &certificate));
    hub.cdn_is_at(format!("https://127.0.0.1:{}", to_cdn.port));
    let home = Home::at(&format!("https://127.0.0.1:{}", to_hub.port));
    let file = home.write("roots.pem", &certificate.pem);
    home.with("SSL_CERT_FILE", file).with("HTTPS_PROXY", proxy.address()).pull("hf:acme/small").assert_succeeds();
    let connect = format!("CONNECT 127.0.0.1:{} ", to_cdn.port);
    assert!(proxy.asked().iter().any(|line| line.starts_with(&connect)), "{:?}", proxy.asked());
}

#[test]
fn a_proxy_that_cannot_be_reached_is_a_network_error() {
    let hub = StandIn::with(Repository::small());
    let home = Home::of(&hub).with("HTTP_PROXY", unreachable());
    home.pull("hf:acme/small").assert_fails_without_output(4, &[]);
    assert_eq!(hub.seen().len(), 0);
}
