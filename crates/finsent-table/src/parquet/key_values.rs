//! The key-value metadata of a file, in which some writers repeat the schema in their own types.

use std::sync::Arc;

use arrow_ipc::convert::try_schema_from_ipc_buffer;
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_schema::{DataType, Field, Schema};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use finsent_model::catch_panic;
use parquet::basic::Type as PhysicalType;
use parquet::file::metadata::KeyValue;
use parquet::schema::types::TypePtr;
use serde_json::{Value, json};

/// Arrow's schema, which knows large strings, dictionaries and time zones.
const ARROW: &str = "ARROW:schema";
/// Spark's schema, which Spark reads instead of the file's.
const SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";
/// The schemas of others, which read the file's if theirs is absent.
const OTHERS: [&str; 3] = ["parquet.avro.schema", "avro.schema", "iceberg.schema"];

/// The metadata of a file to which primitive columns are added at the end. A repeated schema gets these columns, or is left
/// out.
pub(crate) fn key_values_with(key_values: &[KeyValue], added: &[TypePtr]) -> Vec<KeyValue> {
    let extended = |KeyValue { key, value }: &KeyValue| {
        let extend = match key.as_str() {
            ARROW => extend_arrow,
            SPARK => extend_spark,
            other if OTHERS.contains(&other) => return None,
            _ => return Some(KeyValue { key: key.clone(), value: value.clone() }),
        };
        Some(KeyValue { key: key.clone(), value: Some(extend(value.as_deref()?, added)?) })
    };
    key_values.iter().filter_map(extended).collect()
}

/// The schema as the first message of an Arrow stream, in base64.
fn extend_arrow(schema: &str, added: &[TypePtr]) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(schema).ok()?;
    let schema = catch_panic(|| try_schema_from_ipc_buffer(&bytes)).ok()?.ok()?;
    let added = added.iter().map(|column| Arc::new(Field::new(column.name(), arrow_type(column), true)));
    let fields: Vec<_> = schema.fields().iter().cloned().chain(added).collect();
    let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
    let message = catch_panic(|| {
        let (options, mut dictionaries) = (IpcWriteOptions::default(), DictionaryTracker::new(true));
        IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(&schema, &mut dictionaries, &options)
    });
    let message = message.ok()?.ipc_message;
    let length = u32::try_from(message.len()).ok()?;
    Some(BASE64_STANDARD.encode([&[0xff; 4], &length.to_le_bytes()[..], &message].concat()))
}

fn arrow_type(column: &TypePtr) -> DataType {
    match column.get_physical_type() {
        PhysicalType::FLOAT => DataType::Float32,
        PhysicalType::DOUBLE => DataType::Float64,
        PhysicalType::INT64 => DataType::Int64,
        PhysicalType::BOOLEAN => DataType::Boolean,
        _ => DataType::Utf8,
    }
}

fn extend_spark(schema: &str, added: &[TypePtr]) -> Option<String> {
    let mut schema: Value = serde_json::from_str(schema).ok()?;
    let fields = schema.get_mut("fields")?.as_array_mut()?;
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

    use super::*;

    fn added() -> Vec<TypePtr> {
        parse_message_type("message row { optional float score; }").unwrap().get_fields().to_vec()
    }

    fn extended(key: &str, value: &str) -> Option<String> {
        let key_values = [KeyValue { key: key.into(), value: Some(value.into()) }];
        key_values_with(&key_values, &added()).pop().map(|pair| pair.value.unwrap())
    }

    #[test]
    fn arrows_schema_keeps_its_types_and_gets_the_new_columns() {
        let large = Schema::new(vec![Field::new("text", DataType::LargeUtf8, true)]);
        let (options, mut dictionaries) = (IpcWriteOptions::default(), DictionaryTracker::new(true));
        let message =
            IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(&large, &mut dictionaries, &options);
        let length = u32::try_from(message.ipc_message.len()).unwrap().to_le_bytes();
        let bytes = [&[0xff; 4], &length[..], &message.ipc_message].concat();
        let schema = BASE64_STANDARD.decode(extended(ARROW, &BASE64_STANDARD.encode(bytes)).unwrap()).unwrap();
        let schema = try_schema_from_ipc_buffer(&schema).unwrap();
        assert_eq!(schema.field(0).data_type(), &DataType::LargeUtf8);
        assert_eq!(schema.field(1), &Field::new("score", DataType::Float32, true));
        assert_eq!(extended(ARROW, "AAAA"), None);
    }

    #[test]
    fn sparks_schema_gets_the_new_columns() {
        let schema = r#"{"type":"struct","fields":[{"name":"a","type":"string","nullable":true,"metadata":{}}]}"#;
        let schema: Value = serde_json::from_str(&extended(SPARK, schema).unwrap()).unwrap();
        assert_eq!(schema["fields"][0]["name"], "a");
        assert_eq!((&schema["fields"][1]["name"], &schema["fields"][1]["type"]), (&json!("score"), &json!("float")));
        assert_eq!(extended(SPARK, "{}"), None);
    }

    #[test]
    fn other_schemas_are_left_out_and_other_metadata_is_kept() {
        assert_eq!(extended("parquet.avro.schema", "{}"), None);
        assert_eq!(extended("pandas", "{}").as_deref(), Some("{}"));
    }
}
