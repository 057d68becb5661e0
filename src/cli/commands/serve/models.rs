//! The models of the service: where they come from, at the start and when they are loaded again.

use std::thread;

use anyhow::{Result, anyhow, bail};
use finsent_hub::{FileDigests, ResolvedModel};
use finsent_model::Pipeline;
use finsent_model::machine::{Topology, free_memory};
use finsent_server::{
    LoadFailure, LoadedModels, ModelCard, ModelIdentity, ModelSource, SchedulerLimits, ServedModel, Service, self_test,
};

use crate::cli::args::ServeArgs;
use crate::cli::exit::UsageError;
use crate::cli::hints;
use crate::cli::quantity::{grouped, quantity};
use crate::cli::settings::Settings;

/// The models that the command line names.
pub(super) struct Models {
    args: ServeArgs,
    settings: Settings,
    /// What requests call them, as they were found at the start.
    names: Vec<String>,
}

impl Models {
    pub(super) fn new(args: ServeArgs, settings: Settings) -> Self {
        Self { args, settings, names: Vec::new() }
    }

    fn load_all(&mut self, service: &Service) -> Result<LoadedModels> {
        let Self { args, settings, .. } = self;
        let resolved: Vec<ResolvedModel> =
            args.model.iter().map(|model| settings.find(model)).collect::<Result<_>>()?;
        let names: Vec<String> = resolved.iter().map(ResolvedModel::served_name).collect();
        if let Some((_, name)) = names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
            let message = format!("two models would be named `{name}`; rename the folder of one of them");
            return Err(UsageError(message).into());
        }
        let mut models: Vec<ServedModel> = Vec::new();
        for (resolved, name) in resolved.into_iter().zip(&names) {
            let (resolved, pipeline, digests) = load_and_hash(settings, resolved)?;
            let identity = identity(settings, name, &resolved, &digests);
            let model = ServedModel::new(models.len(), identity, pipeline, service.metrics());
            self_test(&model)?;
            tracing::info!("{model}");
            models.push(model);
        }
        let limits = SchedulerLimits {
            max_batch_tokens: args.max_batch_tokens as usize,
            max_queue_tokens: args.max_queue_tokens as usize,
            cache_entries: args.cache_entries as usize,
        };
        let loaded = LoadedModels::start(models, limits)?;
        log_workers(loaded.workers());
        self.names = names;
        Ok(loaded)
    }

    /// Loads a model beside the one that answers, unless its files have this digest.
    fn load_again(&self, service: &Service, index: usize, digest: Option<&str>) -> Result<Option<ServedModel>> {
        let mut resolved = self.settings.find(&self.args.model[index])?;
        let digests = FileDigests::compute(&resolved.files)?;
        if digest == Some(digests.model_digest().as_str()) {
            return Ok(None);
        }
        check_memory(Pipeline::memory(&resolved.files, &resolved.options)?, free_memory())?;
        resolved.options.in_background = true;
        let (resolved, pipeline) = self.settings.load_found(resolved)?;
        // Someone may be copying them: then some weights are old and others new.
        if FileDigests::compute(&resolved.files)? != digests {
            bail!("its files changed while they were being loaded; load it again when they are complete");
        }
        let identity = identity(&self.settings, &self.names[index], &resolved, &digests);
        Ok(Some(ServedModel::new(index, identity, pipeline, service.metrics())))
    }
}

impl ModelSource for Models {
    type Error = anyhow::Error;

    fn start(&mut self, service: &Service) -> Result<LoadedModels> {
        self.load_all(service)
    }

    fn load(
        &mut self,
        service: &Service,
        index: usize,
        digest: Option<&str>,
    ) -> Result<Option<ServedModel>, LoadFailure> {
        self.load_again(service, index, digest).map_err(|error| {
            let details = hints::message(&error);
            LoadFailure { reason: without_folders(&details), details }
        })
    }
}

/// Refuses a model that needs more memory than is free: the old one stays in memory until the new one answers.
fn check_memory(needed: usize, free: Option<usize>) -> Result<()> {
    let megabytes = |bytes: usize| grouped((bytes >> 20) as u64);
    match free.filter(|&free| needed > free) {
        None => Ok(()),
        Some(free) => Err(anyhow!(
            "it takes about {} MB of memory beside the old one, and {} MB are free; raise the memory limit, or unload the \
             old one first",
            megabytes(needed),
            megabytes(free)
        )),
    }
}

/// The message of an error for clients: of absolute paths, only the last part.
fn without_folders(message: &str) -> String {
    let last_part = |word: &str| -> String {
        match word.rsplit_once('/').filter(|_| word.starts_with('/')) {
            Some((_, last)) => last.into(),
            None => word.into(),
        }
    };
    // Between backquotes, a path may have blanks.
    let parts = message.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 1 { last_part(part) } else { part.split(' ').map(last_part).collect::<Vec<_>>().join(" ") }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Logs what explains the speed of the service.
fn log_workers(workers: usize) {
    let machine = Topology::read().map(|topology| format!(" on a machine of {topology}")).unwrap_or_default();
    tracing::info!("{}{machine}", quantity(workers as u64, "worker"));
}

/// Hashes the files while they are being loaded.
fn load_and_hash(settings: &Settings, resolved: ResolvedModel) -> Result<(ResolvedModel, Pipeline, FileDigests)> {
    let files = resolved.files.clone();
    thread::scope(|scope| {
        let digests = scope.spawn(|| FileDigests::compute(&files));
        let loaded = settings.load_found(resolved);
        let digests = digests.join().map_err(|_| anyhow!("hashing the files of the model failed unexpectedly"))?;
        let (resolved, pipeline) = loaded?;
        Ok((resolved, pipeline, digests?))
    })
}

fn identity(settings: &Settings, name: &str, resolved: &ResolvedModel, digests: &FileDigests) -> ModelIdentity {
    let pin = resolved.pin.as_ref();
    let golden = if resolved.is_embedded() {
        settings.catalog.published_predictions(&resolved.name).to_vec()
    } else {
        Vec::new()
    };
    ModelIdentity {
        name: name.to_owned(),
        repository: pin.map(|pin| pin.repository.clone()),
        revision: pin.filter(|pin| digests.match_listed(&pin.files)).map(|pin| pin.revision.clone()),
        digest: digests.model_digest(),
        golden,
        card: card(settings, resolved),
    }
}

/// What the catalog says about a model. A directory is not a model of the catalog, whatever its name.
fn card(settings: &Settings, resolved: &ResolvedModel) -> ModelCard {
    let Some(spec) = settings.catalog.get(&resolved.name) else { return ModelCard::default() };
    ModelCard {
        description: Some(spec.description.clone()),
        license: Some(spec.license.clone()),
        languages: spec.languages.as_ref().map(ToString::to_string),
        accuracy: spec.accuracy.clone(),
        limits: spec.limits.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_does_not_fit_beside_the_old_one_is_refused() {
        assert!(check_memory(100 << 20, Some(100 << 20)).is_ok() && check_memory(100 << 20, None).is_ok());
        let error = check_memory(181 << 20, Some(90 << 20)).unwrap_err().to_string();
        assert!(error.starts_with("it takes about 181 MB of memory beside the old one, and 90 MB are free"), "{error}");
    }

    #[test]
    fn clients_do_not_learn_where_files_are() {
        for (message, expected) in [
            ("`/models/my bert` has no config.json", "`my bert` has no config.json"),
            ("cannot read /srv/a/b.json: no such file", "cannot read b.json: no such file"),
            ("no model called `OWNER/NAME`, 3/4", "no model called `OWNER/NAME`, 3/4"),
        ] {
            assert_eq!(without_folders(message), expected);
        }
    }
}
