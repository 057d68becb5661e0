//! `finsent models`: the catalogue, and what of it is on this machine.

use serde::Serialize;

use super::args::ModelsArgs;
use super::exit::Exit;
use super::settings::Settings;
use crate::catalog::{ModelSpec, Origin};
use crate::locate::{FindError, find_spec};

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
    license: &'a str,
    /// Where the model comes from.
    origin: String,
    /// Where it was found on this machine.
    place: Option<String>,
    /// Why what was found cannot be used.
    error: Option<String>,
}

pub(super) fn run(args: &ModelsArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let listed: Vec<_> = settings.catalog.models().iter().map(|spec| listed(spec, settings)).collect();
    let text = if args.json { serde_json::to_string_pretty(&listed)? + "\n" } else { table(&listed) };
    super::print(text.as_bytes())
}

fn listed<'a>(spec: &'a ModelSpec, settings: &Settings) -> Listed<'a> {
    let (place, error) = match find_spec(spec, settings.model_dir.as_deref()) {
        Ok(found) => (Some(found.place), None),
        Err(FindError::NotHere(_) | FindError::NotEmbedded { .. }) => (None, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let origin = match spec.origin() {
        Origin::Embedded => "embedded".into(),
        Origin::Directory(directory) => directory.display().to_string(),
        Origin::Hub { repository, revision } => format!("hf:{repository}@{revision}"),
    };
    Listed { name: &spec.name, description: &spec.description, license: &spec.license, origin, place, error }
}

fn table(models: &[Listed<'_>]) -> String {
    let width = models.iter().map(|model| model.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Listed { name, description, license, origin, place, error } in models {
        let mark = if place.is_some() { '*' } else { ' ' };
        let state = place.as_ref().or(error.as_ref()).map_or("not on this machine", String::as_str);
        let lines = [state.to_owned(), format!("origin: {origin}"), format!("licence: {license}")];
        out += &format!("{mark} {name:width$}  {description}\n");
        out.extend(lines.iter().map(|line| format!("{:width$}    {line}\n", "")));
    }
    out + "\n* can be used now. To add one: put its files into DIR/NAME and set FINSENT_MODEL_DIR=DIR.\n"
}
