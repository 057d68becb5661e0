//! Compares attention in narrow formats with plain f64 arithmetic on rounded queries, keys and values.

use std::ops::Range;

use half::bf16;

use super::format::{Format, MEDIUM, SHORT};
use super::rounding::{power_coefficients, power_of_two};
use super::*;
use crate::narrow::{Bf16Pairs, NarrowKernel, NarrowVectors};
use crate::product::Product;
use crate::reference;
use crate::tests::{pool, random, to_f64};

/// The instruction sets of this CPU with the formats that they have, other than f32.
fn narrow_formats() -> Vec<(Isa, Format)> {
    let all = Isa::available().into_iter().flat_map(|isa| [Format::Bf16, Format::Bytes].map(|format| (isa, format)));
    let formats =
        |isa| Precision::ALL.map(|precision| [MEDIUM, MEDIUM + 1].map(|tokens| Format::of(isa, precision, tokens)));
    all.filter(|&(isa, format)| formats(isa).as_flattened().contains(&format)).collect()
}

/// Texts in one matrix of queries, and one of keys and values.
struct Texts {
    heads: usize,
    head_size: usize,
    reach: Reach,
    lens: Vec<usize>,
    query: Vec<f32>,
    key_value: Vec<f32>,
}

impl Texts {
    /// Random numbers in -`extent`..`extent`.
    fn random(heads: usize, head_size: usize, reach: Reach, lens: &[usize], extent: f32) -> Self {
        let (hidden, total) = (heads * head_size, lens.iter().sum::<usize>());
        let numbers = |len, seed| random(len, seed).into_iter().map(|x| extent * x).collect();
        let (query, key_value) = (numbers(total * hidden, 1), numbers(2 * total * hidden, 2));
        Self { heads, head_size, reach, lens: lens.to_vec(), query, key_value }
    }

    fn hidden(&self) -> usize {
        self.heads * self.head_size
    }

    /// The rows of each text.
    fn rows(&self) -> impl Iterator<Item = Range<usize>> {
        self.lens.iter().scan(0, |end, len| {
            *end += len;
            Some(*end - len..*end)
        })
    }

    fn forward(&self, isa: Isa, format: Format, texts: Range<usize>, threads: usize) -> Matrix {
        let rows: Vec<_> = self.rows().collect();
        let (first, last) = (rows[texts.start].start, rows[texts.end - 1].end);
        let hidden = self.hidden();
        let cu_lens: Vec<usize> = std::iter::once(0).chain(rows[texts].iter().map(|rows| rows.end - first)).collect();
        let mut context = Matrix::new(hidden);
        Attention { isa, heads: self.heads, reach: self.reach, precision: Precision::F32 }.forward_in(
            |_| format,
            &pool(threads),
            [
                &Matrix::from_rows(hidden, &self.query[first * hidden..last * hidden]),
                &Matrix::from_rows(2 * hidden, &self.key_value[2 * first * hidden..2 * last * hidden]),
            ],
            [&cu_lens, &cu_lens],
            &mut Scratch::default(),
            &mut context,
        );
        context
    }

    /// The queries, keys and values of a head of a text, `[tokens, head_size]`.
    fn head(&self, rows: &Range<usize>, head: usize) -> [Vec<f32>; 3] {
        let hidden = self.hidden();
        let part = |from: &[f32], width: usize, start: usize| -> Vec<f32> {
            rows.clone().flat_map(|row| from[row * width + start..][..self.head_size].to_vec()).collect()
        };
        let start = head * self.head_size;
        [
            part(&self.query, hidden, start),
            part(&self.key_value, 2 * hidden, start),
            part(&self.key_value, 2 * hidden, hidden + start),
        ]
    }
}

/// Rounds to bytes, each row with a scale.
fn rounded_rows(numbers: &[f32], columns: usize) -> Vec<f64> {
    let round = |row: &[f32]| {
        let most = row.iter().fold(1e-30, |most: f32, x| most.max(x.abs()));
        let inverse = 127.0 / most;
        row.iter().map(|x| f64::from((x * inverse).round_ties_even() * (most / 127.0))).collect::<Vec<_>>()
    };
    numbers.chunks_exact(columns).flat_map(round).collect()
}

fn transposed<T: Copy>(numbers: &[T], columns: usize) -> Vec<T> {
    (0..columns).flat_map(|column| numbers.iter().copied().skip(column).step_by(columns)).collect()
}

/// Queries, keys and values as numbers, after rounding.
fn rounded(format: Format, [query, key, value]: [Vec<f32>; 3], head_size: usize) -> [Vec<f64>; 3] {
    match format {
        Format::F32 => [query, key, value].map(|numbers| to_f64(&numbers)),
        Format::Bf16 => [query, key, value].map(|x| x.iter().map(|&x| bf16::from_f32(x).to_f64()).collect()),
        Format::Bytes => {
            let columns = transposed(&value, head_size);
            let value = transposed(&rounded_rows(&columns, value.len() / head_size), value.len() / head_size);
            [rounded_rows(&query, head_size), rounded_rows(&key, head_size), value]
        }
    }
}

/// Largest error of the context by the rounding of weights, for values up to 1. `keys` of them are in reach.
fn weight_error(format: Format, keys: usize) -> f64 {
    match format {
        Format::F32 => 1e-5,
        // Both the weights and their sum are off by half of the last of 8 bits, and by the error of the exponential.
        Format::Bf16 => 2.0 * (1.0 / 512.0 + 1e-4),
        // Each weight is off by half a byte, and by half that it takes from another key. The errors are of either sign.
        Format::Bytes => 3.0 * (keys as f64).sqrt() / 254.0,
    }
}

#[test]
fn narrow_attention_equals_the_reference_for_every_token() {
    let sizes = if cfg!(miri) { vec![(3, 9)] } else { vec![(2, 3), (2, 16), (2, 32), (2, 64), (1, 80), (1, 100)] };
    let lens = if cfg!(miri) { vec![1, 5] } else { vec![1, 5, 16, 33, 130] };
    for (isa, format) in narrow_formats() {
        for &(heads, head_size) in &sizes {
            for reach in [Reach::All, Reach::Window(0), Reach::Window(7), Reach::Window(40)] {
                let texts = Texts::random(heads, head_size, reach, &lens, 2.0);
                let context = texts.forward(isa, format, 0..lens.len(), 2);
                for (rows, head) in texts.rows().flat_map(|rows| (0..heads).map(move |head| (rows.clone(), head))) {
                    let [query, key, value] = rounded(format, texts.head(&rows, head), head_size);
                    for position in 0..rows.len() {
                        let keys = reach.tokens(position, rows.len());
                        let of_keys = |x: &[f64]| x[keys.start * head_size..keys.end * head_size].to_vec();
                        let query = &query[position * head_size..][..head_size];
                        let expected = reference::attention(query, &of_keys(&key), &of_keys(&value), head_size);
                        let found = &context.row(rows.start + position)[head * head_size..][..head_size];
                        let bound = 2.0 * weight_error(format, keys.len()) + 1e-5;
                        for (found, expected) in found.iter().zip(expected) {
                            let error = (f64::from(*found) - expected).abs();
                            let what = format!("{isa} {format:?} {head_size} {reach:?} {position} of {}", rows.len());
                            assert!(error <= bound, "{what}: {found} instead of {expected}");
                        }
                    }
                }
            }
        }
    }
}

/// A key that gets most of the attention, and many that share the rest: weights of less than half a byte each.
#[test]
fn many_small_weights_are_not_lost() {
    let head_size = 32;
    for ((isa, format), (keys, weight)) in narrow_formats()
        .into_iter()
        .flat_map(|format| [(format, (700, 0.35)), (format, (150, 0.24)), (format, (300, 0.1))])
    {
        let mut texts = Texts::random(1, head_size, Reach::All, &[keys], 0.1);
        // In bytes, the best weight is 254.
        let best = (254.0_f32 / weight).ln() * (head_size as f32).sqrt() / 6.0;
        for row in 0..keys {
            texts.query[row * head_size] = 6.0;
            texts.key_value[2 * row * head_size] = if row == 3 { best } else { 0.0 };
            // What the small weights are worth together.
            texts.key_value[(2 * row + 1) * head_size] = if row == 3 { 0.0 } else { 1.0 };
        }
        let context = texts.forward(isa, format, 0..1, 1);
        let [query, key, value] = texts.head(&(0..keys), 0).map(|numbers| to_f64(&numbers));
        let expected = reference::attention(&query, &key, &value, head_size);
        for row in 0..keys {
            let (found, expected) = (f64::from(context.row(row)[0]), expected[row * head_size]);
            let error = (found - expected).abs();
            assert!(error < 0.03, "{isa} {format:?} {keys} {weight}: {found} instead of {expected}");
        }
    }
}

#[test]
fn narrow_attention_has_the_same_bits_in_any_batch_and_for_any_number_of_threads() {
    let lens = if cfg!(miri) { [5, 1, 12] } else { [37, 1, 120] };
    for (isa, format) in narrow_formats() {
        for reach in [Reach::All, Reach::Window(6)] {
            let texts = Texts::random(2, 24, reach, &lens, 2.0);
            let bits = |matrix: &Matrix, rows: Range<usize>| -> Vec<u32> {
                rows.flat_map(|row| matrix.row(row).to_vec()).map(f32::to_bits).collect()
            };
            let together = texts.forward(isa, format, 0..3, 3);
            for (text, rows) in texts.rows().enumerate() {
                let alone = texts.forward(isa, format, text..text + 1, 1);
                assert_eq!(bits(&alone, 0..rows.len()), bits(&together, rows), "{isa} {format:?} {reach:?}");
            }
        }
    }
}

#[test]
fn each_length_has_one_format_that_the_instructions_allow() {
    for isa in Isa::available() {
        let formats = |tokens| Precision::ALL.map(|precision| Format::of(isa, precision, tokens));
        let (bf16, int8) = match isa.name() {
            "avx512-bf16" => (Format::Bf16, [Format::F32, Format::Bf16, Format::Bytes]),
            "avx512-vnni" => (Format::F32, [Format::F32, Format::Bytes, Format::Bytes]),
            _ => (Format::F32, [Format::F32; 3]),
        };
        let [short, medium, long] = int8.map(|int8| [Format::F32, bf16, int8]);
        assert_eq!([1, SHORT].map(formats), [short; 2], "{isa}");
        assert_eq!([SHORT + 1, MEDIUM].map(formats), [medium; 2], "{isa}");
        assert_eq!(formats(MEDIUM + 1), long, "{isa}");
        // The public function takes that format. Miri would take minutes to see it.
        for (tokens, format) in [SHORT, MEDIUM, MEDIUM + 1].into_iter().zip(int8).take(if cfg!(miri) { 0 } else { 3 }) {
            let texts = Texts::random(1, 8, Reach::All, &[tokens], 2.0);
            let mut context = Matrix::new(8);
            Attention { isa, heads: 1, reach: Reach::All, precision: Precision::Int8 }.forward(
                &pool(1),
                [&Matrix::from_rows(8, &texts.query), &Matrix::from_rows(16, &texts.key_value)],
                [&[0, tokens], &[0, tokens]],
                &mut Scratch::default(),
                &mut context,
            );
            assert_eq!(context.as_slice(), texts.forward(isa, format, 0..1, 1).as_slice(), "{isa} {tokens}");
        }
    }
}

#[test]
fn numbers_that_are_not_finite_show_in_their_text_and_nowhere_else() {
    let (head_size, lens) = (20, [9, 40, 9]);
    for (isa, format) in narrow_formats() {
        for (odd, place) in
            [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().flat_map(|x| [(x, 0), (x, 1), (x, 2)])
        {
            let mut texts = Texts::random(1, head_size, Reach::All, &lens, 2.0);
            let row = 9 + 17;
            match place {
                0 => texts.query[row * head_size + 4] = odd,
                1 => texts.key_value[2 * row * head_size + 4] = odd,
                _ => texts.key_value[(2 * row + 1) * head_size + 4] = odd,
            }
            let context = texts.forward(isa, format, 0..3, 2);
            let is_finite = |row: usize| context.row(row).iter().all(|x| x.is_finite());
            let what = format!("{isa} {format:?} {odd} {place}");
            assert!((0..9).chain(49..58).all(is_finite), "{what}");
            // A query is read by its own row only. An infinite key may have the score minus infinity: no weight.
            let mut own = if place == 0 { row..row + 1 } else { 9..49 };
            let shows = match place == 1 && odd.is_infinite() {
                true => own.any(|row| !is_finite(row)),
                false => own.all(|row| !is_finite(row)),
            };
            assert!(shows, "{what}");
        }
    }
}

#[test]
fn zeros_are_exact() {
    for (isa, format) in narrow_formats() {
        let mut texts = Texts::random(1, 16, Reach::All, &[40], 1.0);
        texts.query.fill(0.0);
        texts.key_value.fill(0.0);
        let context = texts.forward(isa, format, 0..1, 1);
        assert!((0..40).all(|row| context.row(row).iter().all(|x| *x == 0.0)), "{isa} {format:?}");
    }
}

/// `2ˣ`, for each number.
struct Powers<'a> {
    xs: &'a [f32],
    powers: &'a mut Vec<f32>,
}

impl Powers<'_> {
    #[inline(always)]
    fn compute<S: NarrowVectors>(self, s: S) {
        for xs in self.xs.chunks(S::LANES) {
            let powers = s.lanes(power_of_two(s, s.load_or(xs, 0.0), power_coefficients(s, 1.0)));
            self.powers.extend(&powers[..xs.len()]);
        }
    }
}

impl NarrowKernel for Powers<'_> {
    #[inline(always)]
    fn run_bf16<S: NarrowVectors, P: Bf16Pairs<S>>(self, s: S, _: P) {
        self.compute(s);
    }

    #[inline(always)]
    fn run_bytes<S: NarrowVectors, P: Product<S, Operand = u8>>(self, s: S, _: P) {
        self.compute(s);
    }
}

#[test]
fn powers_of_two_have_the_stated_error() {
    let mut xs: Vec<f32> = (0..=100_000).map(|step| -120.0 * step as f32 / 100_000.0).collect();
    xs.extend([f32::NEG_INFINITY, -1e30, f32::NAN]);
    for (isa, format) in narrow_formats() {
        let mut powers = Vec::new();
        format.run(isa, Powers { xs: &xs, powers: &mut powers });
        let (odd, finite) = (powers.split_off(xs.len() - 3), powers);
        for (x, power) in xs.iter().zip(finite) {
            let error = f64::from(power) / f64::from(*x).exp2() - 1.0;
            assert!(error.abs() < 8e-5, "{isa}: 2^{x} = {power}");
        }
        assert!(odd[..2] == [0.0, 0.0] && odd[2].is_nan(), "{isa}: {odd:?}");
    }
}
