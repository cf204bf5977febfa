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

#[test]
fn exp_m1_is_within_3_ulp() {
    assert!(worst(exp_m1, f64::exp_m1, |x| x.is_finite() && x <= 0.0) < 3.0);
    assert_eq!(exp_m1(0.0), 0.0);
    assert_eq!(exp_m1(f32::MIN), -1.0);
    assert!(exp_m1(f32::NAN).is_nan());
}

#[test]
fn cos_quarter_is_within_2_ulp() {
    let mut worst = 0u64;
    for i in 0..=1_000_003u32 {
        let x = f64::from(i) / 1_000_003.0;
        // Beyond the middle from the other end, as π/2 · x would lose the digits that we keep.
        let want = match x <= 0.5 {
            true => (std::f64::consts::FRAC_PI_2 * x).cos(),
            false => (std::f64::consts::FRAC_PI_2 * (1.0 - x)).sin(),
        };
        worst = worst.max(cos_quarter(x).to_bits().abs_diff(want.to_bits()));
    }
    println!("worst error {worst} ulp");
    assert!(worst <= 2);
    assert_eq!((cos_quarter(0.0), cos_quarter(1.0)), (1.0, 0.0));
    assert!((cos_quarter(2.0 / 3.0) - 0.5).abs() < 1e-15);
}

/// Shares of a normal distribution below these (standard tables), and four moments, over 2¹⁸ draws: within 4 deviations
/// of what chance allows.
#[test]
fn normal_pairs_are_normal_and_independent() {
    let stream = aquifer_frame::Philox::new(1, "test of normal draws");
    let pairs: Vec<[f32; 2]> = (0..1u64 << 17)
        .map(|i| {
            let [a, b, ..] = stream.draw(0, 0, i);
            normal_pair([a, b])
        })
        .collect();
    let z: Vec<f64> = pairs.iter().flatten().map(|z| f64::from(*z)).collect();
    let n = z.len() as f64;
    for (limit, share) in [(-2.0, 0.022_750), (-1.0, 0.158_655), (0.0, 0.5), (0.5, 0.691_462), (3.0, 0.998_650)] {
        let below = z.iter().filter(|z| **z < limit).count() as f64 / n;
        assert!((below - share).abs() < 4.0 * (share * (1.0 - share) / n).sqrt(), "{below} below {limit}, not {share}");
    }
    let moment = |power: i32| z.iter().map(|z| z.powi(power)).sum::<f64>() / n;
    for (power, expected, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let got = moment(power);
        assert!((got - expected).abs() < 4.0 * (variance / n).sqrt(), "moment {power} is {got}");
    }
    let together = pairs.iter().map(|[a, b]| f64::from(a * b)).sum::<f64>() / pairs.len() as f64;
    assert!(together.abs() < 4.0 / (pairs.len() as f64).sqrt(), "the two of a pair move together by {together}");
    for word in [0, u32::MAX, 1 << 30, 1 << 31] {
        for other in [0, u32::MAX] {
            assert!(normal_pair([word, other]).iter().chain(&normal_pair([other, word])).all(|z| z.abs() < 5.8));
        }
    }
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
