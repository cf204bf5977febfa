//! Philox4x32-10, the counter-based generator behind every random decision (Salmon et al., "Parallel random numbers:
//! as easy as 1, 2, 3", SC 2011; constants and known answers from Random123).
//!
//! A draw is a pure function of (seed, purpose, index, position, row): no state, so no thread, clock or machine can
//! change it.

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// The stream of one purpose under one seed.
#[derive(Clone, Copy, Debug)]
pub struct Philox {
    key: [u32; 2],
}

impl Philox {
    /// Key = the first 8 bytes of BLAKE3(seed as 8 little-endian bytes, purpose).
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        let hash = hasher.finalize();
        let word = |at: usize| {
            let b = hash.as_bytes();
            u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
        };
        Self { key: [word(0), word(4)] }
    }

    /// Four random words for (index, position, row); position (a round or epoch) and row (or rank) use 48 bits each.
    pub fn draw(&self, index: u32, position: u64, row: u64) -> [u32; 4] {
        debug_assert!(position < 1 << 48 && row < 1 << 48);
        let counter = [index, position as u32, (position >> 32) as u32 | ((row >> 32) as u32) << 16, row as u32];
        philox4x32_10(counter, self.key)
    }

    /// A uniform permutation of 0..n by Fisher–Yates, keyed by (position, row); `n` is at most 2^32.
    pub fn permutation(&self, n: usize, position: u64, row: u64) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        let mut words = [0; 4];
        for (draw, last) in (1..n).rev().enumerate() {
            if draw % 4 == 0 {
                words = self.draw((draw / 4) as u32, position, row);
            }
            order.swap(last, below(words[draw % 4], last as u32 + 1) as usize);
        }
        order
    }
}

/// A word scaled to 0..n by multiply and shift (Lemire 2019, without rejection: the bias is at most n / 2^32).
pub fn below(word: u32, n: u32) -> u32 {
    ((u64::from(word) * u64::from(n)) >> 32) as u32
}

/// A word as a multiple of 2^-24 in [0, 1): exact in f32.
pub fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

fn philox4x32_10(mut c: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(MULTIPLIER[0]) * u64::from(c[0]);
        let p1 = u64::from(MULTIPLIER[1]) * u64::from(c[2]);
        c = [(p1 >> 32) as u32 ^ c[1] ^ key[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ key[1], p0 as u32];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random123 1.14, `kat_vectors`, philox4x32 10.
    #[test]
    fn gives_the_known_answers() {
        let check = |c, k, expected| assert_eq!(philox4x32_10(c, k), expected);
        check([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        check([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        for n in [0, 1, 2, 5, 4096] {
            let mut p = Philox::new(7, "test").permutation(n, 3, 9);
            p.sort_unstable();
            assert_eq!(p, (0..n as u32).collect::<Vec<_>>());
        }
    }

    #[test]
    fn purpose_position_and_row_all_matter() {
        let a = Philox::new(1, "rows");
        assert_ne!(a.draw(0, 0, 0), Philox::new(1, "blocks").draw(0, 0, 0));
        assert_ne!(a.draw(0, 1 << 40, 0), a.draw(0, 0, 1 << 40));
        assert_ne!(a.draw(0, 1, 0), a.draw(1, 0, 0));
    }
}
