//! Speed of the tokenizer on one thread, beside that of the tokenizers library with the same vocabulary.
//!
//! ```console
//! $ cargo bench --package finsent-model
//! $ FINSENT_BENCH_TEXTS=headlines.jsonl cargo bench --package finsent-model
//! ```
//!
//! `FINSENT_BENCH_TEXTS` names JSON lines with a field `text`. `FINSENT_BENCH_TOKENIZERS` names further `tokenizer.json`,
//! separated by spaces; they are read as they are.
#![expect(clippy::unwrap_used, reason = "a measurement should end where it cannot continue")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use finsent_model::{Limits, ModelFile, Text, Tokenizer, TokenizerFiles, VocabularyFiles};
use serde_json::Value;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::bert::BertProcessing;

/// If no others are named.
const TEXTS: [&str; 4] = [
    "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn in the corresponding period in 2007.",
    "Shares of Acme Corp. plunged 12% after the company cut its full-year guidance",
    "Nestlé’s sales beat estimates – CEO “confident” about 2026",
    "Earnings Scheduled For November 2, 2016",
];

static VALID: LazyLock<Vec<Text>> = LazyLock::new(|| {
    let Some(file) = std::env::var_os("FINSENT_BENCH_TEXTS") else {
        return TEXTS.iter().cycle().take(1000).map(|text| Text::parse(*text).unwrap()).collect();
    };
    let lines = std::fs::read_to_string(file).unwrap();
    let text = |line: &str| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned();
    lines.lines().map(|line| Text::parse(text(line)).unwrap()).collect()
});

fn main() {
    divan::main();
}

fn vocabulary() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/mini/vocab.txt")
}

fn counted(bencher: Bencher<'_, '_>, encode: impl Fn(&Text) -> usize) {
    let bytes: usize = VALID.iter().map(|text| text.as_str().len()).sum();
    bencher
        .counter(ItemsCount::new(VALID.len()))
        .counter(BytesCount::new(bytes))
        .bench_local(|| VALID.iter().map(|text| encode(black_box(text))).sum::<usize>());
}

#[divan::bench]
fn word_piece(bencher: Bencher<'_, '_>) {
    let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(ModelFile::Disk(vocabulary())));
    let tokenizer = Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap();
    counted(bencher, |text| tokenizer.encode(text).unwrap().len());
}

#[divan::bench]
fn word_piece_of_the_library(bencher: Bencher<'_, '_>) {
    let words = WordPiece::read_file(vocabulary().to_str().unwrap()).unwrap();
    let ends = ["[SEP]", "[CLS]"].map(|token| (token.to_owned(), words[token]));
    let mut tokenizer = tokenizers::Tokenizer::new(WordPiece::builder().vocab(words).build().unwrap());
    let special = ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"];
    tokenizer.with_normalizer(Some(BertNormalizer::default())).unwrap().with_pre_tokenizer(Some(BertPreTokenizer));
    tokenizer.add_special_tokens(special.map(|token| tokenizers::AddedToken::from(token, true))).unwrap();
    let [sep, cls] = ends;
    tokenizer.with_post_processor(Some(BertProcessing::new(sep, cls)));
    counted(bencher, |text| {
        let mut encoding = tokenizer.encode_fast(text.as_str(), true).unwrap();
        encoding.truncate(512, 0, tokenizers::TruncationDirection::Right);
        encoding.len()
    });
}

#[divan::bench]
fn word_piece_load(bencher: Bencher<'_, '_>) {
    let files = TokenizerFiles::bare(VocabularyFiles::WordPiece(ModelFile::Disk(vocabulary())));
    bencher.bench_local(|| Tokenizer::load(&files, Limits { vocab_size: 30_522, max_length: 512 }).unwrap());
}

/// The files of `FINSENT_BENCH_TOKENIZERS`.
fn stored_files() -> Vec<String> {
    let files = std::env::var("FINSENT_BENCH_TOKENIZERS").unwrap_or_default();
    files.split_whitespace().map(ToOwned::to_owned).collect()
}

fn load_stored(file: &str) -> Tokenizer {
    let files = TokenizerFiles::bare(VocabularyFiles::Json(ModelFile::Disk(file.into())));
    Tokenizer::load(&files, Limits { vocab_size: 1 << 20, max_length: 512 }).unwrap()
}

fn load_stored_by_the_library(file: &str) -> tokenizers::Tokenizer {
    let mut tokenizer = tokenizers::Tokenizer::from_file(file).unwrap();
    tokenizer.with_padding(None).with_truncation(None).unwrap();
    tokenizer
}

#[divan::bench(args = stored_files())]
fn stored(bencher: Bencher<'_, '_>, file: &str) {
    let tokenizer = load_stored(file);
    counted(bencher, |text| tokenizer.encode(text).unwrap().len());
}

#[divan::bench(args = stored_files())]
fn stored_of_the_library(bencher: Bencher<'_, '_>, file: &str) {
    let tokenizer = load_stored_by_the_library(file);
    counted(bencher, |text| tokenizer.encode_fast(text.as_str(), true).unwrap().len());
}

#[divan::bench(args = stored_files())]
fn stored_load(bencher: Bencher<'_, '_>, file: &str) {
    bencher.bench_local(|| load_stored(file));
}

#[divan::bench(args = stored_files())]
fn stored_load_by_the_library(bencher: Bencher<'_, '_>, file: &str) {
    bencher.bench_local(|| load_stored_by_the_library(file));
}
