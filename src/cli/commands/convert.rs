//! `finsent convert`: stores a model's weights in another number format, in a new directory.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use finsent_hub::ResolvedModel;
use finsent_kernels::Precision;
use finsent_model::{
    CONFIG_FILE, Checkpoint, Config, ConfigError, Conversion, ConvertError, JsonError, LoadError, ModelFile,
    ModelFiles, ModelOptions, PACKED_FILE, PackedConversion, Pipeline, SAFETENSORS_FILE, WeightFormat,
};
use finsent_table::AtomicDirectory;
use indicatif::DecimalBytes;

use super::args::ConvertArgs;
use super::console::Console;
use super::exit::{Exit, UsageError};
use super::interrupt;
use super::progress::Bar;
use super::settings::Settings;

pub(super) fn run(args: &ConvertArgs, settings: &Settings, console: Console) -> Result<Exit> {
    interrupt::watch().context("cannot watch for signals")?;
    let ResolvedModel { name, place, files, options, .. } = settings.find(&args.source)?;
    let format = WeightFormat::from(args.precision);
    if args.packed && args.precision.computed_in().is_none() {
        return Err(UsageError(ConvertError::NotComputed(format).to_string()).into());
    }
    // All of the model, though only its weights change: nobody wants a copy of one that does not load.
    Pipeline::check(&files, &options)?;
    let checkpoint = Checkpoint::open(&files.weights).map_err(LoadError::from)?;
    tell_what_packing_lost(&checkpoint, format, console);
    let config = parsed(&files.config)?;
    let conversion = match args.packed {
        true => {
            let packed = PackedConversion::new(&config, &checkpoint, format, Arc::clone(settings.compute_threads()?));
            Prepared::Packed(packed.map_err(invalid_weights)?)
        }
        false => Prepared::Plain(Conversion::new(&config, &checkpoint, format).map_err(LoadError::from)?),
    };

    let directory = AtomicDirectory::create(&args.destination)?;
    let cannot_write = || format!("cannot write {}", args.destination.display());
    copy_small_files(&files, &conversion, directory.unfinished()).with_context(cannot_write)?;
    write_weights(&conversion, directory.unfinished(), console).with_context(cannot_write)?;
    check(directory.unfinished()).with_context(cannot_write)?;
    directory.finish().with_context(cannot_write)?;

    let packed = if args.packed { "packed " } else { "" };
    let [before, after] = [checkpoint.file_bytes(), conversion.file_len()].map(DecimalBytes);
    let destination = args.destination.display();
    console.note(&format!(
        "converted model {name} ({place}) to {packed}{format} in {destination}: {before} of weights became {after}"
    ));
    super::print(&[args.destination.as_os_str().as_encoded_bytes(), b"\n"].concat())
}

/// A conversion that is ready to be written.
enum Prepared<'a> {
    Plain(Conversion<'a>),
    Packed(PackedConversion),
}

impl Prepared<'_> {
    fn config(&self, json: &[u8]) -> Result<Vec<u8>, JsonError> {
        match self {
            Self::Plain(conversion) => conversion.config(json),
            Self::Packed(conversion) => conversion.config(json),
        }
    }

    fn file_len(&self) -> u64 {
        match self {
            Self::Plain(conversion) => conversion.file_len(),
            Self::Packed(conversion) => conversion.file_len(),
        }
    }

    fn write(&self, file: &File, progress: impl FnMut(u64)) -> Result<(), ConvertError> {
        match self {
            Self::Plain(conversion) => conversion.write(file, progress),
            Self::Packed(conversion) => conversion.write(file, progress),
        }
    }
}

/// Packed weights are as exact as their precision; whoever converts them to a wider one may expect the original's.
fn tell_what_packing_lost(source: &Checkpoint, format: WeightFormat, console: Console) {
    let lost = match (source.packed_precision(), format) {
        (None | Some(Precision::F32), _) => return,
        (Some(Precision::Bf16), WeightFormat::Bf16) | (Some(Precision::Int8), WeightFormat::Int8) => return,
        (Some(precision), _) => precision,
    };
    console.note(&format!("the source is packed in {lost}: the result is no more exact. Convert the original instead"));
}

fn parsed(config: &ModelFile) -> Result<Config> {
    let json = config.read_settings().map_err(LoadError::from)?;
    Ok(Config::parse(&json).map_err(|source| invalid(config, source))?)
}

/// Gives an error about the source the exit code of an invalid model.
fn invalid_weights(error: ConvertError) -> anyhow::Error {
    match error {
        ConvertError::Encoder(error) => LoadError::from(error).into(),
        error => error.into(),
    }
}

fn invalid(config: &ModelFile, source: ConfigError) -> LoadError {
    LoadError::Config { file: config.to_string(), source }
}

/// Copies everything except the weights.
fn copy_small_files(model: &ModelFiles, conversion: &Prepared<'_>, to: &Path) -> Result<()> {
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

fn write_weights(conversion: &Prepared<'_>, to: &Path, console: Console) -> Result<()> {
    let name = match conversion {
        Prepared::Plain(_) => SAFETENSORS_FILE,
        Prepared::Packed(_) => PACKED_FILE,
    };
    let file = File::create_new(to.join(name))?;
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
