//! The file of a sentencepiece model. A tokenizer that loads tokenizes a few texts.
//!
//! The first byte says which class of tokenizer the file belongs to.
#![no_main]

use finsent_fuzz::scratch_path;
use finsent_model::{
    Limits, ModelFile, SENTENCE_PIECE_FILES, Text, Tokenizer, TokenizerFiles, VocabularyFiles, silence_caught_panics,
};
use libfuzzer_sys::fuzz_target;

const TEXTS: [&str; 4] =
    ["Profit rose 12 % to EUR 1.3m", "\u{1f680} \u{5229}\u{76ca} a\u{301}", "``x'' <s>[MASK]</s>", "a a a a a a a a a a"];

// Panics of the tokenizers library are caught and become errors. Any other one ends the run.
fuzz_target!(init: silence_caught_panics(), |bytes: &[u8]| {
    let Some((&kind, bytes)) = bytes.split_first() else { return };
    let name = SENTENCE_PIECE_FILES[usize::from(kind) % SENTENCE_PIECE_FILES.len()];
    // The name of the file decides the class if no settings do.
    let directory = scratch_path("sentence-piece");
    std::fs::create_dir_all(&directory).expect("there is room in /dev/shm");
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("there is room in /dev/shm");
    let files = TokenizerFiles::bare(VocabularyFiles::SentencePiece(ModelFile::Disk(path)));
    let loaded = Tokenizer::load(&files, Limits { vocab_size: 100_000, max_length: 16 });
    std::fs::remove_dir_all(&directory).expect("the directory is that of this process");
    let Ok(tokenizer) = loaded else { return };
    for text in TEXTS {
        let text = Text::parse(text).expect("the text is valid");
        if let Ok(encoding) = tokenizer.encode(&text) {
            assert!(encoding.len() <= 16, "the window is respected");
        }
    }
});
