//! What is compared: one model in several number formats, or several models.

use std::sync::Arc;

use anyhow::Result;
use finsent_jobs::evaluation::{Candidate, check_model};
use finsent_kernels::Precision;

use crate::cli::args::{EvalArgs, PrecisionArg};
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::foreign::ForeignTexts;
use crate::cli::settings::Settings;

/// Most models: their columns must fit a terminal.
const MAX_MODELS: usize = 3;

/// The candidates, in the order of the columns of the report.
pub(super) struct Compared {
    pub(super) candidates: Vec<Candidate>,
    pub(super) names: Vec<CandidateName>,
    pub(super) has_several_models: bool,
    /// For each model that does not read all languages, with its name: the texts in others.
    pub(super) foreign: Vec<(String, ForeignTexts)>,
}

/// A candidate, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CandidateName {
    pub(super) model: String,
    pub(super) format: String,
}

/// Refuses models and formats that cannot be compared, before anything is loaded.
pub(super) fn check(args: &EvalArgs) -> Result<(), UsageError> {
    let models = &args.model;
    if models.len() > MAX_MODELS {
        return Err(UsageError(format!(
            "--model is given {} times; at most {MAX_MODELS} models can be compared",
            models.len()
        )));
    }
    let twice = models.iter().enumerate().find(|(index, model)| models[..*index].contains(model));
    if let Some((_, model)) = twice {
        return Err(UsageError(format!(
            "--model {model} is given twice; to compare its number formats, add --precisions"
        )));
    }
    if models.len() > 1 && args.precisions.len() > 1 {
        return Err(UsageError(
            "--precisions compares the number formats of one model; of several models, choose one".into(),
        ));
    }
    Ok(())
}

/// Loads the models.
pub(super) fn load(args: &EvalArgs, settings: &Settings, console: Console) -> Result<Compared> {
    let has_several_models = args.model.len() > 1;
    let mut compared = Compared { candidates: Vec::new(), names: Vec::new(), has_several_models, foreign: Vec::new() };
    for model in &args.model {
        let formats = formats(args, settings, model)?;
        for (index, &format) in formats.iter().enumerate() {
            let (found, pipeline) = settings.load_in(model, format)?;
            if index == 0 {
                check_new(&compared, &found.name)?;
                check_model(&found.name, &pipeline)?;
                let formats = formats.iter().map(Precision::to_string).collect::<Vec<_>>().join(", ");
                console.note(&format!("model {} ({}), {formats}", found.name, found.place));
                let foreign = ForeignTexts::of(&found, &pipeline, &settings.catalog);
                compared.foreign.extend(foreign.map(|foreign| (found.name.clone(), foreign)));
            }
            compared.add(found.name, format, Arc::new(pipeline))?;
        }
    }
    Ok(compared)
}

/// Refuses a model that has two names.
fn check_new(compared: &Compared, model: &str) -> Result<(), UsageError> {
    match compared.names.iter().any(|name| name.model == model) {
        true => {
            Err(UsageError(format!("--model names {model} twice; to compare its number formats, add --precisions")))
        }
        false => Ok(()),
    }
}

impl Compared {
    /// The window of the model with the smallest one: a longer text is cut for some model.
    pub(super) fn smallest_window(&self) -> usize {
        self.candidates.iter().map(|candidate| candidate.pipeline().max_length()).min().unwrap_or(0)
    }

    fn add(&mut self, model: String, format: Precision, pipeline: Arc<finsent_model::Pipeline>) -> Result<()> {
        let candidate = match self.names.first() {
            Some(first) if first.model != model => {
                Candidate::other([&first.model, &model], self.candidates[0].pipeline(), pipeline)?
            }
            _ => Candidate::first(pipeline),
        };
        self.candidates.push(candidate);
        self.names.push(CandidateName { model, format: format.to_string() });
        Ok(())
    }
}

/// The number formats of a model: those that the user typed, each once; else the one of the global option or the environment;
/// else, of one model, all, and of several, that of the catalog.
fn formats(args: &EvalArgs, settings: &Settings, model: &str) -> Result<Vec<Precision>> {
    let mut typed = Vec::new();
    for format in args.precisions.iter().filter_map(|&format| PrecisionArg::computed_in(format)) {
        if !typed.contains(&format) {
            typed.push(format);
        }
    }
    Ok(match settings.precision {
        _ if !typed.is_empty() => typed,
        Some(format) => vec![format],
        None if args.model.len() > 1 => vec![settings.find(model)?.options.precision],
        None => Precision::ALL.to_vec(),
    })
}
