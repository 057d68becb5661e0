//! `finsent models`: the catalogue, and what of it is on this machine.

use std::fmt::Write;

use serde::Serialize;

use super::args::ModelsArgs;
use super::exit::Exit;
use super::settings::Settings;
use crate::catalog::{FindError, ModelSpec, Origin};

#[derive(Debug, Serialize)]
struct Listed<'a> {
    name: &'a str,
    description: &'a str,
    license: &'a str,
    origin: String,
    available: bool,
    /// Where the model was found, or why it cannot be used.
    place: String,
}

pub(super) fn run(args: &ModelsArgs, settings: &Settings) -> anyhow::Result<Exit> {
    let listed: Vec<_> = settings.catalog.models().iter().map(|spec| listed(spec, settings)).collect();
    let text = if args.json { serde_json::to_string_pretty(&listed)? + "\n" } else { table(&listed) };
    super::print(text.as_bytes())
}

fn listed<'a>(spec: &'a ModelSpec, settings: &Settings) -> Listed<'a> {
    let found = spec.find(settings.model_dir.as_deref());
    Listed {
        name: &spec.name,
        description: &spec.description,
        license: &spec.license,
        origin: match spec.origin() {
            Origin::Embedded => "embedded".into(),
            Origin::Directory(directory) => directory.display().to_string(),
            Origin::Hub { repository, revision } => format!("hf:{repository}@{revision}"),
        },
        available: found.is_ok(),
        place: match found {
            Ok(found) => found.place,
            Err(FindError::NotHere(_) | FindError::NotEmbedded { .. }) => "not on this machine".into(),
            Err(error) => error.to_string(),
        },
    }
}

fn table(models: &[Listed<'_>]) -> String {
    let width = models.iter().map(|model| model.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Listed { name, description, license, origin, available, place } in models {
        let mark = if *available { '*' } else { ' ' };
        let indent = " ".repeat(width + 4);
        // Writing to a string does not fail.
        let _ = write!(
            out,
            "{mark} {name:width$}  {description}\n{indent}{place}; from {origin}\n{indent}licence: {license}\n"
        );
    }
    out + "\n* can be used now. To add one: put its files into DIR/NAME and set FINSENT_MODEL_DIR=DIR.\n"
}
