//! Documents: sentences, windows, and the prediction for the whole.

use finsent_model::{
    Aggregate, Classification, ClassifyError, Document, Granularity, OVERLAP, Pipeline, Prediction, Text,
};

use crate::{checkpoints, reference};

/// Sentences of different lengths, one of them longer than the small models' window of 48 tokens.
fn report() -> String {
    let long = "Sales of pumps, valves and seals rose in every region that the group reports on, and ".repeat(12);
    format!("Nordvik Corp. raised its outlook.\n\nCosts fell. {long}so did profit. Löhne stiegen 📈. Is it enough?")
}

fn documents(pipeline: &Pipeline, texts: &[&Text], aggregate: Aggregate) -> Vec<Document> {
    fallible_documents(pipeline, texts, aggregate).into_iter().map(Result::unwrap).collect()
}

fn fallible_documents(
    pipeline: &Pipeline,
    texts: &[&Text],
    aggregate: Aggregate,
) -> Vec<Result<Document, ClassifyError>> {
    pipeline.classify_documents(texts, aggregate)
}

fn alone(pipeline: &Pipeline, text: &str) -> Prediction {
    reference::classify(pipeline, &reference::texts(&[text])).remove(0)
}

#[test]
fn a_text_that_fits_is_one_window_with_the_ids_of_encode() {
    let mut fitting = 0;
    for dir in [reference::mini(), reference::file("roberta"), reference::file("distilbert")] {
        let tokenizer = reference::tokenizer(&dir);
        for case in reference::mini_cases().iter().filter(|case| !case.text.trim().is_empty()) {
            let encoding = tokenizer.encode(&Text::parse(case.text.as_str()).unwrap()).unwrap();
            let windows = tokenizer.windows(&case.text).unwrap();
            assert!(windows.encodings.iter().all(|window| !window.truncated && window.len() <= tokenizer.max_length()));
            assert_eq!(windows.encodings.len() > 1, encoding.truncated, "{:?}", case.text);
            if !encoding.truncated {
                assert_eq!((windows.tokens, &windows.encodings[0]), (encoding.len(), &encoding), "{:?}", case.text);
                fitting += 1;
            }
        }
    }
    assert!(fitting > 20, "{fitting} texts fit");
}

#[test]
fn windows_cover_all_tokens_in_order_and_overlap() {
    for dir in [reference::mini(), reference::file("roberta")] {
        let tokenizer = reference::tokenizer(&dir);
        let special = 2;
        let room = tokenizer.max_length() - special;
        let text: String = (0..2000).map(|number| format!("{number} ")).collect();
        // Words tokenized one by one have the tokens of the whole.
        let whole: Vec<u32> = (0..2000)
            .flat_map(|number| {
                let piece =
                    if number == 0 || dir == reference::mini() { format!("{number}") } else { format!(" {number}") };
                let ids = tokenizer.encode(&Text::parse(piece).unwrap()).unwrap().input_ids;
                ids[1..ids.len() - 1].to_vec()
            })
            .collect();
        let windows = tokenizer.windows(text.trim_end()).unwrap();
        assert_eq!(windows.tokens, whole.len() + special);
        let (mut at, mut end) = (0, 0);
        for window in &windows.encodings {
            let ids = &window.input_ids[1..window.len() - 1];
            assert_eq!(ids.len(), room);
            assert_eq!(window.token_type_ids.len(), window.len());
            let start = (at..=end).find(|&start| whole[start..].starts_with(ids)).unwrap();
            assert!(end == 0 || end - start >= room / OVERLAP, "{} shared", end - start);
            (at, end) = (start + 1, start + room);
        }
        assert_eq!(end, whole.len());
    }
}

#[test]
fn megabytes_of_text_are_read_in_windows() {
    let tokenizer = reference::tokenizer(&reference::mini());
    let words = tokenizer.windows(&"profit ".repeat(150_000)).unwrap();
    assert_eq!(words.tokens, 150_002);
    assert!(words.encodings.len() > 150_000 / 510);
    // A word of more than 100 letters is one token.
    assert_eq!(tokenizer.windows(&"a".repeat(1_000_000)).unwrap().tokens, 3);
    assert_eq!(tokenizer.windows(&".".repeat(1_000_000)).unwrap().tokens, 1_000_002);
}

#[test]
fn a_sentence_has_the_same_bits_alone_and_in_a_document() {
    for dir in [reference::mini(), reference::file("roberta")] {
        let pipeline = reference::load(&dir);
        let text =
            Text::parse("Net sales rose 5% in the U.S. The board is pleased. ".repeat(100) + "Costs fell!").unwrap();
        let document = documents(&pipeline, &[&text], Aggregate::TokenWeighted).remove(0);
        assert_eq!(document.sentences().len(), 201);
        for sentence in document.sentences() {
            assert_eq!(sentence.text(), &text.as_str()[sentence.bytes()]);
            assert_eq!((sentence.windows(), sentence.prediction()), (1, &alone(&pipeline, sentence.text())));
        }
        assert!(document.prediction().tokens() > 2_000, "{}", document.prediction().tokens());
    }
}

#[test]
fn a_long_sentence_is_the_weighted_mean_of_its_windows() {
    let pipeline = reference::load(&reference::file("roberta"));
    let report = Text::parse(report()).unwrap();
    let document = documents(&pipeline, &[&report], Aggregate::Mean).remove(0);
    let long = document.sentences().iter().max_by_key(|sentence| sentence.text().len()).unwrap();
    let tokens = reference::tokenizer(&reference::file("roberta")).windows(long.text()).unwrap();
    assert_eq!((long.windows(), long.prediction().tokens()), (tokens.encodings.len(), tokens.tokens));
    assert!(long.windows() > 3 && !long.prediction().truncated());
    assert_eq!(document.windows(), document.sentences().len() - 1 + long.windows());
}

#[test]
fn a_document_is_the_weighted_or_the_plain_mean_of_its_sentences() {
    let pipeline = reference::load(&reference::mini());
    let report = Text::parse(report()).unwrap();
    for aggregate in [Aggregate::TokenWeighted, Aggregate::Mean] {
        let document = documents(&pipeline, &[&report], aggregate).remove(0);
        let (mut sums, mut weights) = (vec![0.0; 3], 0.0);
        for sentence in document.sentences() {
            let weight = if aggregate == Aggregate::Mean { 1.0 } else { sentence.prediction().tokens() as f64 };
            weights += weight;
            for (sum, (_, probability)) in sums.iter_mut().zip(sentence.prediction().scores()) {
                *sum += weight * f64::from(probability);
            }
        }
        let expected: Vec<f64> = sums.iter().map(|sum| sum / weights).collect();
        assert!(reference::distance(&reference::probabilities(document.prediction()), &expected) < 1e-7);
        assert_eq!(document.sentences().len(), 5, "{document:?}");
    }
}

#[test]
fn a_document_does_not_depend_on_its_batch() {
    let pipeline = reference::load(&reference::file("roberta"));
    let texts = reference::texts(&[report(), "Sales rose.".into(), report().repeat(2), "\0 \0".into()]);
    let together = documents(&pipeline, &texts.iter().collect::<Vec<_>>(), Aggregate::default());
    for (text, document) in texts.iter().zip(&together) {
        assert_eq!(&documents(&pipeline, &[text], Aggregate::default())[0], document);
    }
    let sentences = pipeline.classify_all(&[&texts[0]], Granularity::Sentence).remove(0).unwrap();
    assert_eq!(sentences, Classification::Sentences(together[0].sentences().to_vec()));
    assert!(pipeline.classify_all(&[], Granularity::Sentence).is_empty());
}

#[test]
fn the_labels_of_a_multi_label_model_stay_independent_in_documents() {
    let dir = reference::variant("multi_label");
    let pipeline = reference::load(dir.path());
    let document = documents(&pipeline, &[&Text::parse(report()).unwrap()], Aggregate::TokenWeighted).remove(0);
    let sum: f32 = reference::probabilities(document.prediction()).iter().sum();
    assert!((sum - 1.0).abs() > 0.01, "{sum}");
}

#[test]
fn a_sentence_that_fails_fails_its_document_and_no_other() {
    let dir = reference::variant("f32");
    let path = dir.path().join("model.safetensors");
    let mut tensors = checkpoints::read(&path);
    // Only the last word of the vocabulary uses the last row of the word embeddings.
    let words = tensors.get_mut("bert.embeddings.word_embeddings.weight").unwrap();
    let length = words.data.len();
    words.data[length - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    checkpoints::write(&path, &tensors);
    let vocab = std::fs::read_to_string(dir.path().join("vocab.txt")).unwrap();
    let damaged = vocab.lines().last().unwrap();

    let texts =
        reference::texts(&["Profit rose. A loss.", &format!("Profit.\n\n{damaged}\n\nLoss."), "A loss. Profit."]);
    let pipeline = reference::load(dir.path());
    let documents_or_errors = fallible_documents(&pipeline, &texts.iter().collect::<Vec<_>>(), Aggregate::default());
    assert!(documents_or_errors[1].as_ref().unwrap_err().to_string().contains("not a finite number"));
    for index in [0, 2] {
        let alone = documents(&pipeline, &[&texts[index]], Aggregate::default()).remove(0);
        assert_eq!(documents_or_errors[index].as_ref().unwrap(), &alone);
    }
}
