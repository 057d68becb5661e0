//! Arguments about how files of texts are read.

use clap::{Args, ValueEnum};
use finsent_table::{ColumnChoice, DialectChoice, EncodingErrors, FileFormat, Quote, Reading, TableError, encoding};

use super::values::Expected;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReadingArgs {
    /// Encoding of the input, for example latin1 [default: UTF-8, or UTF-16 if there is a byte order mark]
    #[arg(long, value_name = "NAME")]
    pub(crate) encoding: Option<String>,
    /// What to do with bytes that are not in the encoding [default: row, or an error if many of the first lines have some]
    #[arg(long, value_enum, value_name = "ACTION")]
    pub(crate) encoding_errors: Option<EncodingErrorsArg>,
    /// Format of the input, whatever its name [default: the extension; of standard input, what its first lines show]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) input_format: Option<InputFormatArg>,
    /// Sheet of a workbook [default: the first that is shown]
    #[arg(long, value_name = "NAME")]
    pub(crate) sheet: Option<String>,
    /// What separates values: a character, or tab, comma, semicolon, pipe or space [default: what fits the first rows]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter, allow_hyphen_values = true)]
    pub(crate) delimiter: Option<u8>,
    /// What quotes values: a character, or none [default: what fits the first rows]
    #[arg(long, value_name = "CHARACTER", value_parser = quote)]
    pub(crate) quote: Option<QuoteArg>,
    /// What stands before a quote inside quotes, for example '\' in files of Spark [default: what fits the first rows]
    #[arg(long, value_name = "CHARACTER", value_parser = ascii)]
    pub(crate) escape: Option<u8>,
    /// Read the first line as data; columns are numbered from 1, and are called column_1, column_2 in the output
    #[arg(long)]
    pub(crate) no_header: bool,
}

/// What becomes of bytes that are not in the encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncodingErrorsArg {
    /// The run ends
    Strict,
    /// They are read as U+FFFD
    Replace,
    /// Their row fails
    Row,
}

/// Format of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormatArg {
    /// One text per line
    Text,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
    /// Objects, in an array or one after the other
    Json,
    /// One object per line
    Jsonl,
    /// Columns with types
    Parquet,
    /// A workbook of Excel
    Xlsx,
}

/// How values are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QuoteArg(Quote);

impl ReadingArgs {
    /// The option that is given, if one is.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            ("--encoding", self.encoding.is_some()),
            ("--encoding-errors", self.encoding_errors.is_some()),
            ("--input-format", self.input_format.is_some()),
            ("--sheet", self.sheet.is_some()),
            ("--delimiter", self.delimiter.is_some()),
            ("--quote", self.quote.is_some()),
            ("--escape", self.escape.is_some()),
            ("--no-header", self.no_header),
        ];
        given.into_iter().find_map(|(name, is_given)| is_given.then_some(name))
    }

    /// How to read files with these columns.
    pub(crate) fn reading(&self, columns: ColumnChoice) -> Result<Reading, TableError> {
        let dialect = DialectChoice {
            delimiter: self.delimiter,
            quote: self.quote.map(|QuoteArg(quote)| quote),
            escape: self.escape,
            no_header: self.no_header,
        };
        dialect.check()?;
        Ok(Reading {
            encoding: self.encoding.as_deref().map(encoding).transpose()?,
            encoding_errors: match self.encoding_errors {
                None => EncodingErrors::ByEvidence,
                Some(EncodingErrorsArg::Strict) => EncodingErrors::Strict,
                Some(EncodingErrorsArg::Replace) => EncodingErrors::Replace,
                Some(EncodingErrorsArg::Row) => EncodingErrors::Row,
            },
            format: self.format(),
            sheet: self.sheet.clone(),
            dialect,
            columns,
            ..Reading::default()
        })
    }

    /// The format that the input is said to have.
    pub(crate) fn format(&self) -> Option<FileFormat> {
        self.input_format.map(|format| match format {
            InputFormatArg::Text => FileFormat::Text,
            InputFormatArg::Csv => FileFormat::Csv,
            InputFormatArg::Tsv => FileFormat::Tsv,
            InputFormatArg::Json | InputFormatArg::Jsonl => FileFormat::Json,
            InputFormatArg::Parquet => FileFormat::Parquet,
            InputFormatArg::Xlsx => FileFormat::Xlsx,
        })
    }

    /// The column that a name, or a number in a file without a header, stands for.
    pub(crate) fn column(&self, name: &str) -> String {
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        if self.no_header && is_number { format!("column_{name}") } else { name.to_owned() }
    }
}

/// Parses an ASCII character.
fn ascii(text: &str) -> Result<u8, Expected> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(*byte),
        _ => Err(Expected::new("one ASCII character")),
    }
}

fn delimiter(text: &str) -> Result<u8, Expected> {
    let named = match text.to_ascii_lowercase().as_str() {
        "tab" | "\\t" => Some(b'\t'),
        "comma" => Some(b','),
        "semicolon" => Some(b';'),
        "pipe" => Some(b'|'),
        "space" => Some(b' '),
        other => other.strip_prefix("\\x").and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii),
    };
    let expected = |_| Expected::new("one ASCII character, or tab, comma, semicolon, pipe or space");
    named.map_or_else(|| ascii(text).map_err(expected), Ok)
}

fn quote(text: &str) -> Result<QuoteArg, Expected> {
    match text {
        "" | "none" => Ok(QuoteArg(Quote::None)),
        text => ascii(text)
            .map(|byte| QuoteArg(Quote::With(byte)))
            .map_err(|_| Expected::new("one ASCII character, or none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_names() {
        assert_eq!(
            ["tab", "\\t", "\t", ";", "\\x01", "Pipe"].map(|text| delimiter(text).ok()),
            [Some(9), Some(9), Some(9), Some(b';'), Some(1), Some(b'|')]
        );
        assert_eq!(quote("none"), Ok(QuoteArg(Quote::None)));
        assert_eq!(quote("'"), Ok(QuoteArg(Quote::With(b'\''))));
        for text in ["", "||", "§", "\n"] {
            assert!(delimiter(text).is_err() && ascii(text).is_err(), "{text}");
        }
    }
}
