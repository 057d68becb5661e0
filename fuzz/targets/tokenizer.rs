//! The tokenizer's files: tokenizer.json, vocab.txt, vocab.json with merges.txt, each with its settings. A tokenizer that
//! loads tokenizes a few texts.
//!
//! The first byte says which files the rest holds; a zero byte separates them.
#![no_main]

use finsent_fuzz::scratch_file;
use finsent_model::{Limits, ModelFile, Text, Tokenizer, TokenizerFiles, VocabularyFiles, silence_caught_panics};
use libfuzzer_sys::fuzz_target;

const TEXTS: [&str; 3] = ["Profit rose 12 % to EUR 1.3m", "\u{1f680} \u{5229}\u{76ca} a\u{301}", "a a a a a a a a a a a"];

fn file(name: &str, bytes: &[u8]) -> ModelFile {
    ModelFile::Disk(scratch_file(name, bytes))
}

// Panics of the tokenizers library are caught and become errors. Any other one ends the run.
fuzz_target!(init: silence_caught_panics(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let mut parts = bytes.splitn(5, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let vocabulary = match kind % 3 {
        0 => VocabularyFiles::Json(file("tokenizer.json", next())),
        1 => VocabularyFiles::WordPiece(file("vocab.txt", next())),
        _ => VocabularyFiles::ByteLevel { vocab: file("vocab.json", next()), merges: file("merges.txt", next()) },
    };
    let mut settings = |name: &str| parts.next().map(|bytes| file(name, bytes));
    let files = TokenizerFiles {
        vocabulary,
        config: settings("config"),
        special_tokens: settings("special"),
        added_tokens: settings("added"),
    };
    let Ok(tokenizer) = Tokenizer::load(&files, Limits { vocab_size: 100_000, max_length: 16 }) else { return };
    for text in TEXTS {
        let text = Text::parse(text).expect("the text is valid");
        if let Ok(encoding) = tokenizer.encode(&text) {
            assert!(encoding.len() <= 16, "the window is respected");
        }
    }
});
