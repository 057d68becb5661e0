//! `--resume`: the journal of the run, and what is printed about it.

use anyhow::{Context, Result};
use finsent_hub::ResolvedModel;
use finsent_jobs::{Fingerprint, JobError, Journal, JournalEntries, JournalError};
use finsent_model::{Granularity, Pipeline};
use finsent_table::{Destination, check_rereadable};

use crate::cli::args::{self, ClassifyArgs};
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::interrupt;
use crate::cli::quantity::quantity;

/// The progress of a run in its journal.
pub(super) struct KeptProgress {
    journal: Journal,
    /// What the journal has an entry for.
    unit: &'static str,
    console: Console,
}

impl KeptProgress {
    /// Locks the journal of the output.
    pub(super) fn lock(args: &ClassifyArgs, unit: &'static str, console: Console) -> Result<Self> {
        if args.input.is_empty() {
            return Err(UsageError("--resume reads its input again, so it needs a file: --input FILE".into()).into());
        }
        check_rereadable(&args.input, args.output.as_deref()).context("--resume may read its input again")?;
        let file = args.output.as_deref().and_then(Destination::file);
        let needs_file = || UsageError("--resume continues a file, so it needs its name: --output FILE".into());
        Ok(Self { journal: Journal::lock(&file.ok_or_else(needs_file)?)?, unit, console })
    }

    /// Opens the journal, and prints what it has. From now on an interrupt prints it, too.
    pub(super) fn open(
        &mut self,
        model: &ResolvedModel,
        pipeline: &Pipeline,
        granularity: Granularity,
        how_read: &str,
    ) -> Result<JournalEntries> {
        let run = Fingerprint::of(args::VERSION, &model.served_name(), &model.options, pipeline, granularity);
        let run = run.with_reading(how_read);
        let entries = self.journal.open(&run)?;
        let scored = self.journal.scored()();
        if scored > 0 {
            let were = if scored == 1 { "was" } else { "were" };
            let (scored, path) = (quantity(scored, self.unit), self.journal.path().display());
            self.console.note(&format!("resuming: {scored} {were} scored before ({path})"));
        }
        interrupt::on_interrupt(self.note());
        Ok(entries)
    }

    /// Removes the journal: the output is complete.
    pub(super) fn finish(self) {
        self.journal.finish();
    }

    /// Prints how far a run came that ended with an error, unless the journal is of another input.
    pub(super) fn note_after(&self, error: &anyhow::Error) {
        let is_of_another_input =
            matches!(error.downcast_ref(), Some(JobError::Journal(JournalError::InputChanged { .. })));
        if !is_of_another_input {
            self.note()();
        }
    }

    /// A function that prints how far the run has come.
    fn note(&self) -> impl Fn() + Send + 'static {
        let (scored, path) = (self.journal.scored(), self.journal.path().display().to_string());
        let (unit, console) = (self.unit, self.console);
        move || {
            let scored = scored();
            if scored > 0 {
                let scored = quantity(scored, unit);
                console
                    .note(&format!("stopped after {scored}. Progress is in {path}; run the same command to continue"));
            }
        }
    }
}
