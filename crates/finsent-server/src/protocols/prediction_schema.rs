//! Schemas of the predictions, whose types belong to finsent-model.

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::schema::of_type;

/// The schema of [`finsent_model::Prediction`].
pub(super) struct Prediction;

impl ToSchema for Prediction {}

impl PartialSchema for Prediction {
    fn schema() -> RefOr<Schema> {
        prediction("The prediction for one text").into()
    }
}

/// The schema of [`finsent_model::Classification`].
pub(super) struct Classification;

impl ToSchema for Classification {}

impl PartialSchema for Classification {
    fn schema() -> RefOr<Schema> {
        let document =
            scores(described("The prediction for a document: the mean of its sentences, weighted by tokens"));
        let document = of_sentences(document);
        let split = described("The predictions for the sentences of a text");
        let text = prediction("The prediction for a text");
        Schema::AnyOf(AnyOfBuilder::new().item(text).item(sentences(document)).item(sentences(split)).build()).into()
    }
}

fn described(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().description(Some(description))
}

fn prediction(description: &str) -> Object {
    reading(scores(described(description))).build()
}

fn sentence() -> Object {
    let sentence = described("The prediction for a sentence");
    let sentence = with(sentence, "start", of_type(Type::Integer), "Byte offset in the text where the sentence starts");
    let sentence = with(sentence, "end", of_type(Type::Integer), "Byte offset where it ends");
    let sentence = with(sentence, "text", of_type(Type::String), "The sentence as it is in the text");
    let windows = of_type(Type::Integer).description(Some("Windows that it was read in, if more than one"));
    reading(scores(sentence)).property("windows", windows).build()
}

fn sentences(object: ObjectBuilder) -> Object {
    let list = ArrayBuilder::new().items(sentence()).description(Some("The sentences, in order"));
    let object = object.property("sentences", list).required("sentences");
    with(object, "windows", of_type(Type::Integer), "Windows that the whole text was read in").build()
}

/// Adds the fields that say which sentences a document has.
fn of_sentences(object: ObjectBuilder) -> ObjectBuilder {
    let counts = AdditionalProperties::from(of_type(Type::Integer));
    let counts = of_type(Type::Object).additional_properties(Some(counts));
    let places = |description| {
        ArrayBuilder::new().items(of_type(Type::Integer)).max_items(Some(3)).description(Some(description))
    };
    let strongest = of_type(Type::Object)
        .description(Some(
            "Places in `sentences`, from 0, of the most positive and the most negative sentences, the strongest first; \
             absent if the model lacks one of these labels",
        ))
        .property("positive", places("Of sentences that are labeled positive"))
        .required("positive")
        .property("negative", places("Of sentences that are labeled negative"))
        .required("negative");
    let object = with(object, "label_counts", counts, "How many sentences have each label");
    object.property("strongest", strongest)
}

/// Adds a field that is always there.
fn with(object: ObjectBuilder, name: &str, schema: ObjectBuilder, description: &str) -> ObjectBuilder {
    object.property(name, schema.description(Some(description))).required(name)
}

/// Adds the fields that say what the model predicts.
fn scores(object: ObjectBuilder) -> ObjectBuilder {
    let probabilities = AdditionalProperties::from(of_type(Type::Number));
    let scores = of_type(Type::Object).additional_properties(Some(probabilities));
    let sentiment_score = of_type(Type::Number)
        .description(Some("P(positive) - P(negative); absent if the model lacks one of these labels"));
    let object = with(object, "label", of_type(Type::String), "The label with the highest score");
    let object = with(object, "score", of_type(Type::Number), "The probability of the label");
    let object = with(object, "scores", scores, "The probability of each label");
    object.property("sentiment_score", sentiment_score)
}

/// Adds the fields that say what the model has read.
fn reading(object: ObjectBuilder) -> ObjectBuilder {
    let tokens = of_type(Type::Integer);
    let object = with(object, "tokens", tokens, "Tokens that the model read, including `[CLS]` and `[SEP]`");
    let description = "Whether the text was longer than the model's window, so that its end was not scored";
    with(object, "truncated", of_type(Type::Boolean), description)
}
