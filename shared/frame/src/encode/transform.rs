//! Functions of a number, in exact operations: the host's logarithm differs from machine to machine in the last bits.

use super::Transform;

impl Transform {
    /// NaN where the function has no value.
    pub fn apply(self, x: f64) -> f64 {
        match self {
            Self::None => x,
            Self::Log if x > 0.0 && x.is_finite() => ln(x),
            Self::Log => f64::NAN,
            Self::SignedLog if !x.is_finite() => f64::NAN,
            Self::SignedLog => {
                let size = ln_1p(x.abs());
                if x < 0.0 { -size } else { size }
            }
        }
    }
}

/// ln 2 in two parts: the first has 32 bits, so its product with an exponent is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// The bits of √½: a mantissa above them is halved, so that it lies in [√½, √2).
const SQRT_HALF_BITS: u64 = 0x3FE6_A09E_667F_3BCD;
/// 2⁵⁴: makes a subnormal number a normal one.
const TWO_54: f64 = 18_014_398_509_481_984.0;

/// ln x of a finite x > 0; within 2 units in the last place.
fn ln(x: f64) -> f64 {
    let (x, scaled) = if x < f64::MIN_POSITIVE { (x * TWO_54, 54.0) } else { (x, 0.0) };
    // x = 2ⁿ · m with m in [√½, √2)
    let n = (x.to_bits() as i64).wrapping_sub(SQRT_HALF_BITS as i64) >> 52;
    let m = f64::from_bits(x.to_bits().wrapping_sub((n as u64) << 52));
    let n = n as f64 - scaled;
    n.mul_add(LN_2_HIGH, n.mul_add(LN_2_LOW, twice_atanh((m - 1.0) / (m + 1.0))))
}

/// ln(1 + x) of a finite x ≥ 0.
fn ln_1p(x: f64) -> f64 {
    if x < 0.4 { twice_atanh(x / (2.0 + x)) } else { ln(1.0 + x) }
}

/// ln((1 + s) / (1 − s)) = 2 (s + s³/3 + s⁵/5 + …) for |s| ≤ 0.172, where the first term left out is below 2⁻⁵⁵ of the sum.
fn twice_atanh(s: f64) -> f64 {
    let q = s * s;
    let mut sum = 1.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        sum = q.mul_add(sum, 1.0 / odd);
    }
    (sum * q).mul_add(2.0 * s, 2.0 * s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods)] // the host's logarithm is what ours is compared with
    fn logarithms_are_those_of_the_definition() {
        let near = |ours: f64, theirs: f64| (ours - theirs).abs() <= 4.0 * f64::EPSILON * theirs.abs();
        for i in 0..200_000 {
            let x = f64::from_bits(0x0000_0000_0000_0001 + i * 0x0000_28F5_C28F_5C29);
            if x.is_finite() && x > 0.0 {
                assert!(near(ln(x), x.ln()) || (x - 1.0).abs() < 1e-9, "ln {x:e}: {:e} {:e}", ln(x), x.ln());
            }
            if x.is_finite() && x >= f64::MIN_POSITIVE {
                assert!(near(ln_1p(x), x.ln_1p()), "ln(1 + {x:e}): {:e} {:e}", ln_1p(x), x.ln_1p());
            }
        }
        assert_eq!((ln(1.0), Transform::SignedLog.apply(0.0)), (0.0, 0.0));
        assert_eq!(Transform::SignedLog.apply(-7.5), -Transform::SignedLog.apply(7.5));
        for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(Transform::Log.apply(none).is_nan() && Transform::SignedLog.apply(none).is_nan());
        }
        assert!(Transform::Log.apply(0.0).is_nan() && Transform::Log.apply(-1.0).is_nan());
    }
}
