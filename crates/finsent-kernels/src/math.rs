//! Elementary functions on vectors.
//!
//! The coefficients are minimax fits for these intervals (found with Lawson's weighting until they met Remez's
//! condition). The tests measure the errors that are stated here.

use super::simd::Simd;

/// Largest relative error of [`exp`] for arguments in -87..=0. Below, the result is 0 or under 2e-38.
#[cfg(test)]
pub(super) const EXP_ERROR: f64 = 1.5e-7;

/// Largest error of [`coarse_gelu`] for arguments of at most 100.
#[cfg(test)]
pub(super) const COARSE_GELU_ERROR: f64 = 3.5e-4;

/// Largest error of [`gelu`], relative to the larger of 1 and the argument's magnitude.
#[cfg(test)]
pub(super) const GELU_ERROR: f64 = 2.5e-7;

/// `eˣ` for x up to 0, as `2ⁿ eʳ` with an integer n and |r| up to half of ln 2. The relative error is at most 1.5e-7 for x
/// from -87 on. NaN stays NaN.
#[inline(always)]
pub(super) fn exp<S: Simd>(s: S, x: S::F32) -> S::F32 {
    /// ln 2 in two parts. The first has few bits, so that its products with n are exact.
    const LN2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// `(eʳ - 1 - r) / r²`
    const TAIL: [f32; 5] = [4.999_999_4e-1, 1.666_652_1e-1, 4.166_839e-2, 8.368_717e-3, 1.381_459_9e-3];
    /// Below this, 2ⁿ would not be a normal number.
    const LEAST: f32 = -87.0;

    let x = s.max(s.splat(LEAST), x);
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    let whole = s.to_f32(n);
    let r = s.mul_add(whole, s.splat(-LN2[0]), x);
    let r = s.mul_add(whole, s.splat(-LN2[1]), r);
    let one_and_r = s.add(s.splat(1.0), r);
    let e_to_r = s.mul_add(s.mul(r, r), polynomial(s, r, TAIL), one_and_r);
    let two_to_n = s.bits_to_f32(s.shift_left::<23>(s.add_i32(n, s.splat_i32(127))));
    s.mul(e_to_r, two_to_n)
}

/// `x Φ(x) = x/2 (1 + erf(x/√2))`: GELU with the error function (Hendrycks and Gimpel 2016), not its tanh approximation.
/// The error is at most 2.5e-7 times the larger of 1 and |x|. NaN stays NaN.
#[inline(always)]
pub(super) fn gelu<S: Simd>(s: S, x: S::F32) -> S::F32 {
    /// From here on, erf(x/√2) is 1 in f32.
    const END: f32 = 5.4;
    /// `erf(x/√2)` is `x P(x²) / Q(x²)`.
    const P: [f32; 6] = [7.978_845e-1, 6.605_854e-2, 9.257_913e-3, 3.213_876e-4, 1.264_739_3e-5, 4.718_202_7e-8];
    const Q: [f32; 6] = [1.0, 2.494_585_7e-1, 2.818_003_7e-2, 1.838_648e-3, 7.117_244e-5, 1.219_822_6e-6];

    let near = s.max(s.splat(-END), s.min(s.splat(END), x));
    let square = s.mul(near, near);
    let erf = s.div(s.mul(near, polynomial(s, square, P)), polynomial(s, square, Q));
    let half = s.mul(x, s.splat(0.5));
    s.mul_add(half, erf, half)
}

/// GELU for results that are rounded to bytes, whose steps are some fifty times as large as its error: at most 3.4e-4, at a
/// third of the cost of [`gelu`]. NaN stays NaN, and infinity is not finite.
#[inline(always)]
pub(super) fn coarse_gelu<S: Simd>(s: S, x: S::F32) -> S::F32 {
    /// From here on, Φ is 1.
    const END: f32 = 3.75;
    /// `(Φ(x) - 1/2) / x`, as a polynomial of x².
    const P: [f32; 7] =
        [3.983_817_4e-1, -6.526_055e-2, 9.109_209e-3, -8.892_226e-4, 5.635_587e-5, -2.056_054_8e-6, 3.245_124_4e-8];

    let near = s.max(s.splat(-END), s.min(s.splat(END), x));
    let cumulative = s.mul_add(near, polynomial(s, s.mul(near, near), P), s.splat(0.5));
    s.mul(x, cumulative)
}

/// `c[0] + c[1] x + c[2] x² + …` by Horner's method.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F32, coefficients: [f32; N]) -> S::F32 {
    let mut value = s.splat(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        value = s.mul_add(value, x, s.splat(coefficient));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::reference;
    use crate::simd::Kernel;

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Gelu,
        CoarseGelu,
    }

    struct Map<'a> {
        xs: &'a [f32],
        function: Function,
    }

    impl Kernel for Map<'_> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<f32> {
            let mut ys = vec![0.0; self.xs.len()];
            for (xs, ys) in self.xs.chunks(S::LANES).zip(ys.chunks_mut(S::LANES)) {
                let x = s.load_or(xs, 0.0);
                let y = match self.function {
                    Function::Exp => exp(s, x),
                    Function::Gelu => gelu(s, x),
                    Function::CoarseGelu => coarse_gelu(s, x),
                };
                s.store_up_to(y, ys);
            }
            ys
        }
    }

    fn steps(from: f32, to: f32) -> Vec<f32> {
        let last = if cfg!(miri) { 1_003 } else { 400_003 };
        (0..=last).map(|step| from + (to - from) * step as f32 / last as f32).collect()
    }

    #[test]
    fn exp_has_the_stated_error() {
        let xs = steps(-87.0, 0.0);
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Map { xs: &xs, function: Function::Exp })) {
                let expected = f64::from(*x).exp();
                assert!((f64::from(y) - expected).abs() <= EXP_ERROR * expected, "{isa}: exp({x}) = {y}");
            }
            let far = isa.run(Map { xs: &[-1e4, f32::NEG_INFINITY, f32::NAN, 0.0], function: Function::Exp });
            assert!(far[0] < 2e-38 && far[1] < 2e-38 && far[2].is_nan(), "{isa}: {far:?}");
            assert_eq!(far[3], 1.0, "{isa}");
        }
    }

    #[test]
    fn gelu_has_the_stated_error() {
        let mut xs = steps(-12.0, 12.0);
        xs.extend([0.0, -0.0, 1e-30, -1e-30, f32::MIN_POSITIVE, 100.0, -100.0, 3e37, -3e37]);
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Map { xs: &xs, function: Function::Gelu })) {
                let x = f64::from(*x);
                let error = (f64::from(y) - reference::gelu(x)).abs();
                assert!(error <= GELU_ERROR * x.abs().max(1.0), "{isa}: gelu({x}) = {y}, off by {error}");
            }
            let odd = isa.run(Map { xs: &[f32::NAN, f32::INFINITY], function: Function::Gelu });
            assert!(odd[0].is_nan() && odd[1] == f32::INFINITY, "{isa}: {odd:?}");
        }
    }

    #[test]
    fn coarse_gelu_has_the_stated_error() {
        let mut xs = steps(-12.0, 12.0);
        xs.extend([0.0, -0.0, 1e-30, f32::MIN_POSITIVE, 100.0, -100.0]);
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Map { xs: &xs, function: Function::CoarseGelu })) {
                let x = f64::from(*x);
                let error = (f64::from(y) - reference::gelu(x)).abs();
                assert!(error <= COARSE_GELU_ERROR, "{isa}: gelu({x}) = {y}, off by {error}");
            }
            let odd = isa.run(Map { xs: &[f32::NAN, f32::INFINITY], function: Function::CoarseGelu });
            assert!(odd.iter().all(|y| !y.is_finite()), "{isa}: {odd:?}");
        }
    }
}
