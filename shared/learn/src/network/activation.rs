//! The functions of hidden units: of a sum x, f(x) and f′(x), in the exact operations of `math`.

use crate::math;

/// f = x
#[inline(always)]
pub(super) fn linear(x: f32) -> (f32, f32) {
    (x, 1.0)
}

/// f = max(x, 0), with f′(0) = 0.
#[inline(always)]
pub(super) fn rectifier(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }
}

/// What a leaky rectifier leaves of a negative sum (Maas et al. 2013; PyTorch's `LeakyReLU` has the same).
pub(super) const LEAK: f32 = 0.01;

/// f = x where x > 0, else 0.01 x.
#[inline(always)]
pub(super) fn leaky_rectifier(x: f32) -> (f32, f32) {
    let slope = if x > 0.0 { 1.0 } else { LEAK };
    (x * slope, slope)
}

/// f′ = 1 − f²
#[inline(always)]
pub(super) fn tanh(x: f32) -> (f32, f32) {
    let f = math::tanh(x);
    (f, f.mul_add(-f, 1.0))
}

/// f = 1 / (1 + e⁻ˣ), f′ = f (1 − f).
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> (f32, f32) {
    let f = math::sigmoid(x);
    (f, f * (1.0 - f))
}

/// f = x s with s = sigmoid(x), f′ = s + f (1 − s) (Ramachandran et al. 2017; PyTorch: `SiLU`).
#[inline(always)]
pub(super) fn swish(x: f32) -> (f32, f32) {
    let s = math::sigmoid(x);
    let f = x * s;
    (f, f.mul_add(1.0 - s, s))
}

/// f = x where x > 0, else eˣ − 1, so α = 1; f′ = 1, else f + 1 (Clevert et al. 2016; H2O: `ExpRectifier`).
#[inline(always)]
pub(super) fn elu(x: f32) -> (f32, f32) {
    let below = math::exp_m1(if x > 0.0 { 0.0 } else { x });
    (if x > 0.0 { x } else { below }, below + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_and_ends_stay_finite() {
        let near = |got: (f32, f32), value: f32, slope: f32| {
            assert!((got.0 - value).abs() < 1e-6 && (got.1 - slope).abs() < 1e-6, "{got:?}, not {value}, {slope}");
        };
        near(leaky_rectifier(-3.0), -0.03, LEAK);
        near(leaky_rectifier(3.0), 3.0, 1.0);
        near(sigmoid(0.0), 0.5, 0.25);
        near(sigmoid(2.0), 0.880_797, 0.104_993_6);
        near(swish(0.0), 0.0, 0.5);
        near(swish(1.0), 0.731_058_6, 0.927_670_5);
        near(swish(-1.0), -0.268_941_4, 0.072_329_5);
        near(elu(-1.0), -0.632_120_6, 0.367_879_4);
        near(elu(2.0), 2.0, 1.0);
        near(elu(0.0), 0.0, 1.0);
        for f in [linear, rectifier, leaky_rectifier, tanh, sigmoid, swish, elu] {
            for x in [f32::MIN, -1e10, -100.0, -1e-40, 0.0, 1e-40, 100.0, 1e10, f32::MAX] {
                let (value, slope) = f(x);
                assert!(value.is_finite() && slope.is_finite() && slope >= -0.1, "{x:e}: {value}, {slope}");
            }
        }
    }
}
