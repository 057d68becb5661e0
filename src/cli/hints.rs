//! The message of an error as the command prints it: what happened, why, and what to do about it. The crates know what
//! happened; only the command line knows its flags.

use std::error::Error;
use std::io;
use std::path::Path;

use finsent_jobs::JobError;
use finsent_jobs::evaluation::EvaluationError;
use finsent_jobs::summary::{LeftOut, SummaryError, TimeError};
use finsent_model::{ClassifyError, ExplainError, plain_words};
use finsent_table::{ItemError, TableError};

use super::other_tools::quoted;

/// The error with its causes, and a hint if there is one.
pub(super) fn message(error: &anyhow::Error) -> String {
    let causes = error.chain().map(words).collect::<Vec<_>>().join(": ");
    match error.chain().find_map(hint) {
        Some(hint) => format!("{causes}; {hint}"),
        None => causes,
    }
}

/// What to do about an item's error, if anything helps.
pub(super) fn for_item(error: &ItemError) -> Option<&'static str> {
    match error {
        ItemError::NoColumn(_) | ItemError::OtherType { .. } => Some("--format jsonl takes any columns"),
        ItemError::Classify(error) => match **error {
            ClassifyError::Explain(ExplainError::TooFewPasses { .. }) => {
                Some("finsent explain takes more with --passes N, and long texts with --granularity document")
            }
            _ => None,
        },
        _ => None,
    }
}

/// What to do about a row that is not in the summary, if anything helps.
pub(super) fn for_left_out(reason: &LeftOut) -> Option<String> {
    match reason {
        LeftOut::Time(error) => for_time(error),
        _ => None,
    }
}

fn for_time(error: &TimeError) -> Option<String> {
    match error {
        TimeError::Ambiguous { formats, .. } => {
            let options: Vec<String> = formats.iter().map(|format| format!("--time-format '{format}'")).collect();
            Some(format!("add {}", options.join(" or ")))
        }
        TimeError::Unknown(_) => Some("if it is a time, say its form with --time-format".into()),
        _ => None,
    }
}

fn words(cause: &(dyn Error + 'static)) -> String {
    cause.downcast_ref::<io::Error>().map_or_else(|| cause.to_string(), plain_words)
}

fn hint(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<TableError>() {
        return for_table(error);
    }
    if let Some(error) = cause.downcast_ref::<SummaryError>() {
        return for_summary(error);
    }
    if let Some(error) = cause.downcast_ref::<EvaluationError>() {
        return for_evaluation(error);
    }
    match cause.downcast_ref::<JobError>()? {
        JobError::Table(error) => for_table(error),
        JobError::Summary(error) => for_summary(error),
        _ => None,
    }
}

fn for_table(error: &TableError) -> Option<String> {
    let hint = match error {
        TableError::WrongEncoding { .. } => {
            "if it has another encoding, name it, for example --encoding latin1; if single rows are damaged, add \
             --encoding-errors row"
        }
        TableError::Utf16 { encoding, .. } => return Some(format!("name it: --encoding {encoding}")),
        TableError::UnclearDelimiter { .. } => "say which with --delimiter",
        TableError::UnclearHeader { .. } => {
            "if it is data, add --no-header; if it names the columns, choose one with --text-column"
        }
        TableError::SwallowedRows { .. } => {
            "if the quotes are part of the texts, add --quote none; if the value is meant so, add --quote '\"'"
        }
        TableError::OpenQuote { .. } => "if the quotes are part of the texts, add --quote none",
        TableError::UnclearLines { .. } => "add --input-format csv or --input-format text, whichever it is",
        TableError::NoColumns => "name its format with --input-format, or leave out --text-column and --id-column",
        TableError::UnknownFormat { path } if is_spreadsheet(path) => "save it as .xlsx or .csv",
        TableError::UnknownFormat { .. } => "or name its format with --input-format",
        TableError::NoSheet { .. } => "choose one with --sheet",
        TableError::EmptySheet { .. } => "choose another with --sheet",
        TableError::SheetOfNoWorkbook { .. } => "leave out --sheet",
        TableError::WhichColumn { .. } => "choose one with --text-column",
        TableError::NotStrings { candidates, .. } if !candidates.is_empty() => "choose one with --text-column",
        TableError::Intervals { .. } => "to keep it, add --format parquet",
        TableError::Folder { path } => {
            return Some(format!("to read the files in it, use a pattern such as '{}'", path.join("*.csv").display()));
        }
        TableError::MixedFormats { folder, .. } | TableError::UnknownPart { folder, .. } => {
            let pattern = folder.join("*.csv");
            return Some(format!("read files of one format with a pattern such as '{}'", pattern.display()));
        }
        TableError::OtherPartitions { folder, .. } => {
            return Some(format!("to read the files alone, use a pattern: '{}'", folder.join("**/*").display()));
        }
        TableError::PartitionTwice { path, .. } => {
            let name = path.file_name().unwrap_or_default();
            return Some(format!("to read the files alone, use a pattern such as '**/{}'", name.display()));
        }
        TableError::OtherTable { .. } => "write its current rows to Parquet files, and read those",
        TableError::InputTwice { .. } => "name it once",
        TableError::OutputInInput { .. } => "write to another folder",
        TableError::StandardInputOnce | TableError::NotRegularFile { .. } => "give a regular file: --input FILE",
        TableError::OutputIsInput { .. } => "write to another file",
        TableError::OtherColumns { .. } => "choose --format jsonl or csv, or write a file for each input",
        TableError::FinbertGranularity => "leave out --granularity",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Whether a file is a spreadsheet that cannot be read.
fn is_spreadsheet(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    ["xls", "xlsb", "ods", "numbers"].contains(&extension.as_str())
}

fn for_summary(error: &SummaryError) -> Option<String> {
    match error {
        SummaryError::Table(error) => for_table(error),
        SummaryError::Times { error, .. } => for_time(error),
        SummaryError::Format => Some("name its file with --summary".to_owned()),
        SummaryError::NotScored { file, .. } => {
            let input = if file == "standard input" { String::new() } else { format!(" --input {}", quoted(file)) };
            Some(format!("`finsent classify` writes them: finsent classify{input} --output scored.csv"))
        }
        SummaryError::NoTexts { .. } => Some("choose one with --text-column".to_owned()),
        SummaryError::LongTexts { .. } => Some("ask for fewer texts with --top, or for fewer groups".to_owned()),
        SummaryError::TooManyRows { .. } => Some("leave out --unique, --compare or --since".to_owned()),
        _ => None,
    }
}

fn for_evaluation(error: &EvaluationError) -> Option<String> {
    let hint = match error {
        EvaluationError::Table(error) => return for_table(error),
        EvaluationError::LabelColumn(error) => return for_label_column(error),
        EvaluationError::OtherOrder { now, better, .. } => return Some(for_other_order(now, better)),
        EvaluationError::OtherLabels { .. } => "compare models with the same labels, the one with more of them first",
        EvaluationError::UnknownLabels { .. } => {
            "map the file's labels to them with --label-map FROM=TO, or leave those rows out with --skip-unknown"
        }
        EvaluationError::Ambiguous { .. } => "say which with --label-map",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Names that columns of labels have.
const LABEL_NAMES: [&str; 12] = [
    "label",
    "labels",
    "sentiment",
    "gold",
    "target",
    "class",
    "category",
    "polarity",
    "truth",
    "annotation",
    "tone",
    "y",
];

/// A column that may have the labels, unless the error has one.
fn for_label_column(error: &TableError) -> Option<String> {
    let choose = "choose one with --label-column".to_owned();
    match error {
        TableError::NoColumn { nearest: Some(_), .. } => None,
        TableError::NoColumn { columns, .. } => {
            let is_named_so = |column: &str| LABEL_NAMES.iter().any(|name| column.trim().eq_ignore_ascii_case(name));
            let named_so: Vec<String> = columns
                .iter()
                .filter(|column| is_named_so(column))
                .map(|column| format!("--label-column {column}"))
                .collect();
            Some(if named_so.is_empty() { choose } else { format!("did you mean {}?", named_so.join(" or ")) })
        }
        _ => Some(choose),
    }
}

fn for_other_order(now: &[(String, String)], better: &[(String, String)]) -> String {
    let flags = |pairs: &[(String, String)]| {
        let flag = |(from, to): &(String, String)| format!("--label-map {}", quoted(&format!("{from}={to}")));
        pairs.iter().map(flag).collect::<Vec<_>>().join(" ")
    };
    format!("say what they are: {}, or, if they are the ids, {}", flags(better), flags(now))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_message_has_all_causes_in_plain_words_and_the_hint() {
        let which = TableError::WhichColumn { file: "n.csv".into(), columns: vec!["a".into(), "b".into()] };
        assert_eq!(
            message(&which.into()),
            "cannot tell which column of `n.csv` holds the texts; its columns are `a`, `b`; choose one with --text-column"
        );
        let full: anyhow::Error = io::Error::from_raw_os_error(28).into();
        assert_eq!(message(&full.context("cannot write `m`")), "cannot write `m`: the disk is full");
    }

    #[test]
    fn an_error_with_a_context_keeps_its_hint() {
        let once: Result<(), _> = Err(JobError::from(TableError::StandardInputOnce));
        let message = message(&once.context("--shard reads its input twice").unwrap_err());
        let expected =
            "--shard reads its input twice: standard input can be read only once; give a regular file: --input FILE";
        assert_eq!(message, expected);
    }
}
