//! The schemas of what is read by hand.

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ArrayBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// A character that is no white space by Unicode, as a text has at least one.
const NOT_BLANK: &str = r"[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// A text that is not blank.
pub(super) fn text() -> Object {
    of(Type::String).pattern(Some(NOT_BLANK)).build()
}

fn at_least_one(item: impl Into<Schema>) -> Schema {
    ArrayBuilder::new().items(RefOr::T(item.into())).min_items(Some(1)).build().into()
}

fn one_of<const N: usize>(schemas: [Schema; N]) -> Schema {
    schemas.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).build().into()
}

/// A whole number from 1, or none.
pub(super) fn count() -> Schema {
    let types = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(types).minimum(Some(1)).build().into()
}

/// A time in milliseconds, or none.
pub(super) fn milliseconds() -> Schema {
    let types = SchemaType::from_iter([Type::Number, Type::Null]);
    ObjectBuilder::new().schema_type(types).exclusive_minimum(Some(0)).build().into()
}

/// The sizes of a tensor, or none.
pub(super) fn shape() -> Schema {
    let types = SchemaType::from_iter([Type::Array, Type::Null]);
    ArrayBuilder::new().schema_type(types).items(of(Type::Integer)).build().into()
}

/// The data of a tensor of texts: a text, a list, or a list of lists.
pub(super) fn tensor() -> Schema {
    let list = ArrayBuilder::new().items(text());
    one_of([text().into(), at_least_one(text()), at_least_one(list.build())])
}

/// A text, or several.
pub(super) fn texts() -> Schema {
    one_of([text().into(), at_least_one(text())])
}

/// A text, or several, each perhaps with a name of the caller's: one that fails leaves the others their predictions.
pub(super) fn named_texts() -> Schema {
    one_of([text().into(), at_least_one(line())])
}

/// A text, perhaps with a name of the caller's.
pub(super) fn line() -> Schema {
    let named = of(Type::Object)
        .property("id", id())
        .property("text", of(Type::String))
        .required("id")
        .required("text")
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    one_of([of(Type::String).build().into(), named.build().into()])
}

/// A text, several, or several lists of one text.
pub(super) fn nested_texts() -> Schema {
    let nested = ArrayBuilder::new().items(RefOr::T(text().into())).min_items(Some(1)).max_items(Some(1)).build();
    one_of([text().into(), at_least_one(one_of([text().into(), nested.into()]))])
}

/// Texts, or objects with one.
pub(super) fn instances() -> Schema {
    let object = of(Type::Object).property("text", text()).required("text").build();
    at_least_one(one_of([text().into(), object.into()]))
}

/// What came with a text.
pub(super) fn id() -> Schema {
    one_of([of(Type::String).build().into(), of(Type::Integer).build().into()])
}

/// A line of a stream.
pub(super) struct SentimentLine;

impl ToSchema for SentimentLine {}

impl PartialSchema for SentimentLine {
    fn schema() -> RefOr<Schema> {
        line().into()
    }
}

/// The schema of [`finsent_model::Prediction`].
pub(super) struct Prediction;

impl ToSchema for Prediction {}

impl PartialSchema for Prediction {
    fn schema() -> RefOr<Schema> {
        let prediction = ObjectBuilder::new().description(Some("The answer for one text"));
        read(judgement(prediction)).into()
    }
}

/// The schema of [`finsent_model::Classification`].
pub(super) struct Classification;

impl ToSchema for Classification {}

impl PartialSchema for Classification {
    fn schema() -> RefOr<Schema> {
        let sentence = ObjectBuilder::new().description(Some("The prediction of a sentence"));
        let sentence = with(sentence, "start", of(Type::Integer), "Where it begins in the text, in bytes");
        let sentence = with(sentence, "end", of(Type::Integer), "Where it ends, in bytes");
        let sentence =
            read(judgement(with(sentence, "text", of(Type::String), "The sentence as it stands in the text")));
        let windows = of(Type::Integer).description(Some("Windows it was read in, where that was more than one"));
        let sentence = sentence.property("windows", windows).build();
        let sentences = |of: ObjectBuilder| {
            let list = ArrayBuilder::new().items(sentence.clone()).description(Some("Its sentences, in order"));
            let of = of.property("sentences", list).required("sentences");
            with(of, "windows", self::of(Type::Integer), "Windows that all of it was read in").build()
        };
        let document = ObjectBuilder::new().description(Some("Of a document: its sentences' mean, by their tokens"));
        let split = ObjectBuilder::new().description(Some("Of a text's sentences"));
        let prediction = read(judgement(ObjectBuilder::new().description(Some("Of a text")))).build();
        // A document is a text split into sentences, too, so that they are not each other's alternatives.
        let any = AnyOfBuilder::new().item(prediction).item(sentences(judgement(document))).item(sentences(split));
        Schema::AnyOf(any.build()).into()
    }
}

/// With one more field, which is always there.
fn with(object: ObjectBuilder, name: &str, schema: ObjectBuilder, description: &str) -> ObjectBuilder {
    object.property(name, schema.description(Some(description))).required(name)
}

/// What the model holds.
fn judgement(object: ObjectBuilder) -> ObjectBuilder {
    let probabilities = AdditionalProperties::from(of(Type::Number));
    let scores = of(Type::Object).additional_properties(Some(probabilities));
    let sentiment_score = of(Type::Number);
    let sentiment_score =
        sentiment_score.description(Some("P(positive) - P(negative); absent where the model lacks a label"));
    let object = with(object, "label", of(Type::String), "The label with the largest score");
    let object = with(object, "score", of(Type::Number), "Its probability");
    let object = with(object, "scores", scores, "Each label's probability");
    object.property("sentiment_score", sentiment_score)
}

/// What it has read.
fn read(object: ObjectBuilder) -> ObjectBuilder {
    let object = with(object, "tokens", of(Type::Integer), "Tokens that the model read, `[CLS]` and `[SEP]` included");
    with(object, "truncated", of(Type::Boolean), "Whether the text was longer than the window and its end was cut off")
}
