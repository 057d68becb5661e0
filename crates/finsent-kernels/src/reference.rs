//! The same arithmetic in plain f64, with which the tests compare every implementation.

/// `x Φ(x)`
pub(super) fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::erf(x / std::f64::consts::SQRT_2))
}

/// `x Wᵀ + b`: `x` is `[rows, inputs]`, `weights` `[outputs, inputs]`.
pub(super) fn linear(x: &[f64], weights: &[f64], bias: &[f32], inputs: usize) -> Vec<f64> {
    let dot = |x: &[f64], w: &[f64]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
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
    let mut context = Vec::new();
    for query in query.chunks_exact(head_size) {
        let dot = |key: &[f64]| query.iter().zip(key).map(|(q, k)| q * k).sum::<f64>() * scale;
        let scores: Vec<f64> = key.chunks_exact(head_size).map(dot).collect();
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
