//! Comparisons on real data that is not in the repository. `FINSENT_TEST_DATA` names the directory that holds `data/`
//! and `models/`; `.ci/run` sets it where they are there.

use std::fs;
use std::path::PathBuf;

use finsent::Text;
use serde_json::Value;

use crate::golden;

fn test_data(path: &str) -> PathBuf {
    let root = std::env::var_os("FINSENT_TEST_DATA").expect("FINSENT_TEST_DATA names the directory of the data");
    PathBuf::from(root).join(path)
}

fn rows(path: &str) -> Vec<Value> {
    let lines = fs::read_to_string(test_data(path)).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
#[ignore = "needs the Financial PhraseBank, whose licence keeps it out of the repository"]
fn mini_has_the_accuracy_of_its_model_card_on_the_phrasebank() {
    let rows = rows("data/fpb.jsonl");
    let pipeline = golden::load(&golden::mini());
    let texts: Vec<Text> = rows.iter().map(|row| Text::parse(row["text"].as_str().unwrap()).unwrap()).collect();
    let verdicts = golden::classify(&pipeline, &texts);
    for (agreement, count, accuracy) in
        [(100, 2_264, "0.8732"), (75, 3_453, "0.8231"), (66, 4_217, "0.7788"), (50, 4_846, "0.7505")]
    {
        let judged: Vec<bool> = rows
            .iter()
            .zip(&verdicts)
            .filter(|(row, _)| row["agree"].as_str().unwrap().parse::<u32>().unwrap() >= agreement)
            .map(|(row, verdict)| row["label"] == verdict.label())
            .collect();
        let right = judged.iter().filter(|&&right| right).count();
        assert_eq!(judged.len(), count);
        assert_eq!(format!("{:.4}", right as f64 / count as f64), accuracy, "at least {agreement} % agree");
    }
}

#[test]
#[ignore = "needs 20,000 headlines and the exported tokenisers, which are not in the repository"]
fn real_headlines_have_the_ids_of_the_reference_tokenisers() {
    let headlines = rows("data/headlines_unlabelled.jsonl");
    assert_eq!(headlines.len(), 20_000);
    let articles = rows("data/longdocs_crypto_news.jsonl");
    for (model, reference) in
        [("ProsusAI--finbert", "tokenizer.reference.json"), ("yiyanghkust--finbert-tone", "tokenizer.json")]
    {
        let dir = test_data("models").join(model);
        let reference = tokenizers::Tokenizer::from_file(dir.join(reference)).unwrap();
        let file = |name| finsent::ModelFile::Disk(dir.join(name));
        let files = finsent::TokenizerFiles::WordPiece {
            vocab: file("vocab.txt"),
            config: Some(file("tokenizer_config.json")),
            special_tokens: Some(file("special_tokens_map.json")),
        };
        let ours = finsent::Tokenizer::load(&files, finsent::Limits { vocab_size: 40_000, max_length: 512 }).unwrap();
        for row in headlines.iter().chain(&articles) {
            let text = row["text"].as_str().unwrap();
            let expected = reference.encode(text, true).unwrap();
            let encoding = ours.encode(&Text::parse(text).unwrap()).unwrap();
            let kept = encoding.len() - 1;
            assert_eq!(encoding.input_ids[..kept], expected.get_ids()[..kept], "{text:?}");
            assert_eq!(encoding.truncated, expected.len() > 512, "{text:?}");
            assert_eq!(encoding.len(), expected.len().min(512), "{text:?}");
        }
    }
}

/// The bound that the packing tests assert, on every sentence of a real corpus and in large passes.
#[test]
#[ignore = "needs the Financial PhraseBank, whose licence keeps it out of the repository"]
fn real_sentences_answer_alone_as_in_company() {
    let rows = rows("data/fpb.jsonl");
    let pipeline = golden::load(&golden::mini());
    let texts: Vec<Text> =
        rows.iter().step_by(4).map(|row| Text::parse(row["text"].as_str().unwrap()).unwrap()).collect();
    let mut largest = 0f64;
    for (text, packed) in texts.iter().zip(golden::classify(&pipeline, &texts)) {
        let alone = &golden::classify(&pipeline, std::slice::from_ref(text))[0];
        let alone: Vec<f64> = golden::probabilities(alone).into_iter().map(f64::from).collect();
        largest = largest.max(golden::distance(&golden::probabilities(&packed), &alone));
    }
    assert!(largest <= 1e-6, "{largest:e}");
}
