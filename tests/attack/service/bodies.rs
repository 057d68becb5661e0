//! Bodies that cost more than their size, or would.

use std::fmt::Write as _;

use fastrand::Rng;
use flate2::Compression;

use super::client::{Client, gzip, post, post_packed, raw_deflate};

/// The largest body that the server takes, by default.
const MAX_BODY: usize = 2_000_000;

/// The routes that take JSON, each with the beginning and the end of a list of texts.
const ROUTES: [(&str, &str, &str); 5] = [
    ("/v1/sentiment", r#"{"inputs":["#, "]}"),
    ("/", r#"{"inputs":["#, "]}"),
    ("/predict", r#"{"inputs":["#, "]}"),
    ("/v1/models/int8:predict", r#"{"instances":["#, "]}"),
    ("/v2/models/int8/infer", r#"{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["#, "]}]}"),
];

fn route(random: &mut Rng) -> (&'static str, &'static str, &'static str) {
    ROUTES[random.usize(..ROUTES.len())]
}

/// One of the fields that some protocol has, or is close to.
fn field(random: &mut Rng) -> &'static str {
    const FIELDS: [&str; 12] = [
        "inputs",
        "granularity",
        "deadline_ms",
        "priority",
        "model",
        "parameters",
        "truncate",
        "id",
        "shape",
        "outputs",
        "datatype",
        "imputs",
    ];
    FIELDS[random.usize(..FIELDS.len())]
}

/// A string of many characters of one kind, without quotation marks.
fn long(length: usize, random: &mut Rng) -> String {
    const KINDS: [&str; 10] = ["x", "granularit", " ", "a ", ".", "\u{301}", "漢", "🚀", "\\u0041", "\\n"];
    let kind = KINDS[random.usize(..KINDS.len())];
    kind.repeat(length / kind.len())
}

/// Objects with a name, or a known field with a value, of up to two megabytes.
pub(super) fn long_names(client: &mut Client) {
    let random = &mut client.random;
    let length = random.usize(1_000..MAX_BODY - 100);
    let (path, ..) = route(random);
    let body = match random.u8(..3) {
        0 => format!(r#"{{"{}":1}}"#, long(length, random)),
        1 => format!(r#"{{"{}":"{}"}}"#, field(random), long(length, random)),
        _ => format!(r#"{{"inputs":"a","{}{}":1}}"#, field(random), long(length, random)),
    };
    let request = post_packed(path, body.as_bytes(), random);
    client.send(&request);
}

/// Objects with very many fields, and values that are nested very deeply.
pub(super) fn many_and_deep(client: &mut Client) {
    let random = &mut client.random;
    let (path, before, after) = route(random);
    let count = random.usize(10..150_000);
    let body = match random.u8(..4) {
        0 => {
            let mut body = String::from("{");
            (0..count).for_each(|number| write!(body, r#""f{number}":1,"#).unwrap());
            body + r#""inputs":"a"}"#
        }
        1 => format!(r#"{{{}"inputs":"a"}}"#, format!(r#""{}":1,"#, field(random)).repeat(count)),
        2 => format!("{before}{}{}{after}", "[".repeat(count), "]".repeat(count)),
        _ => format!(r#"{{"{}":{}1{}}}"#, field(random), r#"{"a":"#.repeat(count), "}".repeat(count)),
    };
    let request = post_packed(path, body.as_bytes(), random);
    client.send(&request);
}

/// Lists of many more texts than a request may have, most of them empty.
pub(super) fn too_many_texts(client: &mut Client) {
    const TEXTS: [&str; 8] = [r#""""#, r#""a""#, "null", "1", "[]", "{}", r#"{"text":""}"#, r#"" ""#];
    let random = &mut client.random;
    let (path, before, after) = route(random);
    let text = TEXTS[random.usize(..TEXTS.len())];
    let count = random.usize(1_001..MAX_BODY / (text.len() + 1) - 100);
    let body = format!("{before}{}{text}{after}", format!("{text},").repeat(count));
    let request = post_packed(path, body.as_bytes(), random);
    client.send(&request);
}

/// Single texts of up to a megabyte and more.
pub(super) fn endless_texts(client: &mut Client) {
    let random = &mut client.random;
    let (path, before, after) = route(random);
    let length = random.usize(10_000..MAX_BODY / 2);
    let body = format!(r#"{before}"a{}b"{after}"#, long(length, random));
    let request = post_packed(path, body.as_bytes(), random);
    client.send(&request);
}

/// Texts of thousands of sentences, to be split.
pub(super) fn documents(client: &mut Client) {
    const SENTENCES: [&str; 5] = ["a. ", "Profit rose. ", "U.S. ", "1.5! ", "\\n\\n"];
    let random = &mut client.random;
    let granularity = ["sentence", "document", "sentences"][random.usize(..3)];
    let sentence = SENTENCES[random.usize(..SENTENCES.len())];
    let text = sentence.repeat(random.usize(100..40_000));
    let body = format!(r#"{{"inputs":"{text}","granularity":"{granularity}","deadline_ms":3000}}"#);
    let request = post_packed("/v1/sentiment", body.as_bytes(), random);
    client.send(&request);
}

/// As many texts as a request may have, in every protocol.
pub(super) fn full_batches(client: &mut Client) {
    let random = &mut client.random;
    let (path, before, after) = route(random);
    let count = random.usize(900..=1000);
    let texts: Vec<String> = (0..count).map(|number| format!(r#""a{}""#, number % random.usize(1..1000))).collect();
    let body = format!("{before}{}{after}", texts.join(","));
    let request = post(path, "application/json", "", body.as_bytes());
    client.send(&request);
}

/// Compressed bodies with many members, with other data after them, without their end, or damaged.
pub(super) fn damaged_compression(client: &mut Client) {
    let random = &mut client.random;
    let json = format!(r#"{{"inputs":"{}"}}"#, long(random.usize(1..100_000), random));
    let whole = gzip(json.as_bytes(), Compression::fast());
    let (encoding, body) = match random.u8(..6) {
        0 => ("gzip", [gzip(b"", Compression::fast()).repeat(random.usize(1..50_000)), whole].concat()),
        1 => {
            let members = json.as_bytes().chunks(random.usize(1..50)).take(20_000);
            ("gzip", members.flat_map(|part| gzip(part, Compression::none())).collect())
        }
        2 => ("gzip", [whole, vec![random.u8(..); random.usize(1..100_000)]].concat()),
        3 => ("gzip", whole[..random.usize(..whole.len())].to_vec()),
        4 => {
            let mut damaged = whole;
            crate::mutate::mutate(&mut damaged, random);
            ("gzip", damaged)
        }
        _ => ("deflate", raw_deflate(json.as_bytes())),
    };
    if body.len() < MAX_BODY {
        client.send(&post("/v1/sentiment", "application/json", encoding, &body));
    }
}
