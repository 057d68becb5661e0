//! Comparisons on real data, which is not in the repository. `FINSENT_TEST_DATA` is the directory with `data/` and
//! `models/`; `.ci/run` sets it if they exist.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use finsent_kernels::Precision;
use finsent_model::{ModelFiles, ModelOptions, Pipeline, Text};
use serde_json::Value;

use crate::precisions::Agreement;
use crate::reference;

fn test_data(path: &str) -> PathBuf {
    let root = std::env::var_os("FINSENT_TEST_DATA").expect("FINSENT_TEST_DATA is the directory of the data");
    PathBuf::from(root).join(path)
}

fn rows(path: &str) -> Vec<Value> {
    let lines = fs::read_to_string(test_data(path)).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
#[ignore = "needs the Financial PhraseBank, whose license does not allow a copy in the repository"]
fn mini_reaches_the_accuracy_in_its_model_card_on_the_phrasebank() {
    let rows = rows("data/fpb.jsonl");
    let pipeline = reference::load(&reference::mini());
    let texts: Vec<Text> = rows.iter().map(|row| Text::parse(row["text"].as_str().unwrap()).unwrap()).collect();
    let predictions = reference::classify(&pipeline, &texts);
    for (agreement, count, accuracy) in
        [(100, 2_264, "0.9289"), (75, 3_453, "0.8737"), (66, 4_217, "0.8333"), (50, 4_846, "0.7945")]
    {
        let is_right: Vec<bool> = rows
            .iter()
            .zip(&predictions)
            .filter(|(row, _)| row["agree"].as_str().unwrap().parse::<u32>().unwrap() >= agreement)
            .map(|(row, prediction)| row["label"] == prediction.label())
            .collect();
        let right = is_right.iter().filter(|&&right| right).count();
        assert_eq!(is_right.len(), count);
        assert_eq!(
            format!("{:.4}", right as f64 / count as f64),
            accuracy,
            "at least {agreement} % of the annotators agree"
        );
    }
}

#[test]
#[ignore = "needs 20,000 headlines and the exported tokenizers, which are not in the repository"]
fn real_headlines_have_the_ids_of_the_reference_tokenizers() {
    let headlines = rows("data/headlines_unlabelled.jsonl");
    assert_eq!(headlines.len(), 20_000);
    let articles = rows("data/longdocs_crypto_news.jsonl");
    for (model, reference) in
        [("ProsusAI--finbert", "tokenizer.reference.json"), ("yiyanghkust--finbert-tone", "tokenizer.json")]
    {
        let dir = test_data("models").join(model);
        let reference = tokenizers::Tokenizer::from_file(dir.join(reference)).unwrap();
        let file = |name| finsent_model::ModelFile::Disk(dir.join(name));
        let files = finsent_model::TokenizerFiles {
            vocabulary: finsent_model::VocabularyFiles::WordPiece(file("vocab.txt")),
            config: Some(file("tokenizer_config.json")),
            special_tokens: Some(file("special_tokens_map.json")),
            added_tokens: None,
        };
        let ours =
            finsent_model::Tokenizer::load(&files, finsent_model::Limits { vocab_size: 40_000, max_length: 512 })
                .unwrap();
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

/// The texts of all data, labeled and unlabeled.
fn real_texts() -> Vec<Text> {
    ["fpb", "headlines_unlabelled", "nano_finbert_phrases", "twitter_financial_news_validation"]
        .iter()
        .flat_map(|name| rows(&format!("data/{name}.jsonl")))
        .map(|row| Text::parse(row["text"].as_str().unwrap()).unwrap())
        .collect()
}

fn load_in(dir: &Path, precision: Precision, int8_margin: f32) -> Pipeline {
    let options = ModelOptions { precision, int8_margin, ..ModelOptions::default() };
    Pipeline::load(&ModelFiles::in_dir(dir, &[]).unwrap(), &options, &reference::thread_pool()).unwrap()
}

#[test]
#[ignore = "needs 2,000 headlines, which are not in the repository"]
fn real_headlines_have_the_same_bits_alone_and_in_random_batches() {
    let texts: Vec<Text> = rows("data/headlines_unlabelled.jsonl")
        .iter()
        .step_by(10)
        .map(|row| Text::parse(row["text"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(texts.len(), 2_000);
    for precision in Precision::ALL {
        let pipeline = load_in(&reference::mini(), precision, ModelOptions::default().int8_margin);
        let alone: Vec<Vec<f32>> = texts
            .iter()
            .map(|text| reference::probabilities(&reference::classify(&pipeline, std::slice::from_ref(text))[0]))
            .collect();
        // Batches of 1 to 64 texts, drawn by a stride that visits all texts.
        let order: Vec<usize> = (0..texts.len()).map(|index| index * 1_237 % texts.len()).collect();
        let mut start = 0;
        for size in (1..=64).cycle() {
            let batch = &order[start..order.len().min(start + size)];
            let together: Vec<Text> = batch.iter().map(|&text| texts[text].clone()).collect();
            for (&text, prediction) in batch.iter().zip(reference::classify(&pipeline, &together)) {
                assert_eq!(
                    reference::probabilities(&prediction),
                    alone[text],
                    "{precision}: {:?}",
                    texts[text].as_str()
                );
            }
            start += batch.len();
            if start == order.len() {
                break;
            }
        }
    }
}

/// Articles, cut into pieces of 200 words, which have more than 200 tokens.
fn long_texts() -> Vec<Text> {
    let articles = rows("data/longdocs_crypto_news.jsonl");
    let pieces = articles.iter().flat_map(|row| {
        let words: Vec<&str> = row["text"].as_str().unwrap().split_whitespace().collect();
        words.chunks_exact(200).map(|words| words.join(" ")).collect::<Vec<_>>()
    });
    pieces.map(|piece| Text::parse(piece).unwrap()).collect()
}

/// Prints figures for docs/benchmarks.md: the agreement with f32, the largest difference, and the share of texts that
/// are computed again. It reads every eighth text, or every `FINSENT_TEST_EVERY`-th: all of them take minutes in a test
/// build.
#[test]
#[ignore = "needs the datasets and finsent-mini-2-source, which are not in the repository"]
fn labels_of_the_other_precisions_agree_with_those_of_f32() {
    let every = std::env::var("FINSENT_TEST_EVERY").map_or(8, |every| every.parse().unwrap());
    report_agreement(&real_texts().into_iter().step_by(every).collect::<Vec<_>>(), [0.997, 0.99, 0.998]);
}

#[test]
#[ignore = "needs the datasets and finsent-mini-2-source, which are not in the repository"]
fn labels_of_long_texts_in_the_other_precisions_agree_with_those_of_f32() {
    report_agreement(&long_texts(), [0.99, 0.98, 0.99]);
}

/// `least` are the least shares of texts that have the label of f32, in bf16, in int8, and in int8 with a second pass.
fn report_agreement(texts: &[Text], least: [f64; 3]) {
    let dir = tempfile::tempdir().unwrap();
    for name in ["vocab.txt", "tokenizer_config.json", "special_tokens_map.json"] {
        fs::copy(reference::mini().join(name), dir.path().join(name)).unwrap();
    }
    for name in ["config.json", "model.safetensors"] {
        fs::copy(test_data("models/finsent-mini-2-source").join(name), dir.path().join(name)).unwrap();
    }
    let margin = ModelOptions::default().int8_margin;
    let mut report = std::io::stderr();
    let exact = reference::classify(&load_in(dir.path(), Precision::F32, 0.0), texts);
    let formats =
        [("bf16", Precision::Bf16, 0.0), ("int8", Precision::Int8, 0.0), ("int8, escalated", Precision::Int8, margin)];
    for ((name, precision, int8_margin), least) in formats.into_iter().zip(least) {
        let found = reference::classify(&load_in(dir.path(), precision, int8_margin), texts);
        let Agreement { same_label, largest_difference, mean_difference } = Agreement::of(&exact, &found);
        let (texts, same) = (texts.len(), same_label * 100.0);
        let difference = format!("{largest_difference:.4} at most, {mean_difference:.5} on average");
        writeln!(report, "{name}: {texts} texts, {same:.3} % same label, {difference}").unwrap();
        if precision == Precision::Int8 && int8_margin == 0.0 {
            let again = found.iter().filter(|prediction| prediction.margin() < margin).count();
            writeln!(report, "margin {margin}: {:.2} % computed again", again as f64 / texts as f64 * 100.0).unwrap();
        }
        assert!(same_label >= least, "{name}: {same_label}");
    }
}
