//! TLS in front of a port of the stand-in.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A self-signed certificate.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    pub(crate) config: Arc<ServerConfig>,
}

/// Accepts TLS and forwards the plain bytes until the tests end.
pub(crate) struct Forwarder {
    pub(crate) port: u16,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        Self::signed_by_itself(IsCa::NoCa)
    }

    /// One that may sign others, as OpenSSL makes them by default.
    pub(crate) fn of_authority() -> Self {
        Self::signed_by_itself(IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn signed_by_itself(is_ca: IsCa) -> Self {
        let mut params = CertificateParams::new(["localhost", "127.0.0.1"].map(String::from)).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![CertificateDer::from(made.der().to_vec())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
        Self { pem: made.pem(), config: Arc::new(config) }
    }
}

impl Forwarder {
    pub(crate) fn start(to: u16, certificate: &Certificate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = certificate.config.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(config.clone()).unwrap();
                // Ignore errors: the client may have disconnected.
                thread::spawn(move || forward(StreamOwned::new(connection, stream), to).unwrap_or_default());
            }
        });
        Self { port }
    }
}

/// One request without a body, and its answer.
fn forward(mut stream: StreamOwned<ServerConnection, TcpStream>, to: u16) -> std::io::Result<()> {
    let head = head_of(&mut stream)?;
    let mut upstream = TcpStream::connect(("127.0.0.1", to))?;
    upstream.write_all(closing(&head).as_bytes())?;
    std::io::copy(&mut upstream, &mut stream)?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Reads the head of a request.
pub(crate) fn head_of(stream: &mut impl Read) -> std::io::Result<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8(head).unwrap())
}

/// The same head, for a connection that ends with the answer.
pub(crate) fn closing(head: &str) -> String {
    head.replacen("\r\n", "\r\nConnection: close\r\n", 1)
}
