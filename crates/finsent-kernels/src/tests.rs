//! Compares the kernels of every instruction set of this CPU with the plain f64 arithmetic of `reference`.

use std::num::NonZeroUsize;
use std::ops::Range;

use half::bf16;

use super::math::COARSE_GELU_ERROR;
use super::*;

/// Largest error of a sum of `inputs` products, relative to the sum of their magnitudes.
const SUM_ERROR: f64 = 4e-7;

/// Sizes around lanes, groups, tiles and blocks.
const SIZES: &[usize] = if cfg!(miri) { &[1, 3, 8, 17] } else { &[1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 65] };
const PRECISIONS: [Precision; 3] = [Precision::F32, Precision::Bf16, Precision::Int8];

pub(super) fn pool(threads: usize) -> ThreadPool {
    ThreadPool::new(NonZeroUsize::new(threads)).unwrap()
}

/// Seeded numbers in -1..1.
pub(super) fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

pub(super) fn to_f64(xs: &[f32]) -> Vec<f64> {
    xs.iter().copied().map(f64::from).collect()
}

/// Weights in f32, and their columns.
pub(super) struct Rows<'a>(pub(super) &'a [f32], pub(super) usize);

impl WeightRows for Rows<'_> {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        to.copy_from_slice(&self.0[rows.start * self.1..rows.end * self.1]);
    }

    fn are_int8(&self) -> bool {
        false
    }

    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        quantize_weights(&self.0[rows.start * self.1..rows.end * self.1], to, scales);
    }
}

/// The weights as numbers, after rounding to the precision, for an operand in this format.
fn rounded_weights(weights: &[f32], inputs: usize, precision: Precision, format: OperandFormat) -> Vec<f64> {
    match precision {
        Precision::F32 => to_f64(weights),
        Precision::Bf16 => weights.iter().map(|&w| bf16::from_f32(w).to_f64()).collect(),
        Precision::Int8 => {
            let (mut bytes, mut scales) = (vec![0; weights.len()], vec![0.0; weights.len() / inputs]);
            quantize_weights(weights, &mut bytes, &mut scales);
            let low_bits = |at: usize| match format {
                OperandFormat::F32 => {
                    let short = weights[at] * (16.0 / scales[at / inputs]) - 16.0 * f32::from(bytes[at]);
                    f64::from(short.round_ties_even().clamp(-8.0, 7.0)) / 16.0
                }
                _ => 0.0,
            };
            let weight = |at: usize| (f64::from(bytes[at]) + low_bits(at)) * f64::from(scales[at / inputs]);
            (0..bytes.len()).map(weight).collect()
        }
    }
}

/// The operand as numbers, after rounding to its format by the formula in `quantized`.
fn rounded_operand(x: &[f32], inputs: usize, format: OperandFormat) -> Vec<f64> {
    match format {
        OperandFormat::F32 => to_f64(x),
        OperandFormat::Bf16 => x.iter().map(|&x| bf16::from_f32(x).to_f64()).collect(),
        OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16 => {
            x.chunks_exact(inputs).flat_map(rounded_to_bytes).collect()
        }
    }
}

fn rounded_to_bytes(row: &[f32]) -> Vec<f64> {
    let least = row.iter().copied().fold(0.0, f32::min);
    let most = row.iter().copied().fold(0.0, f32::max);
    let (scale, inverse) = if most > least { ((most - least) / 255.0, 255.0 / (most - least)) } else { (1.0, 0.0) };
    let zero = (-least * inverse).round_ties_even();
    let byte = |x: f32| ((x * inverse).round_ties_even() + zero).clamp(0.0, 255.0);
    row.iter().map(|&x| f64::from(byte(x) - zero) * f64::from(scale)).collect()
}

/// The result `[rows, outputs]` of rows that are rounded to the given format.
fn forward(
    isa: Isa,
    pool: &ThreadPool,
    linear: &Linear,
    x: &Matrix,
    format: OperandFormat,
    act: Activation,
    outputs: usize,
) -> Matrix {
    let mut quantized = QuantizedMatrix::new(format, x.columns());
    let operand = match format {
        OperandFormat::F32 => Operand::F32(x),
        _ => {
            quantized.quantize(isa, pool, x);
            Operand::Quantized(&quantized)
        }
    };
    let mut out = Matrix::new(outputs);
    linear.forward(pool, operand, act, &mut out);
    out
}

/// Compares `forward` in the given format with the reference.
fn check_linear(
    isa: Isa,
    pool: &ThreadPool,
    precision: Precision,
    [rows, inputs, outputs]: [usize; 3],
    format: OperandFormat,
) {
    let x = random(rows * inputs, 1);
    let weights = random(outputs * inputs, 2);
    let bias = random(outputs, 3);
    let linear = Linear::pack(isa, pool, precision, &Rows(&weights, inputs), inputs, bias.clone());

    let matrix = Matrix::from_rows(inputs, &x);
    let (x, weights) = (rounded_operand(&x, inputs, format), rounded_weights(&weights, inputs, precision, format));
    let expected = reference::linear(&x, &weights, &bias, inputs);
    for activation in [Activation::Identity, Activation::Gelu] {
        let out = forward(isa, pool, &linear, &matrix, format, activation, outputs);
        for row in 0..rows {
            for (column, &found) in out.row(row).iter().enumerate() {
                let value = expected[row * outputs + column];
                let value = if activation == Activation::Gelu { reference::gelu(value) } else { value };
                let magnitude: f64 =
                    (0..inputs).map(|k| (x[row * inputs + k] * weights[column * inputs + k]).abs()).sum();
                let error = (f64::from(found) - value).abs();
                let coarse = match (activation, format) {
                    (Activation::Gelu, OperandFormat::U8 | OperandFormat::I8 | OperandFormat::I16) => COARSE_GELU_ERROR,
                    _ => 0.0,
                };
                assert!(
                    error <= SUM_ERROR * (magnitude + 1.0) * 2.0 + coarse,
                    "{isa} {precision:?} {format:?} {rows}x{inputs}x{outputs} {activation:?} [{row}, {column}]: {found} instead of {value}"
                );
            }
        }
    }
}

#[test]
fn linear_layers_equal_the_reference_at_every_size() {
    let pool = pool(2);
    for isa in Isa::available() {
        for precision in PRECISIONS {
            for (index, &rows) in SIZES.iter().enumerate() {
                let (inputs, outputs) = (SIZES[(index * 5 + 3) % SIZES.len()], SIZES[(index * 7 + 5) % SIZES.len()]);
                check_linear(isa, &pool, precision, [rows, inputs, outputs], operand_format(isa, precision));
                check_linear(isa, &pool, precision, [rows, outputs, inputs], OperandFormat::F32);
            }
            // Several blocks along k, and, unless Miri would take too long, of rows.
            let [native, f32] = if cfg!(miri) { [[2, 260, 2], [1, 260, 1]] } else { [[200, 1100, 40], [30, 1100, 70]] };
            check_linear(isa, &pool, precision, native, operand_format(isa, precision));
            check_linear(isa, &pool, precision, f32, OperandFormat::F32);
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_batch_and_for_any_number_of_threads() {
    let (inputs, outputs, rows) = if cfg!(miri) { (9, 9, 6) } else { (300, 70, 101) };
    let x = random(rows * inputs, 5);
    let weights = random(outputs * inputs, 6);
    for isa in Isa::available() {
        for precision in PRECISIONS {
            let results: Vec<Vec<u32>> = [(1, rows), (2, rows), (3, rows), (2, 1), (1, 7)]
                .into_iter()
                .map(|(threads, rows_at_a_time)| {
                    let pool = pool(threads);
                    let linear =
                        Linear::pack(isa, &pool, precision, &Rows(&weights, inputs), inputs, random(outputs, 7));
                    let mut bits = Vec::new();
                    for x in x.chunks(rows_at_a_time * inputs) {
                        let (x, format) = (Matrix::from_rows(inputs, x), linear.operand_format());
                        let out = forward(isa, &pool, &linear, &x, format, Activation::Gelu, outputs);
                        bits.extend((0..out.rows()).flat_map(|row| out.row(row).iter().map(|x| x.to_bits())));
                    }
                    bits
                })
                .collect();
            assert!(results.iter().all(|bits| *bits == results[0]), "{isa} {precision:?}");
        }
    }
}

#[test]
fn products_of_bytes_are_exact_at_the_limits_of_their_range() {
    let (inputs, outputs) = if cfg!(miri) { (100, 9) } else { (3072, 33) };
    let pool = pool(1);
    let weights: Vec<f32> = (0..outputs * inputs).map(|at| if at / inputs % 2 == 0 { 127.0 } else { -127.0 }).collect();
    // The largest byte everywhere, so that every sum is as large as it can be.
    let x = vec![255.0; inputs];
    for isa in Isa::available() {
        let linear = Linear::pack(isa, &pool, Precision::Int8, &Rows(&weights, inputs), inputs, vec![0.0; outputs]);
        let (x, format) = (Matrix::from_rows(inputs, &x), linear.operand_format());
        let out = forward(isa, &pool, &linear, &x, format, Activation::Identity, outputs);
        for (column, &sum) in out.row(0).iter().enumerate() {
            let sign = if column % 2 == 0 { 1.0 } else { -1.0 };
            assert_eq!(sum, sign * 255.0 * 127.0 * inputs as f32, "{isa}, column {column}");
        }
    }
}

#[test]
fn products_of_bytes_equal_plain_integers_bit_for_bit() {
    let sizes = if cfg!(miri) {
        vec![[1, 3, 2], [5, 9, 9]]
    } else {
        (1..=15).map(|rows| [rows, 8 * rows - 3, 37]).chain([[1, 1100, 33], [40, 1100, 33], [101, 768, 48]]).collect()
    };
    for isa in Isa::available() {
        for [rows, inputs, outputs] in sizes.clone() {
            let pool = pool(2);
            // Both scales are 1: a row of `x` reaches from -100 to 155, and one of the weights has 127.
            let scaled = |len: usize, seed, size: f32| random(len, seed).into_iter().map(move |x| (x * size).round());
            let mut x: Vec<f32> = scaled(rows * inputs, 1, 100.0).collect();
            for row in x.chunks_exact_mut(inputs) {
                (row[0], row[inputs - 1]) = (155.0, -100.0);
            }
            let mut weights: Vec<f32> = scaled(outputs * inputs, 2, 127.0).collect();
            weights.chunks_exact_mut(inputs).for_each(|row| row[inputs / 2] = 127.0);
            let linear = Linear::pack(isa, &pool, Precision::Int8, &Rows(&weights, inputs), inputs, vec![0.0; outputs]);
            let (matrix, format) = (Matrix::from_rows(inputs, &x), linear.operand_format());
            let out = forward(isa, &pool, &linear, &matrix, format, Activation::Identity, outputs);
            for (row, x) in x.chunks_exact(inputs).enumerate() {
                for (column, weights) in weights.chunks_exact(inputs).enumerate() {
                    let sum: i64 = x.iter().zip(weights).map(|(x, w)| (x * w) as i64).sum();
                    let found = out.row(row)[column];
                    assert_eq!(found, sum as f32, "{isa} {rows}x{inputs}x{outputs} [{row}, {column}]");
                }
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_show_in_their_row_and_nowhere_else() {
    let (inputs, outputs) = (40, 20);
    let pool = pool(2);
    let weights = random(outputs * inputs, 8);
    for isa in Isa::available() {
        for precision in PRECISIONS {
            let linear = Linear::pack(isa, &pool, precision, &Rows(&weights, inputs), inputs, vec![0.0; outputs]);
            for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = random(3 * inputs, 9);
                x[inputs + 17] = odd;
                let (x, format) = (Matrix::from_rows(inputs, &x), linear.operand_format());
                let out = forward(isa, &pool, &linear, &x, format, Activation::Gelu, outputs);
                let finite = |row: usize| out.row(row).iter().all(|x| x.is_finite());
                assert!(finite(0) && finite(2), "{isa} {precision:?} {odd}");
                assert!(out.row(1).iter().any(|x| !x.is_finite()), "{isa} {precision:?} {odd}");
            }
        }
    }
}

#[test]
fn a_batch_without_rows_gives_a_result_without_rows() {
    let pool = pool(2);
    for isa in Isa::available() {
        for precision in PRECISIONS {
            let linear = Linear::pack(isa, &pool, precision, &Rows(&random(20 * 40, 8), 40), 40, vec![0.0; 20]);
            let out = forward(isa, &pool, &linear, &Matrix::new(40), linear.operand_format(), Activation::Gelu, 20);
            assert_eq!((out.rows(), out.columns()), (0, 20), "{isa} {precision:?}");
        }
    }
}

#[test]
fn layer_norm_equals_the_reference() {
    let pool = pool(2);
    for isa in Isa::available() {
        for columns in SIZES.iter().copied().chain(if cfg!(miri) { vec![] } else { vec![384, 768] }) {
            for offset in [0.0, 100.0] {
                let rows = 5;
                let norm = LayerNorm { weight: random(columns, 1), bias: random(columns, 2), eps: 1e-12 };
                let shifted = |seed| random(rows * columns, seed).into_iter().map(|x| x + offset).collect::<Vec<_>>();
                let (x, residual) = (shifted(3), shifted(4));
                let mut hidden = Matrix::from_rows(columns, &x);
                let mut quantized = QuantizedMatrix::new(OperandFormat::U8, columns);
                let residual_rows = Matrix::from_rows(columns, &residual);
                norm.forward(isa, &pool, Some(&residual_rows), &mut hidden, Some(&mut quantized));
                for row in 0..rows {
                    let range = row * columns..(row + 1) * columns;
                    let sum: Vec<f64> =
                        x[range.clone()].iter().zip(&residual[range]).map(|(a, b)| f64::from(a + b)).collect();
                    let expected = reference::layer_norm(&sum, &norm.weight, &norm.bias, 1e-12);
                    for (found, expected) in hidden.row(row).iter().zip(expected) {
                        let tolerance = if columns == 1 { 1e-1 } else { 2e-6 * (1.0 + offset as f64) };
                        let error = (f64::from(*found) - expected).abs();
                        assert!(error <= tolerance, "{isa} {columns} + {offset}: {found} instead of {expected}");
                    }
                }
                let mut again = QuantizedMatrix::new(OperandFormat::U8, columns);
                again.quantize(isa, &pool, &hidden);
                assert_eq!(quantized.bytes(), again.bytes(), "{isa} {columns}");
            }
        }
    }
}

#[test]
fn attention_equals_the_reference_for_every_text_of_a_packed_batch() {
    let pool = pool(2);
    for isa in Isa::available() {
        for head_size in if cfg!(miri) { vec![3, 9] } else { vec![3, 16, 32, 64] } {
            let heads = 2;
            let hidden = heads * head_size;
            let cu_seqlens = if cfg!(miri) { [0, 1, 3, 3 + 5, 8 + 9] } else { [0, 1, 6, 6 + 33, 39 + 130] };
            let total = cu_seqlens[4];
            let scaled = |seed| random(total * hidden * 2, seed).into_iter().map(|x| 3.0 * x).collect::<Vec<_>>();
            let (query, key_value) = (scaled(1)[..total * hidden].to_vec(), scaled(2));
            let mut context = Matrix::new(hidden);
            Attention { isa, heads, reach: Reach::All, precision: Precision::F32 }.forward(
                &pool,
                [&Matrix::from_rows(hidden, &query), &Matrix::from_rows(2 * hidden, &key_value)],
                [&cu_seqlens, &cu_seqlens],
                &mut Scratch::default(),
                &mut context,
            );
            for text in cu_seqlens.windows(2) {
                for head in 0..heads {
                    let part = |from: &[f32], width: usize, start: usize| -> Vec<f64> {
                        let row = |row: usize| from[row * width + start..][..head_size].iter().map(|&x| f64::from(x));
                        (text[0]..text[1]).flat_map(row).collect()
                    };
                    let expected = reference::attention(
                        &part(&query, hidden, head * head_size),
                        &part(&key_value, 2 * hidden, head * head_size),
                        &part(&key_value, 2 * hidden, hidden + head * head_size),
                        head_size,
                    );
                    let found = (text[0]..text[1]).flat_map(|row| &context.row(row)[head * head_size..][..head_size]);
                    for (found, expected) in found.zip(expected) {
                        assert!(
                            (f64::from(*found) - expected).abs() < 1e-5,
                            "{isa} {head_size}: {found} instead of {expected}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn attention_within_a_window_equals_the_reference_for_every_token() {
    let pool = pool(2);
    for isa in Isa::available() {
        let sizes = [(3, 0), (8, 1), (5, 13), (64, 64), (32, 500)];
        for (head_size, side) in sizes.into_iter().take(if cfg!(miri) { 3 } else { 5 }) {
            let (heads, lens) = (2, if cfg!(miri) { vec![1, 9, 20] } else { vec![1, 12, 40, 300] });
            let hidden = heads * head_size;
            let cu_seqlens = cumulative(&lens);
            let total = *cu_seqlens.last().unwrap();
            let (query, key_value) = (random(total * hidden, 1), random(total * hidden * 2, 2));
            let attention = Attention { isa, heads, reach: Reach::Window(side), precision: Precision::F32 };
            let [query_rows, key_value_rows] =
                [Matrix::from_rows(hidden, &query), Matrix::from_rows(2 * hidden, &key_value)];
            let forward = |query: &Matrix, cu_query_lens: &[usize]| {
                let mut context = Matrix::new(hidden);
                let lens = [cu_query_lens, &cu_seqlens];
                attention.forward(&pool, [query, &key_value_rows], lens, &mut Scratch::default(), &mut context);
                context
            };
            let context = forward(&query_rows, &cu_seqlens);
            for (text, &len) in cu_seqlens.windows(2).zip(&lens) {
                for (position, head) in (0..len).flat_map(|position| [(position, 0), (position, 1)]) {
                    let row = text[0] + position;
                    let reached = Reach::Window(side).tokens(position, len);
                    let part = |width: usize, start: usize| -> Vec<f64> {
                        let row = |row: usize| &key_value[row * width + start..][..head_size];
                        (text[0] + reached.start..text[0] + reached.end).flat_map(row).map(|&x| x.into()).collect()
                    };
                    let expected = reference::attention(
                        &to_f64(&query[row * hidden + head * head_size..][..head_size]),
                        &part(2 * hidden, head * head_size),
                        &part(2 * hidden, hidden + head * head_size),
                        head_size,
                    );
                    let found = &context.row(row)[head * head_size..][..head_size];
                    for (found, expected) in found.iter().zip(expected) {
                        let error = (f64::from(*found) - expected).abs();
                        assert!(error < 1e-5, "{isa} {head_size} {side} {len}, {position}: {found} is not {expected}");
                    }
                }
            }
            // The first token alone, as in a last layer.
            let starts = &cu_seqlens[..lens.len()];
            let rows = starts.iter().flat_map(|&start| &query[start * hidden..(start + 1) * hidden]);
            let first = Matrix::from_rows(hidden, &rows.copied().collect::<Vec<_>>());
            let first = forward(&first, &(0..=lens.len()).collect::<Vec<_>>());
            for (text, &start) in starts.iter().enumerate() {
                for (a, b) in first.row(text).iter().zip(context.row(start)) {
                    assert!((a - b).abs() < 1e-5, "{isa} {head_size} {side}: {a} is not {b}");
                }
            }
        }
    }
}

/// Cumulative lengths.
fn cumulative(lens: &[usize]) -> Vec<usize> {
    let mut end = 0;
    let ends = lens.iter().map(|len| {
        end += len;
        end
    });
    std::iter::once(0).chain(ends).collect()
}

#[test]
fn a_text_has_the_same_bits_in_a_window_alone_and_in_any_batch() {
    let (heads, hidden) = (2, 48);
    let (lens, side) = (if cfg!(miri) { [5, 1, 12] } else { [37, 1, 120] }, 6);
    let cu_seqlens = cumulative(&lens);
    let total = *cu_seqlens.last().unwrap();
    let (query, key_value) = (random(total * hidden, 1), random(total * hidden * 2, 2));
    for isa in Isa::available() {
        let bits = |rows: Range<usize>, cu_lens: &[usize], threads: usize| {
            let (pool, mut context) = (pool(threads), Matrix::new(hidden));
            let mut query = Matrix::from_rows(hidden, &query[rows.start * hidden..rows.end * hidden]);
            let mut key_value =
                Matrix::from_rows(2 * hidden, &key_value[2 * rows.start * hidden..2 * rows.end * hidden]);
            let mut rotary = Rotary::new(100.0, hidden / heads);
            rotary.forward(isa, &pool, heads, cu_lens, &mut query);
            rotary.forward(isa, &pool, heads, cu_lens, &mut key_value);
            Attention { isa, heads, reach: Reach::Window(side), precision: Precision::F32 }.forward(
                &pool,
                [&query, &key_value],
                [cu_lens, cu_lens],
                &mut Scratch::default(),
                &mut context,
            );
            (0..context.rows()).flat_map(|row| context.row(row).to_vec()).map(f32::to_bits).collect::<Vec<_>>()
        };
        let together = bits(0..total, &cu_seqlens, 3);
        for text in cu_seqlens.windows(2) {
            let alone = bits(text[0]..text[1], &[0, text[1] - text[0]], 1);
            assert_eq!(alone, together[text[0] * hidden..text[1] * hidden], "{isa}");
        }
    }
}

#[test]
fn rotary_positions_equal_the_reference() {
    let pool = pool(2);
    for isa in Isa::available() {
        for (head_size, heads, base) in [(2, 3, 10.0), (6, 2, 10_000.0), (64, 2, 160_000.0), (40, 1, 1.5)] {
            let (lens, columns) = (if cfg!(miri) { vec![3, 1, 6] } else { vec![30, 1, 700] }, heads * head_size + 5);
            let cu_seqlens = cumulative(&lens);
            let x = random(cu_seqlens[3] * columns, 1);
            let mut matrix = Matrix::from_rows(columns, &x);
            Rotary::new(base, head_size).forward(isa, &pool, heads, &cu_seqlens, &mut matrix);
            for (text, position) in (0..3).flat_map(|text| (0..lens[text]).map(move |position| (text, position))) {
                let row = cu_seqlens[text] + position;
                let original = &x[row * columns..(row + 1) * columns];
                let (heads_of_row, rest) = original.split_at(heads * head_size);
                let expected = heads_of_row
                    .chunks(head_size)
                    .flat_map(|head| reference::rotate(&to_f64(head), position, base))
                    .chain(to_f64(rest));
                for (found, expected) in matrix.row(row).iter().zip(expected) {
                    // The angle is rounded to f32.
                    let error = (f64::from(*found) - expected).abs();
                    let bound = 3e-7 * (1.0 + position as f64);
                    assert!(error < bound, "{isa} {head_size} {base} at {position}: {found} is not {expected}");
                }
            }
        }
    }
}

#[test]
fn a_norm_that_keeps_its_input_gives_what_one_in_place_gives() {
    let pool = pool(2);
    for isa in Isa::available() {
        for &columns in SIZES {
            let norm = LayerNorm { weight: random(columns, 1), bias: vec![0.0; columns], eps: 1e-5 };
            let hidden = Matrix::from_rows(columns, &random(5 * columns, 3));
            let mut in_place = Matrix::from_rows(columns, &random(5 * columns, 3));
            let [mut rounded_in_place, mut rounded] = [0, 1].map(|_| QuantizedMatrix::new(OperandFormat::U8, columns));
            norm.forward(isa, &pool, None, &mut in_place, Some(&mut rounded_in_place));
            let mut normalized = Matrix::new(columns);
            norm.forward_to(isa, &pool, &hidden, &mut normalized, Some(&mut rounded));
            assert_eq!(normalized.as_slice(), in_place.as_slice(), "{isa} {columns}");
            assert_eq!(rounded.bytes(), rounded_in_place.bytes(), "{isa} {columns}");
        }
    }
}

#[test]
fn sums_and_products_are_those_of_each_number() {
    let pool = pool(2);
    for isa in Isa::available() {
        for &columns in SIZES {
            let (x, y) = (random(5 * columns, 1), random(5 * columns, 2));
            let [mut sum, mut product, other] = [&x, &x, &y].map(|values| Matrix::from_rows(columns, values));
            let mut rounded = QuantizedMatrix::new(OperandFormat::U8, columns);
            add(isa, &pool, &mut sum, &other);
            multiply(isa, &pool, &mut product, &other, Some(&mut rounded));
            for (at, (x, y)) in x.iter().zip(&y).enumerate() {
                let (row, column) = (at / columns, at % columns);
                assert_eq!([sum.row(row)[column], product.row(row)[column]], [x + y, x * y], "{isa} {columns}");
            }
            let mut again = QuantizedMatrix::new(OperandFormat::U8, columns);
            again.quantize(isa, &pool, &product);
            assert_eq!(rounded.bytes(), again.bytes(), "{isa} {columns}");
        }
    }
}

#[test]
#[should_panic(expected = "queries of a text")]
fn attention_refuses_more_queries_than_tokens() {
    let matrix = |rows, columns| Matrix::from_rows(columns, &random(rows * columns, 1));
    Attention { isa: Isa::available()[0], heads: 1, reach: Reach::Window(1), precision: Precision::F32 }.forward(
        &pool(1),
        [&matrix(9, 4), &matrix(3, 8)],
        [&[0, 9], &[0, 3]],
        &mut Scratch::default(),
        &mut Matrix::new(4),
    );
}

#[test]
#[should_panic(expected = "rows of queries")]
fn attention_refuses_texts_that_share_rows_of_queries() {
    let matrix = |columns| Matrix::from_rows(columns, &random(8 * columns, 1));
    Attention { isa: Isa::available()[0], heads: 1, reach: Reach::All, precision: Precision::F32 }.forward(
        &pool(2),
        [&matrix(4), &matrix(8)],
        [&[0, 5, 3, 8], &[0, 5, 6, 8]],
        &mut Scratch::default(),
        &mut Matrix::new(4),
    );
}

#[test]
fn weights_are_quantized_to_the_nearest_byte_and_bad_numbers_show_in_the_scale() {
    let (mut bytes, mut scales) = ([0; 8], [0.0; 2]);
    quantize_weights(&[127.0, -127.0, 0.5, 1.5, 0.0, 0.0, 0.0, 0.0], &mut bytes, &mut scales);
    assert_eq!((bytes, scales), ([127, -127, 0, 2, 0, 0, 0, 0], [1.0, 1.0]));
    quantize_weights(&[1.0, f32::NAN, 0.0, 0.0, 1.0, f32::INFINITY, 0.0, 0.0], &mut bytes, &mut scales);
    assert!(scales.iter().all(|scale| !scale.is_finite()), "{scales:?}");
}

#[test]
fn embedding_tables_sum_their_rows_in_every_precision() {
    /// Rows that are stored as int8.
    struct Bytes<'a>(Rows<'a>);

    impl WeightRows for Bytes<'_> {
        fn read(&self, rows: Range<usize>, to: &mut [f32]) {
            let (mut bytes, mut scales) = (vec![0; to.len()], vec![0.0; rows.len()]);
            self.read_int8(rows, &mut bytes, &mut scales);
            to.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte.into());
            scale_rows(to, &scales);
        }

        fn are_int8(&self) -> bool {
            true
        }

        fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
            self.0.read_int8(rows, to, scales);
        }
    }

    let (rows, columns) = (600, if cfg!(miri) { 2 } else { 20 });
    let values = random(rows * columns, 4);
    let stored = Bytes(Rows(&values, columns));
    let mut values = vec![0.0; values.len()];
    stored.read(0..rows, &mut values);
    let pool = pool(2);
    for (precision, tolerance) in [(Precision::F32, 0.0), (Precision::Bf16, 1.0 / 256.0), (Precision::Int8, 0.0)] {
        let table = EmbeddingTable::load(&WeightStore::default(), &pool, precision, &stored, [rows, columns]);
        let ids = [[0, 1, 255, 256, 599], [599, 7, 7, 0, 300]];
        let mut sums = Matrix::new(columns);
        EmbeddingTable::sum_rows(&pool, &[(&table, &ids[0]), (&table, &ids[1])], &mut sums);
        for (row, [a, b]) in ids[0].iter().zip(ids[1]).map(|(&a, b)| [a as usize, b as usize]).enumerate() {
            for (column, found) in sums.row(row).iter().enumerate() {
                let expected = values[a * columns + column] + values[b * columns + column];
                assert!((found - expected).abs() <= 2.0 * tolerance, "{precision:?}: {found} instead of {expected}");
            }
        }
    }
}

#[test]
fn the_peak_is_measured_for_every_precision() {
    let pool = pool(1);
    for isa in Isa::available() {
        for precision in PRECISIONS {
            assert!(
                peak::gops(isa, &pool, precision, if cfg!(miri) { 10 } else { 1_000 }) > 0.0,
                "{isa} {precision:?}"
            );
        }
    }
}
