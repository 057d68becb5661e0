//! Extracts the files of Swagger UI from the archive in which their crate packs them, still compressed, for src/docs_page.rs
//! to serve.

use std::error::Error;
use std::io::{Cursor, Read};
use std::path::Path;
use std::{env, fs};

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::{CompressionMethod, ZipArchive};

/// The files that the page uses.
const FILES: [&str; 7] = [
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "index.html",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// Writes each file to `OUT_DIR`, with `.gz` after its name.
pub(super) fn extract() -> Result<(), Box<dyn Error>> {
    let folder = env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in FILES {
        fs::write(Path::new(&folder).join(format!("{file}.gz")), gzip(&mut archive, file)?)?;
    }
    Ok(())
}

/// A file as gzip, which has the same compressed bytes as a ZIP archive between another header and another end.
fn gzip(archive: &mut ZipArchive<Cursor<&[u8]>>, file: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let path = format!("dist/{file}");
    for index in 0..archive.len() {
        let mut entry = archive.by_index_raw(index)?;
        // The archive holds one folder, whose name has the version.
        let name = entry.name()?;
        if name.split_once('/').is_none_or(|(_, below)| below != path) {
            continue;
        }
        // RFC 1952: the magic number, DEFLATE, no flags, no time, no extra flags, an unknown system.
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        match entry.compression() {
            CompressionMethod::DEFLATE => {}
            // RFC 1951, section 3.2.4: the last block, which is not compressed.
            CompressionMethod::STORE => {
                let length = u16::try_from(entry.size())?;
                gzip.push(1);
                gzip.extend(length.to_le_bytes());
                gzip.extend((!length).to_le_bytes());
            }
            other => return Err(format!("{path} is compressed with {other}").into()),
        }
        entry.read_to_end(&mut gzip)?;
        gzip.extend(entry.crc32().to_le_bytes());
        gzip.extend(u32::try_from(entry.size())?.to_le_bytes());
        return Ok(gzip);
    }
    Err(format!("the archive has no {path}").into())
}
