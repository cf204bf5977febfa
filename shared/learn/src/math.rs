//! Elementary functions in exact operations: the same bits on every machine, which std's (the host's libm) are not.
//!
//! Only +, −, ×, ÷, √, `mul_add`, comparison with select, `round_ties_even` and bit shifts occur, in a written order, and
//! every constant stands in the one table below, so that a CUDA kernel can repeat each step. Everything is branch-free
//! and inlined, so a loop over a slice vectorises. Largest errors are in the tests.

use aquifer_frame::unit;

/// The constants of all functions here.
mod table {
    /// 1 / ln 2.
    pub(super) const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// ln 2 in two parts; the first has 10 bits, so its product with an exponent is exact.
    pub(super) const LN_2_HIGH: f32 = 0.693_359_4;
    pub(super) const LN_2_LOW: f32 = -2.121_944_4e-4;
    /// (eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2, highest power first (Cephes, expf.c).
    pub(super) const EXP: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    /// Below it eˣ rounds to zero, above it to infinity.
    pub(super) const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    /// (atanh(s) / s − 1) / s² in s² on s² ≤ 1/9, highest power first: 1/15, 1/13, …, 1/3.
    pub(super) const ATANH: [f32; 7] = [1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0];
    /// (tanh(x) / x − 1) / x² in x² on |x| < 0.625, highest power first (Cephes, tanhf.c).
    pub(super) const TANH: [f32; 5] = [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 1.333_144_2e-1, -3.333_328e-1];
    pub(super) const TANH_SMALL: f32 = 0.625;
    /// (sin θ / θ − 1) / θ² and (cos θ − 1 + θ²/2) / θ⁴ in θ² on |θ| ≤ π/4, highest power first (fdlibm, k_sin.c and
    /// k_cos.c).
    pub(super) const SIN: [f64; 6] = [
        1.589_690_995_211_55e-10,
        -2.505_076_025_340_686_3e-8,
        2.755_731_370_707_006_8e-6,
        -1.984_126_982_985_795e-4,
        8.333_333_333_322_49e-3,
        -1.666_666_666_666_663_2e-1,
    ];
    pub(super) const COS: [f64; 6] = [
        -1.135_964_755_778_819_5e-11,
        2.087_572_321_298_175e-9,
        -2.755_731_435_139_066_3e-7,
        2.480_158_728_947_673e-5,
        -1.388_888_888_887_411e-3,
        4.166_666_666_666_66e-2,
    ];
    /// 1.5 · 2²³: adding it to an integral |n| < 2²² leaves n in the low bits.
    pub(super) const SHIFTER: f32 = 12_582_912.0;
    /// The bits of √½: a mantissa above them is halved, so that it lies in [√½, √2).
    pub(super) const SQRT_HALF_BITS: u32 = 0x3F35_04F3;
}

#[inline(always)]
fn polynomial<const N: usize>(x: f32, coefficients: &[f32; N]) -> f32 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, *coefficient);
    }
    sum
}

#[inline(always)]
fn polynomial_f64<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[0];
    for coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, *coefficient);
    }
    sum
}

/// 2ⁿ for −126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits(((n + 127) as u32) << 23)
}

/// eˣ − 1 for x ≤ 0.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    let small = polynomial(x, &table::EXP).mul_add(x * x, x);
    let large = exp(x) - 1.0;
    if x > -0.5 * std::f32::consts::LN_2 { small } else { large }
}

/// eˣ; +0 far below, infinity far above.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x < table::EXP_RANGE.0 { table::EXP_RANGE.0 } else { x };
    let x = if x > table::EXP_RANGE.1 { table::EXP_RANGE.1 } else { x };
    let n = (x * table::LOG2_E).round_ties_even();
    let r = n.mul_add(-table::LN_2_LOW, n.mul_add(-table::LN_2_HIGH, x));
    let e = polynomial(r, &table::EXP).mul_add(r * r, r) + 1.0;
    // In two factors: n may lie outside the exponents of normal numbers. Only the last product can round.
    let n = (n + table::SHIFTER).to_bits().wrapping_sub(table::SHIFTER.to_bits()) as i32;
    let half = n >> 1;
    e * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// ln x for a positive normal x.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // x = 2ⁿ · m with m in [√½, √2)
    let n = (x.to_bits() as i32).wrapping_sub(table::SQRT_HALF_BITS as i32) >> 23;
    let m = f32::from_bits(x.to_bits().wrapping_sub((n as u32) << 23));
    let s = (m - 1.0) / (m + 1.0);
    let n = n as f32;
    n.mul_add(table::LN_2_HIGH, n.mul_add(table::LN_2_LOW, twice_atanh(s)))
}

/// ln(1 + t) for 0 ≤ t ≤ 1.
#[inline(always)]
pub(crate) fn ln_1p(t: f32) -> f32 {
    twice_atanh(t / (2.0 + t))
}

/// ln((1 + s) / (1 − s)) for |s| ≤ ⅓.
#[inline(always)]
fn twice_atanh(s: f32) -> f32 {
    let q = s * s;
    (polynomial(q, &table::ATANH) * q).mul_add(2.0 * s, 2.0 * s)
}

/// tanh x.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let q = x * x;
    let small = (polynomial(q, &table::TANH) * q).mul_add(size, size);
    let large = 1.0 - 2.0 / (exp(2.0 * size) + 1.0);
    let size = if size < table::TANH_SMALL { small } else { large };
    f32::from_bits(size.to_bits() | (x.to_bits() & 0x8000_0000))
}

/// 1 / (1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    logistic(x).0
}

/// The sigmoid of x, and ln(1 + e^−|x|), both from one exponential. With max(x, 0) the latter makes ln(1 + eˣ).
#[inline(always)]
pub(crate) fn logistic(x: f32) -> (f32, f32) {
    let t = exp(-x.abs());
    let inverse = 1.0 / (1.0 + t);
    (if x >= 0.0 { inverse } else { t * inverse }, ln_1p(t))
}

/// cos(π/2 · x) for 0 ≤ x ≤ 1: exactly 1 and 0 at the ends.
pub(crate) fn cos_quarter(x: f64) -> f64 {
    let near_zero = x > 0.5;
    let angle = std::f64::consts::FRAC_PI_2 * if near_zero { 1.0 - x } else { x };
    let q = angle * angle;
    let sin = (polynomial_f64(q, &table::SIN) * q).mul_add(angle, angle);
    let cos = polynomial_f64(q, &table::COS).mul_add(q * q, 1.0 - 0.5 * q);
    if near_zero { sin } else { cos }
}

/// Two draws of a normal distribution from two random words (Box and Muller 1958): √(−2 ln(1 − u)) · (cos, sin)(2π v).
/// The largest is √(48 ln 2) = 5.8.
pub(crate) fn normal_pair([u, v]: [u32; 2]) -> [f32; 2] {
    let radius = (-2.0 * ln(1.0 - unit(u))).sqrt();
    let quarters = 4.0 * f64::from(unit(v)); // exact, and so is its fraction
    let (whole, part) = (quarters as u32, quarters.fract());
    let (c, s) = (cos_quarter(part) as f32, cos_quarter(1.0 - part) as f32);
    let (cos, sin) = match whole {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    };
    [radius * cos, radius * sin]
}

/// xⁿ by squaring: the order of the products is that of n's bits, lowest first.
pub(crate) fn pow_int(x: f64, n: u64) -> f64 {
    let (mut power, mut square, mut n) = (1.0, x, n);
    while n > 0 {
        if n & 1 == 1 {
            power *= square;
        }
        square *= square;
        n >>= 1;
    }
    power
}

#[cfg(test)]
mod tests;
