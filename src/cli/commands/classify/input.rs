//! The input that the arguments name.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use finsent_table::{
    ColumnChoice, ColumnSelection, Destination, FileFormat, Input, InputKind, ParquetFile, Reading, Shard, TableError,
    check_rereadable,
};

use crate::cli::args::{ClassifyArgs, Format};
use crate::cli::console::Console;
use crate::cli::exit::UsageError;
use crate::cli::quantity::grouped;

/// Opens the whole input, even if only a shard is wanted. Standard input is left unread until [`settle`].
pub(super) fn open(args: &ClassifyArgs, format: Format) -> Result<Input> {
    let reading = reading(args, format)?;
    match args.input.as_slice() {
        [first, ..] if first.as_os_str() != "-" => Ok(limited(Input::files(&args.input, &reading)?, args)),
        [] if args.texts.len() > 1 && args.texts.iter().any(|text| text == "-") => {
            Err(UsageError("`-` (standard input) cannot be combined with other texts".into()).into())
        }
        [] if has_texts(args) => {
            check_texts(args)?;
            Ok(limited(Input::arguments(args.texts.clone()), args))
        }
        _ => Ok(Input::unread_standard_input()),
    }
}

/// Opens standard input if that is the input: this waits for its first line. A terminal gives lines of text.
pub(super) fn settle(input: Input, args: &ClassifyArgs, format: Format, is_terminal: bool) -> Result<Input> {
    if input.kind != InputKind::StandardInput {
        return Ok(input);
    }
    let mut reading = reading(args, format)?;
    // Rows that are written as they come cannot wait for the columns of later ones.
    reading.all_columns &= format == Format::Parquet || args.output.as_deref().and_then(Destination::file).is_some();
    if is_terminal {
        reading.format.get_or_insert(FileFormat::Text);
    }
    Ok(limited(Input::standard_input(&reading)?, args))
}

fn limited(input: Input, args: &ClassifyArgs) -> Input {
    match args.limit {
        Some(rows) => input.limit(rows),
        None => input,
    }
}

fn reading(args: &ClassifyArgs, format: Format) -> Result<Reading, TableError> {
    let (text, id) = (args.text_column.clone(), args.id_column.clone());
    let reading = args.reading.reading(ColumnChoice { text, id, ..ColumnChoice::default() })?;
    let all_columns = matches!(format, Format::Csv | Format::Tsv | Format::Parquet);
    Ok(Reading { selection: selection(args, format), all_columns, whole_files: args.whole_file, ..reading })
}

/// Refuses options of files, and texts that are the names of files: their contents are meant.
fn check_texts(args: &ClassifyArgs) -> Result<(), UsageError> {
    if let Some(option) = args.reading.first_given() {
        return Err(UsageError(format!("{option} is for --input and standard input")));
    }
    let is_file = |text: &&String| {
        let path = Path::new(text.as_str());
        path.extension().is_some() && path.exists()
    };
    match args.texts.iter().find(is_file) {
        Some(name) => {
            let kind = if Path::new(name).is_dir() { "folder" } else { "file" };
            Err(UsageError(format!(
                "`{name}` is a {kind}, and its name would be scored; to score what it holds, add --input: --input '{name}'"
            )))
        }
        None => Ok(()),
    }
}

/// `-` for the name that the system has for standard input.
pub(super) fn with_standard_input(inputs: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_standard_input =
        |path: &PathBuf| ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == Path::new(name));
    inputs.into_iter().map(|path| if is_standard_input(&path) { "-".into() } else { path }).collect()
}

/// The columns whose values the output or a summary shows.
fn selection(args: &ClassifyArgs, format: Format) -> ColumnSelection {
    match format {
        Format::Json | Format::Jsonl | Format::Csv | Format::Tsv => ColumnSelection::All,
        // Parquet copies the other columns; the rest do not show them.
        Format::Parquet | Format::Text | Format::FinbertCsv => {
            let of_groups = [&args.group_by, &args.periods.time_column, &args.periods.weight_column];
            let names = of_groups.into_iter().flatten().chain(&args.keep_columns).cloned();
            // Names with commas between them are several columns, unless one column is called so.
            let parts = args.group_by.iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned());
            ColumnSelection::Columns(names.chain(parts).collect())
        }
    }
}

/// The file with the types of the columns, if the output keeps them.
pub(super) fn typed_columns(format: Format, input: &Input) -> Result<Option<&ParquetFile>, TableError> {
    if format == Format::Parquet { input.types.file() } else { Ok(None) }
}

/// Whether the texts are arguments.
fn has_texts(args: &ClassifyArgs) -> bool {
    !args.texts.is_empty() && args.texts != ["-"]
}

pub(super) fn check_shards(args: &ClassifyArgs) -> Result<()> {
    if args.input.is_empty() && has_texts(args) {
        return Err(UsageError("--shard splits the rows of files (--input FILE), not TEXT arguments".into()).into());
    }
    check_rereadable(&args.input, args.output.as_deref())
        .context("--shard reads its input twice, first to count the rows")
}

/// The rows of the shard. The input is read to its end to count the rows, and then opened again.
pub(super) fn only(
    shard: Shard,
    mut input: Input,
    args: &ClassifyArgs,
    format: Format,
    console: Console,
) -> Result<Input> {
    let all = input.rows.count_rows()?;
    console.note(&describe(shard, all));
    Ok(open(args, format)?.only(shard, all))
}

/// `shard 1/4: rows 251-500 of 1000`, numbered from 1 like the rows in other messages.
fn describe(shard: Shard, all: u64) -> String {
    let (rows, total) = (shard.of(all), grouped(all));
    match rows.end - rows.start {
        0 => format!("shard {shard}: no rows of {total}"),
        1 => format!("shard {shard}: row {} of {total}", grouped(rows.end)),
        _ => format!("shard {shard}: rows {}-{} of {total}", grouped(rows.start + 1), grouped(rows.end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_described_by_its_first_and_last_row() {
        let describe = |shard: &str, all| describe(shard.parse().unwrap(), all);
        assert_eq!(describe("1/4", 1000), "shard 1/4: rows 251-500 of 1000");
        assert_eq!(describe("0/5", 5), "shard 0/5: row 1 of 5");
        assert_eq!(describe("2/3", 1), "shard 2/3: row 1 of 1");
        assert_eq!(describe("0/3", 1), "shard 0/3: no rows of 1");
    }
}
