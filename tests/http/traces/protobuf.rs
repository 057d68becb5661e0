//! Reads the messages of OTLP by the numbers of their fields, which are written down here once more.

use std::collections::BTreeMap;

use serde_json::Value;

/// A span that was received.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace_id: String,
    pub(super) id: String,
    pub(super) trace_state: String,
    /// Empty if there is none.
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) kind: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) has_error: bool,
    pub(super) flags: u64,
    /// The attributes of the service.
    pub(super) resource: BTreeMap<String, Value>,
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The spans of an `ExportTraceServiceRequest`.
pub(super) fn spans(message: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    for of_resource in all(message, 1) {
        let resource = attributes(all(of_resource, 1)[0], 1);
        for of_scope in all(of_resource, 2) {
            assert_eq!(text(all(of_scope, 1)[0], 1), "finsent");
            found.extend(all(of_scope, 2).into_iter().map(|span| read_span(span, &resource)));
        }
    }
    found
}

fn read_span(span: &[u8], resource: &BTreeMap<String, Value>) -> Span {
    let status = all(span, 15);
    Span {
        trace_id: hex(span, 1),
        id: hex(span, 2),
        trace_state: text(span, 3),
        parent: hex(span, 4),
        name: text(span, 5),
        kind: number(span, 6),
        start: number(span, 7),
        end: number(span, 8),
        attributes: attributes(span, 9),
        has_error: status.first().is_some_and(|status| number(status, 3) == 2),
        flags: number(span, 16),
        resource: resource.clone(),
    }
}

fn attributes(message: &[u8], field: u64) -> BTreeMap<String, Value> {
    let value = |pair: &[u8]| {
        let value = all(pair, 2)[0];
        if all(value, 1).is_empty() { number(value, 3).into() } else { text(value, 1).into() }
    };
    all(message, field).into_iter().map(|pair| (text(pair, 1), value(pair))).collect()
}

/// A message with one field of text.
pub(super) fn message(field: u8, content: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2, content.len() as u8][..], content].concat()
}

fn all(message: &[u8], field: u64) -> Vec<&[u8]> {
    let of_field = fields(message).into_iter().filter(|(number, _)| *number == field);
    of_field.map(|(_, value)| if let Field::Bytes(bytes) = value { bytes } else { panic!("{field}") }).collect()
}

fn text(message: &[u8], field: u64) -> String {
    all(message, field).first().map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).unwrap_or_default()
}

fn hex(message: &[u8], field: u64) -> String {
    all(message, field).concat().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn number(message: &[u8], field: u64) -> u64 {
    let found = fields(message).into_iter().find(|(number, _)| *number == field);
    found.map_or(0, |(_, value)| if let Field::Number(number) = value { number } else { panic!("{field}") })
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        let value = match key & 7 {
            0 => Field::Number(varint(&mut message)),
            1 => Field::Number(u64::from_le_bytes(message.split_off(..8).unwrap().try_into().unwrap())),
            2 => {
                let length = varint(&mut message) as usize;
                Field::Bytes(message.split_off(..length).unwrap())
            }
            5 => Field::Number(u32::from_le_bytes(message.split_off(..4).unwrap().try_into().unwrap()).into()),
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, value));
    }
    fields
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first().unwrap();
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a number is too long")
}
