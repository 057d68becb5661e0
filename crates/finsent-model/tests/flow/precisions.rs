//! bf16 and int8 against f32.

use finsent_kernels::Precision;
use finsent_model::{ModelFiles, ModelOptions, Pipeline, Prediction, Text};

use crate::reference::{self, Case};

fn load(dir: &std::path::Path, precision: Precision, int8_margin: f32) -> Pipeline {
    let options = ModelOptions { precision, int8_margin, ..ModelOptions::default() };
    Pipeline::load(&ModelFiles::in_dir(dir, &[]).unwrap(), &options, &reference::thread_pool()).unwrap()
}

/// The agreement of predictions with those of f32.
pub(crate) struct Agreement {
    pub(crate) same_label: f64,
    pub(crate) largest_difference: f64,
    pub(crate) mean_difference: f64,
}

impl Agreement {
    pub(crate) fn of(exact: &[Prediction], found: &[Prediction]) -> Self {
        let pairs = || exact.iter().zip(found);
        let same = pairs().filter(|(exact, found)| exact.label() == found.label()).count();
        let difference = |(exact, found): (&Prediction, &Prediction)| {
            let exact: Vec<f64> = reference::probabilities(exact).into_iter().map(f64::from).collect();
            reference::distance(&reference::probabilities(found), &exact)
        };
        Self {
            same_label: same as f64 / exact.len() as f64,
            largest_difference: pairs().map(difference).fold(0.0, f64::max),
            mean_difference: pairs().map(difference).sum::<f64>() / exact.len() as f64,
        }
    }
}

fn predictions(pipeline: &Pipeline) -> Vec<Prediction> {
    let cases = reference::mini_cases();
    let quick = |case: &&Case| !case.text.trim().is_empty() && case.input_ids.len() < 200;
    let texts: Vec<&str> = cases.iter().filter(quick).map(|case| case.text.as_str()).collect();
    reference::classify(pipeline, &reference::texts(&texts))
}

#[test]
fn every_precision_is_close_to_f32() {
    let exact = predictions(&load(&reference::mini(), Precision::F32, 0.0));
    for (precision, bound) in [(Precision::Bf16, 0.02), (Precision::Int8, 0.06)] {
        let agreement = Agreement::of(&exact, &predictions(&load(&reference::mini(), precision, 0.0)));
        assert!(agreement.largest_difference <= bound, "{precision}: {:e}", agreement.largest_difference);
        assert!(agreement.largest_difference > 0.0, "{precision} gives exactly the results of f32");
    }
}

/// With mini, because its weights are int8 already: only the activations differ.
#[test]
fn a_text_with_a_small_margin_is_computed_again_with_f32_activations() {
    let exact = predictions(&load(&reference::mini(), Precision::F32, 0.0));
    let always = predictions(&load(&reference::mini(), Precision::Int8, 1.0));
    let agreement = Agreement::of(&exact, &always);
    assert!(agreement.largest_difference < 1e-5, "{:e}", agreement.largest_difference);

    let never = predictions(&load(&reference::mini(), Precision::Int8, 0.0));
    let margin = 0.9;
    let some = predictions(&load(&reference::mini(), Precision::Int8, margin));
    let mut escalated = 0;
    for ((never, always), some) in never.iter().zip(&always).zip(&some) {
        let expected = if never.margin() < margin { always } else { never };
        assert_eq!(reference::probabilities(some), reference::probabilities(expected));
        escalated += usize::from(never.margin() < margin);
    }
    assert!((1..never.len()).contains(&escalated), "{escalated} of {}", never.len());
}

#[test]
fn every_container_runs_in_every_precision() {
    for name in reference::small_cases().keys() {
        let dir = reference::variant(name);
        for precision in Precision::ALL {
            let prediction =
                &reference::classify(&load(dir.path(), precision, 0.0), &[Text::parse("profit").unwrap()])[0];
            assert!(reference::probabilities(prediction).iter().all(|p| p.is_finite()), "{name} {precision}");
        }
    }
}
