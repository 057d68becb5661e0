//! Compresses the files of the page at /, and lists them for src/page/files.rs.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, io};

use flate2::Compression;
use flate2::write::GzEncoder;

/// The folder of the page, in the package.
const FOLDER: &str = "page";

/// Writes each file to `OUT_DIR/page`, with `.gz` after its name, and `OUT_DIR/page_files.rs`, a static array of all of them.
pub(super) fn compress() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let output = PathBuf::from(env::var("OUT_DIR")?);
    let names = file_names()?;
    let mut list = format!("static FILES: [StaticFile; {}] = [\n", names.len());
    for name in names {
        let content_type = content_type(&name)?;
        let compressed = output.join(FOLDER).join(format!("{name}.gz"));
        compress_file(&Path::new(FOLDER).join(&name), &compressed)?;
        writeln!(list, "StaticFile::new({name:?}, {content_type:?}, include_bytes!({compressed:?})),")?;
    }
    list.push_str("];\n");
    fs::write(output.join("page_files.rs"), list)?;
    Ok(())
}

/// The names of the files, relative to the folder, sorted.
fn file_names() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for (folder, prefix) in [(FOLDER.to_owned(), ""), (format!("{FOLDER}/vendor"), "vendor/")] {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(format!("{prefix}{}", entry.file_name().display()));
            }
        }
    }
    names.sort();
    Ok(names)
}

fn content_type(name: &str) -> Result<&'static str, String> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => Ok("text/html; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("js" | "mjs") => Ok("text/javascript; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("csv") => Ok("text/csv; charset=utf-8"),
        Some("txt") => Ok("text/plain; charset=utf-8"),
        _ => Err(format!("{FOLDER}/{name}: no content type is known for this name")),
    }
}

fn compress_file(source: &Path, compressed: &Path) -> io::Result<()> {
    fs::create_dir_all(compressed.parent().unwrap_or(compressed))?;
    let mut encoder = GzEncoder::new(File::create(compressed)?, Compression::best());
    encoder.write_all(&fs::read(source)?)?;
    encoder.finish()?.flush()
}
