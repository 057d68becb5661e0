//! CSV and lines of standard input in any dialect, which the first bytes choose or leave to be settled on the first rows.
#![no_main]

use finsent_fuzz::read_rows;
use finsent_table::{DialectChoice, EncodingErrors, Quote, Reading};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 2] = ["a.csv", "a.tsv"];
const DELIMITERS: [Option<u8>; 6] = [None, Some(b','), Some(b';'), Some(b'\t'), Some(b'|'), Some(1)];
const QUOTES: [Option<Quote>; 4] = [None, Some(Quote::None), Some(Quote::With(b'"')), Some(Quote::With(b'\''))];
const ESCAPES: [Option<u8>; 3] = [None, Some(b'\\'), Some(b'"')];
const ERRORS: [EncodingErrors; 4] =
    [EncodingErrors::ByEvidence, EncodingErrors::Strict, EncodingErrors::Replace, EncodingErrors::Row];

fuzz_target!(|bytes: &[u8]| {
    let Some((&[name, delimiter, quote, escape], file)) = bytes.split_first_chunk() else { return };
    let (has_no_header, name) = (name & 0x80 != 0, NAMES[usize::from(name) % NAMES.len()]);
    let dialect = DialectChoice {
        delimiter: DELIMITERS[usize::from(delimiter) % DELIMITERS.len()],
        quote: QUOTES[usize::from(quote) % QUOTES.len()],
        escape: ESCAPES[usize::from(escape) % ESCAPES.len()],
        no_header: has_no_header,
    };
    if dialect.check().is_ok() {
        let encoding_errors = ERRORS[usize::from(escape) / ESCAPES.len() % ERRORS.len()];
        read_rows(name, file, &Reading { dialect, encoding_errors, ..Reading::default() });
    }
});
