//! `finsent models`: the catalog, what its models read, and which of them are on this machine.

use std::fs;
use std::path::Path;

use finsent_hub::{FileDigests, FileSpec, Integrity, ModelSpec, Origin, ResolvedModel, check_integrity};
use finsent_model::{Language, Languages, LoadError, ModelFile, weight_files};
use indicatif::DecimalBytes;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::args::ModelsArgs;
use super::exit::Exit;
use super::settings::Settings;
use crate::cli::width::{pad_end, terminal_width, wrapped};

/// Narrowest column of what is said about a model.
const MIN_ROOM: usize = 40;

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
    license: &'a str,
    /// The codes of the languages that it reads, or `multilingual`; `None` if they are not known.
    languages: Option<Vec<&'static str>>,
    /// Where the model comes from.
    origin: String,
    /// Whether its files never change.
    pinned: bool,
    /// Where it runs from.
    location: Location,
    /// Where it was found on this machine.
    place: Option<String>,
    /// Its commit in the cache of the hub.
    commit: Option<String>,
    /// Bytes of its files.
    size: Option<u64>,
    /// About how many bytes the published files have, if the catalog says so.
    published_size: Option<u64>,
    /// The most tokens of an input, if the catalog says so.
    max_length: Option<usize>,
    /// What the catalog says about its accuracy.
    accuracy: Option<&'a str>,
    /// Whether its files are the published ones; `None` if a hash is not known.
    verified: Option<bool>,
    /// The files that are not the published ones.
    differs: Vec<String>,
    /// Why the model that was found cannot be used.
    error: Option<String>,
}

/// Where a model runs from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Location {
    /// It is inside this program.
    BuiltIn,
    /// The cache of the hub.
    Cached,
    /// A directory: that of the catalog, or one of `--model-dir`.
    Directory,
    /// It is not on this machine, and the hub has it.
    ToBeDownloaded,
    /// It is nowhere.
    Missing,
}

pub(super) fn run(args: &ModelsArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let reads = |languages: &Languages| args.language.is_none_or(|language| languages.include(language));
    let is_shown = |spec: &&ModelSpec| spec.languages.as_ref().map_or(args.language.is_none(), reads);
    let shown = settings.catalog.models().iter().filter(is_shown);
    let listed: Vec<_> = shown.map(|spec| listed(spec, settings)).collect();
    let text = match (args.json, args.language) {
        (true, _) => serde_json::to_string_pretty(&listed)? + "\n",
        (false, Some(language)) if listed.is_empty() => {
            format!("No model of the catalog reads {}; any Hugging Face model: OWNER/NAME.\n", language.name())
        }
        (false, _) => table(&listed),
    };
    super::print(text.as_bytes())
}

fn listed<'a>(spec: &'a ModelSpec, settings: &Settings) -> Listed<'a> {
    let (origin, location) = match spec.origin() {
        Origin::Embedded => ("embedded".into(), Location::Missing),
        Origin::Directory(directory) => (directory.display().to_string(), Location::Missing),
        Origin::Hub { repository, revision } => (format!("hf:{repository}@{revision}"), Location::ToBeDownloaded),
    };
    let ModelSpec { name, description, license, .. } = spec;
    let absent = Listed {
        name,
        description,
        license,
        languages: spec.languages.as_ref().map(Languages::codes),
        origin,
        pinned: spec.is_pinned(),
        location,
        place: None,
        commit: None,
        size: None,
        published_size: spec.size,
        max_length: spec.max_length,
        accuracy: spec.accuracy.as_deref(),
        verified: None,
        differs: Vec::new(),
        error: None,
    };
    let found = settings.resolver().resolve_local(spec).map_err(anyhow::Error::from);
    match found.and_then(|found| found.map(|found| Ok((state(spec, &found)?, found))).transpose()) {
        Ok(None) => absent,
        Ok(Some((State { size, verified, differs }, found))) => {
            let (location, commit) = (location_of(&found), commit_of(&found));
            Listed { location, commit, place: Some(found.place), size: Some(size), verified, differs, ..absent }
        }
        Err(error) => Listed { error: Some(format!("{error:#}")), ..absent },
    }
}

fn location_of(found: &ResolvedModel) -> Location {
    match (found.is_embedded(), commit_of(found)) {
        (true, _) => Location::BuiltIn,
        (false, Some(_)) => Location::Cached,
        (false, None) => Location::Directory,
    }
}

/// The commit of a model that is in a cache of the hub: its files are in `snapshots/COMMIT`.
fn commit_of(found: &ResolvedModel) -> Option<String> {
    let revision = &found.pin.as_ref()?.revision;
    let is_snapshot = |directory: &&Path| directory.file_name().is_some_and(|name| *name == **revision);
    found.directory().filter(is_snapshot).map(|_| revision.clone())
}

/// The files of a model on this machine, compared with the published ones.
struct State {
    size: u64,
    verified: Option<bool>,
    differs: Vec<String>,
}

/// Reads all files of the model.
fn state(spec: &ModelSpec, found: &ResolvedModel) -> anyhow::Result<State> {
    let weights = weight_files(&found.files.weights).map_err(LoadError::from)?;
    let files: Vec<&ModelFile> =
        [&found.files.config].into_iter().chain(found.files.tokenizer.iter()).chain(&weights).collect();
    let size = files.iter().map(|file| size(file)).sum::<Result<u64, _>>()?;
    let listed = found.pin.as_ref().map_or(&spec.files, |pin| &pin.files);
    let Some(directory) = found.directory() else {
        let verified = FileDigests::compute(&found.files)?.match_listed(listed);
        return Ok(State { size, verified: Some(verified), differs: Vec::new() });
    };
    let mut differs = Vec::new();
    let mut unknown = false;
    for file in files {
        let name = file.name().to_string_lossy();
        let listed = listed.iter().find(|listed| listed.name == name).cloned();
        let spec = listed.unwrap_or_else(|| FileSpec { name: name.clone().into_owned(), sha256: None });
        match check_integrity(directory, &spec)? {
            Integrity::Verified => {}
            Integrity::Modified => differs.push(name.into_owned()),
            Integrity::Unknown => unknown = true,
        }
    }
    let verified = if differs.is_empty() { (!unknown).then_some(true) } else { Some(false) };
    Ok(State { size, verified, differs })
}

fn size(file: &ModelFile) -> std::io::Result<u64> {
    match file {
        ModelFile::Embedded { bytes, .. } => Ok(bytes.len() as u64),
        ModelFile::Disk(path) => fs::metadata(path).map(|metadata| metadata.len()),
    }
}

/// A paragraph for each model. The lines fit the terminal.
fn table(models: &[Listed<'_>]) -> String {
    let width = models.iter().map(|model| model.name.width()).max().unwrap_or(0);
    let room = terminal_width().saturating_sub(width + 4).max(MIN_ROOM);
    let mut out = String::new();
    for model in models {
        let mark = if model.place.is_some() { '*' } else { ' ' };
        let lines = model.lines().into_iter().flat_map(|line| wrapped(&line, room));
        for (number, line) in lines.enumerate() {
            let (mark, name) = if number == 0 { (mark, model.name) } else { (' ', "") };
            out += &format!("{mark} {}  {line}\n", pad_end(name, width));
        }
    }
    let note = "* is on this machine. To get another, run `finsent pull NAME`, or put its files into DIR/NAME and set \
                FINSENT_MODEL_DIR=DIR.";
    out + "\n" + &wrapped(note, terminal_width()).join("\n") + "\n"
}

impl Listed<'_> {
    fn lines(&self) -> Vec<String> {
        let accuracy = self.accuracy.map(|accuracy| format!("accuracy: {accuracy}"));
        let first = [self.description.to_owned(), self.state()];
        let last = [self.source(), format!("{}; license: {}", self.reads(), self.license)];
        first.into_iter().chain(accuracy).chain(last).collect()
    }

    /// `origin: hf:OWNER/NAME@main (not pinned; 0123456789ab is kept)`
    fn source(&self) -> String {
        let origin = format!("origin: {}", short_commit(&self.origin));
        match (self.pinned, &self.commit) {
            (true, _) => origin,
            (false, None) => format!("{origin} (not pinned)"),
            (false, Some(commit)) => format!("{origin} (not pinned; {commit:.12} is kept)"),
        }
    }

    /// `language: French`
    fn reads(&self) -> String {
        let Some(codes) = &self.languages else { return "language: not stated".into() };
        let names: Vec<&str> = codes.iter().map(|code| Language::parse(code).map_or(*code, Language::name)).collect();
        format!("language{}: {}", if names.len() == 1 { "" } else { "s" }, names.join(", "))
    }

    fn state(&self) -> String {
        let (Some(place), Some(size)) = (&self.place, self.size) else {
            let size = self.published_size.map(|size| format!("; about {} MB to download", size.div_ceil(1_000_000)));
            let size = size.unwrap_or_default();
            return self.error.clone().unwrap_or_else(|| format!("not on this machine{size}"));
        };
        let verified = match self.verified {
            Some(true) => "verified".into(),
            Some(false) if self.differs.is_empty() => "differs from the published files".into(),
            Some(false) => format!("differs from the published files: {}", self.differs.join(", ")),
            None => "not verified, because the hashes of some files are not known".into(),
        };
        let place = match self.location {
            Location::Cached => format!("cached: {place}"),
            Location::Directory => format!("directory: {place}"),
            _ => place.clone(),
        };
        format!("{place}; {}; {verified}", DecimalBytes(size))
    }
}

/// `hf:OWNER/NAME@0123456789ab` for the whole commit, which JSON has.
fn short_commit(origin: &str) -> &str {
    let commit = origin.rsplit_once('@').map(|(_, revision)| revision);
    let is_commit = |revision: &str| revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if commit.is_some_and(is_commit) { &origin[..origin.len() - 28] } else { origin }
}
