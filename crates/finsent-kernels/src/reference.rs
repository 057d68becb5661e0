//! The same arithmetic in plain f64, with which the tests compare every implementation.

/// `x Φ(x)`
pub(super) fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2))
}

/// `x Wᵀ + b`: `x` is `[rows, inputs]`, `weights` `[outputs, inputs]`.
pub(super) fn linear(x: &[f64], weights: &[f64], bias: &[f32], inputs: usize) -> Vec<f64> {
    let rows = x.chunks_exact(inputs);
    rows.flat_map(|x| weights.chunks_exact(inputs).zip(bias).map(move |(w, &b)| dot(x, w) + f64::from(b))).collect()
}

/// Normalizes one row.
pub(super) fn layer_norm(row: &[f64], weight: &[f32], bias: &[f32], eps: f64) -> Vec<f64> {
    let len = row.len() as f64;
    let mean = row.iter().sum::<f64>() / len;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / len;
    let parameters = weight.iter().zip(bias);
    row.iter()
        .zip(parameters)
        .map(|(x, (&w, &b))| (x - mean) / (variance + eps).sqrt() * f64::from(w) + f64::from(b))
        .collect()
}

/// One head of one text: `softmax(Q Kᵀ / √d) V`. All three are row-major with rows of `head_size`.
pub(super) fn attention(query: &[f64], key: &[f64], value: &[f64], head_size: usize) -> Vec<f64> {
    let scale = 1.0 / (head_size as f64).sqrt();
    attention_by(|query, key, _| dot(query, key) * scale, [query, key, value], head_size)
}

/// One head of one text: `softmax(scale (Q Kᵀ + c2p + p2c)) V`. Besides the arguments of `attention`, there are the
/// projected keys and queries of the positions, and the row of both for the distance from a key to a query.
pub(super) fn disentangled_attention(
    matrices: [&[f64]; 3],
    [position_keys, position_queries]: [Option<&[f64]>; 2],
    row: impl Fn(isize) -> usize,
    scale: f64,
    head_size: usize,
) -> Vec<f64> {
    let product = |x: &[f64], positions: Option<&[f64]>, row: usize| {
        positions.map_or(0.0, |positions| dot(x, &positions[row * head_size..(row + 1) * head_size]))
    };
    let score = |query: &[f64], key: &[f64], distance| {
        let row = row(distance);
        scale * (dot(query, key) + product(query, position_keys, row) + product(key, position_queries, row))
    };
    attention_by(score, matrices, head_size)
}

/// Attention with any function for the score of a query and a key at a distance (query less key).
fn attention_by(
    score: impl Fn(&[f64], &[f64], isize) -> f64,
    [query, key, value]: [&[f64]; 3],
    head_size: usize,
) -> Vec<f64> {
    let mut context = Vec::new();
    for (i, query) in query.chunks_exact(head_size).enumerate() {
        let keys = key.chunks_exact(head_size).enumerate();
        let scores: Vec<f64> = keys.map(|(j, key)| score(query, key, i.cast_signed() - j.cast_signed())).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        let weighted = |column| {
            let column = value[column..].iter().step_by(head_size);
            exponentials.iter().zip(column).map(|(e, v)| e / sum * v).sum::<f64>()
        };
        context.extend((0..head_size).map(weighted));
    }
    context
}

/// One head at a position: the numbers of its two halves are points, which are rotated.
pub(super) fn rotate(head: &[f64], position: usize, base: f64) -> Vec<f64> {
    let planes = head.len() / 2;
    let angle = |plane: usize| position as f64 * base.powf(-2.0 * plane as f64 / head.len() as f64);
    let first = (0..planes).map(|plane| head[plane] * angle(plane).cos() - head[planes + plane] * angle(plane).sin());
    let second = (0..planes).map(|plane| head[planes + plane] * angle(plane).cos() + head[plane] * angle(plane).sin());
    first.chain(second).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
