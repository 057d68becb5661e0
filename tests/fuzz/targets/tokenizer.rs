//! The tokeniser's files: tokenizer.json, vocab.txt, vocab.json with merges.txt, each with the settings beside it. What
//! loads makes tokens of a few texts.
//!
//! The first byte says which files the rest is, a zero byte where one ends and the next begins.
#![no_main]

use std::path::{Path, PathBuf};

use finsent::{Limits, ModelFile, Text, Tokenizer, TokenizerFiles};
use libfuzzer_sys::fuzz_target;

const TEXTS: [&str; 3] = ["Profit rose 12 % to EUR 1.3m", "\u{1f680} \u{5229}\u{76ca} a\u{301}", "a a a a a a a a a a a"];

fn file(name: &str, bytes: &[u8]) -> ModelFile {
    let path: PathBuf = Path::new("/dev/shm").join(format!("finsent-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("there is room");
    ModelFile::Disk(path)
}

/// The library's panics are caught and become errors; one that is not caught still ends the run.
fn be_silent() {
    std::panic::set_hook(Box::new(|_| {}));
}

fuzz_target!(init: be_silent(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let mut next = || parts.next().unwrap_or_default();
    let files = match kind % 3 {
        0 => TokenizerFiles::Json { tokenizer: file("tokenizer.json", next()), config: Some(file("config", next())) },
        1 => TokenizerFiles::WordPiece {
            vocab: file("vocab.txt", next()),
            config: Some(file("config", next())),
            special_tokens: Some(file("special", next())),
        },
        _ => TokenizerFiles::ByteLevel {
            vocab: file("vocab.json", next()),
            merges: file("merges.txt", next()),
            config: Some(file("config", next())),
            special_tokens: None,
        },
    };
    let Ok(tokenizer) = Tokenizer::load(&files, Limits { vocab_size: 100_000, max_length: 16 }) else { return };
    for text in TEXTS {
        let text = Text::parse(text).expect("it is a text");
        if let Ok(encoding) = tokenizer.encode(&text) {
            assert!(encoding.len() <= 16, "the window is kept");
        }
    }
});
