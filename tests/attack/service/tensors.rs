//! Tensors that are not what their descriptions say.

use serde_json::json;

use super::client::{Client, post};

const PATH: &str = "/v2/models/int8/infer";

/// Shapes, types, sizes and lengths that disagree with what follows.
pub(super) fn lie(client: &mut Client) {
    const SIZES: [i64; 9] = [0, 1, 2, 1000, 1 << 31, 1 << 40, i64::MAX, -1, i64::MIN];
    const TYPES: [&str; 6] = ["BYTES", "FP32", "INT64", "BOOL", "bytes", ""];
    let random = &mut client.random;
    let size = SIZES[random.usize(..SIZES.len())];
    let shape: Vec<i64> = (0..random.usize(..4)).map(|_| SIZES[random.usize(..SIZES.len())]).collect();
    let datatype = if random.bool() { "BYTES" } else { TYPES[random.usize(..TYPES.len())] };
    if random.bool() {
        let data: Vec<String> = (0..random.usize(..5)).map(|number| format!("text {number}")).collect();
        let input = json!({"name": "text", "datatype": datatype, "shape": shape, "data": data});
        let body = json!({"inputs": vec![input; random.usize(1..4)]}).to_string();
        return client.send(&post(PATH, "application/json", "", body.as_bytes()));
    }
    let mut tensor: Vec<u8> = Vec::new();
    for _ in 0..random.usize(1..4) {
        let length = if random.bool() { 4 } else { random.u32(..) };
        tensor.extend(length.to_le_bytes());
        tensor.extend((0..random.usize(..8)).map(|_| random.u8(..)));
    }
    let parameters = json!({"binary_data_size": if random.bool() { tensor.len() as i64 } else { size }});
    let input = json!({"name": "text", "datatype": datatype, "shape": shape, "parameters": parameters});
    let json = json!({"inputs": [input]}).to_string();
    let length = if random.bool() { json.len() as i64 } else { size };
    let header = format!("application/octet-stream\r\nInference-Header-Content-Length: {length}");
    client.send(&post(PATH, &header, "", &[json.as_bytes(), &tensor].concat()));
}
