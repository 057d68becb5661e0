//! Explanations: the weights of words and sentences, compared with predictions of the texts without them.

use std::num::NonZero;
use std::sync::{Arc, OnceLock};

use finsent_kernels::{ComputeThreads, Precision};
use finsent_model::{
    Aggregate, Classification, ClassifyError, ExplainError, ExplainMethod, ExplainOptions, Explanation, Granularity,
    ModelFiles, ModelOptions, Pipeline, Text,
};

use crate::reference;

const HEADLINE: &str = "Shares of Nordvik plunged 12%, although sales rose.";

fn load(pool: &Arc<ComputeThreads>) -> Pipeline {
    let files = ModelFiles::in_dir(&reference::mini(), &[]).unwrap();
    Pipeline::load(&files, &ModelOptions { precision: Precision::Int8, ..ModelOptions::default() }, pool).unwrap()
}

fn mini() -> &'static Pipeline {
    static MINI: OnceLock<Pipeline> = OnceLock::new();
    MINI.get_or_init(|| load(&reference::thread_pool()))
}

fn options(method: ExplainMethod, label: Option<&str>) -> ExplainOptions {
    ExplainOptions { method, label: label.map(Into::into), ..ExplainOptions::default() }
}

fn explain_by(
    pipeline: &Pipeline,
    text: &str,
    granularity: Granularity,
    options: &ExplainOptions,
) -> Result<(Classification, Explanation), ClassifyError> {
    let text = Text::parse(text).unwrap();
    let classification = pipeline.classify_all(&[&text], granularity).remove(0)?;
    let explanation = pipeline.explain(&text, &classification, granularity, options)?;
    Ok((classification, explanation))
}

fn explain(text: &str, method: ExplainMethod) -> Explanation {
    explain_by(mini(), text, Granularity::Text, &options(method, None)).unwrap().1
}

fn explain_document(text: &str, method: ExplainMethod) -> (f32, Explanation) {
    let granularity = Granularity::Document(Aggregate::TokenWeighted);
    let (classification, explanation) = explain_by(mini(), text, granularity, &options(method, None)).unwrap();
    let Classification::Document(document) = classification else { panic!("a document was asked for") };
    (document.prediction().score(), explanation)
}

/// The probability of a label of mini.
fn probability(text: &str, label: &str) -> f32 {
    let prediction = mini().classify(&[&Text::parse(text).unwrap()]).remove(0).unwrap();
    prediction.scores().find(|(name, _)| *name == label).unwrap().1
}

fn refusal(text: &str, granularity: Granularity, options: &ExplainOptions) -> ExplainError {
    match explain_by(mini(), text, granularity, options) {
        Err(ClassifyError::Explain(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// What an explanation says of a word is what the model says of the text without it.
#[test]
fn occlusion_is_the_difference_to_the_text_without_the_word() {
    let explanation = explain(HEADLINE, ExplainMethod::Occlusion);
    let words: Vec<&str> = explanation.words().iter().map(|word| word.text()).collect();
    assert_eq!(words, ["Shares", "of", "Nordvik", "plunged", "12%", "although", "sales", "rose"]);
    assert_eq!((explanation.label(), explanation.passes()), ("negative", 9));
    for (word, without) in explanation.words().iter().zip([
        "of Nordvik plunged 12%, although sales rose.",
        "Shares Nordvik plunged 12%, although sales rose.",
        "Shares of plunged 12%, although sales rose.",
        "Shares of Nordvik 12%, although sales rose.",
        "Shares of Nordvik plunged although sales rose.",
        "Shares of Nordvik plunged 12%, sales rose.",
        "Shares of Nordvik plunged 12%, although rose.",
        "Shares of Nordvik plunged 12%, although sales",
    ]) {
        assert_eq!(&HEADLINE[word.bytes()], word.text());
        let expected = f64::from(explanation.score()) - f64::from(probability(without, "negative"));
        assert_eq!(word.weight(), expected as f32, "{without}");
    }
}

#[test]
fn shapley_values_add_up_to_the_score_minus_the_base() {
    let long = format!("{HEADLINE} Analysts of three banks had expected the opposite of both, as the market had.");
    let report = format!("{long} The board meets on Monday. It proposes no dividend.");
    for (text, is_estimate) in [("Plunged", false), (HEADLINE, false), (&long, true)] {
        let explanation = explain(text, ExplainMethod::Shapley);
        let sum: f32 = explanation.words().iter().map(|word| word.weight()).sum();
        assert!((sum - (explanation.score() - explanation.base())).abs() < 1e-5, "{text}: {explanation:?}");
        assert_eq!(explanation.score(), probability(text, explanation.label()));
        assert_eq!(explanation.standard_error().is_some(), is_estimate);
        assert!(explanation.standard_error().is_none_or(|error| error < 0.1) && explanation.passes() <= 512);
    }
    let (score, explanation) = explain_document(&report, ExplainMethod::Shapley);
    let sentences = explanation.sentences().unwrap();
    let sum: f32 = sentences.iter().map(|sentence| sentence.weight()).sum();
    assert!((sum - (score - explanation.base())).abs() < 1e-5, "{explanation:?}");
    assert!(explanation.passes() <= 512);
}

#[test]
fn the_words_of_a_document_are_of_its_strongest_sentences() {
    let text = format!("The board meets on Monday. {HEADLINE} Costs rose by 3%. It was Tuesday. Profit fell.");
    for method in ExplainMethod::ALL {
        let (_, explanation) = explain_document(&text, method);
        let sentences = explanation.sentences().unwrap();
        assert_eq!(sentences.len(), 5);
        let with_words: Vec<_> = sentences
            .iter()
            .filter(|sentence| explanation.words().iter().any(|word| sentence.bytes().contains(&word.bytes().start)))
            .collect();
        assert_eq!(with_words.len(), 3);
        let weakest = with_words.iter().map(|sentence| sentence.weight().abs()).fold(f32::MAX, f32::min);
        let stronger = sentences.iter().filter(|sentence| sentence.weight().abs() >= weakest).count();
        assert_eq!(stronger, 3, "{explanation:?}");
        if method == ExplainMethod::Shapley {
            let words = explanation.words().iter().filter(|word| with_words[0].bytes().contains(&word.bytes().start));
            let sum: f32 = words.map(|word| word.weight()).sum();
            assert!((sum - with_words[0].weight()).abs() < 1e-5, "{sum} {explanation:?}");
        }
    }
}

#[test]
fn an_explanation_is_the_same_with_any_number_of_threads() {
    let one = load(&Arc::new(ComputeThreads::new(NonZero::new(1)).unwrap()));
    for (granularity, text) in [
        (Granularity::Text, HEADLINE.into()),
        (Granularity::Document(Aggregate::Mean), format!("Costs fell. {HEADLINE}")),
    ] {
        let of = |pipeline| explain_by(pipeline, &text, granularity, &ExplainOptions::default()).unwrap().1;
        assert_eq!(of(&one), of(mini()));
    }
}

#[test]
fn any_label_can_be_explained_and_an_unknown_one_is_refused_with_the_known_ones() {
    let of_label =
        |label| explain_by(mini(), HEADLINE, Granularity::Text, &options(ExplainMethod::Occlusion, Some(label)));
    let explanation = of_label("Positive").unwrap().1;
    assert_eq!(explanation.label(), "positive");
    assert_eq!(explanation.score(), probability(HEADLINE, "positive"));
    let refused = of_label("optimistic").unwrap_err().to_string();
    assert_eq!(refused, "no label `optimistic` to explain; the labels are positive, negative, neutral");
}

#[test]
fn a_text_with_too_many_words_for_the_passes_is_refused_with_the_number_that_it_takes() {
    let options = ExplainOptions { passes: 5, ..options(ExplainMethod::Occlusion, None) };
    assert_eq!(
        refusal(HEADLINE, Granularity::Text, &options).to_string(),
        "the text has 8 words, for which occlusion takes at least 9 passes, and 5 are allowed"
    );
    let none = ExplainOptions { passes: 0, ..options.clone() };
    assert!(matches!(
        refusal(HEADLINE, Granularity::Document(Aggregate::Mean), &none),
        ExplainError::TooFewPasses { needed: 1, .. }
    ));
    assert!(matches!(refusal(HEADLINE, Granularity::Sentence, &options), ExplainError::Sentences));
}

/// The model reads the beginning of a long text only, so only words of the beginning are explained.
#[test]
fn a_text_that_is_longer_than_the_window_has_the_words_of_the_window() {
    let files = ModelFiles::in_dir(&reference::mini(), &[]).unwrap();
    let options = ModelOptions { max_length: Some(40), ..ModelOptions::default() };
    let model = Pipeline::load(&files, &options, &reference::thread_pool()).unwrap();
    let document = Granularity::Document(Aggregate::Mean);
    let few = ExplainOptions { passes: 100, ..ExplainOptions::default() };
    let occlusion = ExplainOptions { method: ExplainMethod::Occlusion, ..few.clone() };
    let text = "Profit rose in every region. ".repeat(30);
    let (_, explanation) = explain_by(&model, &text, Granularity::Text, &occlusion).unwrap();
    assert!((30..38).contains(&explanation.words().len()), "{}", explanation.words().len());
    let refused = explain_by(&model, &text, Granularity::Text, &few).unwrap_err().to_string();
    assert!(refused.contains("shapley takes at least 1") && refused.contains("100 are allowed"), "{refused}");
    let (_, explanation) = explain_by(&model, &text, document, &few).unwrap();
    assert_eq!((explanation.sentences().unwrap().len(), explanation.words().len()), (30, 15));
    let endless = "profit rose ".repeat(100);
    let (_, explanation) = explain_by(&model, &endless, document, &occlusion).unwrap();
    assert_eq!((explanation.sentences().unwrap().len(), explanation.words().len()), (1, 0));
}

#[test]
fn offsets_are_those_of_the_text_with_its_html() {
    let given = "<p>AT&amp;T plunged</p> today";
    let text = Text::parse(given).unwrap().unescape_html().unwrap().unwrap();
    for granularity in [Granularity::Text, Granularity::Document(Aggregate::Mean)] {
        let classification = mini().classify_all(&[&text], granularity).remove(0).unwrap();
        let explanation =
            mini().explain(&text, &classification, granularity, &options(ExplainMethod::Occlusion, None)).unwrap();
        let words: Vec<_> = explanation.words().iter().map(|word| (&given[word.bytes()], word.text())).collect();
        assert_eq!(words[..2], [("AT&amp;T", "AT&T"), ("plunged", "plunged")], "{granularity:?}");
    }
}
