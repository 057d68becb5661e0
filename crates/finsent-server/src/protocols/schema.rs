//! Schemas of the values that requests hold as raw JSON.

use finsent_model::ExplainMethod;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, OneOfBuilder, SchemaType};
use utoipa::openapi::{Object, ObjectBuilder, Ref, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

pub(super) fn of_type(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

/// A character that is not white space by Unicode. Each text needs at least one.
const NOT_BLANK: &str = r"[^\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]";

/// A text that is not blank.
pub(super) fn text() -> Object {
    of_type(Type::String).pattern(Some(NOT_BLANK)).build()
}

fn at_least_one(item: impl Into<Schema>) -> Schema {
    ArrayBuilder::new().items(RefOr::T(item.into())).min_items(Some(1)).build().into()
}

fn one_of<const N: usize>(schemas: [Schema; N]) -> Schema {
    schemas.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item).build().into()
}

/// A whole number of at least 1, or null.
pub(super) fn count() -> Schema {
    let types = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(types).minimum(Some(1)).build().into()
}

/// A whole number, or null.
pub(super) fn whole() -> Schema {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::Integer, Type::Null])).build().into()
}

/// -1, or null. A model's window is accepted as well, but which one that is depends on the model.
pub(super) fn cut() -> Schema {
    let types = SchemaType::from_iter([Type::Integer, Type::Null]);
    ObjectBuilder::new().schema_type(types).enum_values(Some([Some(-1), None])).build().into()
}

/// A time in milliseconds, or null.
pub(super) fn milliseconds() -> Schema {
    let types = SchemaType::from_iter([Type::Number, Type::Null]);
    ObjectBuilder::new().schema_type(types).exclusive_minimum(Some(0)).build().into()
}

/// The shape of a tensor, or null.
pub(super) fn shape() -> Schema {
    let types = SchemaType::from_iter([Type::Array, Type::Null]);
    ArrayBuilder::new().schema_type(types).items(of_type(Type::Integer)).build().into()
}

/// The data of a tensor of texts: a text, a list, or a list of lists.
pub(super) fn tensor() -> Schema {
    let list = ArrayBuilder::new().items(text());
    one_of([text().into(), at_least_one(text()), at_least_one(list.build())])
}

/// A text, or a list of texts.
pub(super) fn texts() -> Schema {
    one_of([text().into(), at_least_one(text())])
}

/// The schema of a text, or a list of texts, each perhaps with an id. In a list, a blank text is an error of its own, so it is
/// allowed.
pub(super) struct TextsWithIds;

impl ToSchema for TextsWithIds {
    fn schemas(components: &mut Vec<(String, RefOr<Schema>)>) {
        components.push((TextWithId::name().into(), TextWithId::schema()));
    }
}

impl PartialSchema for TextsWithIds {
    fn schema() -> RefOr<Schema> {
        let with_id = Ref::from_schema_name(TextWithId::name());
        let item = OneOfBuilder::new().item(of_type(Type::String)).item(with_id).build();
        one_of([text().into(), at_least_one(item)]).into()
    }
}

/// The schema of a text with an id.
struct TextWithId;

impl ToSchema for TextWithId {}

impl PartialSchema for TextWithId {
    fn schema() -> RefOr<Schema> {
        let object = of_type(Type::Object).description(Some("A text with an id, which comes back with its result"));
        let object = object.property("id", id()).property("text", of_type(Type::String));
        let no_others = AdditionalProperties::<Schema>::FreeForm(false);
        object.required("id").required("text").additional_properties(Some(no_others)).build().into()
    }
}

/// A text, or a list of texts or of lists of one text.
pub(super) fn nested_texts() -> Schema {
    let nested = ArrayBuilder::new().items(RefOr::T(text().into())).min_items(Some(1)).max_items(Some(1)).build();
    one_of([text().into(), at_least_one(one_of([text().into(), nested.into()]))])
}

/// A list of texts or of objects with a text.
pub(super) fn instances() -> Schema {
    let object = of_type(Type::Object).property("text", text()).required("text").build();
    at_least_one(one_of([text().into(), object.into()]))
}

/// The schema of whether and how predictions are explained.
pub(super) struct Explain;

impl ToSchema for Explain {}

impl PartialSchema for Explain {
    fn schema() -> RefOr<Schema> {
        let string_or_null = || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null]));
        let methods = ExplainMethod::ALL.iter().map(|method| Some(method.name()));
        let method = string_or_null().enum_values(Some(methods.chain([None])));
        let label = string_or_null().description(Some("A label of the model, in any case"));
        let object = of_type(Type::Object).property("method", method).property("label", label);
        let no_others = AdditionalProperties::<Schema>::FreeForm(false);
        let object = object.additional_properties(Some(no_others)).build();
        one_of([of_type(Type::Boolean).build().into(), object.into()]).into()
    }
}

/// An id of the caller's.
pub(super) fn id() -> Schema {
    one_of([of_type(Type::String).build().into(), of_type(Type::Integer).build().into()])
}
