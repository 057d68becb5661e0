//! Schemas of the predictions, whose types belong to finsent-model.
//!
//! They are flat objects with names: generators of clients make a type of each, and stumble over unions and nested objects.

use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder};
use utoipa::openapi::{ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::schema::{self, of_type};

/// The components that a schema refers to.
type Components = Vec<(String, RefOr<Schema>)>;

/// The probability of each label.
struct Scores;

impl ToSchema for Scores {}

impl PartialSchema for Scores {
    fn schema() -> RefOr<Schema> {
        let probabilities = AdditionalProperties::from(of_type(Type::Number));
        described("The probability of each label").additional_properties(Some(probabilities)).build().into()
    }
}

/// The schema of [`finsent_model::Prediction`].
pub(super) struct Prediction;

impl ToSchema for Prediction {
    fn schemas(components: &mut Components) {
        add::<Scores>(components);
    }
}

impl PartialSchema for Prediction {
    fn schema() -> RefOr<Schema> {
        let prediction = with_reading(with_scores(described("The prediction for one text")));
        require(prediction, &["label", "score", "scores", "tokens", "truncated"]).build().into()
    }
}

/// A sentence of a [`finsent_model::Classification`].
struct Sentence;

impl ToSchema for Sentence {
    fn schemas(components: &mut Components) {
        add::<Scores>(components);
    }
}

impl PartialSchema for Sentence {
    fn schema() -> RefOr<Schema> {
        let sentence = described("The prediction for a sentence");
        let sentence = with(sentence, "start", Type::Integer, "Byte offset in the text where the sentence starts");
        let sentence = with(sentence, "end", Type::Integer, "Byte offset where it ends");
        let sentence = with(sentence, "text", Type::String, "The sentence as it is in the text");
        let sentence = with_reading(with_scores(sentence));
        let sentence = with(sentence, "windows", Type::Integer, "Windows that it was read in, if more than one");
        let required = ["start", "end", "text", "label", "score", "scores", "tokens", "truncated"];
        require(sentence, &required).build().into()
    }
}

/// The number of a document's sentences with each label.
struct LabelCounts;

impl ToSchema for LabelCounts {}

impl PartialSchema for LabelCounts {
    fn schema() -> RefOr<Schema> {
        let counts = AdditionalProperties::from(of_type(Type::Integer));
        described("How many sentences have each label").additional_properties(Some(counts)).build().into()
    }
}

/// The schema of the places of a document's strongest sentences.
struct Strongest;

impl ToSchema for Strongest {}

impl PartialSchema for Strongest {
    fn schema() -> RefOr<Schema> {
        let places = |description| {
            ArrayBuilder::new().items(of_type(Type::Integer)).max_items(Some(3)).description(Some(description))
        };
        let strongest = described(
            "Places in `sentences`, from 0, of the most positive and the most negative sentences, the strongest first; \
             absent if the model lacks one of these labels",
        );
        let strongest = strongest.property("positive", places("Of sentences that are labeled positive"));
        let strongest = strongest.property("negative", places("Of sentences that are labeled negative"));
        require(strongest, &["positive", "negative"]).build().into()
    }
}

/// A word or a sentence of an [`Explanation`].
struct ExplainedPart;

impl ToSchema for ExplainedPart {}

impl PartialSchema for ExplainedPart {
    fn schema() -> RefOr<Schema> {
        let part = described("A word or a sentence, and what it adds to the probability of the label");
        let part = with(part, "start", Type::Integer, "Byte offset in the text where it starts");
        let part = with(part, "end", Type::Integer, "Byte offset where it ends");
        let part = with(part, "text", Type::String, "The word or the sentence as it is in the text");
        let part = with(
            part,
            "weight",
            Type::Number,
            "What it adds to the probability; negative if it speaks against the label",
        );
        require(part, &["start", "end", "text", "weight"]).build().into()
    }
}

/// The schema of [`finsent_model::Explanation`].
struct Explanation;

impl ToSchema for Explanation {
    fn schemas(components: &mut Components) {
        add::<ExplainedPart>(components);
    }
}

impl PartialSchema for Explanation {
    fn schema() -> RefOr<Schema> {
        let parts = |description| {
            ArrayBuilder::new().items(Ref::from_schema_name(ExplainedPart::name())).description(Some(description))
        };
        let explanation = described("Which words made the prediction, and of a document which sentences");
        let explanation = with(explanation, "label", Type::String, "The label whose probability is explained");
        let explanation = with(explanation, "method", Type::String, "`occlusion` or `shapley`");
        let explanation = with(explanation, "base", Type::Number, "The probability of the label for an empty text");
        let words = "The words in the order of the text; of a document, those of its strongest sentences. By `shapley`, the \
                     weights add up to the probability of the label minus `base`; by `occlusion`, each is the probability \
                     minus that without the word";
        let explanation = explanation.property("words", parts(words));
        let sentences = "The sentences of a document, in order; the weights of a sentence's words are parts of its own";
        let explanation = explanation.property("sentences", parts(sentences));
        let explanation = with(explanation, "passes", Type::Integer, "Token sequences that the model read for it");
        let error = "The largest standard error of a word's weight; absent if the weights are exact";
        let explanation = with(explanation, "standard_error", Type::Number, error);
        require(explanation, &["label", "method", "base", "words", "passes"]).build().into()
    }
}

/// The schema of a [`finsent_model::Classification`] with its id, or of the error in its place.
pub(super) struct SentimentResult;

impl ToSchema for SentimentResult {
    fn schemas(components: &mut Components) {
        add::<Scores>(components);
        add::<Sentence>(components);
        add::<LabelCounts>(components);
        add::<Strongest>(components);
        add::<Explanation>(components);
    }
}

impl PartialSchema for SentimentResult {
    fn schema() -> RefOr<Schema> {
        let result = described(
            "The result for a text: its prediction, or `error`. By sentence, there are `sentences` and `windows` instead of \
             `tokens` and `truncated`, and only a document has a label, scores, `label_counts` and `strongest` of its own.",
        );
        let result = result.property("id", schema::id());
        let result = with_reading(with_scores(result));
        let sentences = ArrayBuilder::new().items(Ref::from_schema_name(Sentence::name()));
        let result = result.property("sentences", sentences.description(Some("The sentences, in order")));
        let result = with(result, "windows", Type::Integer, "Windows that the whole text was read in");
        let result = result.property("label_counts", Ref::from_schema_name(LabelCounts::name()));
        let result = result.property("strongest", Ref::from_schema_name(Strongest::name()));
        let result = result.property("explanation", Ref::from_schema_name(Explanation::name()));
        with(result, "error", Type::String, "Why the text has no prediction").build().into()
    }
}

/// Adds a component, and those that it refers to.
fn add<T: ToSchema>(components: &mut Components) {
    components.push((T::name().into(), T::schema()));
    T::schemas(components);
}

fn described(description: &str) -> ObjectBuilder {
    of_type(Type::Object).description(Some(description))
}

fn with(object: ObjectBuilder, name: &str, kind: Type, description: &str) -> ObjectBuilder {
    object.property(name, of_type(kind).description(Some(description)))
}

fn require(object: ObjectBuilder, names: &[&str]) -> ObjectBuilder {
    names.iter().fold(object, |object, name| object.required(*name))
}

/// Adds the fields that say what the model predicts.
fn with_scores(object: ObjectBuilder) -> ObjectBuilder {
    let object = with(object, "label", Type::String, "The label with the highest score");
    let object = with(object, "score", Type::Number, "The probability of the label");
    let object = object.property("scores", Ref::from_schema_name(Scores::name()));
    let description = "P(positive) - P(negative); absent if the model lacks one of these labels";
    with(object, "sentiment_score", Type::Number, description)
}

/// Adds the fields that say what the model has read.
fn with_reading(object: ObjectBuilder) -> ObjectBuilder {
    let object = with(object, "tokens", Type::Integer, "Tokens that the model read, including `[CLS]` and `[SEP]`");
    let description = "Whether the text was longer than the model's window, so that its end was not scored";
    with(object, "truncated", Type::Boolean, description)
}
