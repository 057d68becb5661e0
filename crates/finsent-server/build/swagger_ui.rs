//! Extracts the files of Swagger UI from the archive in which their crate packs them, still compressed, for src/docs_page.rs
//! to serve.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

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
    let archive = ZipArchive::from_slice(SWAGGER_UI_VENDORED)?;
    for file in FILES {
        let gzip = gzip(&archive, &find(&archive, file)?)?;
        fs::write(Path::new(&folder).join(format!("{file}.gz")), gzip)?;
    }
    Ok(())
}

/// The entry of a file. The archive holds one folder, whose name has the version.
fn find<'a>(archive: &'a ZipSliceArchive<&[u8]>, file: &str) -> Result<ZipFileHeaderRecord<'a>, Box<dyn Error>> {
    let path = format!("/dist/{file}");
    for entry in archive.entries() {
        let entry = entry?;
        if entry.file_path().as_ref().ends_with(path.as_bytes()) {
            return Ok(entry);
        }
    }
    Err(format!("the archive has no {path}").into())
}

/// A file as gzip, which has the same compressed bytes as a ZIP archive between another header and another end.
fn gzip(archive: &ZipSliceArchive<&[u8]>, entry: &ZipFileHeaderRecord<'_>) -> Result<Vec<u8>, Box<dyn Error>> {
    let (crc32, size) = (entry.crc32(), u32::try_from(entry.uncompressed_size_hint())?);
    // RFC 1952: the magic number, DEFLATE, no flags, no time, no extra flags, an unknown system.
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    match entry.compression_method() {
        CompressionMethod::DEFLATE => {}
        // RFC 1951, section 3.2.4: the last block, which is not compressed.
        CompressionMethod::STORE => {
            let length = u16::try_from(size)?;
            gzip.push(1);
            gzip.extend(length.to_le_bytes());
            gzip.extend((!length).to_le_bytes());
        }
        other => return Err(format!("the archive has an entry that is compressed with {other:?}").into()),
    }
    gzip.extend(archive.get_entry(entry.wayfinder())?.data());
    gzip.extend(crc32.to_le_bytes());
    gzip.extend(size.to_le_bytes());
    Ok(gzip)
}
