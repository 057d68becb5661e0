//! `finsent convert`: stores a model's weights in another number format, in a new directory.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use finsent_hub::ResolvedModel;
use finsent_model::{
    CONFIG_FILE, Checkpoint, Config, ConfigError, Conversion, LoadError, ModelFile, ModelFiles, ModelOptions, Pipeline,
    SAFETENSORS_FILE, WeightFormat,
};
use finsent_table::AtomicDirectory;
use indicatif::DecimalBytes;

use super::args::ConvertArgs;
use super::console::Console;
use super::exit::Exit;
use super::interrupt;
use super::progress::Bar;
use super::settings::Settings;

pub(super) fn run(args: &ConvertArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    let ResolvedModel { name, place, files, options, .. } = settings.find(&args.source)?;
    let format = WeightFormat::from(args.precision);
    // All of the model, though only its weights change: nobody wants a copy of one that does not load.
    Pipeline::check(&files, &options)?;
    let checkpoint = Checkpoint::open(&files.weights).map_err(LoadError::from)?;
    let conversion = conversion(&files.config, &checkpoint, format)?;

    let directory = AtomicDirectory::create(&args.destination)?;
    let cannot_write = || format!("cannot write {}", args.destination.display());
    copy_small_files(&files, &conversion, directory.unfinished()).with_context(cannot_write)?;
    write_weights(&conversion, directory.unfinished(), console).with_context(cannot_write)?;
    check(directory.unfinished()).with_context(cannot_write)?;
    directory.finish().with_context(cannot_write)?;

    let [before, after] = [checkpoint.file_bytes(), conversion.file_len()].map(DecimalBytes);
    let destination = args.destination.display();
    console.note(&format!(
        "converted model {name} ({place}) to {format} in {destination}: {before} of weights became {after}"
    ));
    super::print(&[args.destination.as_os_str().as_encoded_bytes(), b"\n"].concat())
}

/// The conversion of the tensors that config.json describes.
fn conversion<'a>(config: &ModelFile, checkpoint: &'a Checkpoint, format: WeightFormat) -> Result<Conversion<'a>> {
    let parsed =
        Config::parse(&config.read_settings().map_err(LoadError::from)?).map_err(|source| invalid(config, source))?;
    Ok(Conversion::new(&parsed, checkpoint, format).map_err(LoadError::from)?)
}

fn invalid(config: &ModelFile, source: ConfigError) -> LoadError {
    LoadError::Config { file: config.to_string(), source }
}

/// Copies everything except the weights.
fn copy_small_files(model: &ModelFiles, conversion: &Conversion<'_>, to: &Path) -> Result<()> {
    for file in model.tokenizer.iter() {
        write(&to.join(file.name()), &file.read_vocabulary().map_err(LoadError::from)?)?;
    }
    let config = model.config.read_settings().map_err(LoadError::from)?;
    let config = conversion.config(&config).map_err(|error| invalid(&model.config, error.into()))?;
    Ok(write(&to.join(CONFIG_FILE), &config)?)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn write_weights(conversion: &Conversion<'_>, to: &Path, console: Console) -> Result<()> {
    let file = File::create_new(to.join(SAFETENSORS_FILE))?;
    let bar = Bar::new(console.draws_progress().then(|| conversion.file_len()));
    conversion.write(&file, |written| bar.update(written, "converted".into()))?;
    Ok(file.sync_all()?)
}

/// Checks that the result is a valid model. If not, the source is not at fault, so the error does not have the exit code of
/// an invalid model.
fn check(dir: &Path) -> Result<()> {
    let check = || {
        let files = ModelFiles::in_dir(dir, &[]).map_err(LoadError::from)?;
        anyhow::Ok(Pipeline::check(&files, &ModelOptions::default())?)
    };
    check().map_err(|error| anyhow!("the result is not a valid model: {error:#}"))
}
