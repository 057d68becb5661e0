//! A file that is compiled into the server, compressed.

use std::fmt::Write as _;
use std::io::Read;
use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::header::{self, AcceptEncoding, ContentEncoding, Encoding, EntityTag};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

/// A file that the build script has compressed.
pub(crate) struct StaticFile {
    pub(crate) name: &'static str,
    content_type: &'static str,
    /// Its content, compressed with gzip.
    gzip: &'static [u8],
    /// The same, decompressed for the first client that does not accept gzip.
    plain: OnceLock<Vec<u8>>,
}

impl StaticFile {
    pub(crate) const fn new(name: &'static str, content_type: &'static str, gzip: &'static [u8]) -> Self {
        Self { name, content_type, gzip, plain: OnceLock::new() }
    }

    /// The file, compressed if the client accepts that.
    pub(crate) fn respond(&'static self, accepted: Option<&AcceptEncoding>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.content_type(self.content_type).insert_header((header::VARY, "Accept-Encoding"));
        let accepts_gzip = accepted.is_some_and(|accepted| {
            accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
        });
        match accepts_gzip {
            true => response.insert_header(ContentEncoding::Gzip).body(self.gzip),
            false => response.body(self.plain()),
        }
    }

    /// A tag of the content. It is weak, because it is the same for the compressed and the plain form.
    pub(crate) fn etag(&self) -> EntityTag {
        let digest = Sha256::digest(self.gzip);
        let tag = digest[..8].iter().fold(String::new(), |mut tag, byte| {
            write!(tag, "{byte:02x}").expect("a string takes all that is written");
            tag
        });
        EntityTag::new_weak(tag)
    }

    #[cfg(test)]
    pub(crate) fn compressed_bytes(&self) -> usize {
        self.gzip.len()
    }

    pub(crate) fn plain(&'static self) -> &'static [u8] {
        self.plain.get_or_init(|| {
            let mut content = Vec::new();
            GzDecoder::new(self.gzip).read_to_end(&mut content).expect("a test has decompressed it");
            content
        })
    }
}
