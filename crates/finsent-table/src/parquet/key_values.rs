//! The key-value metadata of a file, in which some writers repeat the schema in their own types.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::KeyValue;
use parquet::schema::types::TypePtr;
use polars_arrow_format::ipc::planus::{Builder, ReadAsRoot};
use polars_arrow_format::ipc::{
    Bool, Field, FieldRef, FloatingPoint, Int, Message, MessageHeader, MessageHeaderRef, MessageRef, Precision, Type,
    Utf8,
};
use serde_json::{Value, json};

/// Arrow's schema, which knows large strings, dictionaries and time zones.
const ARROW: &str = "ARROW:schema";
/// Spark's schema, which Spark reads instead of the file's.
const SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";
/// The schemas of others, which read the file's if theirs is absent.
const OTHERS: [&str; 3] = ["parquet.avro.schema", "avro.schema", "iceberg.schema"];

/// The metadata of a file of `columns`, to which primitive columns are added at the end. A repeated schema gets these columns,
/// or is left out.
pub(crate) fn key_values_with(key_values: &[KeyValue], columns: &[TypePtr], added: &[TypePtr]) -> Vec<KeyValue> {
    let extended = |KeyValue { key, value }: &KeyValue| {
        let extend = match key.as_str() {
            ARROW => extend_arrow,
            SPARK => extend_spark,
            other if OTHERS.contains(&other) => return None,
            _ => return Some(KeyValue { key: key.clone(), value: value.clone() }),
        };
        Some(KeyValue { key: key.clone(), value: Some(extend(value.as_deref()?, columns, added)?) })
    };
    key_values.iter().filter_map(extended).collect()
}

/// Deepest nesting of a column, and most columns including nested ones: a flatbuffer of a few bytes can describe more than
/// fits into memory.
const MAX_DEPTH: usize = 64;
const MAX_FIELDS: usize = 1 << 20;
/// The first bytes of a message in an Arrow stream, since version 0.15.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The schema as the first message of an Arrow stream, in base64.
fn extend_arrow(schema: &str, columns: &[TypePtr], added: &[TypePtr]) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(schema).ok()?;
    let mut message = parse_message(&bytes)?;
    let Some(MessageHeader::Schema(schema)) = &mut message.header else { return None };
    let fields = schema.fields.get_or_insert_default();
    // The schema of another file, or a damaged one.
    if !fields.iter().map(|field| field.name.as_deref()).eq(columns.iter().map(|column| Some(column.name()))) {
        return None;
    }
    fields.extend(added.iter().map(arrow_field));
    let mut builder = Builder::new();
    let mut message = builder.finish(&message, None).to_vec();
    message.resize(message.len().next_multiple_of(8), 0);
    let length = u32::try_from(message.len()).ok()?;
    Some(BASE64_STANDARD.encode([&CONTINUATION, &length.to_le_bytes()[..], &message].concat()))
}

fn parse_message(bytes: &[u8]) -> Option<Message> {
    let prefixed = bytes.strip_prefix(&CONTINUATION).unwrap_or(bytes);
    let (_length, message) = prefixed.split_first_chunk::<4>()?;
    let message = MessageRef::read_as_root(message).ok()?;
    let Some(MessageHeaderRef::Schema(schema)) = message.header().ok()? else { return None };
    let mut left = MAX_FIELDS;
    for field in schema.fields().ok()?? {
        check_nesting(field.ok()?, MAX_DEPTH, &mut left)?;
    }
    message.try_into().ok()
}

/// `None` if the column is nested deeper than `depth`, or has more columns in it than are `left`.
fn check_nesting(field: FieldRef<'_>, depth: usize, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    for child in field.children().ok()?.into_iter().flatten() {
        check_nesting(child.ok()?, depth, left)?;
    }
    Some(())
}

fn arrow_field(column: &TypePtr) -> Field {
    let float = |precision| Type::FloatingPoint(Box::new(FloatingPoint { precision }));
    let arrow_type = match column.get_physical_type() {
        PhysicalType::FLOAT => float(Precision::Single),
        PhysicalType::DOUBLE => float(Precision::Double),
        PhysicalType::INT64 => Type::Int(Box::new(Int { bit_width: 64, is_signed: true })),
        PhysicalType::BOOLEAN => Type::Bool(Box::new(Bool {})),
        _ => Type::Utf8(Box::new(Utf8 {})),
    };
    Field {
        name: Some(column.name().to_owned()),
        nullable: true,
        type_: Some(arrow_type),
        children: Some(Vec::new()),
        ..Field::default()
    }
}

fn extend_spark(schema: &str, columns: &[TypePtr], added: &[TypePtr]) -> Option<String> {
    let mut schema: Value = serde_json::from_str(schema).ok()?;
    let fields = schema.get_mut("fields")?.as_array_mut()?;
    if !fields.iter().map(|field| field["name"].as_str()).eq(columns.iter().map(|column| Some(column.name()))) {
        return None;
    }
    fields.extend(added.iter().map(|column| {
        let spark_type = match column.get_physical_type() {
            PhysicalType::FLOAT => "float",
            PhysicalType::DOUBLE => "double",
            PhysicalType::INT64 => "long",
            PhysicalType::BOOLEAN => "boolean",
            _ => "string",
        };
        json!({"name": column.name(), "type": spark_type, "nullable": true, "metadata": {}})
    }));
    Some(schema.to_string())
}

#[cfg(test)]
mod tests {
    use parquet::schema::parser::parse_message_type;
    use polars_arrow_format::ipc::{LargeUtf8, Schema, Struct};

    use super::*;

    fn columns(of: &str) -> Vec<TypePtr> {
        parse_message_type(&format!("message row {{ {of} }}")).unwrap().get_fields().to_vec()
    }

    /// The value for a file with the column `name` that gets a column `score`.
    fn extended_beside(name: &str, key: &str, value: &str) -> Option<String> {
        let key_values = [KeyValue { key: key.into(), value: Some(value.into()) }];
        let [columns, added] =
            [format!("optional int32 {name};"), "optional float score;".into()].map(|of| columns(&of));
        key_values_with(&key_values, &columns, &added).pop().map(|pair| pair.value.unwrap())
    }

    fn extended(key: &str, value: &str) -> Option<String> {
        extended_beside("text", key, value)
    }

    /// A schema of these columns, as Arrow's own writer writes it.
    fn arrow_schema(fields: Vec<Field>) -> String {
        let schema = Schema { fields: Some(fields), ..Schema::default() };
        let message = Message { header: Some(MessageHeader::Schema(Box::new(schema))), ..Message::default() };
        let mut builder = Builder::new();
        let message = builder.finish(&message, None);
        let length = u32::try_from(message.len()).unwrap().to_le_bytes();
        BASE64_STANDARD.encode([&CONTINUATION, &length[..], message].concat())
    }

    fn fields(schema: &str) -> Vec<Field> {
        match parse_message(&BASE64_STANDARD.decode(schema).unwrap()).unwrap().header {
            Some(MessageHeader::Schema(schema)) => schema.fields.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_arrow_schema_keeps_its_types_and_gets_the_new_columns() {
        let large = Field {
            name: Some("text".into()),
            type_: Some(Type::LargeUtf8(Box::new(LargeUtf8 {}))),
            nullable: true,
            ..Field::default()
        };
        let fields = fields(&extended(ARROW, &arrow_schema(vec![large.clone()])).unwrap());
        assert_eq!(fields[0], large);
        assert_eq!(fields[1].name.as_deref(), Some("score"));
        let float = Type::FloatingPoint(Box::new(FloatingPoint { precision: Precision::Single }));
        assert_eq!((&fields[1].type_, fields[1].nullable), (&Some(float), true));
        assert_eq!(extended(ARROW, "AAAA"), None);
    }

    #[test]
    fn an_arrow_schema_that_is_nested_too_deep_is_left_out() {
        let nested = |depth: usize| {
            let parts = (0..depth).fold(None, |children, _| {
                let struct_type = Some(Type::Struct(Box::new(Struct {})));
                Some(vec![Field { name: Some("text".into()), type_: struct_type, children, ..Field::default() }])
            });
            arrow_schema(parts.unwrap())
        };
        assert!(extended(ARROW, &nested(MAX_DEPTH)).is_some());
        assert_eq!(extended(ARROW, &nested(MAX_DEPTH + 1)), None);
    }

    #[test]
    fn the_spark_schema_gets_the_new_columns() {
        let schema = r#"{"type":"struct","fields":[{"name":"text","type":"string","nullable":true,"metadata":{}}]}"#;
        let schema: Value = serde_json::from_str(&extended(SPARK, schema).unwrap()).unwrap();
        assert_eq!(schema["fields"][0]["name"], "text");
        assert_eq!((&schema["fields"][1]["name"], &schema["fields"][1]["type"]), (&json!("score"), &json!("float")));
        assert_eq!(extended(SPARK, "{}"), None);
    }

    #[test]
    fn other_schemas_are_left_out_and_other_metadata_is_kept() {
        assert_eq!(extended("parquet.avro.schema", "{}"), None);
        assert_eq!(extended("pandas", "{}").as_deref(), Some("{}"));
    }

    #[test]
    fn the_schema_of_other_columns_is_left_out() {
        let arrow = arrow_schema(vec![Field { name: Some("text".into()), ..Field::default() }]);
        let spark = r#"{"type":"struct","fields":[{"name":"text","type":"string","nullable":true,"metadata":{}}]}"#;
        for (key, schema) in [(ARROW, arrow.as_str()), (SPARK, spark)] {
            assert!(extended_beside("text", key, schema).is_some(), "{key}");
            assert_eq!(extended_beside("body", key, schema), None, "{key}");
        }
    }
}
