//! The prediction for a text does not depend on its batch.

use finsent_kernels::Precision;
use finsent_model::{ModelFiles, ModelOptions, PackedBatch, Pipeline, Prediction};

use crate::reference;

pub(crate) fn assert_same(alone: &Prediction, packed: &Prediction, context: &str) {
    assert_eq!(reference::probabilities(packed), reference::probabilities(alone), "{context}");
    assert_eq!((alone.tokens(), alone.truncated()), (packed.tokens(), packed.truncated()), "{context}");
}

#[test]
fn a_text_has_the_same_bits_alone_and_in_any_batch() {
    let cases = reference::mini_cases();
    let short = cases.iter().filter(|case| !case.text.is_empty() && case.input_ids.len() < 60);
    let truncated = cases.iter().find(|case| case.truncated == Some(true));
    let texts: Vec<&str> = short.chain(truncated).map(|case| case.text.as_str()).collect();
    let texts = reference::texts(&texts);
    let backward: Vec<usize> = (0..texts.len()).rev().collect();
    let shuffled_twice: Vec<usize> = (0..2 * texts.len()).map(|index| index * 37 % texts.len()).collect();
    for precision in Precision::ALL {
        let options = ModelOptions { precision, ..ModelOptions::default() };
        let pipeline =
            Pipeline::load(&ModelFiles::in_dir(&reference::mini(), &[]).unwrap(), &options, &reference::thread_pool())
                .unwrap();
        let alone: Vec<Prediction> =
            texts.iter().flat_map(|text| reference::classify(&pipeline, std::slice::from_ref(text))).collect();
        for order in [&backward, &shuffled_twice] {
            let batch: Vec<_> = order.iter().map(|&text| texts[text].clone()).collect();
            for (&text, packed) in order.iter().zip(reference::classify(&pipeline, &batch)) {
                assert_same(&alone[text], &packed, &format!("{precision}: {:?}", texts[text].as_str()));
            }
        }
    }
}

#[test]
fn an_id_outside_the_vocabulary_is_an_error() {
    let dir = reference::variant("f32");
    let encoder = reference::encoder(dir.path());
    let mut batch = PackedBatch::pack(&[finsent_model::Encoding {
        input_ids: vec![2, 5, 3],
        token_type_ids: vec![0; 3],
        truncated: false,
    }]);
    assert!(encoder.forward(&batch).is_ok());
    batch.input_ids[1] = 100_000;
    assert!(encoder.forward(&batch).is_err());
}

#[test]
fn no_texts_give_no_predictions() {
    let dir = reference::variant("f32");
    assert!(reference::classify(&reference::load(dir.path()), &[]).is_empty());
}
