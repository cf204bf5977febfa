//! Accuracy against std's f64 functions over a dense sweep of bit patterns, in units in the last place of the answer.
#![allow(clippy::disallowed_methods)] // std's functions are what we compare with

use super::*;

/// The largest error of `ours` in ulps over every 251st bit pattern (251 is coprime to 2³²: all exponents, varied mantissas).
fn worst(ours: fn(f32) -> f32, exact: fn(f64) -> f64, inside: impl Fn(f32) -> bool) -> f64 {
    let mut worst = (0.0f64, 0.0);
    for bits in (0..=u32::MAX).step_by(251) {
        let x = f32::from_bits(bits);
        if !inside(x) {
            continue;
        }
        let (got, want) = (ours(x), exact(f64::from(x)));
        assert!(!got.is_nan(), "a finite argument gives a number: {x:e}");
        if want.abs() > f64::from(f32::MAX) {
            assert!(got.is_infinite() || got == f32::MAX, "{x:e}: {got:e}, not {want:e}");
            continue;
        }
        let error = (f64::from(got) - want).abs() / ulp(want);
        if error > worst.0 {
            worst = (error, x);
        }
    }
    println!("worst error {:.3} ulp at {:e}", worst.0, worst.1);
    worst.0
}

/// The distance of f32 neighbours around `x`.
fn ulp(x: f64) -> f64 {
    let near = (x.abs() as f32).max(f32::MIN_POSITIVE);
    f64::from(f32::from_bits((near.to_bits() & 0x7F80_0000).max(0x0080_0000))) / f64::from(1 << 23)
}

#[test]
fn exp_is_within_1_2_ulp() {
    assert!(worst(exp, f64::exp, f32::is_finite) < 1.2);
}

#[test]
fn ln_is_within_2_ulp() {
    assert!(worst(ln, f64::ln, |x| x.is_normal() && x > 0.0) < 2.0);
}

#[test]
fn ln_1p_is_within_2_ulp() {
    assert!(worst(ln_1p, f64::ln_1p, |x| (0.0..=1.0).contains(&x)) < 2.0);
}

#[test]
fn tanh_is_within_2_ulp() {
    assert!(worst(tanh, f64::tanh, f32::is_finite) < 2.0);
}

#[test]
fn sigmoid_is_within_3_ulp() {
    assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), f32::is_finite) < 3.0);
}

/// ln(1 + eˣ) as the objective makes it.
fn softplus(x: f32) -> f32 {
    (if x > 0.0 { x } else { 0.0 }) + logistic(x).1
}

#[test]
fn softplus_is_within_3_ulp() {
    assert!(worst(softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), f32::is_finite) < 3.0);
}

#[test]
fn ends_are_monotonic_and_exact() {
    assert_eq!(exp(0.0), 1.0);
    assert_eq!(exp(-200.0).to_bits(), 0);
    assert_eq!(exp(f32::MIN).to_bits(), 0);
    assert_eq!(exp(89.0), f32::INFINITY);
    assert_eq!(exp(f32::MAX), f32::INFINITY);
    assert_eq!(tanh(f32::MAX), 1.0);
    assert_eq!(tanh(-0.0).to_bits(), (-0.0f32).to_bits());
    assert_eq!(sigmoid(f32::MAX), 1.0);
    assert_eq!(sigmoid(f32::MIN), 0.0);
    assert_eq!(softplus(f32::MIN), 0.0);
    assert_eq!(softplus(f32::MAX), f32::MAX);
    assert_eq!(ln(1.0), 0.0);
    // Towards both ends no step goes backwards.
    for function in [exp, tanh, sigmoid, softplus] {
        for (from, to) in [(-110.0, -20.0), (20.0, 110.0)] {
            let values = (0..=100_000).map(|i| function(from + (to - from) * (i as f32 / 1e5)));
            assert!(values.is_sorted());
        }
    }
}

#[test]
fn pow_int_multiplies() {
    assert_eq!(pow_int(0.5, 10), 1.0 / 1024.0);
    assert_eq!(pow_int(0.9, 0), 1.0);
    assert!((pow_int(0.999, 100_000) / 0.999f64.powi(100_000) - 1.0).abs() < 1e-12);
    assert_eq!(pow_int(0.9, u64::MAX), 0.0);
}
