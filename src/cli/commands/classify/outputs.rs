//! Whether the files that a run writes are not each other, and not those that it reads.

use std::path::PathBuf;

use finsent_table::{Destination, Input, TableError, check_outputs, list_files, with_suffix};

use super::summary;
use crate::cli::args::{ClassifyArgs, Format};
use crate::cli::quantity::grouped;

const MEGABYTE: u64 = 1_000_000;

/// Standard input or output, as a path.
const STANDARD: &str = "-";

/// Refuses outputs that are the same file, or an input.
pub(super) fn check(args: &ClassifyArgs, format: Format) -> Result<(), TableError> {
    let mut outputs = vec![args.output.clone().unwrap_or_else(|| STANDARD.into())];
    if args.resume {
        let file = args.output.as_deref().and_then(Destination::file);
        outputs.extend(file.map(|file| with_suffix(&file, ".journal")));
    }
    // A summary without a place is another error.
    if let (Some(_), Ok(Some(summary))) = (&args.group_by, summary::path(args, format)) {
        outputs.push(summary);
    }
    check_outputs(&outputs, &inputs(args)?)
}

/// The note about a disk that has less space than the output probably takes: it has all of the input, and more.
pub(super) fn space_note(args: &ClassifyArgs, format: Format, input: &Input) -> Option<String> {
    let has_all = matches!(format, Format::Json | Format::Jsonl | Format::Csv | Format::Tsv);
    let total = input.progress.as_ref()?.bytes()?;
    let output = args.output.as_deref().filter(|_| has_all && args.limit.is_none() && args.shard.is_none())?;
    let free = Destination::free_space(output)?;
    (free < total).then(|| {
        let (free, total) = (grouped(free / MEGABYTE), grouped(total / MEGABYTE));
        format!(
            "the disk of {} has {free} MB free, and the input has {total} MB: the output may not fit",
            output.display()
        )
    })
}

/// The inputs, and the files in those that are folders.
fn inputs(args: &ClassifyArgs) -> Result<Vec<PathBuf>, TableError> {
    let reads_standard_input = args.input.is_empty() && (args.texts.is_empty() || args.texts == [STANDARD]);
    if reads_standard_input {
        return Ok([STANDARD.into()].into_iter().chain(args.since.clone()).collect());
    }
    let mut inputs: Vec<PathBuf> = args.input.iter().chain(&args.since).cloned().collect();
    inputs.extend(list_files(&args.input, args.reading.format())?);
    Ok(inputs)
}
