//! Exponential and logarithm for metrics, in f64 and exact operations: the same bits on every machine, which std's are not.
//!
//! Only +, −, ×, ÷, fused multiply-add, comparison, `round_ties_even` and bits occur. (Those of learn's `math.rs` are
//! f32, for networks.) Errors are below 4e-16 of the value; the tests show it.

const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 in two parts; the first has 32 bits, so its product with an exponent is exact (FreeBSD, e_exp.c).
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// eˣ for |x| ≤ 700.
pub(super) fn exp(x: f64) -> f64 {
    debug_assert!(x.abs() <= 700.0);
    let n = (x * LOG2_E).round_ties_even();
    let r = n.mul_add(-LN_2_LOW, n.mul_add(-LN_2_HIGH, x));
    // Σ rᵏ / k! on |r| ≤ ln 2 / 2, from the last term: the one left out is below 1e-18.
    let series = (1..=14).rev().fold(1.0, |sum: f64, k| (r / f64::from(k)).mul_add(sum, 1.0));
    series * f64::from_bits(((n as i64 + 1023) as u64) << 52)
}

/// ln(1 + x) for a finite x > −1.
pub(super) fn ln_1p(x: f64) -> f64 {
    if x > -0.25 && x < 0.25 {
        return twice_atanh(x / (2.0 + x));
    }
    // 1 + x = 2ⁿ · m with m in [√½, √2); it is a normal number.
    let bits = (1.0 + x).to_bits();
    let n = (bits as i64 - std::f64::consts::FRAC_1_SQRT_2.to_bits() as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((n as u64) << 52));
    let n = n as f64;
    n.mul_add(LN_2_HIGH, n.mul_add(LN_2_LOW, twice_atanh((m - 1.0) / (m + 1.0))))
}

/// ln((1 + s) / (1 − s)) for |s| ≤ 0.18: 2 s Σ s²ᵏ / (2k + 1).
fn twice_atanh(s: f64) -> f64 {
    let q = s * s;
    let series = (1..=12).rev().fold(0.0, |sum: f64, k| q * (sum + 1.0 / f64::from(2 * k + 1)));
    series.mul_add(2.0 * s, 2.0 * s)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of Python's `math` (the C library's), at both ends of each reduction.
    #[test]
    fn values_are_those_of_the_c_library() {
        let near = |found: f64, expected: f64| {
            assert!((found - expected).abs() <= 4e-16 * expected.abs(), "{found:e} is not {expected:e}");
        };
        for (x, e) in [
            (0.0, 1.0),
            (1.0, std::f64::consts::E),
            (-1.0, 0.367_879_441_171_442_33),
            (0.346_573, 1.414_212_727_591_398_5),
            (0.346_574, 1.414_214_141_804_833_3),
            (16.0, 8_886_110.520_507_872),
            (-16.0, 1.125_351_747_192_591_2e-7),
            (-15.123_456_7, 2.703_747_979_415_887_6e-7),
        ] {
            near(exp(x), e);
        }
        for (x, ln) in [
            (0.0, 0.0),
            (1e-12, 9.999_999_999_995e-13),
            (-1e-12, -1.000_000_000_000_5e-12),
            (0.25, 0.223_143_551_314_209_76),
            (0.249_999, 0.223_142_751_313_889_75),
            (-0.25, -0.287_682_072_451_780_9),
            (0.414_213, 0.346_573_192_622_064_54),
            (0.414_214, 0.346_573_899_728_876_9),
            (1e9, 20.723_265_837_946_41),
            (1e300, 690.775_527_898_213_7),
            (-0.999_999, -13.815_510_557_935_518),
        ] {
            near(ln_1p(x), ln);
        }
    }
}
