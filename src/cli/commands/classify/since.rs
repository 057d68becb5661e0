//! `--since`: rows that an earlier output has are not scored again.

use anyhow::Result;
use finsent_jobs::KnownRows;
use finsent_table::{ColumnChoice, Input, expand, text_by_name};

use crate::cli::args::ClassifyArgs;
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::quantity::quantity;

/// The rows that the earlier output has, if there is one. `input` is what is scored now.
pub(super) fn known_rows(args: &ClassifyArgs, input: &Input, console: Console) -> Result<Option<KnownRows>> {
    let Some(file) = &args.since else { return Ok(None) };
    let named = args.id_column.as_ref().or(args.text_column.as_ref()).map(|column| args.reading.column(column));
    let column = named.or_else(|| text_by_name(&input.columns).map(|column| column.to_string())).ok_or_else(|| {
        UsageError(
            "--since finds rows by their id or text: say which column has it, with --id-column or --text-column".into(),
        )
    })?;
    let choice = ColumnChoice { is_text_optional: true, ..ColumnChoice::default() };
    let earlier =
        Input::files(&expand(vec![file.clone()])?, &finsent_table::Reading { columns: choice, ..Default::default() })?;
    earlier.notes.iter().for_each(|note| console.note(note));
    Ok(Some(KnownRows::read(earlier, &column)?))
}

/// The note about rows that were left out.
pub(super) fn note(args: &ClassifyArgs, known: &KnownRows) -> Option<String> {
    let file = args.since.as_ref()?.display();
    let (were, them) = if known.found() == 1 { ("was", "it") } else { ("were", "them") };
    let rows = quantity(known.found(), "row");
    Some(format!("{rows} {were} left out, because `{file}` has {them}"))
}
