//! Decimals as floats: the nearest one, and whether the decimal can be told from it.

use std::fmt::Display;

/// Powers of ten that a float holds exactly.
const EXACT: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Below it every number of 15 digits comes back from its nearest float.
const SAFE: u128 = 1_000_000_000_000_000;

/// `unscaled` / 10^`scale`, and whether it is rounded so that the decimal does not come back from it.
pub(super) fn nearest(unscaled: i128, scale: i32) -> (f64, bool) {
    let power = usize::try_from(scale).ok().and_then(|scale| EXACT.get(scale));
    match power {
        // Both are exact, and a division rounds once.
        Some(power) if unscaled.unsigned_abs() < SAFE => (unscaled as f64 / power, false),
        _ => nearest_text(unscaled, scale),
    }
}

/// The same for any width, by way of text.
pub(super) fn nearest_text(unscaled: impl Display, scale: i32) -> (f64, bool) {
    let digits = unscaled.to_string();
    // Digits and an exponent are always read, and rounded once.
    let nearest: f64 = format!("{digits}e{}", -scale).parse().unwrap_or(f64::NAN);
    let places = usize::try_from(scale).unwrap_or(0);
    let back: String = format!("{nearest:.places$}").chars().filter(|c| *c != '.').collect();
    let zeros = "0".repeat(usize::try_from(-scale).unwrap_or(0));
    let bare = |text: &str| text.trim_start_matches('-').trim_start_matches('0').to_owned();
    (nearest, bare(&back) != bare(&(digits + &zeros)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_nearest_float_and_says_what_is_lost() {
        let check = |unscaled: i128, scale, expected: f64, rounded| {
            assert_eq!(nearest(unscaled, scale), (expected, rounded), "{unscaled} {scale}");
            assert_eq!(nearest_text(unscaled, scale), (expected, rounded), "{unscaled} {scale}");
            assert_eq!(nearest(-unscaled, scale), (-expected, rounded));
        };
        check(1, 1, 0.1, false);
        check(12345, 2, 123.45, false);
        check(5, -3, 5000.0, false);
        check(999_999_999_999_999, 15, 0.999999999999999, false);
        check(1, 38, 1e-38, false);
        check(1 << 53, 0, 9007199254740992.0, false);
        check((1 << 53) + 1, 0, 9007199254740992.0, true);
        check((1 << 53) + 2, 0, 9007199254740994.0, false);
        check(12345678901234567890, 0, 12345678901234567168.0, true);
        check(12345678901234567890, 19, 1.2345678901234567, true);
        check(i128::MAX, 0, 1.7014118346046923e38, true);
        check(10i128.pow(30), 30, 1.0, false);
        assert_eq!(nearest(0, 5), (0.0, false));
        assert_eq!(nearest_text(0, 5), (0.0, false));
        assert_eq!(nearest_text("1".to_owned() + &"0".repeat(70), 60), (1e10, false));
    }
}
