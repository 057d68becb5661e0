//! The name of a model, which several commands take.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use finsent_hub::{Catalog, Hub, HubSettings};

/// Not a doc comment of the arguments, in which rustdoc would read the brackets as a link.
pub(super) const HELP: &str =
    "Model: a name from the catalog, a directory, or OWNER/NAME[@REVISION] of the Hugging Face hub";

/// Completes the names of the catalog, the repositories in the cache of the hub, and directories.
pub(super) fn completer() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let mut candidates = names(current);
        candidates.extend(PathCompleter::dir().complete(current));
        candidates
    })
}

/// As [`completer`], without directories: for models that are downloaded.
pub(super) fn remote_completer() -> ArgValueCompleter {
    ArgValueCompleter::new(names)
}

fn names(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let file = env::var_os("FINSENT_MODELS_FILE").filter(|file| !file.is_empty());
    let catalog = file.map_or_else(crate::embedded::catalog, |file| Catalog::read(Path::new(&file)));
    let of_catalog = catalog.iter().flat_map(Catalog::models).map(|spec| (spec.name.clone(), spec.description.clone()));
    let cached = Hub::new(HubSettings::from_environment(true)).cached_repositories();
    let cached = cached.into_iter().map(|name| (name, "in the cache of the hub".to_owned()));
    let begins_so = |name: &str| name.get(..current.len()).is_some_and(|start| start.eq_ignore_ascii_case(current));
    let all = of_catalog.chain(cached).filter(|(name, _)| begins_so(name));
    all.map(|(name, about)| CompletionCandidate::new(name).help(Some(about.into()))).collect()
}
